package train

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gowalrus/walrus/checkpoint"
	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/internal/released"
	"github.com/gowalrus/walrus/sample"
	"github.com/gowalrus/walrus/well"
	"github.com/gowalrus/walrus/well/welltest"
)

// releasedSampling is what the released sampler did.
type releasedSampling struct {
	Sets   []releasedSet        `json:"per_set"`
	Rounds []map[string]float64 `json:"history_and_batch_rounding"` // n, factor and max(1,int(n*factor))
	Draws  struct {
		Batches int     `json:"micro_batches"`
		Counts  []int   `json:"count_by_set"`
		Lengths [][]int `json:"batch_lengths_by_set"`
		Both    string  `json:"optimizer_steps_of_4_micro_batches_with_both_2d_and_3d"`
	} `json:"draws"`
	Once struct {
		Batches int   `json:"micro_batches_until_all_sets_are_used_up"`
		Length  int   `json:"len_of_sampler"`
		Counts  []int `json:"count_by_set"`
	} `json:"recycle_false"`
	Rotated map[string]bool `json:"rotation_by_split"`
}

type releasedSet struct {
	Name          string `json:"data_set"`
	Inputs        int    `json:"n_steps_input"`
	Windows       int    `json:"windows"`
	PerTrajectory []int  `json:"windows_per_trajectory_by_file"`
	Batch         int    `json:"micro_batch_for_batch_size_2"`
}

