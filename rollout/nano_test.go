package rollout

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/score"
	"github.com/gowalrus/walrus/sim"
	"github.com/gowalrus/walrus/surrogate"
	"github.com/gowalrus/walrus/well"
)

// The model that every build carries predicts sound among inclusions that were made for this test with at most seven tenths of the error of
// persistence, from its name alone.
func TestCarriedModelPredictsWhatItLearned(t *testing.T) {
	scenario, err := sim.Find("acoustic_scattering_inclusions")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	plan := sim.Plan{Scenario: scenario, Out: folder, Grid: []int{64, 64}, Frames: 20, Trajectories: 2, Seed: 20261127, Splits: []float64{0, 0, 1}, Workers: 2}
	if err := sim.Generate(context.Background(), plan); err != nil {
		t.Fatal(err)
	}
	e, err := engine.Open(engine.Default)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	m, err := surrogate.Open(e, "nano", surrogate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	d, err := m.OpenData(filepath.Join(folder, scenario.Name), "test", well.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	setting, err := m.For(d)
	if err != nil {
		t.Fatal(err)
	}
	p := score.DefaultProtocol()
	p.Windows = nil
	result, err := score.Evaluate(context.Background(), p, Forecasts(context.Background(), d, setting, Evaluation{Protocol: p, Options: Options{Seed: 1}}))
	if err != nil {
		t.Fatal(err)
	}
	scores := result.Scores()
	all := scores[len(scores)-1]
	t.Logf("one step ahead: VRMSE %.4f, persistence %.4f (%d windows)", all.Model.Median, all.Persistence.Median, all.Count)
	if all.Field != score.AllFields || !(all.Model.Median <= 0.7*all.Persistence.Median) {
		t.Errorf("%s: VRMSE %.4f, persistence %.4f; expected at most 0.7 of it", all.Field, all.Model.Median, all.Persistence.Median)
	}
}
