package train

import (
	"context"
	"math"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/gowalrus/walrus/frame"
	"github.com/gowalrus/walrus/internal/released"
	"github.com/gowalrus/walrus/sample"
	"github.com/gowalrus/walrus/surrogate"
	"github.com/gowalrus/walrus/surrogate/standin"
)

// standIn is a validator of a released data set with a stand-in for the network.
func standIn(t *testing.T, dataSet, predictor string, history, stride int, c ValidationConfig) *validator {
	t.Helper()
	p, err := standin.New(predictor)
	if err != nil {
		t.Fatal(err)
	}
	d := Config{Devices: 1, Data: DataConfig{Sets: []SetConfig{{Path: filepath.Join(released.Folder(t), "data", dataSet)}}, History: history, Batch: 2, Normalization: sample.Samplewise}}
	s, err := openSources(d, "valid", stride, stride)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return &validator{config: c, sets: []scoredSet{{label: dataSet, dataset: s.datasets[0], batch: s.entries[0].Batch, setting: surrogate.Setting{
		Predictor: p, Vocabulary: sample.ReleasedVocabulary(), History: history, MinStride: stride, MaxStride: stride, Frame: frame.Options{Tokens: 4},
	}}}}
}

// steps is how long the rollouts of a validator are.
func (v *validator) steps() (int, error) {
	set := v.sets[0]
	plan, err := set.evaluation(v.config, Rollout, true).Plan(set.dataset, set.setting)
	return plan.Steps, err
}

func TestTheErrorThatPicksTheBestIsTheReleasedOne(t *testing.T) {
	type golden struct {
		Set       string `json:"data_set"`
		Predictor string
		History   int     `json:"n_steps_input"`
		Stride    int     `json:"stride"`
		MAE       float64 `json:"validation_loss_MAE"`
		Windows   int
		Count     int `json:"trajectories"`
		Start     int `json:"start_rollout_valid_output_at_t"`
		Steps     int `json:"predicted_steps"`
	}
	var file struct {
		One     []golden `json:"one_step"`
		Rollout []golden
	}
	released.Read(t, "evaluation.json", &file)
	const tolerance = 2e-5
	check := func(g golden, kind string, c ValidationConfig, windows, steps int) {
		t.Helper()
		scores, err := standIn(t, g.Set, g.Predictor, g.History, g.Stride, c).scores(context.Background(), Task{Kind: kind}, true)
		if err != nil {
			t.Fatal(err)
		}
		if got := meanMAE(scores); math.Abs(got-g.MAE) > tolerance*g.MAE || scores[0].Windows != windows || scores[0].Steps != steps {
			t.Errorf("%s, %s, stride %d, %s: mean absolute error %v over %d of %d steps; want %v over %d of %d",
				g.Set, g.Predictor, g.Stride, kind, got, scores[0].Windows, scores[0].Steps, g.MAE, windows, steps)
		}
	}
	for _, g := range file.One {
		check(g, OneStep, ValidationConfig{FullAtEnd: true}, g.Windows, 1)
	}
	for _, g := range file.Rollout {
		check(g, Rollout, ValidationConfig{FullAtEnd: true, RolloutEvery: 1, First: g.Start, MaxRolloutSteps: 1000}, g.Count, g.Steps)
	}
	if len(file.One) == 0 || len(file.Rollout) == 0 {
		t.Error("no cases")
	}
}

func TestStartsOfRolloutsAreTheReleasedOnes(t *testing.T) {
	var file struct {
		Checks []struct {
			Set      string `json:"data_set"`
			Start    int
			Stride   int
			History  int `json:"n_steps_input"`
			Accepted bool
			Steps    int `json:"n_steps_output"`
		} `json:"start_frame_checks"`
		Caps []struct {
			Trainer   int `json:"trainer.max_rollout_steps"`
			Data      int `json:"data.module_parameters.max_rollout_steps"`
			Available int
			Predicted int `json:"predicted_steps"`
		} `json:"max_rollout_steps"`
	}
	released.Read(t, "evaluation.json", &file)
	name := regexp.MustCompile(`^\w+`)
	for _, c := range file.Checks {
		set := name.FindString(c.Set)
		if set == "" {
			set = "evalset_equal"
		}
		steps, err := standIn(t, set, "persistence", c.History, c.Stride, ValidationConfig{First: c.Start, MaxRolloutSteps: 1000}).steps()
		if (err == nil) != c.Accepted || err == nil && steps != c.Steps {
			t.Errorf("%s from frame %d, stride %d: %d steps, error %v; want accepted %v, %d steps", set, c.Start, c.Stride, steps, err, c.Accepted, c.Steps)
		}
	}
	const history = 6
	compared := 0
	for _, c := range file.Caps {
		if c.Data < min(c.Available, c.Trainer+history-1) {
			continue // our data sets have no cap of their own
		}
		compared++
		v := standIn(t, "evalset_equal", "persistence", history, 1, ValidationConfig{RolloutEvery: 1, First: 17, MaxRolloutSteps: c.Trainer})
		if got, err := v.steps(); err != nil || got != c.Predicted {
			t.Errorf("at most %d steps: %d, error %v; want %d", c.Trainer, got, err, c.Predicted)
		}
	}
	if compared == 0 || len(file.Checks) == 0 {
		t.Error("no cases")
	}
}
