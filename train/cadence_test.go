package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gowalrus/walrus/checkpoint"
	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/internal/released"
)

// cadence is a run of the released trainer: what it did after each epoch.
type cadence struct {
	Epochs       int  `json:"max_epoch"`
	Valid        int  `json:"val_frequency"`
	Rollout      int  `json:"rollout_val_frequency"`
	Keep         int  `json:"checkpoint_frequency"`
	Best         bool `json:"save_best"`
	Short        int  `json:"short_validation_length"`
	Batch        int  `json:"batch_size"`
	Events       []event
	ErrorMessage *string `json:"error"`
}

type event struct {
	Epoch   int
	What    string
	Full    bool
	Of      int             `json:"batches_of_the_loader"`
	Used    int             `json:"batches_used"`
	Loss    released.Number `json:"val_loss_given"`
	Folders []string
}

// tasks are the released names of what is scored.
var tasks = map[string]Task{
	"valid": {OneStep, "valid"}, "rollout_valid": {Rollout, "valid"}, "test": {OneStep, testSplit}, "rollout_test": {Rollout, testSplit},
}

// kept is what a folder of the release holds after a save: the epoch of each name. The newest state is always that of the epoch;
// the best is a folder of its own, or a link to a periodic one, and it is this epoch's if "last" points to it too.
func (e event) kept(before map[string]int) map[string]int {
	names := map[string]int{"last": e.Epoch}
	for _, folder := range e.Folders {
		name, target, _ := strings.Cut(folder, " -> ")
		step, isStep := strings.CutPrefix(name, "step_")
		switch {
		case isStep:
			names["epoch-"+step], _ = strconv.Atoi(step)
		case name == "best" && target != "":
			names["best"], _ = strconv.Atoi(strings.TrimPrefix(target, "step_"))
		case name == "best" && slices.Contains(e.Folders, "last -> best"):
			names["best"] = e.Epoch
		case name == "best":
			names["best"] = before["best"]
		}
	}
	return names
}

func TestScoresAndCheckpointsComeAsReleased(t *testing.T) {
	var file struct {
		Cadence struct{ Training []cadence }
	}
	released.Read(t, "training.json", &file)
	for i, c := range file.Cadence.Training {
		t.Run(strconv.Itoa(i), func(t *testing.T) { c.follow(t) })
	}
	if len(file.Cadence.Training) == 0 {
		t.Error("no runs")
	}
}

// follow makes a run with the same settings, whose validation errors are the released ones, and compares all that it does.
func (c cadence) follow(t *testing.T) {
	dir := t.TempDir()
	settings := ValidationConfig{Every: c.Valid, RolloutEvery: c.Rollout, Batches: c.Short, FullAtEnd: true}
	var got []event
	var kept []map[string]int
	loss := map[int]float64{} // of each epoch's save
	loaders := map[string]event{}
	for _, e := range c.Events {
		if e.What == "save" {
			loss[e.Epoch] = float64(e.Loss)
		}
		if e.Of > 0 {
			loaders[e.What] = e
		}
	}
	network := &line{weight: 3}
	epoch := func() int { return network.steps }
	loop := &Loop{
		Network: network, Batches: numbers{}, Seed: 1,
		Schedule:   Schedule{Rate: 0.01, Epochs: c.Epochs, EpochSteps: 1},
		ValidEvery: c.Valid, RolloutEvery: c.Rollout, Split: "valid", Test: true, KeepEvery: c.Keep, KeepBest: c.Best,
		SaveEvery: 1, // as the release, after every epoch
		Progress:  func(Progress) { got = append(got, event{Epoch: epoch(), What: "train"}) },
		Validate: func(_ context.Context, task Task, full bool) ([]Score, error) {
			for name, known := range tasks {
				if known != task {
					continue
				}
				batch := c.Batch
				if task.Kind == Rollout {
					batch = 1
				}
				of := loaders[name].Of
				used := settings.part(of*batch, batch, full) / batch
				got = append(got, event{Epoch: epoch(), What: name, Full: full, Of: of, Used: used})
			}
			return []Score{{Task: task, MAE: loss[epoch()]}}, nil
		},
		Save: func(_ context.Context, s State, names []string) error {
			got = append(got, event{Epoch: epoch(), What: "save"})
			state := checkpoint.State{Config: smallSaved(t), Step: s.Step, Parameters: []checkpoint.Parameter{{Name: "w", Shape: []int{1}, Value: []float32{1}}}}
			if _, err := checkpoint.SaveRun(dir, state, 1, names...); err != nil {
				return err
			}
			kept = append(kept, namesIn(t, dir))
			return nil
		},
	}
	if _, err := loop.Run(context.Background(), State{}); err != nil {
		t.Fatal(err)
	}
	var want []event
	var wantKept []map[string]int
	before := map[string]int{}
	for _, e := range c.Events {
		if e.What == "save" {
			before = e.kept(before)
			wantKept = append(wantKept, before)
			e.Loss, e.Folders = 0, nil
		}
		want = append(want, e)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what is done (-release +ours): %s", diff)
	}
	if diff := cmp.Diff(wantKept, kept); diff != "" {
		t.Errorf("what is kept after each epoch (-release +ours): %s", diff)
	}
}

