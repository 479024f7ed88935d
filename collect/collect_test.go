package collect

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/physics"
	"github.com/gowalrus/walrus/report"
	"github.com/gowalrus/walrus/rollout"
	"github.com/gowalrus/walrus/sample"
	"github.com/gowalrus/walrus/train"
	"github.com/gowalrus/walrus/well/welltest"
)

// value is what stands at a point of the truth: density above zero, pressure, a velocity; no two frames or trajectories are alike.
func value(trajectory, frame, channel, x, y int) float64 {
	phase := 0.3*float64(x) + 0.2*float64(frame) + 0.7*float64(trajectory) + float64(channel)
	return 2 + math.Sin(phase) + 0.1*math.Cos(0.5*float64(y)+phase)
}

// where a rollout is taken from.
const (
	trajectories, frames = 2, 30 // of each of two files
	trajectory, start    = 3, 2  // the second of the second file
	history, stride      = 3, 2
	steps                = 8
)

// writeRollout writes two files of data, and a prediction of a trajectory that is wrong by a factor, with a spread, a mask and a density that is
// log10, as walrus rollout does.
func writeRollout(t *testing.T, wrong float64) (folder string, p rollout.Provenance) {
	t.Helper()
	return writeMasked(t, wrong, false)
}

// writeMasked is writeRollout with a mask that moves or not.
func writeMasked(t *testing.T, wrong float64, moving bool) (folder string, p rollout.Provenance) {
	t.Helper()
	base := t.TempDir()
	truth := welltest.Flow{
		Name: "shear", Grid: [2]int{16, 12}, Frames: frames, Trajectories: trajectories, Boundaries: []field.Sides{field.Both(field.Periodic), field.Both(field.Wall)},
		Variable: []field.Field{{Name: "density"}, {Name: "pressure"}, {Name: "velocity", Rank: field.Vector}}, Constant: []field.Field{{Name: sample.MaskName}},
	}
	masked := func(frame, x, y int) bool {
		if moving {
			x = (x + frame/2) % 16
		}
		return x > 5 && x < 8 && y > 3 && y < 6
	}
	if moving {
		truth.Variable, truth.Constant = append(truth.Variable, truth.Constant...), nil
	}
	for file := range 2 {
		truth.Value = func(tr, frame, channel, x, y int) float64 {
			if channel == 4 {
				return map[bool]float64{true: 1}[masked(frame, x, y)]
			}
			if masked(frame, x, y) {
				return 100 // means nothing
			}
			return value(file*trajectories+tr, frame, channel, x, y)
		}
		truth.Write(t, filepath.Join(base, "shear", "data", "test", fmt.Sprintf("part%d.hdf5", file)))
	}
	folder = filepath.Join(base, "out")
	predicted := truth
	predicted.Trajectories, predicted.Frames = 1, steps
	predicted.Variable = []field.Field{{Name: "log10_density"}, {Name: "log10_density_spread"}, {Name: "pressure"}, {Name: "velocity", Rank: field.Vector}}
	if moving {
		predicted.Variable = append(predicted.Variable, field.Field{Name: sample.MaskName})
	}
	predicted.Value = func(_, step, channel, x, y int) float64 {
		frame := start + history*stride + step*stride
		at := func(channel int) float64 { return value(trajectory, frame, channel, x, y) * (1 + wrong) }
		switch {
		case channel == 5:
			return map[bool]float64{true: 1}[masked(frame, x, y)]
		case masked(frame, x, y):
			return 0
		case channel == 0:
			return math.Log10(at(0))
		case channel == 1:
			return 1
		}
		return at(channel - 1)
	}
	predicted.Write(t, filepath.Join(folder, predictionFile))
	p = rollout.Provenance{
		Weights: "runs/shear", Data: filepath.Join(base, "shear"), Split: "test", Trajectory: trajectory, Start: start, History: history, Stride: stride, Steps: steps,
		Members: 2, Transforms: map[string]sample.Transform{"density": sample.Log10}, Command: []string{"walrus", "rollout", "a b"},
		Warnings: []physics.Warning{{Step: 5, Field: "pressure", Kind: physics.GridScale, Value: 0.2, Limit: 0.1}},
	}
	if err := p.Write(filepath.Join(folder, rollout.ProvenanceFile)); err != nil {
		t.Fatal(err)
	}
	return folder, p
}

