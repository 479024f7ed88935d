package train

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gowalrus/walrus/baseline"
	"github.com/gowalrus/walrus/checkpoint"
	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/rollout"
	"github.com/gowalrus/walrus/surrogate"
	"github.com/gowalrus/walrus/well"
)

// smallBaseline is smallRun with a baseline.
func smallBaseline(t *testing.T, data, out, model string, sets ...string) Config {
	t.Helper()
	c, err := ParseConfig([]byte(`
model: `+model+`
data: {history: 3, batch: 2, max_stride: 2, rotation: plane, accumulation: 2}
schedule: {learning_rate: 0.002, epochs: 3, steps_per_epoch: 2, warmup_epochs: 1, cooldown_epochs: 1}
validation: {batches: 1}
log_every: 2
`), nil)
	if err != nil {
		t.Fatal(err)
	}
	c.Out = out
	for _, name := range sets {
		c.Data.Sets = append(c.Data.Sets, SetConfig{Path: filepath.Join(data, name)})
	}
	return c
}

// A U-Net has running averages beside what is trained, and a step here is of two batches that may be of different data sets.
func TestResumedBaselineEqualsNeverStopping(t *testing.T) {
	data := writeWavesAndTides(t)
	const model = "{kind: unet, hidden: 2}"
	whole := smallBaseline(t, data, filepath.Join(t.TempDir(), "whole"), model, "waves", "tides")
	cut := smallBaseline(t, data, filepath.Join(t.TempDir(), "cut"), model, "waves", "tides")
	train(t, whole, false, 0)
	train(t, cut, false, 3)
	resumed, err := ReadRunConfig(cut.Out)
	if err != nil {
		t.Fatal(err)
	}
	train(t, resumed, true, 0)
	want, err := checkpoint.LoadRun(whole.Out)
	if err != nil {
		t.Fatal(err)
	}
	got, err := checkpoint.LoadRun(cut.Out)
	if err != nil {
		t.Fatal(err)
	}
	moved := 0
	for i, p := range want.Parameters {
		if !cmp.Equal(p, got.Parameters[i]) {
			t.Errorf("%s or its moments differ", p.Name)
		}
		if strings.HasSuffix(p.Name, "running_mean") && p.Value[0] != 0 {
			moved++
		}
	}
	if moved != 18 {
		t.Errorf("%d of 18 running means have moved", moved)
	}
	if b := want.Config.Baseline; b == nil || b.Kind != "unet" || !b.Partial || len(b.Variable) != 4 {
		t.Errorf("saved %+v; want a unet of pressure, two components of velocity and height, of which each data set lacks some", b)
	}
}

// What a step sees goes into running averages once, however many batches it has.
func TestRunningAveragesFollowTheMeanOverBatches(t *testing.T) {
	data := t.TempDir()
	writeWaves(t, data, "waves", field.Field{Name: "pressure"})
	averages := func(accumulation int) []float32 {
		c := smallBaseline(t, data, filepath.Join(t.TempDir(), "run"), "{kind: unet, hidden: 2}", "waves")
		c.Data.Accumulation, c.Validation.Every, c.Data.Rotation = 1, 0, "none"
		r, err := Open(c, false, Observer{})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		network := stepNetwork{stepper: r.stepper, frame: c.Frame()}
		draw, err := r.loop.Batches.Batch(context.Background(), 0)
		if err != nil {
			t.Fatal(err)
		}
		var draws []Draw
		for range accumulation {
			draws = append(draws, Draw{Batch: draw})
		}
		if _, err := network.Step(context.Background(), draws, 0); err != nil {
			t.Fatal(err)
		}
		mean, err := r.Network().Host("encoder1.enc1norm1.running_mean")
		if err != nil {
			t.Fatal(err)
		}
		return mean.Data
	}
	once, thrice := averages(1), averages(3)
	for i := range once {
		if d := once[i] - thrice[i]; once[i] == 0 || d > 1e-6 || d < -1e-6 {
			t.Errorf("running mean %d is %g after one batch, %g after a step of the same batch three times", i, once[i], thrice[i])
		}
	}
}

