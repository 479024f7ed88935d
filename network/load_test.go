package network

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes/bfloat16"
	"github.com/gowalrus/walrus/checkpoint"
	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/frame"
	"github.com/gowalrus/walrus/model"
	"github.com/gowalrus/walrus/sample"
)

// saved writes fresh weights of a small configuration, as a run or a conversion would leave them, and returns their folder.
// change, if not nil, may replace the list of tensors.
func saved(t *testing.T, change func([]checkpoint.Tensor) []checkpoint.Tensor) string {
	t.Helper()
	c, err := checkpoint.ReleasedConfig()
	if err != nil {
		t.Fatal(err)
	}
	c.Hidden, c.Inner, c.Heads, c.Blocks, c.Dimensions, c.DropPath = 32, 8, 2, 2, []int{2}, 0
	c.Fields = map[string]int{"closed_boundary": 0, "open_boundary": 1, "bias_correction": 2, "A": 3, "B": 4}
	var tensors []checkpoint.Tensor
	for _, w := range ConfigOf(c).Weights() {
		values := field.NewArray(w.Shape...)
		w.Initialise(values.Data, 11)
		tensor, err := checkpoint.NewTensor(w.Name, w.Shape, values.Data)
		if err != nil {
			t.Fatal(err)
		}
		tensors = append(tensors, tensor)
	}
	if change != nil {
		tensors = change(tensors)
	}
	folder := t.TempDir()
	if err := checkpoint.Write(filepath.Join(folder, checkpoint.WeightsFile), tensors, nil); err != nil {
		t.Fatal(err)
	}
	if err := c.Write(filepath.Join(folder, checkpoint.ConfigFile)); err != nil {
		t.Fatal(err)
	}
	return folder
}

