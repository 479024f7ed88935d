package network

import (
	"context"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gowalrus/walrus/checkpoint"
	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/frame"
	"github.com/gowalrus/walrus/internal/released"
	"github.com/gowalrus/walrus/model"
)

// releasedOptimization is what optimization.json says about the weights that fine-tuning adds.
type releasedOptimization struct {
	Mods struct {
		Added   []string `json:"keys_added"`
		Removed []string `json:"keys_removed"`
		Shape   []int    `json:"ape_shape_for_hidden_64_ape_shape_2_2_1"`
		Std     float64  `json:"ape_std_of_524288_values"`
		Mean    float64  `json:"ape_mean"`
	} `json:"finetuning_mods"`
	Columns struct {
		Old    int     `json:"old_columns"`
		New    int     `json:"new_columns"`
		Change float64 `json:"relative_change_of_the_output_on_old_fields_wall_open"`
	} `json:"new_field_columns"`
}

// relative is the root mean square of a - b over that of b.
func relative(a, b []float32) float64 {
	var difference, size float64
	for i, v := range b {
		difference += math.Pow(float64(a[i]-v), 2)
		size += float64(v) * float64(v)
	}
	return math.Sqrt(difference / size)
}

func TestNewColumnsChangeKnownFieldsAsReleased(t *testing.T) {
	var file releasedOptimization
	released.Read(t, "optimization.json", &file)
	e := openEngine(t)
	weights := filepath.Join(released.Golden(t), "weights.safetensors")
	tensors, err := checkpoint.Open(filepath.Join(released.Folder(t), "jitter.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer tensors.Close()
	stored, _ := tensors.Tensor("input") // (T, 1, 3, 32, 32, 1)
	first, err := stored.Array()
	if err != nil {
		t.Fatal(err)
	}
	frames, points := first.Shape[0], 32*32
	x := field.NewArray(1, frames, 32, 32, 3)
	for f := range frames {
		for c := range 3 {
			for p := range points {
				x.Data[(f*points+p)*3+c] = first.Data[(f*3+c)*points+p]
			}
		}
	}
	g, err := frame.NewGeometry([]int{32, 32}, []field.Sides{field.Both(field.Wall), field.Both(field.Open)}, frame.Options{})
	if err != nil {
		t.Fatal(err)
	}
	run := func(o LoadOptions) (output field.Array, columns int) {
		n, c, err := Load(e, weights, o)
		if err != nil {
			t.Fatal(err)
		}
		defer n.Close()
		y, err := n.Forward(context.Background(), Data{Geometry: g, Fields: []int{3, 4, 5}, Mask: -1}, x, frame.Rolls{}, false)
		if err != nil {
			t.Fatal(err)
		}
		return y, c.States()
	}
	before, old := run(LoadOptions{})
	after, now := run(LoadOptions{Fields: []string{"one", "two", "three"}, Seed: 3})
	// The input of the released figure is not recorded; it is of order 1, as this one.
	if change := relative(after.Data, before.Data); old != file.Columns.Old || now != file.Columns.New || change < file.Columns.Change/2 || change > 2*file.Columns.Change {
		t.Errorf("from %d to %d columns the output changes by %.9f; want %d to %d, about %.9f", old, now, change, file.Columns.Old, file.Columns.New, file.Columns.Change)
	}
}

func TestFineTuningAddsTheReleasedWeights(t *testing.T) {
	var file releasedOptimization
	released.Read(t, "optimization.json", &file)
	weights := filepath.Join(released.Golden(t), "weights.safetensors")
	e := openEngine(t)
	plain, _, err := Load(e, weights, LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	tuned, _, err := Load(e, weights, LoadOptions{AxisFrequencies: true, Position: [3]int(file.Mods.Shape[3:]), Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer tuned.Close()
	names := func(c model.Config) (list []string, buffers map[string]bool) {
		buffers = map[string]bool{}
		for _, w := range c.Weights() {
			list = append(list, w.Name)
			buffers[w.Name] = w.Buffer
		}
		return list, buffers
	}
	before, _ := names(plain.Config)
	after, buffers := names(tuned.Config)
	for _, name := range file.Mods.Added {
		if slices.Contains(before, name) || !slices.Contains(after, name) || buffers[name] {
			t.Errorf("%s is not a new trained weight", name)
		}
	}
	for _, name := range file.Mods.Removed {
		if !slices.Contains(before, name) || slices.Contains(after, name) {
			t.Errorf("%s is not gone", name)
		}
	}
	if len(after)-len(before) != len(file.Mods.Added)-len(file.Mods.Removed) {
		t.Errorf("%d weights became %d", len(before), len(after))
	}
	common, err := plain.Host("blocks.1.space_mixing.rotary_emb.freqs")
	if err != nil {
		t.Fatal(err)
	}
	own, err := tuned.Host("blocks.1.space_mixing.rotary_emb.freqs.2")
	if err != nil || !slices.Equal(own.Data, common.Data) {
		t.Errorf("an axis's frequencies begin as %v (%v), want the common ones %v", own.Data, err, common.Data)
	}
	// The law, from as many values as the release drew.
	wide := tuned.Config
	wide.Position = [3]int{128, 64, 1}
	list := wide.Weights()
	at := slices.IndexFunc(list, func(w model.Weight) bool { return w.Name == model.PositionEmbedding })
	ape := make([]float32, field.Volume(list[at].Shape))
	list[at].Initialise(ape, 1)
	var sum, squares float64
	for _, v := range ape {
		sum, squares = sum+float64(v), squares+float64(v)*float64(v)
	}
	n := float64(len(ape))
	if std := math.Sqrt(squares / n); math.Abs(std-file.Mods.Std) > 0.01*file.Mods.Std || math.Abs(sum/n) > 4*file.Mods.Std/math.Sqrt(n) {
		t.Errorf("a position embedding has mean %g and deviation %g; want %g and %g", sum/n, std, file.Mods.Mean, file.Mods.Std)
	}
}