// releasedMixture opens the data sets of that sampler, in their order, with the defaults for what a set says.
func releasedMixture(t *testing.T) (releasedSampling, Config, *sources) {
	t.Helper()
	var golden releasedSampling
	released.Read(t, "sampling.json", &golden)
	c := DefaultConfig()
	c.Data.Batch, c.Data.MaxStride, c.Data.History = 2, 1, 0
	for _, set := range golden.Sets {
		folder := filepath.Join(t.TempDir(), set.Name)
		copyOrWriteSet(t, set, filepath.Join(folder, "data", trainSplit))
		c.Data.Sets = append(c.Data.Sets, SetConfig{Path: folder})
		c.Data.History = max(c.Data.History, set.Inputs) // that of 2-D data
	}
	s, err := openSources(c, trainSplit, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return golden, c, s
}

// copyOrWriteSet makes a data set that the release numbers come from: a copy of its files, or where they are not kept a
// cube with as many windows.
func copyOrWriteSet(t *testing.T, set releasedSet, folder string) {
	t.Helper()
	if err := os.MkdirAll(folder, 0o777); err != nil {
		t.Fatal(err)
	}
	found, err := well.FindFiles(filepath.Join(released.Folder(t), "data", set.Name), "", well.Options{})
	for _, path := range found {
		text, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, filepath.Base(path)), text, 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err == nil {
		return
	}
	perFile := 0
	for _, windows := range set.PerTrajectory {
		perFile += windows
	}
	for i, windows := range set.PerTrajectory {
		writeCube(t, filepath.Join(folder, fmt.Sprintf("%d.hdf5", i)), set.Name, 4, set.Windows/perFile, windows+set.Inputs)
	}
}

// writeCube writes trajectories of a scalar on n x n x n points, with walls along the first axis.
func writeCube(t *testing.T, path, name string, n, trajectories, frames int) {
	t.Helper()
	ramp := func(n int) []float32 {
		values := make([]float32, n)
		for i := range values {
			values[i] = float32(i)
		}
		return values
	}
	h := well.Header{DatasetName: name, GridType: well.Cartesian, Time: ramp(frames), Trajectories: trajectories,
		Fields: []well.FieldInfo{{Field: field.Field{Name: "pressure"}, TimeVarying: true, SampleVarying: true}}}
	for _, axis := range []string{"x", "y", "z"} {
		h.Axes = append(h.Axes, well.Axis{Name: axis, Coordinates: ramp(n)})
	}
	h.Boundaries = well.BoundaryGroups(h.Axes, []field.Sides{field.Both(field.Wall), field.Both(field.Periodic), field.Both(field.Periodic)})
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	w, err := well.Create(path, h)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	for trajectory := range trajectories {
		for frame := range frames {
			values := make([]float32, n*n*n)
			for i := range values {
				values[i] = float32(math.Sin(float64(i+1) * (1 + 0.1*float64(frame+frames*trajectory))))
			}
			if err := w.WriteFrame(trajectory, frame, "pressure", values); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// position is the place of a data set in a mixture.
func position(t *testing.T, s *sources, name string) int {
	t.Helper()
	i := slices.IndexFunc(s.entries, func(e sample.Entry) bool { return e.Source.Name() == name })
	if i < 0 {
		t.Fatalf("no data set %s", name)
	}
	return i
}

func TestDataSetsHaveTheReleasedHistoriesBatchesAndWindows(t *testing.T) {
	golden, c, s := releasedMixture(t)
	for i, want := range golden.Sets {
		e := s.entries[i]
		axes := len(e.Source.Fields().Axes)
		if got := c.Data.Sets[i].history(c.Data, axes); got != want.Inputs || e.Source.Windows() != want.Windows || e.Batch != want.Batch {
			t.Errorf("%s: %d input frames, %d windows, batches of %d; want %d, %d and %d", want.Name, got, e.Source.Windows(), e.Batch, want.Inputs, want.Windows, want.Batch)
		}
	}
	for _, r := range golden.Rounds {
		if got, want := scaled(int(r["n"]), r["factor"], 2), int(r["max(1,int(n*factor))"]); got != want {
			t.Errorf("%v times %v is %d, want %d", r["n"], r["factor"], got, want)
		}
	}
	// What a set says itself comes first, and devices share every batch.
	d := DataConfig{History: 6, Batch: 4}
	for _, q := range []struct {
		set                    SetConfig
		axes, devices          int
		wantHistory, wantBatch int
	}{
		{SetConfig{}, 2, 1, 6, 4}, {SetConfig{}, 3, 1, 3, 2}, {SetConfig{}, 3, 4, 3, 4},
		{SetConfig{StepFactor: 0.25, BatchFactor: 1}, 3, 1, 1, 4}, {SetConfig{History: 5, Batch: 3, StepFactor: 0.5}, 3, 1, 5, 3},
	} {
		if history, batch := q.set.history(d, q.axes), q.set.batch(d, q.axes, q.devices); history != q.wantHistory || batch != q.wantBatch {
			t.Errorf("%+v with %d axes on %d devices: history %d, batch %d; want %d and %d", q.set, q.axes, q.devices, history, batch, q.wantHistory, q.wantBatch)
		}
	}
}

// draw is what a batch of a mixture was made of.
type draw struct {
	set     int
	windows []string // file, trajectory and first frame
}

// drawBatches reads batches from the start and checks that each is of one set.
func drawBatches(t *testing.T, s *sources, o sample.Options, count int) (list []draw) {
	t.Helper()
	vocabulary := sample.ReleasedVocabulary()
	names, err := s.names()
	if err != nil {
		t.Fatal(err)
	}
	vocabulary.Add(names...)
	sampler, err := sample.New(s.entries, vocabulary, o)
	if err != nil {
		t.Fatal(err)
	}
	for n := range uint64(count) {
		b, err := sampler.Batch(context.Background(), n)
		if err != nil {
			t.Fatal(err)
		}
		d := draw{set: position(t, s, b.DataSet)}
		for _, origin := range b.Origins {
			start, _, found := strings.Cut(origin, " to ")
			if !found || !strings.Contains(origin, b.DataSet) {
				t.Fatalf("%s in a batch of %s", origin, b.DataSet)
			}
			d.windows = append(d.windows, start)
		}
		list = append(list, d)
	}
	return list
}

// bySet sorts draws by data set.
func bySet(list []draw, sets int) [][]draw {
	sorted := make([][]draw, sets)
	for _, d := range list {
		sorted[d.set] = append(sorted[d.set], d)
	}
	return sorted
}

// wantDistinct checks that no window is drawn twice.
func wantDistinct(t *testing.T, what string, list []draw) {
	t.Helper()
	seen := map[string]bool{}
	for _, d := range list {
		for _, w := range d.windows {
			if seen[w] {
				t.Errorf("%s: %s was drawn twice", what, w)
			}
			seen[w] = true
		}
	}
}

// likely tells whether a count of independent draws is within four standard deviations.
func likely(count, draws int, p float64) bool {
	return math.Abs(float64(count)-p*float64(draws)) <= 4*math.Sqrt(p*(1-p)*float64(draws))
}

func TestBatchesAreDrawnAsInTheRelease(t *testing.T) {
	golden, _, s := releasedMixture(t)
	list := drawBatches(t, s, sample.Options{Seed: 7}, golden.Draws.Batches)
	sets := len(s.entries)
	three := 0 // data sets in 3-D
	for i, draws := range bySet(list, sets) {
		if p := 1 / float64(sets); !likely(len(draws), len(list), p) || !likely(golden.Draws.Counts[i], len(list), p) {
			t.Errorf("%s: %d of %d batches, %d in the release; all data sets are equally likely", golden.Sets[i].Name, len(draws), len(list), golden.Draws.Counts[i])
		}
		var lengths []int
		for _, d := range draws {
			lengths = append(lengths, len(d.windows))
		}
		slices.Sort(lengths)
		if diff := cmp.Diff(golden.Draws.Lengths[i], slices.Compact(lengths)); diff != "" {
			t.Errorf("%s: lengths of batches: %s", golden.Sets[i].Name, diff)
		}
		pass := golden.Sets[i].Windows / golden.Sets[i].Batch
		wantDistinct(t, "first pass of "+golden.Sets[i].Name, draws[:min(pass, len(draws))])
		if len(s.entries[i].Source.Fields().Axes) == 3 {
			three++
		}
	}
	const step = 4
	steps, both := len(list)/step, 0
	for n := range steps {
		axes := map[int]bool{}
		for _, d := range list[step*n:][:step] {
			axes[len(s.entries[d.set].Source.Fields().Axes)] = true
		}
		if len(axes) == 2 {
			both++
		}
	}
	var theirs, of int
	if _, err := fmt.Sscanf(golden.Draws.Both, "%d of %d", &theirs, &of); err != nil {
		t.Fatal(err)
	}
	share := float64(three) / float64(sets)
	if p := 1 - math.Pow(share, step) - math.Pow(1-share, step); !likely(both, steps, p) || !likely(theirs, of, p) {
		t.Errorf("%d of %d steps see 2-D and 3-D data, %s in the release; likely is a share of %.2f", both, steps, golden.Draws.Both, p)
	}
	// The sequence goes on from epoch to epoch, as that of the release does where it was trained: on several ranks.
	halves := [2]string{}
	for n, d := range list {
		halves[2*n/len(list)] += fmt.Sprint(d.set)
	}
	if halves[0] == halves[1] {
		t.Error("the sequence of data sets repeats")
	}
}

func TestWithoutRecyclingEveryDataSetIsPassedThroughOnce(t *testing.T) {
	golden, c, s := releasedMixture(t)
	c.Data.Recycle = false
	c.Schedule.EpochSteps = 10 * golden.Once.Batches
	epoch := func() (int, error) {
		schedule, err := s.schedule(c)
		c := c
		c.Schedule = schedule
		return c.schedule().EpochSteps, err
	}
	steps, err := epoch()
	if err != nil || steps != golden.Once.Batches {
		t.Fatalf("an epoch of %d steps of one batch, want %d: %v", steps, golden.Once.Batches, err)
	}
	// The length that the released sampler tells counts windows by the batch of 2-D data, which is not what it draws.
	windows := 0
	for _, set := range golden.Sets {
		windows += set.Windows
	}
	if windows/c.Data.Batch != golden.Once.Length {
		t.Errorf("%d windows by %d are not the length %d that the release tells", windows, c.Data.Batch, golden.Once.Length)
	}
	list := drawBatches(t, s, sample.Options{Seed: 3, Epoch: uint64(steps)}, 2*steps)
	var orders []string
	for epoch := range 2 {
		draws := list[epoch*steps:][:steps]
		order := ""
		for i, d := range bySet(draws, len(s.entries)) {
			if len(d) != golden.Once.Counts[i] {
				t.Errorf("epoch %d, %s: %d batches, want %d", epoch, golden.Sets[i].Name, len(d), golden.Once.Counts[i])
			}
			wantDistinct(t, golden.Sets[i].Name, d)
			order += fmt.Sprint(d)
		}
		orders = append(orders, order)
	}
	if orders[0] == orders[1] {
		t.Error("both epochs have the same order of windows")
	}
	c.Data.Accumulation = 3
	if got, err := epoch(); err != nil || got != golden.Once.Batches/3 {
		t.Errorf("an epoch of %d steps of three batches, want %d: %v", got, golden.Once.Batches/3, err)
	}
	c.Schedule.EpochBatches = 10 * golden.Once.Batches
	if got, err := epoch(); err != nil || got != golden.Once.Batches/3 {
		t.Errorf("an epoch of %d steps of three batches, want %d: %v", got, golden.Once.Batches/3, err)
	}
	c.Data.Accumulation = golden.Once.Batches + 1
	if _, err := epoch(); err == nil || !strings.Contains(err.Error(), "data.accumulation") {
		t.Errorf("a step of more batches than there are: error %v", err)
	}
	if _, err := sample.New(s.entries, sample.ReleasedVocabulary(), sample.Options{Epoch: uint64(steps) + 1}); err == nil {
		t.Error("an epoch of more batches than there are was accepted")
	}
}

func TestOnlyTrainingTurnsTheData(t *testing.T) {
	golden, c, s := releasedMixture(t)
	vocabulary := sample.ReleasedVocabulary()
	sampler, err := sample.New(s.entries, vocabulary, sample.Options{Seed: 1, Rotation: c.Data.Rotation})
	if err != nil {
		t.Fatal(err)
	}
	asFiled := map[string]string{}
	for _, d := range s.datasets {
		asFiled[d.Name()] = fmt.Sprint(d.Files()[0].Boundaries)
	}
	turned := map[bool]int{} // by whether it is for training
	for n := range uint64(60) {
		b, err := sampler.Batch(context.Background(), n)
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(b.Boundaries) != asFiled[b.DataSet] {
			turned[true]++
		}
	}
	for _, e := range s.entries {
		layout, err := sample.NewLayout(e.Source.Fields(), e.Transforms, vocabulary)
		if err != nil {
			t.Fatal(err)
		}
		for i := range min(20, e.Source.Windows()) {
			err = one(context.Background(), e, layout, i, func(b *sample.Batch) error {
				if fmt.Sprint(b.Boundaries) != asFiled[e.Source.Name()] {
					turned[false]++
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	for split, want := range golden.Rotated {
		if got := turned[split == trainSplit] > 0; got != want {
			t.Errorf("%s: turned %v, want %v", split, got, want)
		}
	}
}

func TestRestrictionsHoldForTrainingAlone(t *testing.T) {
	_, c, _ := releasedMixture(t)
	c.Data.Samples, c.Data.Sets[0].Trajectories, c.Data.Sets[1].Samples = 9, 1, 0.1
	c.Data.Sets = c.Data.Sets[:2]
	c.Data.Sets[0].Samples = 5000
	for _, set := range c.Data.Sets {
		if err := os.CopyFS(filepath.Join(set.Path, "data", "valid"), os.DirFS(filepath.Join(set.Path, "data", trainSplit))); err != nil {
			t.Fatal(err)
		}
	}
	count := func(split string) (windows [2]int) {
		s, err := openSources(c, split, 1, 1)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for i, e := range s.entries {
			windows[i] = e.Source.Windows()
		}
		return windows
	}
	all := count("valid")
	c.Data.Sets[1].Trajectories = 0
	if got, want := count(trainSplit), [2]int{all[0] / 4, all[1] / 10}; got != want {
		t.Errorf("%v windows of %v, want %v: one of four trajectories, and a tenth", got, all, want)
	}
	c.Data.Sets[0].Samples = 0 // as data says
	if got := count(trainSplit); got[0] != 9 {
		t.Errorf("%d windows, want the 9 of data.restrict_num_samples", got[0])
	}
	for key, want := range map[string]string{
		"data.restrict_num_samples=-1":                                            "data.restrict_num_samples",
		"data.restrict_num_trajectories=2.5":                                      "data.restrict_num_trajectories",
		"data.sets=[{path: a, restrict_num_samples: 1.5}]":                        "data.sets.0 (a): restrict_num_samples",
		"data.sets=[{path: a, step_downsample_factor: -1}]":                       "step_downsample_factor",
		"data.sets=[{path: a, batch_downsample_factor: 2, history: 3, batch: 1}]": "batch_downsample_factor",
	} {
		c, err := ParseConfig([]byte("data: {sets: [{path: a}]}"), []string{key})
		if err == nil {
			err = c.Check()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one that says %q", key, err, want)
		}
	}
}

// writeMixed writes a data set whose two files differ in boundaries and in the number of frames.
func writeMixed(t *testing.T, folder string) {
	t.Helper()
	for _, split := range []string{trainSplit, "valid"} {
		for i, sides := range [][]field.Sides{
			{field.Both(field.Wall), field.Both(field.Periodic)},
			{field.Both(field.Open), {Low: field.Wall, High: field.Open}},
		} {
			welltest.Flow{
				Name: "mixed", Grid: [2]int{16, 16}, Frames: 7 + 2*i, Trajectories: 1, Boundaries: sides, Variable: []field.Field{{Name: "height"}},
				Value: func(_, frame, _, x, y int) float64 { return math.Sin(float64((i+1)*(x+2*frame)) + 0.3*float64(y)) },
			}.Write(t, filepath.Join(folder, "data", split, fmt.Sprintf("%d.hdf5", i)))
		}
	}
}

// A mixture of 2-D and 3-D data and of a set whose files differ trains to the end, with all programs compiled before the first
// step, and a run that is stopped leaves the same weights as one that is not.
func TestAMixtureOfEverythingTrainsAndResumes(t *testing.T) {
	data := t.TempDir()
	writeMixed(t, filepath.Join(data, "mixed"))
	for i, split := range []string{trainSplit, "valid"} {
		writeCube(t, filepath.Join(data, "cube", "data", split, "a.hdf5"), "cube", 8, 1+i, 6)
	}
	for _, recycle := range []bool{true, false} {
		config := func(name string) Config {
			c := smallRun(t, data, filepath.Join(t.TempDir(), name))
			c.Model.Blocks = 1
			if !recycle {
				c.Data.Rotation = sample.NoRotation
			}
			c.Model.Tokens, c.Data.Accumulation, c.Data.Normalization, c.Data.Recycle = 4, 3, sample.Samplewise, recycle
			c.Data.Sets = []SetConfig{{Path: filepath.Join(data, "mixed")}, {Path: filepath.Join(data, "cube")}}
			return c
		}
		open := func(c Config, resume bool, until int) *Run {
			ctx, stop := context.WithCancel(context.Background())
			defer stop()
			r, err := Open(c, resume, Observer{Progress: func(p Progress) {
				if p.Step == until {
					stop()
				}
			}})
			if err != nil {
				t.Fatal(err)
			}
			if err = r.compile(ctx); err != nil {
				t.Fatal(err)
			}
			gradients, updates := len(r.stepper.gradients), len(r.stepper.updates)
			if err = r.Train(ctx); err != nil && until == 0 {
				t.Fatal(err)
			}
			if len(r.stepper.gradients) != gradients || len(r.stepper.updates) != updates {
				t.Errorf("%d and %d programs after training, %d and %d were compiled before", len(r.stepper.gradients), len(r.stepper.updates), gradients, updates)
			}
			if err = r.Close(); err != nil {
				t.Fatal(err)
			}
			return r
		}
		whole, cut := config("whole"), config("cut")
		r := open(whole, false, 0)
		open(cut, false, 1)
		resumed, err := ReadRunConfig(cut.Out)
		if err != nil {
			t.Fatal(err)
		}
		open(resumed, true, 0)
		want, err := checkpoint.LoadRun(whole.Out)
		if err != nil {
			t.Fatal(err)
		}
		got, err := checkpoint.LoadRun(cut.Out)
		if err != nil {
			t.Fatal(err)
		}
		if want.Step != r.Steps() || got.Step != r.Steps() {
			t.Fatalf("ended at steps %d and %d, want %d", want.Step, got.Step, r.Steps())
		}
		trained := map[int]bool{} // encoders, by number of axes
		for i, p := range want.Parameters {
			if !cmp.Equal(p, got.Parameters[i]) {
				t.Errorf("recycle %v: %s or its moments differ", recycle, p.Name)
			}
			for axes := 2; axes <= 3; axes++ {
				trained[axes] = trained[axes] || p.Updates > 0 && strings.HasPrefix(p.Name, fmt.Sprintf("embed.%d.", axes))
			}
		}
		if !trained[2] || !trained[3] {
			t.Errorf("recycle %v: trained encoders %v, want those of 2-D and 3-D data", recycle, trained)
		}
		// The model says how each data set was seen: 3-D data with half the history.
		for name, inputs := range map[string]int{"mixed": whole.Data.History, "cube": max(1, whole.Data.History/2)} {
			if info, found := want.Config.DataSet(name); !found || info.InputSteps != inputs {
				t.Errorf("%s has %d input frames in the model's configuration (found %v), want %d", name, info.InputSteps, found, inputs)
			}
		}
	}
}
