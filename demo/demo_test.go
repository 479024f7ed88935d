package demo

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The whole chain at the smallest size: every file is made, the scores are there, and a second run in the folder works
// while a foreign folder is refused.
func TestSmallestDemoRunsEndToEnd(t *testing.T) {
	p := quickPlan()
	p.known.grid, p.known.frames, p.known.stride = []int{32, 16}, 10, 1
	p.unseen.grid, p.unseen.frames, p.unseen.trajectories, p.unseen.splits = []int{32, 16}, 10, 3, []float64{0.34, 0.33, 0.33}
	p.config.Schedule.Epochs, p.config.Schedule.EpochSteps = 2, 1
	p.config.Validation.Windows, p.config.Data.Batch = 1, 1
	p.steps = 3
	o := Options{Out: filepath.Join(t.TempDir(), "demo"), Seed: 1, Workers: 2, Screen: io.Discard}
	r, err := p.run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Stages) != 5 || len(r.learnt[fineTuned]) != 2 || len(r.learnt[fresh]) != 2 || len(r.Scores()) != 3 {
		t.Fatalf("%d stages, %d and %d validations, %d tables; want 5, 2, 2, 3", len(r.Stages), len(r.learnt[fineTuned]), len(r.learnt[fresh]), len(r.Scores()))
	}
	for _, e := range []Errors{r.Known.Model, r.Known.Persistence, r.Transfer.FineTuned, r.Transfer.Fresh, r.Transfer.Persistence} {
		if !(e.OneStep > 0) || !(e.Rollout > 0) {
			t.Errorf("%+v: scores are missing", e)
		}
	}
	page, err := os.ReadFile(filepath.Join(o.Out, ReportFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{p.known.scenario, p.unseen.scenario, sides[fineTuned].name, sides[fresh].name, "data:image/png", "shows that everything works"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the report does not have %q", want)
		}
	}
	for _, name := range []string{"known", "fine-tuned", "fresh"} {
		if _, err := os.Stat(o.picture(name)); err != nil {
			t.Error(err)
		}
	}
	if err := prepare(o); err != nil {
		t.Errorf("the demo's own folder was refused: %v", err)
	}
	if left, err := os.ReadDir(o.Out); err != nil || len(left) != 1 {
		t.Errorf("%v of an earlier demo would stand beside a new one's (%v)", left, err)
	}
	foreign := t.TempDir()
	if err := os.WriteFile(filepath.Join(foreign, "thesis.tex"), []byte("years of work"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := prepare(Options{Out: foreign}); err == nil || !strings.Contains(err.Error(), "--out") {
		t.Errorf("a foreign folder gave %v, want a refusal that names --out", err)
	}
}

// A bar is missed by each of its conditions alone.
func TestVerdicts(t *testing.T) {
	persistence := Errors{OneStep: 1, Rollout: 2, Finite: true}
	for _, c := range []struct {
		name   string
		model  Errors
		passed bool
	}{
		{"both", Errors{0.5, 1.9, true}, true},
		{"one step", Errors{0.51, 1.9, true}, false},
		{"rollout", Errors{0.5, 2, true}, false},
		{"not finite", Errors{0.5, 1, false}, false},
	} {
		k := Known{Model: c.model, Persistence: persistence}
		if k.judge(); k.Passed != c.passed {
			t.Errorf("known, %s: passed %v, want %v", c.name, k.Passed, c.passed)
		}
	}
	for _, c := range []struct {
		name         string
		tuned, fresh Errors
		passed       bool
	}{
		{"wins", Errors{0.4, 1, true}, Errors{0.5, 1.1, true}, true},
		{"by too little", Errors{0.48, 1, true}, Errors{0.5, 1.1, true}, false},
		{"not over the rollout", Errors{0.4, 1.2, true}, Errors{0.5, 1.1, true}, true},
		{"blows up", Errors{0.4, 1, false}, Errors{0.5, 1.1, true}, false},
		{"worse than persistence", Errors{1.1, 1, true}, Errors{2, 1.1, true}, false},
	} {
		v := Transfer{FineTuned: c.tuned, Fresh: c.fresh, Persistence: persistence}
		if v.judge(); v.Passed != c.passed {
			t.Errorf("transfer, %s: passed %v, want %v", c.name, v.Passed, c.passed)
		}
	}
}
