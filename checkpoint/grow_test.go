package checkpoint

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gowalrus/walrus/internal/released"
)

// columns is a configuration with so many field columns.
func columns(n int) Config {
	c := Config{Fields: map[string]int{}}
	for i := range n {
		c.Fields[fmt.Sprint("f", i)] = i
	}
	return c
}

// rampTensor holds 1, 2, 3, ...
func rampTensor(t *testing.T, name string, shape ...int) Tensor {
	t.Helper()
	volume := 1
	for _, extent := range shape {
		volume *= extent
	}
	data := make([]float32, volume)
	for i := range data {
		data[i] = float32(i + 1)
	}
	return tensor(t, name, shape, data...)
}

func TestGrownFieldsKeepPredictionsForKnownFields(t *testing.T) {
	const from, to, kernel, rows = 5, 7, 8, 3
	old := []Tensor{
		rampTensor(t, "embed.2.proj1.weight", rows, from, 2, 2, 2),
		rampTensor(t, "embed.2.proj2.weight", rows, from, 2, 2, 2), // no field columns: stays
		rampTensor(t, "debed.3.proj2.weight", rows, from, 2, 2, 2),
		rampTensor(t, "debed.3.proj2.bias", from),
	}
	grown, err := GrowFields(old, columns(from), columns(to), Growth{Begin: PreservingColumns, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	for i, axis := range []int{1, -1, 1, 0} {
		want := slices.Clone(old[i].Shape)
		if axis >= 0 {
			want[axis] = to
		}
		if !slices.Equal(grown[i].Shape, want) {
			t.Errorf("%s has shape %v, want %v", old[i].Name, grown[i].Shape, want)
		}
	}
	// What the network uses is weight * sqrt((columns - 3) / fields) for field columns, and the bare weight for the flags.
	effective := func(weight float32, column, columns int) float64 {
		if column < 2 {
			return float64(weight)
		}
		return float64(weight) * math.Sqrt(float64(columns-3))
	}
	before, after := values(t, old[0]), values(t, grown[0])
	decoder, oldDecoder := values(t, grown[2]), values(t, old[2])
	bound := 1 / math.Sqrt(to*kernel)
	for row := range rows {
		for column := range to {
			for k := range kernel {
				at := (row*to+column)*kernel + k
				if column >= from {
					if v := math.Abs(float64(after[at])); v > bound || v == 0 {
						t.Errorf("new encoder value %g; want within %g and not 0", v, bound)
					}
					if decoder[at] != 0 {
						t.Errorf("new decoder value %g, want 0", decoder[at])
					}
					continue
				}
				was := (row*from+column)*kernel + k
				a, b := effective(before[was], column, from), effective(after[at], column, to)
				if math.Abs(a-b) > 1e-6*a {
					t.Errorf("row %d column %d: effective weight %g, was %g", row, column, b, a)
				}
				if decoder[at] != oldDecoder[was] {
					t.Errorf("row %d column %d: decoder %g, was %g", row, column, decoder[at], oldDecoder[was])
				}
			}
		}
	}
	if got := values(t, grown[3]); !slices.Equal(got, []float32{1, 2, 3, 4, 5, 0, 0}) {
		t.Errorf("bias %v", got)
	}
}

func TestGrownFieldsDependOnTheSeedAlone(t *testing.T) {
	old := []Tensor{rampTensor(t, "embed.2.proj1.weight", 2, 4, 8, 8, 8), rampTensor(t, "embed.3.proj1.weight", 2, 4, 8, 8, 8)}
	drawn := func(seed uint64, which int) []float32 {
		grown, err := GrowFields(old, columns(4), columns(5), Growth{Begin: ReleasedColumns, Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		return values(t, grown[which])
	}
	if !slices.Equal(drawn(1, 0), drawn(1, 0)) {
		t.Error("the same seed gives other values")
	}
	if slices.Equal(drawn(1, 0), drawn(2, 0)) {
		t.Error("another seed gives the same values")
	}
	if slices.Equal(drawn(1, 0), drawn(1, 1)) {
		t.Error("two tensors got the same values")
	}
}

func TestGrowFieldsRefusesWhatDoesNotFit(t *testing.T) {
	weight := []Tensor{rampTensor(t, "embed.2.proj1.weight", 1, 4, 1, 1, 1)}
	for _, c := range []struct{ from, to int }{{5, 6}, {4, 3}, {3, 4}, {4, maxStates + 1}} {
		if _, err := GrowFields(weight, columns(c.from), columns(c.to), Growth{Begin: ReleasedColumns, Seed: 0}); err == nil {
			t.Errorf("from %d to %d was accepted", c.from, c.to)
		}
	}
	if _, err := GrowFields(weight, columns(4), columns(5), Growth{Begin: "other", Seed: 0}); err == nil {
		t.Error("new columns that begin in another way were accepted")
	}
}

func TestNewFieldsTakeTheNextFreeColumn(t *testing.T) {
	c, err := releasedForTest(t).WithFields("salinity", "pressure", "dye")
	if err != nil {
		t.Fatal(err)
	}
	if c.Fields["salinity"] != 67 || c.Fields["dye"] != 68 || c.Fields["pressure"] != 3 || c.States() != 69 {
		t.Errorf("salinity %d, dye %d, pressure %d, %d columns; want 67, 68, 3, 69", c.Fields["salinity"], c.Fields["dye"], c.Fields["pressure"], c.States())
	}
	if _, err := releasedForTest(t).WithFields(""); err == nil || !strings.Contains(err.Error(), "name") {
		t.Errorf("a field without a name: %v", err)
	}
}

// meanSquare is the root mean square of the values.
func meanSquare(values []float32) float64 {
	sum := 0.0
	for _, v := range values {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum / float64(len(values)))
}

func TestNewColumnsBeginAsReleased(t *testing.T) {
	var file struct {
		New struct {
			Old     int `json:"old_columns"`
			New     int `json:"new_columns"`
			Tensors map[string]struct {
				Old    []int     `json:"old_shape"`
				New    []int     `json:"new_shape"`
				Axis   int       `json:"column_axis"`
				Factor []float64 `json:"factor_on_old_columns"`
				Std    float64   `json:"fresh_std_of_new_columns"`
			} `json:"tensors"`
			Factors map[int]float64 `json:"factors_for_67_columns_plus_k"`
		} `json:"new_field_columns"`
	}
	released.Read(t, "optimization.json", &file)
	n := file.New
	var old []Tensor
	for name, want := range n.Tensors {
		old = append(old, rampTensor(t, name, want.Old...))
	}
	grown, err := GrowFields(old, columns(n.Old), columns(n.New), Growth{Begin: "", Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	for i, g := range grown {
		want := n.Tensors[g.Name]
		if !slices.Equal(g.Shape, want.New) {
			t.Errorf("%s: shape %v, want %v", g.Name, g.Shape, want.New)
			continue
		}
		before, after := values(t, old[i]), values(t, g)
		kernel := 1
		for _, n := range want.New[want.Axis+1:] {
			kernel *= n
		}
		var fresh []float32
		for row := range len(after) / (n.New * kernel) {
			for at, v := range after[row*n.New*kernel:][:n.New*kernel] {
				if at/kernel >= n.Old { // all old columns are scaled alike, the flags too
					fresh = append(fresh, v)
				} else if w := want.Factor[0] * float64(before[row*n.Old*kernel+at]); math.Abs(float64(v)-w) > 1e-6*w {
					t.Fatalf("%s: old value %g, want %g", g.Name, v, w)
				}
			}
		}
		// A uniform law's root mean square; of the bias the release drew three values.
		if got := meanSquare(fresh); want.Axis == 1 && math.Abs(got-want.Std) > 0.02*want.Std || got == 0 || got > 2*want.Std {
			t.Errorf("%s: new columns have deviation %g, want %g", g.Name, got, want.Std)
		}
	}
	for k, want := range n.Factors {
		grown, err := GrowFields([]Tensor{rampTensor(t, "embed.3.proj1.weight", 1, 67, 1, 1, 1)}, columns(67), columns(67+k), Growth{Begin: ReleasedColumns, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		if got := values(t, grown[0])[0]; math.Abs(float64(got)-want) > 1e-6 {
			t.Errorf("67 columns and %d more: factor %g, want %g", k, got, want)
		}
	}
}

func TestFineTuningMapsColumnsAsReleased(t *testing.T) {
	var file struct {
		Columns struct {
			Taken map[string]int `json:"with_a_current_map_that_already_has_taco_3"`
		} `json:"field_columns_in_fine_tuning"`
	}
	released.Read(t, "finetuning.json", &file)
	base := releasedForTest(t)
	same, err := base.Remapped(nil)
	if err != nil || !maps.Equal(same.Fields, base.Fields) {
		t.Errorf("a map of the flags alone changes columns (%v)", err)
	}
	c, err := base.Remapped(map[string]int{"taco": 3})
	if err != nil {
		t.Fatal(err)
	}
	if c, err = c.WithFields("sauce"); err != nil {
		t.Fatal(err)
	}
	if len(file.Columns.Taken) < 2 {
		t.Fatalf("released columns %v", file.Columns.Taken)
	}
	for name, want := range file.Columns.Taken {
		if c.Fields[name] != want {
			t.Errorf("%s has column %d, want %d", name, c.Fields[name], want)
		}
	}
	if c.Fields["sauce"] != c.States()-1 || c.States() != base.States()+2 {
		t.Errorf("the data's own field has column %d of %d", c.Fields["sauce"], c.States())
	}
	// Values go with the names.
	old := rampTensor(t, "debed.2.proj2.weight", 1, base.States(), 1, 1, 1)
	grown, err := GrowFields([]Tensor{old}, base, c, Growth{Begin: PreservingColumns, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	moved := values(t, grown[0])
	for name, column := range base.Fields {
		if got := moved[c.Fields[name]]; got != float32(column+1) {
			t.Errorf("%s has the value %g, that of column %g; want that of %d", name, got, got-1, column)
		}
	}
	if moved[c.Fields["taco"]] != 0 {
		t.Errorf("the new field's decoder begins at %g, want 0", moved[c.Fields["taco"]])
	}
	if _, err := base.Remapped(map[string]int{"taco": 3, "sauce": 3}); err == nil || !strings.Contains(err.Error(), "sauce") {
		t.Errorf("two fields in one column: %v", err)
	}
}

func TestNewFieldsBeginWithTheColumnsOfThoseThatTheyAreLike(t *testing.T) {
	known, err := ReleasedConfig()
	if err != nil {
		t.Fatal(err)
	}
	known.Fields = map[string]int{"closed_boundary": 0, "open_boundary": 1, "bias_correction": 2, "tracer": 3, "velocity_x": 4, "velocity_y": 5}
	wider, err := known.WithFields("dye", "wind_x", "wind_y", "windchill")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		like map[string]string
		want map[string]string // new column: known one
		says string
	}{
		{like: map[string]string{"dye": "tracer"}, want: map[string]string{"dye": "tracer"}},
		{like: map[string]string{"wind": "velocity"}, want: map[string]string{"wind_x": "velocity_x", "wind_y": "velocity_y"}},
		{like: map[string]string{"wind_y": "velocity_x", "dye": "velocity_y"}, want: map[string]string{"wind_y": "velocity_x", "dye": "velocity_y"}},
		{like: map[string]string{"dye": "tracr"}, says: "did you mean tracer?"},
		{like: map[string]string{"dyed": "tracer"}, says: "no field of that name (did you mean dye?)"},
		{like: map[string]string{"velocity": "wind"}, says: "know it already"},
		{like: map[string]string{"wind": "tracer"}, says: "tracer_"},
	} {
		old := rampTensor(t, "debed.2.proj2.weight", 1, known.States(), 1, 1, 1)
		grown, err := GrowFields([]Tensor{old}, known, wider, Growth{Begin: PreservingColumns, Like: c.like})
		if c.says != "" {
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v: %v; want %q", c.like, err, c.says)
			}
			continue
		}
		if err != nil {
			t.Errorf("%v: %v", c.like, err)
			continue
		}
		got := values(t, grown[0])
		for name, column := range wider.Fields {
			want := float32(0)
			if from, is := known.Fields[cmp.Or(c.want[name], name)]; is {
				want = float32(from + 1)
			}
			if got[column] != want {
				t.Errorf("%v: %s begins as %g, want %g", c.like, name, got[column], want)
			}
		}
	}
}
