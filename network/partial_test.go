package network

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gowalrus/walrus/checkpoint"
	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/model"
)

// freezings are ways to train a part of weights that know two fields, A and B, on data with more.
var freezings = map[string]Freezing{
	"LoRA everywhere":     {Frozen: everything, LoRA: model.LoRA{Rank: 3, Alpha: 5, Attention: true, FeedForward: true}},
	"LoRA and an encoder": {Frozen: func(name string) bool { return !strings.HasPrefix(name, "embed.") }, LoRA: model.LoRA{Rank: 2, Alpha: 2, Attention: true}},
	"frozen blocks":       {Frozen: func(name string) bool { return strings.HasPrefix(name, "blocks.") }},
}

func everything(string) bool { return true }

// loadPart loads the weights in a folder to train a part of them on two more fields, and gives that part numbers of its own.
func loadPart(t *testing.T, folder string, f Freezing, columns map[string]int) (*Network, checkpoint.State) {
	t.Helper()
	e := openEngine(t)
	n, config, err := Load(e, folder, LoadOptions{Fields: []string{"dye", "height"}, Columns: columns, AxisFrequencies: true, Freezing: &f, Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	before, err := checkpoint.ReadConfigOf(folder, "")
	if err != nil {
		t.Fatal(err)
	}
	base, err := checkpoint.BaseOf(folder)
	if err != nil {
		t.Fatal(err)
	}
	state := checkpoint.State{Config: config, Part: PartOf(n.Config, base, before.Fields, config.Fields, checkpoint.Growth{Seed: 3})}
	random := rand.New(rand.NewPCG(1, 7))
	for _, w := range n.Config.Weights() {
		if !w.Trained() {
			continue
		}
		values := field.NewArray(w.Shape...)
		for i := range values.Data {
			values.Data[i] = float32(0.1 * random.NormFloat64())
		}
		v, err := e.Upload(values)
		if err != nil {
			t.Fatal(err)
		}
		n.Weight(w.Name).Free()
		n.SetWeight(w.Name, v)
		state.Parameters = append(state.Parameters, checkpoint.Parameter{Name: w.Name, Shape: w.Shape, Value: values.Data})
	}
	return n, state
}

// A network that computes with the small matrices predicts what the whole weights do that are made of its checkpoint.
func TestMergedWeightsPredictAsUnmergedOnes(t *testing.T) {
	folder, e := saved(t, nil), openEngine(t)
	base, _, err := Load(e, folder, LoadOptions{Fields: []string{"dye", "height"}, AxisFrequencies: true, Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer base.Close()
	original := predict(t, base)
	for name, f := range freezings {
		for _, columns := range []map[string]int{nil, {"dye": 3, "A": 6}} { // new columns at the end, and among the others
			if columns != nil && name != "LoRA everywhere" {
				continue
			}
			n, state := loadPart(t, folder, f, columns)
			path, err := checkpoint.SaveRun(t.TempDir(), state, 0)
			if err != nil {
				t.Fatal(err)
			}
			merged, _, err := Load(e, path, LoadOptions{})
			if err != nil {
				t.Fatal(err)
			}
			got, want := predict(t, merged), predict(t, n)
			merged.Close()
			if off := relative(got.Data, want.Data); !(off < 2e-6) {
				t.Errorf("%s, columns %v: merged weights predict %.2g off", name, columns, off)
			}
			if off := relative(want.Data, original.Data); !(off > 1e-3) {
				t.Errorf("%s: what is added changes predictions by %.2g only: nothing is shown", name, off)
			}
			info, err := os.Stat(filepath.Join(path, checkpoint.WeightsFile))
			if err != nil {
				t.Fatal(err)
			}
			if trained := 4 * int64(n.Config.CountTrained()); info.Size() < trained || info.Size() > trained+1<<15 {
				t.Errorf("%s: a checkpoint of %d bytes for %d bytes of trained weights", name, info.Size(), trained)
			}
		}
	}
}

// Before the first step LoRA changes nothing, and a frozen weight with new columns is what it is without freezing.
func TestPartsBeginAsTheWholeDoes(t *testing.T) {
	folder, e := saved(t, nil), openEngine(t)
	options := LoadOptions{Fields: []string{"dye"}, Seed: 3}
	whole, _, err := Load(e, folder, options)
	if err != nil {
		t.Fatal(err)
	}
	defer whole.Close()
	want := predict(t, whole)
	for name, f := range freezings {
		options.Freezing = &f
		part, _, err := Load(e, folder, options)
		if err != nil {
			t.Fatal(err)
		}
		if got := predict(t, part); !slices.Equal(got.Data, want.Data) {
			t.Errorf("%s: predictions differ by %.2g before the first step", name, relative(got.Data, want.Data))
		}
		part.Close()
	}
}
