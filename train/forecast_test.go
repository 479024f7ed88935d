package train

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gowalrus/walrus/checkpoint"
	"github.com/gowalrus/walrus/sim"
)

// example reads a configuration of the folder configs.
func exampleConfig(t *testing.T, name string) Config {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "configs", name))
	if err != nil {
		t.Fatal(err)
	}
	c, err := ParseConfig(text, nil)
	if err == nil {
		err = c.Check()
	}
	if err != nil {
		t.Fatalf("configs/%s: %v", name, err)
	}
	return c
}

// The paper's own run is described without its data: 1.286e9 parameters, 201 epochs of 2000 batches, four of which make a step.
func TestTheForecastOfThePapersRunNeedsNoData(t *testing.T) {
	c := exampleConfig(t, "walrus.yaml")
	t.Chdir(t.TempDir())
	f, err := NewForecast(context.Background(), c, Observer{})
	if err != nil {
		t.Fatal(err)
	}
	if n := f.Network; n.Parameters < 1.2855e9 || n.Parameters > 1.2865e9 || n.Trained != n.Parameters || n.Hidden != 1408 || n.Blocks != 40 || n.Columns != 67 {
		t.Errorf("network %+v; want the 1.286e9 parameters of the paper", n)
	}
	if f.Epochs != 201 || f.Steps != 201*500 || f.Batches != 4 {
		t.Errorf("%d epochs, %d steps of %d batches; want 201, 100500 of 4", f.Epochs, f.Steps, f.Batches)
	}
	for _, s := range f.Data {
		if s.Absent == "" || !strings.Contains(s.Absent, s.Path) || s.Windows != 0 {
			t.Errorf("%s: %+v; want it to be absent", s.Path, s)
		}
	}
	want := 4 * int64(f.Network.Parameters)
	if f.Memory.Gradients != want || f.Memory.Moments != 2*want || f.Checkpoint.Moments != 2*want || f.Checkpoint.Weights < want || f.MemoryTotal < 4*want {
		t.Errorf("memory %+v, checkpoints %+v; %d bytes are trained", f.Memory, f.Checkpoint, want)
	}
	if len(f.Data) != 19 || f.Time != nil || f.Untimed == "" || f.Exists {
		t.Errorf("%d data sets, time %v (%s), exists %v", len(f.Data), f.Time, f.Untimed, f.Exists)
	}
	if left, _ := os.ReadDir("."); len(left) > 0 {
		t.Errorf("something was written: %v", left)
	}
}

// Without any data nothing says how many columns a network of the data's own fields has.
func TestAForecastOfTheDatasOwnFieldsNamesTheDataThatIsAbsent(t *testing.T) {
	c := exampleConfig(t, "pretrain-nano.yaml")
	t.Chdir(t.TempDir())
	_, err := NewForecast(context.Background(), c, Observer{})
	for _, part := range []string{"model.vocabulary", "absent of", c.Data.Sets[0].Path} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("error %v; want one with %q", err, part)
		}
	}
}

func TestExampleConfigurationsNameScenarios(t *testing.T) {
	names := map[string]bool{}
	for _, s := range sim.All() {
		names[s.Name] = true
	}
	names["shear_flow_more"] = true // more trajectories of one
	for part, from := range map[string]string{"": "", "-2": "runs/pretrain-nano/epoch-16", "-3": "runs/pretrain-nano-2", "-4": "runs/pretrain-nano-3/epoch-36", "-5": "runs/pretrain-nano-4"} {
		nano := exampleConfig(t, "pretrain-nano"+part+".yaml")
		for _, set := range nano.Data.Sets {
			if name, inside := strings.CutPrefix(set.Path, "data/"); !inside || !names[name] {
				t.Errorf("pretrain-nano%s: %s is no scenario under data/", part, set.Path)
			}
		}
		if len(nano.Data.Sets) < 12 {
			t.Errorf("pretrain-nano%s: %d data sets; want at least twelve", part, len(nano.Data.Sets))
		}
		if nano.Finetune.From != from || nano.Out != "runs/pretrain-nano"+part {
			t.Errorf("pretrain-nano%s goes on from %q and is saved in %s", part, nano.Finetune.From, nano.Out)
		}
	}
	if c := exampleConfig(t, "finetune.yaml"); c.Finetune.From == "" || len(c.Data.Sets) != 1 {
		t.Errorf("the example of a fine-tuning starts from %q on %d data sets", c.Finetune.From, len(c.Data.Sets))
	}
}

