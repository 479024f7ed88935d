package well

import (
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gowalrus/walrus/field"
)

// allKinds is a header with every kind of field, parameter and boundary in so many dimensions.
func allKinds(dims int) Header {
	h := Header{
		DatasetName: "all_kinds", GridType: "cartesian", Trajectories: 2, Time: []float32{0, 0.5, 1, 1.5, 2},
		Parameters: []Parameter{{"Re", []float64{1000}}, {"Sc", []float64{0.5, 2}}},
		Fields: []FieldInfo{
			{Field: field.Field{Name: "density", Rank: field.Scalar}, TimeVarying: true, SampleVarying: true, Positive: true},
			{Field: field.Field{Name: "forcing", Rank: field.Scalar}, TimeVarying: true},
			{Field: field.Field{Name: "velocity", Rank: field.Vector}, TimeVarying: true, SampleVarying: true},
			{Field: field.Field{Name: "stress", Rank: field.Tensor}, TimeVarying: true, SampleVarying: true, Symmetric: true},
			{Field: field.Field{Name: "material", Rank: field.Scalar}, SampleVarying: true},
			{Field: field.Field{Name: "obstacle", Rank: field.Scalar}},
		},
	}
	sides := []field.Sides{field.Both(field.Periodic), field.Both(field.Wall), {Low: field.Wall, High: field.Open}}
	for i, name := range []string{"x", "y", "z"}[:dims] {
		coordinates := make([]float32, 4+i)
		for j := range coordinates {
			coordinates[j] = float32(j) / 4
		}
		h.Axes = append(h.Axes, Axis{name, coordinates})
	}
	h.Boundaries = BoundaryGroups(h.Axes, sides[:dims])
	profile := FieldInfo{Field: field.Field{Name: "profile", Rank: field.Scalar}, SampleVarying: true, AxisVarying: make([]bool, dims)}
	profile.AxisVarying[dims-1] = true
	h.Fields = append(h.Fields, profile)
	return h
}

// frameOf makes the values of a frame that tells fields, trajectories and frames apart.
func frameOf(h Header, info FieldInfo, trajectory, frame int) []float32 {
	rng := rand.New(rand.NewPCG(uint64(trajectory*1000+frame), uint64(len(info.Name))<<8|uint64(info.Name[0])))
	values := make([]float32, info.frameSize(h.sizes()))
	for i := range values {
		values[i] = 0.01 + rng.Float32()
	}
	return values
}

// writeAll writes every frame of the header's fields.
func writeAll(t *testing.T, w *Writer, h Header, values func(FieldInfo, int, int) []float32) {
	t.Helper()
	for _, info := range h.Fields {
		trajectories, frames := 1, 1
		if info.SampleVarying {
			trajectories = h.Trajectories
		}
		if info.TimeVarying {
			frames = len(h.Time)
		}
		for trajectory := range trajectories {
			for frame := range frames {
				if err := w.WriteFrame(trajectory, frame, info.Name, values(info, trajectory, frame)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// writeFile writes a file of frameOf's values and returns its path.
func writeFile(t *testing.T, h Header) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file.hdf5")
	writeFileAt(t, path, h)
	return path
}

func writeFileAt(t *testing.T, path string, h Header) {
	t.Helper()
	w, err := Create(path, h)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	writeAll(t, w, h, func(info FieldInfo, trajectory, frame int) []float32 { return frameOf(h, info, trajectory, frame) })
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func wantValues(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d values, want %d", what, len(got), len(want))
		return
	}
	same := func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }
	for i := range got {
		if !same(got[i], want[i]) {
			t.Errorf("%s: value %d is %v, want %v", what, i, got[i], want[i])
			return
		}
	}
}

func mustOpen(t *testing.T, path string) *File {
	t.Helper()
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func wantEqual[T comparable](t *testing.T, what string, got, want []T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}
