package sample

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/well"
)

// writeFlow writes one trajectory whose value at frame t, component c, point p is 100 t + 10 c + p, and a constant.
func writeFlow(t *testing.T, path string, frames int) {
	t.Helper()
	axes := []well.Axis{{Name: "x", Coordinates: []float32{0, 1, 2}}, {Name: "y", Coordinates: []float32{0, 1}}}
	h := well.Header{
		DatasetName: "flow", GridType: "cartesian", Axes: axes, Time: make([]float32, frames), Trajectories: 1,
		Boundaries: well.BoundaryGroups(axes, []field.Sides{field.Both(field.Wall), field.Both(field.Periodic)}),
		Fields: []well.FieldInfo{
			{Field: field.Field{Name: "pressure"}, TimeVarying: true, SampleVarying: true},
			{Field: field.Field{Name: "velocity", Rank: field.Vector}, TimeVarying: true, SampleVarying: true},
			{Field: field.Field{Name: "density"}},
		},
	}
	for i := range h.Time {
		h.Time[i] = float32(i)
	}
	w, err := well.Create(path, h)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	write := func(frame int, name string, first, components int) {
		values := make([]float32, 6*components)
		for i := range values {
			values[i] = float32(100*frame + 10*(first+i%components) + i/components)
		}
		if err := w.WriteFrame(0, frame, name, values); err != nil {
			t.Fatal(err)
		}
	}
	for frame := range frames {
		write(frame, "pressure", 0, 1)
		write(frame, "velocity", 1, 2)
	}
	write(0, "density", 7, 1)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestBatchesFromAFile(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "flow.hdf5")
	writeFlow(t, path, 12)
	d, err := well.OpenDataset(path, "", well.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	windows, err := d.Windows(3, 1, 1, 3)
	if err != nil {
		t.Fatal(err)
	}
	s := mustSampler(t, Options{Seed: 4}, Entry{Source: FromWell(d, windows), Batch: 2})
	strides := map[int]bool{}
	for n := range uint64(60) {
		b, err := s.Batch(ctx, n)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]int{2, 3, 3, 2, 4}, b.Input.Shape); diff != "" {
			t.Fatal(diff)
		}
		if diff := cmp.Diff([]int{2, 1, 3, 2, 4}, b.Output.Shape); diff != "" {
			t.Fatal(diff)
		}
		if diff := cmp.Diff([]int{2, 3, 2, 1}, b.Constant.Shape); diff != "" {
			t.Fatal(diff)
		}
		for i := range 2 {
			in, out := b.Input.Index(i), b.Output.Index(i)
			first, second, next := in.Index(0).Data[0], in.Index(1).Data[0], out.Index(0).Data
			stride := second - first
			strides[int(stride)] = true
			if next[0] != first+3*stride {
				t.Errorf("%s: output begins with %v, want %v", b.Origins[i], next[0], first+3*stride)
			}
			// Point 4 of the last frame: pressure, both velocities, and the padding.
			if diff := cmp.Diff([]float32{next[0] + 4, next[0] + 14, next[0] + 24, 0}, next[16:20]); diff != "" {
				t.Error(diff)
			}
		}
		if diff := cmp.Diff([]field.Sides{field.Both(field.Wall), field.Both(field.Periodic)}, b.Boundaries); diff != "" {
			t.Fatal(diff)
		}
	}
	if len(strides) != 3 {
		t.Errorf("strides %v (in hundreds) were drawn, want 3 of them", strides)
	}
}