// What is foretold is what the run then is.
func TestTheForecastIsWhatTheRunIs(t *testing.T) {
	data := writeWavesAndTides(t)
	c := smallRun(t, data, filepath.Join(t.TempDir(), "run"))
	c.Data.Sets = append(c.Data.Sets, SetConfig{Path: filepath.Join(data, "clouds")})
	f, err := NewForecast(context.Background(), c, Observer{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(c.Out); err == nil {
		t.Error("the run's folder was made")
	}
	if clouds := f.Data[2]; clouds.Absent == "" || f.Data[0].Absent != "" || f.Data[1].Absent != "" || f.Samples != 0 {
		t.Errorf("data %+v; want only the clouds to be absent", f.Data)
	}
	if want := "1 absent of 3 data sets"; !strings.Contains(f.Network.Uncounted, want) {
		t.Errorf("columns of the data's own fields: %q; want that %s", f.Network.Uncounted, want)
	}
	var text strings.Builder
	if err := f.WriteText(&text, false); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"data: 2 of 3 sets are there", "absent: " + filepath.Join(data, "clouds"), "at least ", fmt.Sprintf("steps: %d in %d epochs", f.Steps, f.Epochs), "16x16"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the text lacks %q:\n%s", want, text.String())
		}
	}
	c.Data.Sets = c.Data.Sets[:2]
	if f, err = NewForecast(context.Background(), c, Observer{}); err != nil {
		t.Fatal(err)
	}
	if f.Network.Uncounted != "" {
		t.Errorf("all data is there: %q", f.Network.Uncounted)
	}
	waves := f.Data[0]
	// Two trajectories of 8 frames, 3 of history and one to predict, strides 1 and 2: as many windows as with stride 1 fit.
	if waves.Trajectories != 2 || waves.History != 3 || waves.Batch != 2 || waves.Windows == 0 || !slices.Equal(waves.Points, []int{16, 16}) {
		t.Errorf("waves: %+v", waves)
	}
	for _, s := range f.Data {
		if len(s.Shapes) != 2 { // with a wall along one axis: turned and not
			t.Errorf("%s has shapes %+v, want two", s.Path, s.Shapes)
		}
		for _, shape := range s.Shapes {
			if shape.Memory == 0 || len(shape.Tokens) != 2 || shape.Frames != 6 {
				t.Errorf("%s: shape %+v", s.Path, shape)
			}
		}
	}
	if f.Steps != 6 || f.Batches != 2 || f.Samples != 24 || f.Time == nil || !(f.Time.Step > 0) || !(f.Time.Total >= 6*f.Time.Step) || f.Memory.Planned == 0 {
		t.Errorf("%d steps of %d batches, %d samples, time %+v (%s), memory %+v", f.Steps, f.Batches, f.Samples, f.Time, f.Untimed, f.Memory)
	}
	train(t, c, false, 1)
	size := func(name string) int64 {
		info, err := os.Stat(filepath.Join(c.Out, checkpoint.Last, name))
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	const header = 1 << 15
	if got := size("model.safetensors"); got < f.Checkpoint.Weights || got > f.Checkpoint.Weights+header {
		t.Errorf("%d bytes of weights, %d foretold", got, f.Checkpoint.Weights)
	}
	if got := size("optimizer.safetensors"); got > f.Checkpoint.Moments+header {
		t.Errorf("%d bytes of moments, at most %d foretold", got, f.Checkpoint.Moments)
	}
	if f, err = NewForecast(context.Background(), c, Observer{}); err != nil || !f.Exists {
		t.Errorf("a folder that holds a run: exists %v, %v", f.Exists, err)
	}
}