func openEngine(t *testing.T) *engine.Engine {
	t.Helper()
	e, err := engine.Open("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

// predict runs a loaded network on waves in the fields A and B, between a wall and an open side.
func predictGeometry(t *testing.T) *frame.Geometry {
	t.Helper()
	g, err := frame.NewGeometry([]int{32, 32}, []field.Sides{{Low: field.Wall, High: field.Open}, field.Both(field.Periodic)}, frame.Options{Tokens: 8})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func predict(t *testing.T, n *Network) field.Array {
	t.Helper()
	return predictColumns(t, n, 3, 4)
}

// predictColumns is predict for two fields of these columns.
func predictColumns(t *testing.T, n *Network, columns ...int) field.Array {
	t.Helper()
	g := predictGeometry(t)
	x := field.NewArray(1, 2, 32, 32, 2)
	for i := range x.Data {
		x.Data[i] = float32(math.Sin(0.37 * float64(i)))
	}
	y, err := n.Forward(context.Background(), Data{Geometry: g, Fields: columns, Mask: -1}, x, frame.Rolls{}, true)
	if err != nil {
		t.Fatal(err)
	}
	return y
}

func TestNewFieldsLeaveThePredictionsOfTheOthersAlone(t *testing.T) {
	folder, e := saved(t, nil), openEngine(t)
	plain, config, err := Load(e, folder, LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	grown, more, err := Load(e, folder, LoadOptions{Fields: []string{"B", "salinity", "dye", "height"}, NewColumns: checkpoint.PreservingColumns, Seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	defer grown.Close()
	if config.States() != 5 || more.States() != 8 || more.Fields["salinity"] != 5 || grown.Config.States != 8 {
		t.Errorf("%d columns grew to %d with salinity at %d; want 5, 8 and 5", config.States(), more.States(), more.Fields["salinity"])
	}
	before, after := predict(t, plain), predict(t, grown)
	largest, worst := 0.0, 0.0
	for i, v := range before.Data {
		largest = max(largest, math.Abs(float64(v)))
		worst = max(worst, math.Abs(float64(v)-float64(after.Data[i])))
	}
	if largest == 0 || worst > 1e-5*largest {
		t.Errorf("predictions of up to %g changed by up to %g", largest, worst)
	}
}

func TestANewFieldThatBeginsLikeAKnownOneIsPredictedAsThat(t *testing.T) {
	folder, e := saved(t, nil), openEngine(t)
	plain, _, err := Load(e, folder, LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	grown, config, err := Load(e, folder, LoadOptions{
		Fields: []string{"salinity", "dye"}, NewColumns: checkpoint.PreservingColumns, Like: map[string]string{"dye": "B"}, Seed: 5,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer grown.Close()
	want := predict(t, plain)
	if got := predictColumns(t, grown, config.Fields["A"], config.Fields["dye"]); relative(got.Data, want.Data) > 1e-5 {
		t.Errorf("dye, which is like B, is predicted otherwise than B, by %.2g", relative(got.Data, want.Data))
	}
	if got := predictColumns(t, grown, config.Fields["A"], config.Fields["salinity"]); relative(got.Data, want.Data) < 1e-2 {
		t.Error("salinity, which is like nothing, is predicted as B")
	}
	if _, _, err := Load(e, folder, LoadOptions{Like: map[string]string{"B": "A"}}); err == nil || !strings.Contains(err.Error(), "know it already") {
		t.Errorf("a known field that is to begin like another: %v", err)
	}
}

func TestLoadNamesEveryWeightThatDoesNotFit(t *testing.T) {
	folder := saved(t, func(tensors []checkpoint.Tensor) []checkpoint.Tensor {
		tensors[0].Name = "stranger"
		return tensors
	})
	_, _, err := Load(openEngine(t), folder, LoadOptions{})
	var mismatch *checkpoint.MismatchError
	if !errors.As(err, &mismatch) || len(mismatch.Missing) != 1 || len(mismatch.Unexpected) != 1 || mismatch.Unexpected[0] != "stranger" {
		t.Errorf("error %v; want one missing and one unexpected weight", err)
	}
}

func TestFineTunedReleasesAreRecognisedByTheirTensors(t *testing.T) {
	add := func(tensors []checkpoint.Tensor) []checkpoint.Tensor {
		for _, extra := range []struct {
			name  string
			shape []int
		}{
			{"blocks.0.space_mixing.rotary_emb.freqs.0", []int{2}}, {"blocks.0.space_mixing.rotary_emb.freqs.1", []int{2}},
			{"blocks.0.space_mixing.rotary_emb.freqs.2", []int{2}}, {"blocks.1.space_mixing.rotary_emb.freqs.0", []int{2}},
			{"blocks.1.space_mixing.rotary_emb.freqs.1", []int{2}}, {"blocks.1.space_mixing.rotary_emb.freqs.2", []int{2}},
			{"ape", []int{1, 1, 32, 9, 8, 1}},
		} {
			tensor, err := checkpoint.NewTensor(extra.name, extra.shape, make([]float32, field.Volume(extra.shape)))
			if err != nil {
				t.Fatal(err)
			}
			tensors = append(tensors, tensor)
		}
		return tensors
	}
	folder := saved(t, add)
	config, err := checkpoint.ReadConfigOf(folder, "")
	if err != nil {
		t.Fatal(err)
	}
	weights, err := checkpoint.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer weights.Close()
	got, err := Architecture(config, weights)
	want := ConfigOf(config)
	want.AxisFrequencies, want.Position = true, [3]int{9, 8, 1}
	if err != nil || !sameArchitecture(got, want) {
		t.Errorf("architecture %+v (%v), want %+v", got, err, want)
	}
}

// sameArchitecture compares what the weights' shapes depend on.
func sameArchitecture(a, b model.Config) bool {
	return a.AxisFrequencies == b.AxisFrequencies && a.Position == b.Position && a.Hidden == b.Hidden && a.States == b.States
}

func TestLearnableFrequenciesBeginAsTheFixedOnes(t *testing.T) {
	wantUnchanged(t, saved(t, nil), LoadOptions{AxisFrequencies: true}, "blocks.1.space_mixing.rotary_emb.freqs.2")
}

// wantUnchanged loads weights with options that add one, and wants the predictions that they give without it.
func wantUnchanged(t *testing.T, folder string, o LoadOptions, added string) {
	t.Helper()
	e := openEngine(t)
	plain, _, err := Load(e, folder, LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	changed, _, err := Load(e, folder, o)
	if err != nil {
		t.Fatal(err)
	}
	defer changed.Close()
	if changed.Weight(added) == nil {
		t.Fatalf("there is no weight %s", added)
	}
	before, after := predict(t, plain), predict(t, changed)
	for i, v := range before.Data {
		if after.Data[i] != v {
			t.Fatalf("value %d changed from %g to %g", i, v, after.Data[i])
		}
	}
}

func TestANewPositionEmbeddingThatPreservesBeginsAsNoneAndKnowsItsGrid(t *testing.T) {
	folder, geometry := saved(t, nil), predictGeometry(t)
	wantUnchanged(t, folder, LoadOptions{Position: geometry.Tokens(), NewColumns: checkpoint.PreservingColumns}, model.PositionEmbedding)
	other, _, err := Load(openEngine(t), folder, LoadOptions{Position: [3]int{3, 5, 1}})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	_, err = other.Forward(context.Background(), Data{Geometry: geometry, Fields: []int{3, 4}, Mask: -1}, field.NewArray(1, 2, 32, 32, 2), frame.Rolls{}, true)
	if err == nil || !strings.Contains(err.Error(), "grid of [3 5 1] tokens") {
		t.Errorf("data on another grid: error %v", err)
	}
}

func TestScalesOfTheDataSetReplaceThoseOfTheWindow(t *testing.T) {
	n, _, err := Load(openEngine(t), saved(t, nil), LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	g, err := frame.NewGeometry([]int{16, 16}, []field.Sides{field.Both(field.Periodic), field.Both(field.Wall)}, frame.Options{Tokens: 8})
	if err != nil {
		t.Fatal(err)
	}
	x := field.NewArray(2, 3, 16, 16, 2)
	for i := range x.Data {
		x.Data[i] = float32((1 + i%2) * i / 768 % 5)
		x.Data[i] += float32(math.Sin(0.37 * float64(i)))
	}
	copy(x.Index(1).Data, x.Index(0).Data) // both samples have the same scales
	d := Data{Geometry: g, Fields: []int{3, 4}, Mask: -1}
	var want field.Array
	for _, centred := range []bool{true, false} {
		d.Measurement.Centred, d.Scales = centred, nil
		var measured frame.Scales
		if want, measured, err = n.Next(context.Background(), d, x, field.Array{}, frame.Rolls{}); err != nil {
			t.Fatal(err)
		}
		for c := range d.Fields {
			s := sample.Scale{Value: measured.Value[0][c], Delta: measured.Delta[0][c]}
			if centred {
				s.Mean, s.DeltaMean = measured.Mean[0][c], measured.DeltaMean[0][c]
			}
			d.Scales = append(d.Scales, s)
		}
		got, _, err := n.Next(context.Background(), d, x, field.Array{}, frame.Rolls{})
		if err != nil || !slices.Equal(got.Data, want.Data) {
			t.Errorf("the window's own scales, given as the data set's, changed the prediction (centred %v, %v)", centred, err)
		}
	}
	d.Scales[1].Delta *= 2
	doubled, _, err := n.Next(context.Background(), d, x, field.Array{}, frame.Rolls{})
	if err != nil {
		t.Fatal(err)
	}
	last := x.Index(0).Index(2).Data
	for i := range last {
		step, factor := want.Data[i]-last[i], float32(1+i%2)
		if diff := math.Abs(float64(doubled.Data[i] - last[i] - factor*step)); diff > 1e-5 {
			t.Fatalf("value %d moved by %g, want %g times %g", i, doubled.Data[i]-last[i], factor, step)
		}
	}
	d.Scales = d.Scales[:1]
	if _, _, err := n.Next(context.Background(), d, x, field.Array{}, frame.Rolls{}); err == nil {
		t.Error("one scale for two channels was accepted")
	}
}

func TestWeightsThatPredictTheFieldItselfAreRefused(t *testing.T) {
	folder := saved(t, nil)
	config, err := checkpoint.ReadConfigOf(folder, "")
	if err != nil {
		t.Fatal(err)
	}
	config.Training.PredictionType = "full"
	if err := config.Write(filepath.Join(folder, checkpoint.ConfigFile)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Load(openEngine(t), folder, LoadOptions{}); err == nil || !strings.Contains(err.Error(), "prediction_type") {
		t.Errorf("error %v; want one that names trainer.prediction_type", err)
	}
}

// A predictor on an engine with bf16 products stores its dense weights rounded, in half the memory, which is the same to the bit
// as weights that were rounded before. (Products of unrounded weights round them only where that is faster.)
func TestPredictorStoresRoundedWeightsAndPredictsTheSame(t *testing.T) {
	e, err := engine.OpenPrecision("", engine.BFloat16)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	folder := saved(t, nil)
	trainable, _, err := Load(e, folder, LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer trainable.Close()
	predictor, _, err := Load(e, folder, LoadOptions{Predictor: true})
	if err != nil {
		t.Fatal(err)
	}
	defer predictor.Close()
	if _, err := predictor.Host("blocks.0.space_mixing.fused_ff_qkv.weight"); err == nil {
		t.Error("a dense weight of a predictor is float32")
	}
	if _, err := predictor.Host("embed.2.proj1.weight"); err != nil {
		t.Errorf("the encoder's kernel: %v", err)
	}
	rounded, err := New(e, trainable.Config, func(w model.Weight, to []float32) error {
		values, err := trainable.Host(w.Name)
		copy(to, values.Data)
		for i, x := range to {
			if w.Dense() {
				to[i] = bfloat16.FromFloat32(x).Float32()
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer rounded.Close()
	want, got := predict(t, rounded), predict(t, predictor)
	if !slices.Equal(want.Data, got.Data) {
		t.Error("stored in bfloat16 the weights give another prediction")
	}
}
