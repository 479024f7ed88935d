package checkpoint

import (
	"math"
	"slices"
	"strings"
	"testing"
)

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
	grown, err := GrowFields(old, from, to, 1)
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
		grown, err := GrowFields(old, 4, 5, seed)
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
		if _, err := GrowFields(weight, c.from, c.to, 0); err == nil {
			t.Errorf("from %d to %d was accepted", c.from, c.to)
		}
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
