package welltest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/well"
)

// Flow is a data set of one file on a 2-D grid with axes x and y.
type Flow struct {
	Name         string
	Grid         [2]int
	Frames       int
	Trajectories int
	Boundaries   []field.Sides
	Variable     []field.Field
	Constant     []field.Field
	// Value is what stands at a point: channel counts the components of all fields, variable and then constant ones.
	Value func(trajectory, frame, channel, x, y int) float64
}

// Write writes the file at path and makes its folder.
func (f Flow) Write(t testing.TB, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	h := well.Header{DatasetName: f.Name, GridType: "cartesian", Time: ramp(f.Frames), Trajectories: f.Trajectories}
	for i, name := range []string{"x", "y"} {
		h.Axes = append(h.Axes, well.Axis{Name: name, Coordinates: ramp(f.Grid[i])})
	}
	h.Boundaries = well.BoundaryGroups(h.Axes, f.Boundaries)
	for _, q := range f.Variable {
		h.Fields = append(h.Fields, well.FieldInfo{Field: q, TimeVarying: true, SampleVarying: true})
	}
	for _, q := range f.Constant {
		h.Fields = append(h.Fields, well.FieldInfo{Field: q, SampleVarying: true})
	}
	w, err := well.Create(path, h)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	for trajectory := range f.Trajectories {
		first := 0
		for _, q := range h.Fields {
			frames := f.Frames
			if !q.TimeVarying {
				frames = 1
			}
			for frame := range frames {
				if err := w.WriteFrame(trajectory, frame, q.Name, f.values(trajectory, frame, first, q.Rank)); err != nil {
					t.Fatal(err)
				}
			}
			first += q.Rank.Components(2)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// values is one frame of a field whose components begin at a channel.
func (f Flow) values(trajectory, frame, first int, rank field.Rank) []float32 {
	count := rank.Components(2)
	values := make([]float32, 0, f.Grid[0]*f.Grid[1]*count)
	for x := range f.Grid[0] {
		for y := range f.Grid[1] {
			for c := range count {
				values = append(values, float32(f.Value(trajectory, frame, first+c, x, y)))
			}
		}
	}
	return values
}

// ramp is 0, 1, 2, ...
func ramp(n int) []float32 {
	values := make([]float32, n)
	for i := range values {
		values[i] = float32(i)
	}
	return values
}
