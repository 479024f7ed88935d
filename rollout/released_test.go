package rollout

import (
	"context"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/internal/released"
	"github.com/gowalrus/walrus/score"
	"github.com/gowalrus/walrus/surrogate"
	"github.com/gowalrus/walrus/surrogate/standin"
	"github.com/gowalrus/walrus/well"
	"github.com/gowalrus/walrus/well/welltest"
)

// openReleased opens the one split that a data set of the released numbers has.
func openReleased(t *testing.T, name string) *well.Dataset {
	t.Helper()
	d, err := well.OpenDataset(filepath.Join(released.Folder(t), "data", name), "", well.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// settingOf is a stand-in as a model.
func settingOf(t *testing.T, predictor string) surrogate.Setting {
	t.Helper()
	p, err := standin.New(predictor)
	if err != nil {
		t.Fatal(err)
	}
	return standin.Setting(p)
}

// The released numbers themselves, evaluation.json and network_evaluation.json, are compared in package selftest.

func TestStartFramesThatAreRefusedNameThoseThatThereAre(t *testing.T) {
	d := openReleased(t, "evalset_equal")
	for _, c := range []struct {
		start, stride, history int
		want                   string
	}{
		{6, 1, 6, "--first between 7 and 47, or --first -1"},
		{47, 2, 6, "--first between 14 and 46, or --first -1"},
		{17, 5, 8, "choose --first -1"},
		{17, 9, 5, "--windows none"},
	} {
		p := score.DefaultProtocol()
		p.First = c.start
		_, err := Evaluation{Protocol: p, Stride: c.stride, History: c.history}.Plan(d, settingOf(t, "persistence"))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("from %d, stride %d, history %d: error %v, want one with %q", c.start, c.stride, c.history, err, c.want)
		}
	}
}

// Both kinds of ensemble reach the single steps too: there they are the same mean.
func TestBothEnsemblesReachTheSingleSteps(t *testing.T) {
	d := openReleased(t, "evalset_equal")
	p := score.DefaultProtocol()
	p.Windows = nil
	score1 := func(o Options) float64 {
		e := Evaluation{Protocol: p, History: 6, Options: o}
		r, err := score.Evaluate(context.Background(), p, Forecasts(context.Background(), d, settingOf(t, "alternating"), e))
		if err != nil {
			t.Fatal(err)
		}
		scores := r.Scores()
		return scores[len(scores)-1].Model.Median
	}
	one, rollouts, steps := score1(Options{}), score1(Options{Ensemble: 2}), score1(Options{StepEnsemble: 2})
	if rollouts != steps || math.Abs(one-rollouts) < 1e-3 {
		t.Errorf("median %g of one draw, %g of two rollouts, %g of two outputs; want the last two to be the same, and not the first", one, rollouts, steps)
	}
}

// A trajectory that ended before a window is full stops no evaluation of the others.
func TestTrajectoriesWithoutAWindowAreLeftOut(t *testing.T) {
	folder := t.TempDir()
	for name, frames := range map[string]int{"a.hdf5": 5, "b.hdf5": 12} {
		welltest.Flow{
			Name: "flow", Grid: [2]int{4, 4}, Frames: frames, Trajectories: 2, Variable: []field.Field{{Name: "pressure"}},
			Boundaries: []field.Sides{field.Both(field.Periodic), field.Both(field.Periodic)},
			Value:      func(trajectory, frame, _, x, y int) float64 { return float64(1 + trajectory + frame*x + y) },
		}.Write(t, filepath.Join(folder, name))
	}
	d, err := well.OpenDataset(folder, "", well.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	p := score.DefaultProtocol()
	p.First, p.Windows = 8, []score.Window{{First: 1, Last: 2}}
	e, s := Evaluation{Protocol: p, History: 6}, settingOf(t, "persistence")
	plan, err := e.Plan(d, s)
	if err != nil {
		t.Fatal(err)
	}
	if plan.TooShort != 2 || plan.Rollouts != 2 || plan.Shortest != 12 || !strings.Contains(plan.String(), "2 of 4 trajectories are shorter than the 7 frames") {
		t.Errorf("plan %+v: %s", plan, plan)
	}
	for f, err := range Forecasts(context.Background(), d, s, e) {
		if err != nil || f.Trajectory < 2 {
			t.Errorf("forecast of trajectory %d, error %v; expected those of b.hdf5, 2 and 3", f.Trajectory, err)
		}
	}
}

// What the released trainer does when it only validates: all batches one step ahead and a rollout of every trajectory, of the
// validation and of the test split. Ours is an evaluation of one split or both.
func TestAnEvaluationScoresAllThatTheReleasedValidationDoes(t *testing.T) {
	var file struct {
		Cadence struct {
			Training []struct {
				Batch int `json:"batch_size"`
			} `json:"training"`
			Events []struct {
				What    string `json:"what"`
				Full    bool   `json:"full"`
				Batches int    `json:"batches_of_the_loader"`
			} `json:"validation_mode_events"`
		} `json:"cadence"`
	}
	released.Read(t, "training.json", &file)
	p := score.DefaultProtocol()
	p.First = -1
	plan, err := Evaluation{Protocol: p, History: 6}.Plan(openReleased(t, "evalset_equal"), settingOf(t, "persistence"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range file.Cadence.Events {
		got := plan.Windows / file.Cadence.Training[0].Batch
		if strings.HasPrefix(e.What, "rollout") {
			got = plan.Rollouts // of one trajectory each
		}
		if got != e.Batches || e.Full != (plan.Sampled() == "") {
			t.Errorf("%s: %d batches, %q; released %d, full %v", e.What, got, plan.Sampled(), e.Batches, e.Full)
		}
	}
	if len(file.Cadence.Events) == 0 {
		t.Error("no events to compare with")
	}
}