// A checkpoint of every kind is opened by its path, rolled out and scored as Walrus's are; data that it was not made for is an
// error that names both.
func TestBaselinesAreOpenedLikeWalrus(t *testing.T) {
	data := writeWavesAndTides(t)
	e, err := engine.Open(engine.Default)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	last := ""
	for _, model := range []string{"{kind: fno, parameters: 5e4, modes: 6, blocks: 2}", "{kind: cnextunet, hidden: 2, blocks: 1, predicts: frame}"} {
		c := smallBaseline(t, data, filepath.Join(t.TempDir(), "run"), model, "waves")
		c.Schedule.Epochs, c.Schedule.Warmup, c.Schedule.Cooldown = 1, 0, 0
		c.Data.Normalization = "dataset_mean_std"
		train(t, c, false, 0)
		last = c.Out
		again := c // its kind is known from the weights alone
		again.Model, again.Finetune = DefaultConfig().Model, FinetuneConfig{From: c.Out, Freeze: []string{"*"}}
		if _, err := again.inherit(); err == nil || !strings.Contains(err.Error(), "finetune.freeze is for Walrus") {
			t.Errorf("freezing the weights of %s: error %v", model, err)
		}
		rollOut(t, e, c.Out, filepath.Join(data, "waves"), "")
		rollOut(t, e, c.Out, filepath.Join(data, "tides"), "height")
	}
	lacking := t.TempDir()
	writeWaves(t, lacking, "waves", field.Field{Name: "pressure"})
	rollOut(t, e, last, filepath.Join(lacking, "waves"), "made for the fields pressure, velocity_x, velocity_y (constant: none); the data has pressure (constant: none)")
	rollOut(t, e, "persistence", filepath.Join(data, "tides"), "")
	rollOut(t, e, "linear", filepath.Join(data, "waves"), "")
}

// A field that the released model does not know is a channel like any other.
func TestBaselinesTakeFieldsOfTheUsersOwn(t *testing.T) {
	data := t.TempDir()
	writeWaves(t, data, "sloshing", field.Field{Name: "water_fraction"}, field.Field{Name: "pressure"})
	c := smallBaseline(t, data, filepath.Join(t.TempDir(), "run"), "{kind: fno, parameters: 5e4, modes: 6, blocks: 2}", "sloshing")
	c.Schedule.Epochs, c.Schedule.Warmup, c.Schedule.Cooldown = 1, 0, 0
	train(t, c, false, 0)
	e, err := engine.Open(engine.Default)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	rollOut(t, e, c.Out, filepath.Join(data, "sloshing"), "")
}

// rollOut predicts three frames of a data set's validation split, or expects an error that says something.
func rollOut(t *testing.T, e *engine.Engine, path, data, wrong string) {
	t.Helper()
	m, err := surrogate.Open(e, path, surrogate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	d, err := m.OpenData(data, "valid", well.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	setting, err := m.For(d)
	if err == nil {
		var c *rollout.Case
		if c, err = rollout.ReadCase(context.Background(), d, setting, rollout.Piece{Steps: 2}); err == nil {
			_, err = c.Predict(context.Background(), rollout.Options{})
		}
	}
	if wrong == "" && err != nil || wrong != "" && (err == nil || !strings.Contains(err.Error(), wrong)) {
		t.Errorf("%s on %s: error %v; want one with %q", path, data, err, wrong)
	}
}

func TestSettingsOfAnotherKindAreErrors(t *testing.T) {
	for _, test := range []struct{ model, part string }{
		{"{kind: fmo}", "did you mean fno"},
		{"{parameters: 3e6}", "model.kind"},
		{"{kind: fno, tokens: 16}", "tokens"},
		{"{kind: unet, modes: 12}", "modes"},
		{"{kind: unet, blocks: 2}", "blocks"},
		{"{kind: fno, hidden: 8, parameters: 3e6}", "one of them"},
		{"{kind: fno, predicts: everything}", "predicts"},
	} {
		c := smallBaseline(t, t.TempDir(), "run", test.model, "waves")
		if err := c.Check(); err == nil || !strings.Contains(err.Error(), test.part) {
			t.Errorf("%s: error %v; want one with %q", test.model, err, test.part)
		}
	}
	c := smallBaseline(t, t.TempDir(), "run", "{kind: fno}", "waves")
	c.Data.Tokens = Tokens{8, 16}
	if err := c.Check(); err == nil || !strings.Contains(err.Error(), "as they are") {
		t.Errorf("data.tokens beside an fno: error %v", err)
	}
	for key, f := range map[string]FinetuneConfig{
		"finetune.lora":   {From: "runs/fno", LoRA: LoRAConfig{Rank: 8}},
		"finetune.freeze": {From: "runs/fno", Freeze: []string{"blocks.*"}},
	} {
		c := smallBaseline(t, t.TempDir(), "run", "{kind: fno}", "waves")
		c.Finetune = f
		if err := c.Check(); err == nil || !strings.Contains(err.Error(), key) || !strings.Contains(err.Error(), "fno") {
			t.Errorf("%s for an fno: error %v", key, err)
		}
	}
}

// The budget of walrus train --model fno --parameters 3e6.
func TestBudgetIsMetAsNearAsWidthsAllow(t *testing.T) {
	for _, kind := range baseline.Kinds() {
		c, err := baseline.Benchmark(kind, 2, 44, 11).Fit(3e6)
		if err != nil {
			t.Fatal(err)
		}
		wider := c
		wider.Width++
		if off, step := c.Count()-3e6, wider.Count()-c.Count(); 2*off > step || -2*off > step {
			t.Errorf("%s of width %d has %d parameters; the next width adds %d", kind, c.Width, c.Count(), step)
		}
	}
}