// smallSaved is some configuration of a model.
func smallSaved(t *testing.T) checkpoint.Config {
	t.Helper()
	saved, err := checkpoint.ReadConfig(filepath.Join(released.Golden(t), "extended_config.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return saved
}

// namesIn lists the steps of the named states of a run, and checks that no other state is there but the newest.
func namesIn(t *testing.T, dir string) map[string]int {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	names, states := map[string]int{}, map[int]bool{}
	for _, e := range entries {
		state, err := checkpoint.LoadRun(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if e.Type()&os.ModeSymlink == 0 {
			states[state.Step] = true
			continue
		}
		names[e.Name()] = state.Step
	}
	for _, step := range names {
		delete(states, step)
	}
	if len(states) > 0 {
		t.Errorf("states without a name are left: %v", states)
	}
	return names
}

// Ctrl-C anywhere among what is due after the last epoch: everything is made up for, once.
func TestInterruptedTestsAreMadeUpFor(t *testing.T) {
	run := func(cut int) (done []string, saved, noted int) {
		state := State{}
		for range 2 {
			ctx, stop := context.WithCancel(context.Background())
			loop := testLoop(&line{weight: 3}, new(recorded))
			loop.Schedule.Epochs, loop.Schedule.Cooldown, loop.Split = 2, 0, "valid"
			loop.RolloutEvery, loop.Test, loop.KeepEvery, loop.SaveEvery = 1, true, 1, time.Hour
			loop.Validate = func(ctx context.Context, task Task, _ bool) ([]Score, error) {
				if len(done) == cut {
					cut = -1
					stop()
					return nil, ctx.Err()
				}
				done = append(done, task.Split+" "+task.Kind)
				return []Score{{Task: task, MAE: 1}}, nil
			}
			loop.Save = func(_ context.Context, s State, names []string) error {
				saved++
				done = append(done, fmt.Sprint("save ", s.Step, names))
				state = s
				return nil
			}
			loop.Note = func(s State) error { noted++; state = s; return nil }
			end, err := loop.Run(ctx, state)
			stop()
			if err == nil {
				if len(end.Due) != 0 || len(state.Due) != 0 || state.Step != 10 {
					t.Errorf("cut %d: ended at step %d with %v due, saved with %v", cut, state.Step, end.Due, state.Due)
				}
				return done, saved, noted
			}
			if !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
		}
		t.Fatal("interrupted twice")
		return
	}
	want, _, _ := run(-1)
	if len(want) != 2*2-1+2+2 {
		t.Errorf("done without interruption: %q", want)
	}
	for cut := range want {
		got, _, _ := run(cut)
		// The save of what was interrupted has no name; all else is done once, in the same order.
		got = slices.DeleteFunc(got, func(s string) bool { return strings.HasSuffix(s, "[]") })
		if diff := cmp.Diff(want, got); diff != "" && !strings.HasPrefix(want[cut], "save") {
			t.Errorf("cut before %q (-want +got): %s", want[cut], diff)
		}
	}
}

func TestBestIsTheSmallestFiniteError(t *testing.T) {
	var best []int
	errors := []float64{math.NaN(), 3, 2, 2, math.Inf(1), 1}
	network := &line{weight: 3}
	loop := testLoop(network, new(recorded))
	loop.ValidEvery, loop.KeepBest = 1, true
	loop.Validate = func(_ context.Context, task Task, _ bool) ([]Score, error) {
		return []Score{{Task: task, MAE: errors[network.steps/loop.Schedule.EpochSteps-1]}}, nil
	}
	loop.Save = func(_ context.Context, s State, names []string) error {
		if slices.Contains(names, bestName) {
			best = append(best, s.Step/loop.Schedule.EpochSteps)
		}
		return nil
	}
	if _, err := loop.Run(context.Background(), State{}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{1, 2, 3, 6}, best); diff != "" {
		t.Errorf("epochs that were the best: %s", diff)
	}
}

// The whole chain on disk: rollouts, the test split, best and periodic states, stopped and resumed.
func TestRolloutsTestsAndNamesOnDisk(t *testing.T) {
	data := t.TempDir()
	for _, name := range []string{"waves", "tides"} {
		writeWaves(t, data, name, field.Field{Name: "pressure"})
		if err := os.CopyFS(filepath.Join(data, name, "data", testSplit), os.DirFS(filepath.Join(data, name, "data", "valid"))); err != nil {
			t.Fatal(err)
		}
	}
	c := smallRun(t, data, filepath.Join(t.TempDir(), "run"))
	c.Validation.RolloutEvery, c.Validation.First, c.Checkpoint.Every, c.Checkpoint.Keep = 2, -1, 2, 1
	train(t, c, false, 3)
	train(t, c, true, 0)
	rows, err := readRows(filepath.Join(c.Out, ValidationFile), validationHeader, math.MaxInt)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range rows {
		got = append(got, strings.Join([]string{r[0], r[1], r[splitColumn], r[splitColumn+1], r[splitColumn+2], r[4]}, " "))
	}
	var want []string
	for _, line := range []string{
		"2 %s valid one step 1 2", "4 %s valid one step 1 2", "4 %s valid rollout 5 1", "6 %s valid one step 1 10", "6 %s valid rollout 5 2",
		"6 %s test one step 1 10", "6 %s test rollout 5 2",
	} {
		want = append(want, fmt.Sprintf(line, "waves"), fmt.Sprintf(line, "tides"))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got) %s", diff)
	}
	for name, step := range map[string]int{"epoch-2": 4, "epoch-3": 6, checkpoint.Last: 6} {
		if state, err := checkpoint.LoadRun(filepath.Join(c.Out, name)); err != nil || state.Step != step {
			t.Errorf("%s is of step %d, %v; want %d", name, state.Step, err, step)
		}
	}
	if _, err := checkpoint.LoadRun(filepath.Join(c.Out, bestName)); err != nil {
		t.Error(err)
	}
	r, err := Open(c, true, Observer{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if s := r.State(); len(s.Due) > 0 || s.Step != 6 {
		t.Errorf("a finished run begins again: %+v", s)
	}
	c.Out += "2"
	c.Validation.First = 17 // after the end
	if _, err := Open(c, false, Observer{}); err == nil || !strings.Contains(err.Error(), "validation.first") {
		t.Errorf("rollouts from behind the end: error %v", err)
	}
}
