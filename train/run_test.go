package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gowalrus/walrus/checkpoint"
	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/model"
	"github.com/gowalrus/walrus/sample"
	"github.com/gowalrus/walrus/well"
	"github.com/gowalrus/walrus/well/welltest"
)

// writeWaves writes a data set of travelling waves with the given fields and its statistics: train and valid, two
// trajectories each.
func writeWaves(t *testing.T, folder, name string, fields ...field.Field) {
	t.Helper()
	const n = 16
	for _, split := range []string{"train", "valid"} {
		welltest.Flow{
			Name: name, Grid: [2]int{n, n}, Frames: 8, Trajectories: 2, Variable: fields,
			Boundaries: []field.Sides{field.Both(field.Periodic), field.Both(field.Wall)},
			Value: func(trajectory, frame, channel, x, y int) float64 {
				phase := 2 * math.Pi * float64(x+frame) / n
				return math.Sin(float64(1+trajectory)*phase+float64(channel)) * math.Cos(math.Pi*(float64(y)+0.5)/n)
			},
		}.Write(t, filepath.Join(folder, name, "data", split, name+".hdf5"))
	}
	d, err := well.OpenDataset(filepath.Join(folder, name), "train", well.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	stats, err := well.ComputeStats(context.Background(), d, well.StatsOptions{}, nil)
	if err == nil {
		err = well.WriteStats(well.StatsPath(filepath.Join(folder, name)), stats)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// smallRun is a run of a few seconds over two data sets that needs every part.
func smallRun(t *testing.T, data, out string) Config {
	t.Helper()
	c, err := ParseConfig([]byte(`
model: {preset: tiny, hidden: 16, intermediate: 4, heads: 2, blocks: 2, drop_path: 0.2, field_drop: 0.5, tokens: 8, vocabulary: data}
data: {history: 3, batch: 2, max_stride: 2, rotation: plane, accumulation: 2, normalization: dataset}
schedule: {learning_rate: 0.002, epochs: 3, steps_per_epoch: 2, warmup_epochs: 1, cooldown_epochs: 1}
validation: {batches: 1}
log_every: 2
loss: mae
`), nil)
	if err != nil {
		t.Fatal(err)
	}
	c.Out = out
	for _, name := range []string{"waves", "tides"} {
		c.Data.Sets = append(c.Data.Sets, SetConfig{Path: filepath.Join(data, name)})
	}
	return c
}

func writeWavesAndTides(t *testing.T) string {
	folder := t.TempDir()
	writeWaves(t, folder, "waves", field.Field{Name: "pressure"}, field.Field{Name: "velocity", Rank: field.Vector})
	writeWaves(t, folder, "tides", field.Field{Name: "height"})
	return folder
}

// train runs to the end, or until so many steps are done.
func train(t *testing.T, c Config, resume bool, until int) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	r, err := Open(c, resume, Observer{Progress: func(p Progress) {
		if p.Step == until {
			stop()
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err = r.Train(ctx); err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if err = r.Close(); err != nil {
		t.Fatal(err)
	}
}

// The whole chain, files to files: a run that is stopped twice leaves the same bytes as one that is not.
func TestResumedRunOnDiskEqualsNeverStopping(t *testing.T) {
	data := writeWavesAndTides(t)
	whole, cut := smallRun(t, data, filepath.Join(t.TempDir(), "whole")), smallRun(t, data, filepath.Join(t.TempDir(), "cut"))
	for _, c := range []*Config{&whole, &cut} {
		c.Data.Reflections, c.Data.Pseudo = true, map[string]bool{"height": true}
	}
	train(t, whole, false, 0)
	train(t, cut, false, 1)
	for _, until := range []int{3, 0} {
		resumed, err := ReadRunConfig(cut.Out)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(cut, resumed); diff != "" {
			t.Fatalf("the run's configuration changed on disk: %s", diff)
		}
		train(t, resumed, true, until)
	}
	want, err := checkpoint.LoadRun(whole.Out)
	if err != nil {
		t.Fatal(err)
	}
	got, err := checkpoint.LoadRun(cut.Out)
	if err != nil {
		t.Fatal(err)
	}
	if want.Step != 6 || got.Step != 6 {
		t.Fatalf("ended at steps %d and %d, want 6", want.Step, got.Step)
	}
	for i, p := range want.Parameters {
		if !cmp.Equal(p, got.Parameters[i]) {
			t.Errorf("%s or its moments differ", p.Name)
		}
	}
	if diff := cmp.Diff(stripClock(t, whole.Out), stripClock(t, cut.Out)); diff != "" {
		t.Errorf("the logs differ: %s", diff)
	}
	if _, err = Open(whole, false, Observer{}); err == nil {
		t.Error("a second run was started in the folder of the first")
	}
}

// stripClock reads both logs without the column of seconds.
func stripClock(t *testing.T, folder string) [][]string {
	t.Helper()
	rows, err := readRows(filepath.Join(folder, LogFile), logHeader, math.MaxInt)
	if err != nil || len(rows) != 3 {
		t.Fatalf("%d rows in the log: %v", len(rows), err)
	}
	for i := range rows {
		rows[i][len(rows[i])-1] = ""
	}
	scores, err := readRows(filepath.Join(folder, ValidationFile), validationHeader, math.MaxInt)
	if err != nil || len(scores) != 6 {
		t.Fatalf("%d rows of scores: %v", len(scores), err)
	}
	return append(rows, scores...)
}

// smallFinetune trains on the waves alone, and is a run over both data sets that begins with those weights.
func smallFinetune(t *testing.T, f FinetuneConfig) Config {
	t.Helper()
	data := writeWavesAndTides(t)
	first := smallRun(t, data, filepath.Join(t.TempDir(), "first"))
	first.Data.Sets = first.Data.Sets[:1]
	train(t, first, false, 0)
	second := smallRun(t, data, filepath.Join(t.TempDir(), "second"))
	second.Finetune = f
	second.Finetune.From = first.Out
	return second
}

func TestFinetuningAddsColumnsForNewFields(t *testing.T) {
	second := smallFinetune(t, FinetuneConfig{AxisFrequencies: true})
	second.Data.Normalization = "" // as the first run
	second.Data.NormalizationEpsilon, second.Data.Sets[0].Statistics = 1e-7, "./stats.yaml"
	second.Data.Sets[1].Resample = []int{8, 32}
	train(t, second, false, 0)
	state, err := checkpoint.LoadRun(second.Out)
	if err != nil {
		t.Fatal(err)
	}
	// waves: three flags, pressure and three components of velocity; tides: height.
	if column := state.Config.Fields["height"]; column != 7 || state.Config.States() != 8 {
		t.Errorf("height has column %d of %d, want 7 of 8", column, state.Config.States())
	}
	if got := state.Config.Training.Normalization; got != sample.DataSetWide.Class() {
		t.Errorf("normalization %s, want that of the weights, %s", got, sample.DataSetWide.Class())
	}
	info, found := state.Config.DataSet("waves")
	if epsilon := state.Config.Training.NormalizationEpsilon; !found || info.NormalizationPath != "./stats.yaml" || epsilon != 1e-7 {
		t.Errorf("the model says of its training: epsilon %v, %+v; want 1e-7 and ./stats.yaml", epsilon, info)
	}
	frequencies := 0
	for _, p := range state.Parameters {
		if strings.Contains(p.Name, "rotary_emb.freqs.") && p.Updates > 0 {
			frequencies++
		}
		if p.Name == "embed.2.proj1.weight" && fmt.Sprint(p.Shape[:2]) != "[4 8]" {
			t.Errorf("%s has shape %v, want 8 columns", p.Name, p.Shape)
		}
	}
	if want := 3 * state.Config.Blocks; frequencies != want {
		t.Errorf("%d trained frequencies, want %d: three axes a block", frequencies, want)
	}
}

// A model made without jitter stays so when it is fine-tuned, unless the configuration says otherwise.
func TestFinetuningKeepsWhetherThereIsJitter(t *testing.T) {
	off, on := false, true
	first := smallRun(t, writeWavesAndTides(t), filepath.Join(t.TempDir(), "first"))
	first.Data.Sets = first.Data.Sets[:1]
	first.Model.Jitter = &off
	train(t, first, false, 0)
	second := first
	second.Out, second.Finetune.From = filepath.Join(t.TempDir(), "second"), first.Out
	for _, given := range []*bool{nil, &on} {
		second.Model.Jitter = given
		train(t, second, false, 0)
		state, err := checkpoint.LoadRun(second.Out)
		if want := given != nil; err != nil || state.Config.JitterPatches != want {
			t.Errorf("jitter_patches of the tuned run: %v (%v), want %v", state.Config.JitterPatches, err, want)
		}
		second.Out += "2"
	}
}

func TestFinetuningAddsAPositionEmbedding(t *testing.T) {
	second := smallFinetune(t, FinetuneConfig{PositionEmbedding: true})
	second.Data.Sets = second.Data.Sets[:1]
	if _, err := Open(second, false, Observer{}); err == nil || !strings.Contains(err.Error(), "position_embedding") {
		t.Errorf("data that is turned: error %v", err) // its axes have different boundaries, and so different grids
	}
	second.Out += "2"
	second.Data.Rotation = sample.NoRotation
	train(t, second, false, 3)
	train(t, second, true, 0)
	state, err := checkpoint.LoadRun(second.Out)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range state.Parameters {
		if p.Name == model.PositionEmbedding {
			if p.Updates != 6 || slices.Max(p.Value) == 0 {
				t.Errorf("%d updates; largest value %g", p.Updates, slices.Max(p.Value))
			}
			return
		}
	}
	t.Error("the trained weights have no position embedding")
}
