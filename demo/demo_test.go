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
	for i := range p.parts {
		p.parts[i].grid, p.parts[i].frames, p.parts[i].stride = []int{32, 16}, 10, 1
	}
	p.config.Model.Hidden, p.config.Model.Intermediate, p.config.Model.Blocks, p.config.Model.Tokens = 16, 4, 1, 8
	p.config.Model.Heads = 2
	p.config.Schedule.Epochs, p.config.Schedule.EpochSteps = 2, 1
	p.config.Validation.Batches, p.config.Data.Batch = 1, 1
	p.steps = 4
	o := Options{Out: filepath.Join(t.TempDir(), "demo"), Seed: 1, Workers: 2, Screen: io.Discard}
	r, err := p.run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Verdicts) != 2 || len(r.Stages) != 4 || len(r.shown) != 2 {
		t.Fatalf("%d verdicts, %d stages, %d shown; want 2, 4, 2", len(r.Verdicts), len(r.Stages), len(r.shown))
	}
	for _, v := range r.Verdicts {
		if !(v.OneStep > 0) || !(v.OneStepPersistence > 0) || !(v.RolloutPersistence > 0) {
			t.Errorf("%+v: scores are missing", v)
		}
	}
	page, err := os.ReadFile(filepath.Join(o.Out, ReportFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{p.parts[0].scenario, p.parts[1].scenario, "data:image/png", "shows that everything works"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the report does not have %q", want)
		}
	}
	for _, part := range p.parts {
		if _, err := os.Stat(o.picture(part.scenario)); err != nil {
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