// page makes the document into the page's text.
func page(t *testing.T, o Options, paths ...string) string {
	t.Helper()
	doc, err := Document(context.Background(), paths, o)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := report.HTML(&b, doc); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// A prediction that is right has no error, so the truth that is found again is that of its trajectory, frames, transform, mask and channels.
func TestTheTruthOfARolloutIsFoundAgain(t *testing.T) {
	for _, wrong := range []float64{0, 0.1} {
		folder, _ := writeRollout(t, wrong)
		p, err := openPrediction(context.Background(), folder, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer p.close()
		if _, err := report.NewFilm(context.Background(), p.film(context.Background(), Options{})); err != nil {
			t.Fatal(err)
		}
		if len(p.errors) != steps {
			t.Fatalf("%d errors", len(p.errors))
		}
		for step, e := range p.errors {
			if wrong == 0 && e > 1e-4 || wrong > 0 && e < 0.05 {
				t.Errorf("wrong by %g: step %d has an error of %g", wrong, step, e)
			}
		}
		for _, s := range p.physics.Checks {
			for i := range s.Truth {
				if math.Abs(s.Truth[i]-s.Prediction[i]) > 1e-4*math.Abs(s.Scale) != (wrong > 0) && s.Kind == physics.Total {
					t.Errorf("wrong by %g: %s at step %d: %g, predicted %g", wrong, s.Name, i, s.Truth[i], s.Prediction[i])
				}
			}
		}
		if p.times[3] != 3 { // of the prediction's own file
			t.Errorf("times %v", p.times)
		}
	}
}

// Truth is hidden where the mask of its own frame is, and the mask is no field that was predicted.
func TestAMaskThatMovesHidesFrameByFrame(t *testing.T) {
	folder, _ := writeMasked(t, 0, true)
	p, err := openPrediction(context.Background(), folder, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	if _, err := report.NewFilm(context.Background(), p.film(context.Background(), Options{})); err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(p.channels, " "), "log10_density pressure velocity_x velocity_y"; got != want {
		t.Errorf("shown are %s; want %s", got, want)
	}
	for step, e := range p.errors {
		if e > 1e-4 {
			t.Errorf("step %d has an error of %g", step, e)
		}
	}
	if len(p.errors) != steps || len(p.physics.Checks) > 0 || !strings.Contains(leftOut([]physics.Record{*p.physics}), "move") {
		t.Errorf("%d errors, checks %v, left out %v", len(p.errors), p.physics.Checks, p.physics.LeftOut)
	}
}

func TestARolloutsPageSaysWhatThereIs(t *testing.T) {
	folder, p := writeRollout(t, 0.1)
	text := page(t, Options{}, folder)
	for _, want := range []string{"Rollout: out", "speed", "vorticity", "log10_density", "Error against rollout step", "Physics: drift of totals", "weights runs/shear",
		"walrus rollout &#39;a b&#39;", "pressure, grid scale since step 5", `"mark":4`} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(text, "log10_density_spread") {
		t.Error("the spread is shown as if it were predicted")
	}
	moved := filepath.Join(filepath.Dir(p.Data), "moved")
	if err := os.Rename(p.Data, moved); err != nil {
		t.Fatal(err)
	}
	opened := func(path string, o Options) *prediction {
		t.Helper()
		p, err := openPrediction(context.Background(), path, o)
		if err != nil {
			t.Fatal(err)
		}
		p.close()
		return p
	}
	if gone := opened(folder, Options{}); gone.truth != nil || !strings.Contains(gone.text(), "The data is no longer at") {
		t.Errorf("that the data is gone is not told: %s", gone.text())
	}
	if found := opened(folder, Options{Data: moved}); found.truth == nil || found.without != "" {
		t.Error("--data does not find the truth")
	}
	if err := os.Remove(filepath.Join(folder, rollout.ProvenanceFile)); err != nil {
		t.Fatal(err)
	}
	if text := page(t, Options{}, filepath.Join(folder, predictionFile)); !strings.Contains(text, "There is no rollout.json") {
		t.Error("that nobody knows the data is not told")
	}
}

func TestDataThatDoesNotFitIsRefusedByName(t *testing.T) {
	folder, p := writeRollout(t, 0)
	other := welltest.Flow{Name: "other", Grid: [2]int{16, 12}, Frames: frames, Trajectories: 9, Boundaries: []field.Sides{field.Both(field.Periodic), field.Both(field.Wall)},
		Variable: []field.Field{{Name: "height"}}, Value: value}
	path := filepath.Join(t.TempDir(), "other")
	other.Write(t, filepath.Join(path, "data", "test", "a.hdf5"))
	for name, c := range map[string]struct {
		change func(*rollout.Provenance)
		want   []string
	}{
		"fields":       {func(p *rollout.Provenance) { p.Data = path }, []string{"height", "log10_density"}},
		"trajectories": {func(p *rollout.Provenance) { p.Trajectory = 4 }, []string{"4 trajectories", "number 4"}},
		"history":      {func(p *rollout.Provenance) { p.History = 0 }, []string{"rollout.json", "history 0"}},
	} {
		changed := p
		c.change(&changed)
		if err := changed.Write(filepath.Join(folder, rollout.ProvenanceFile)); err != nil {
			t.Fatal(err)
		}
		_, err := Document(context.Background(), []string{folder}, Options{})
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v; expected %q", name, err, want)
			}
		}
	}
}

// writeRun writes the folder of a run that has logged so much.
func writeRun(t *testing.T, log, validation string) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "run")
	if err := os.MkdirAll(folder, 0o777); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		train.RunConfigFile: "schedule: {epochs: 2, steps_per_epoch: 50}\ndata: {sets: [{path: data/waves}]}\nout: run\n", train.LogFile: log, train.ValidationFile: validation,
	} {
		if text == "" {
			continue
		}
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

const (
	logHead        = "step,epoch,samples,learning_rate,loss,gradient_norm,seconds\n"
	validationHead = "step,data_set,vrmse,persistence_vrmse,windows,split,kind,steps,mae\n"
)

func TestRunsThatBeginGoOnAndEndHaveAPage(t *testing.T) {
	for name, c := range map[string]struct {
		log, validation string
		want            []string
	}{
		"empty":     {"", "", []string{"Nothing has been logged yet", "steps_per_epoch"}},
		"only head": {logHead, validationHead, []string{"Nothing has been logged yet"}},
		"running":   {logHead + "10,0.1,40,0.001,30.5,2,1.5\n20,0.2,80,0.001,2.5,2,3\n30,0.3,120,0.0", "", []string{"Step 20 of 100", "No process trains", "after step 20", `alt="Loss"`}},
		"validated": {logHead + "50,1,40,0.001,30,2,1.5\n100,2,80,0.001,20,2,3\n",
			validationHead + "50,waves,0.5,0.6,4,valid,one step,1,0.1\n100,waves,0.4,0.6,4,valid,one step,1,0.1\n100,waves,NaN,0.6,4,valid,rollout,8,+Inf\n",
			[]string{"the run is complete", "Last validation", "Validation: one step, split valid", "0.4000"}},
		"not finite": {logHead + "1,0.1,40,0.001,NaN,+Inf,1.5\n", "", []string{"Step 1 of 100"}},
	} {
		text := page(t, Options{}, writeRun(t, c.log, c.validation))
		for _, want := range c.want {
			if !strings.Contains(text, want) {
				t.Errorf("%s: the page lacks %q", name, want)
			}
		}
	}
}

const scoresText = `{"format": "walrus scores 1", "data_sets": [], "scores": [
 {"data_set": "waves", "split": "test", "sample": null, "metric": "VRMSE", "window": "one-step", "field": "height", "count": 3, "median": 0.25, "mean": 0.3, "std": 0.1,
  "quartile_25": 0.2, "quartile_75": "Infinity", "persistence_median": 0.5},
 {"data_set": "waves", "split": "test", "sample": null, "metric": "VRMSE", "window": "1:3", "field": "height", "count": 3, "median": 0.75, "mean": 0.3, "std": 0.1,
  "quartile_25": 0.2, "quartile_75": 0.4, "persistence_median": 0.5}],
 "rollouts": [
 {"data_set": "waves", "trajectory": 0, "field": "height", "metric": "VRMSE", "frames": [4], "score": [0.1, 0.2, 0.3], "persistence": [0.2, 0.4, 0.6]},
 {"data_set": "waves", "trajectory": 1, "field": "height", "metric": "VRMSE", "frames": [4], "score": [0.3, 0.4, "Infinity"], "persistence": [0.2, 0.4, 0.6]},
 {"data_set": "waves", "trajectory": 2, "field": "height", "metric": "VRMSE", "frames": [4], "score": [0.2], "persistence": [0.2]}],
 "single_steps": [], "physics": [
 {"data_set": "waves", "trajectory": 0, "first": 4, "steps": 2, "times": [1, 2],
  "checks": [{"check": "total of height", "kind": "total", "fields": ["height"], "closed": true, "start": 4, "scale": 4, "truth": [4, 4], "prediction": [4, 3]},
             {"check": "smallest height", "kind": "minimum", "fields": ["height"], "closed": false, "start": 1, "scale": 1, "truth": [1, 1], "prediction": [0.5]}],
  "spectra": [{"field": "height", "wavenumbers": [1, 2], "start": [1, 0.1], "steps": [1, 2], "truth": [[1, 0.1], [1, 0.2]], "prediction": [[1, 0.3]]}],
  "left_out": [{"check": "momentum", "reason": "there is no velocity"}]}]}`

func writeText(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestScoresBecomeTablesCurvesAndPhysics(t *testing.T) {
	path := writeText(t, "ours.json", scoresText)
	text := page(t, Options{Title: "waves"}, path)
	for _, want := range []string{"waves: VRMSE, test", `<td class="number good">0.2500`, `<td class="number bad">0.7500`, ">inf<", "Error over time", "Physics: waves, ours",
		"waves: drift of totals", "waves: spectrum of height", "Left out: momentum, since there is no velocity"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	f, _, err := readScores(path)
	if err != nil {
		t.Fatal(err)
	}
	if both := comparison([]scoresFile{f, {path: "theirs.json", Scores: f.Scores[1:]}}); len(both.Columns) != 5 || both.Columns[4].Name != "theirs" || len(both.Rows) != 2 ||
		both.Rows[0][4] != report.Missing() {
		t.Errorf("two files side by side: %+v", both)
	}
	c := f.curves("waves")
	if len(c) != 1 || len(c[0].Score) != 3 || math.Abs(c[0].Score[0]-0.2) > 1e-9 || math.Abs(c[0].Low[0]-0.15) > 1e-9 || c[0].Baseline[2] != 0.6 {
		t.Errorf("curves %+v; expected the medians 0.2, ... with quartiles", c)
	}
}

func TestComparisonsBecomeTables(t *testing.T) {
	text := page(t, Options{}, writeText(t, "c.json", `{"format": "walrus comparison 1", "reference": "fno", "rows": [
 {"data_set": "waves", "metric": "VRMSE", "window": "one-step", "field": "all fields", "model": "fno", "trajectories": 9, "median": 0.5, "median_low": 0.4, "median_high": 0.6,
  "quartile_25": 0.3, "quartile_75": 0.7, "difference": null, "difference_low": null, "difference_high": null, "p": null, "p_holm": null, "verdict": null},
 {"data_set": "waves", "metric": "VRMSE", "window": "one-step", "field": "all fields", "model": "walrus", "trajectories": 9, "median": 0.25, "median_low": 0.2, "median_high": 0.3,
  "quartile_25": 0.2, "quartile_75": 0.4, "difference": -0.25, "difference_low": -0.3, "difference_high": -0.2, "p": 0.01, "p_holm": 0.02, "verdict": "better"}]}`))
	for _, want := range []string{"Comparison: c", "differences from fno", "-0.3 to -0.2", "0.02000", `good">better`} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

func TestScoresOfAnotherKindAreRefusedByName(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"half.json":    {scoresText[:len(scoresText)/2], "half written"},
		"cut.json":     {scoresText[:len(scoresText)-1], "half written"},
		"nothing.json": {"", "half written"},
		"old.json":     {strings.Replace(scoresText, "scores 1", "scores 0", 1), "walrus scores 0"},
		"none.json":    {`{"scores": []}`, `format ""`},
		"empty.json":   {`{"format": "walrus scores 1", "scores": []}`, "no scores"},
		"two.json":     {scoresText + scoresText, "not what walrus eval"},
		"list.json":    {"[1]", "not what walrus eval"},
		"wrong.json":   {strings.Replace(scoresText, "0.25,", `"much",`, 1), "much"},
		"page.txt":     {"", "expected the folder"},
	} {
		path := writeText(t, name, c.text)
		// Beside one that is right: never merged silently.
		_, err := Document(context.Background(), []string{writeText(t, "right.json", scoresText), path}, Options{})
		if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; expected its path and %q", name, err, c.want)
		}
	}
	if _, err := Document(context.Background(), []string{t.TempDir()}, Options{}); err == nil || !strings.Contains(err.Error(), train.RunConfigFile) {
		t.Errorf("a folder without anything: %v", err)
	}
	if _, err := Document(context.Background(), []string{"nowhere"}, Options{}); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("a path that leads nowhere: %v", err)
	}
}

func FuzzScores(f *testing.F) {
	f.Add([]byte(scoresText))
	f.Add([]byte(`{"format": "walrus comparison 1", "reference": "fno", "rows": [{"data_set": "a", "difference": 1}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(t.TempDir(), "s.json")
		if err := os.WriteFile(path, text, 0o666); err != nil {
			t.Fatal(err)
		}
		if _, _, err := readScores(path); err != nil && !strings.Contains(err.Error(), path) {
			t.Errorf("an error without the file's name: %v", err)
		}
	})
}

// TestALongRolloutIsReportedInTwoGibibytes reports a rollout of 1,000 steps on 512 x 512 points with five components beside its truth, 5 GB each.
func TestALongRolloutIsReportedInTwoGibibytes(t *testing.T) {
	if os.Getenv("WALRUS_LONG") == "" {
		t.Skip("writes and reads 10 GB; WALRUS_LONG=1 runs it")
	}
	base, n, length := t.TempDir(), 512, 1000
	flow := welltest.Flow{Name: "long", Grid: [2]int{n, n}, Frames: length + 1, Trajectories: 1, Boundaries: []field.Sides{field.Both(field.Periodic), field.Both(field.Periodic)},
		Variable: []field.Field{{Name: "buoyancy"}, {Name: "density"}, {Name: "pressure"}, {Name: "velocity", Rank: field.Vector}}}
	waves := make([]float64, 4*n)
	for i := range waves {
		waves[i] = math.Sin(2 * math.Pi * float64(i) / float64(n))
	}
	flow.Value = func(_, frame, channel, x, y int) float64 {
		return 2 + waves[(x+frame+9*channel)%n] + waves[(2*y+x)%n]/2
	}
	flow.Write(t, filepath.Join(base, "long", "data", "test", "a.hdf5"))
	flow.Frames = length
	flow.Write(t, filepath.Join(base, "out", predictionFile))
	p := rollout.Provenance{Data: filepath.Join(base, "long"), Split: "test", History: 1, Stride: 1, Steps: length, Members: 1}
	if err := p.Write(filepath.Join(base, "out", rollout.ProvenanceFile)); err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	text := page(t, Options{}, filepath.Join(base, "out"))
	if !strings.Contains(text, "Of 1000 steps one in") || !strings.Contains(text, "The grid 512 x 512 is shown as") {
		t.Error("the reduction is not told")
	}
	most := peakMemory(t)
	t.Logf("page of %d MB, at most %d MB of memory", len(text)>>20, most>>20)
	if most > 2<<30 {
		t.Errorf("%d MB of memory; expected at most 2048", most>>20)
	}
}

// peakMemory is the largest resident size of this process so far, in bytes.
func peakMemory(t *testing.T) int64 {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("no /proc")
	}
	_, rest, found := strings.Cut(string(text), "VmHWM:")
	var kilobytes int64
	if _, err := fmt.Sscan(rest, &kilobytes); !found || err != nil {
		t.Skip("/proc does not tell the largest size")
	}
	return kilobytes << 10
}
