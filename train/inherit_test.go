package train

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gowalrus/walrus/checkpoint"
	"github.com/gowalrus/walrus/well"
)

// Weights that are trained on keep what they were made with, for the same data set: no line of the new configuration says it.
func TestFineTuningKeepsWhatTheWeightsWereMadeWith(t *testing.T) {
	folder := writeWavesAndTides(t)
	waves := filepath.Join(folder, "waves")
	if err := os.Rename(well.StatsPath(waves), filepath.Join(waves, "mine.yaml")); err != nil {
		t.Fatal(err)
	}
	first := smallRun(t, folder, filepath.Join(t.TempDir(), "first"))
	no := false
	first.Model.Jitter, first.Schedule.Epochs, first.Schedule.EpochSteps = &no, 2, 1
	first.Loss = SquaredLoss
	first.Data.Sets[0] = SetConfig{
		Path: waves, Transforms: map[string]string{"pressure": "exp"}, Statistics: "mine.yaml", Stride: 2, History: 2,
		Resample: []int{24, 16}, Exclude: []string{"nothing"},
	}
	train(t, first, false, -1)

	second, err := ParseConfig([]byte("schedule: {epochs: 2, steps_per_epoch: 1, warmup_epochs: 0, cooldown_epochs: 0}\nvalidation: {batches: 1}\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	second.Out, second.Finetune.From = filepath.Join(t.TempDir(), "second"), first.Out
	second.Data.Sets = []SetConfig{{Path: waves}}
	train(t, second, false, -1)

	read := func(run string) checkpoint.Config {
		c, err := checkpoint.ReadConfigOf(run, "")
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	was, is := read(first.Out), read(second.Out)
	for _, name := range []string{"waves", "tides"} { // what the second training did not see is kept too
		want, _ := was.DataSet(name)
		got, found := is.DataSet(name)
		want.Exclude = got.Exclude // which files are learned from is the new training's business
		if !found || !cmp.Equal(want, got) {
			t.Errorf("%s: (-first +second)\n%s", name, cmp.Diff(want, got))
		}
	}
	if is.Tokens != 8 || is.JitterPatches || is.Training.Normalization != was.Training.Normalization || is.Training.Loss != SquaredLoss.class() || is.Training.InputSteps != was.Training.InputSteps {
		t.Errorf("tokens %d, jitter %v, %s, %s, history %d; want those of the first: 8, false, %s, the squared error, %d",
			is.Tokens, is.JitterPatches, is.Training.Normalization, is.Training.Loss, is.Training.InputSteps, was.Training.Normalization, was.Training.InputSteps)
	}

	second.Data.Sets = []SetConfig{{Path: waves, Transforms: map[string]string{}, History: 4}}
	second.Data.MaxStride = 3
	got, err := second.inherit()
	if err != nil {
		t.Fatal(err)
	}
	if set := got.Data.Sets[0]; len(set.Transforms) != 0 || set.History != 4 || set.Stride != 0 || set.Statistics != "mine.yaml" {
		t.Errorf("what the configuration says was replaced: %+v", set)
	}
}
