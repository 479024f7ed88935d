package sample

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/well"
	"github.com/gowalrus/walrus/well/welltest"
)

// writeFlow writes one trajectory whose value at frame t, channel c, point p is 100 t + 10 c + p.
func writeFlow(t *testing.T, path string, frames int) {
	t.Helper()
	welltest.Flow{
		Name: "flow", Grid: [2]int{3, 2}, Frames: frames, Trajectories: 1,
		Boundaries: []field.Sides{field.Both(field.Wall), field.Both(field.Periodic)},
		Variable:   []field.Field{{Name: "pressure"}, {Name: "velocity", Rank: field.Vector}},
		Constant:   []field.Field{{Name: "density"}},
		Value: func(_, frame, channel, x, y int) float64 {
			return float64(100*frame + 10*channel + 2*x + y)
		},
	}.Write(t, path)
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
	s := mustSampler(t, Options{Seed: 4}, Entry{Source: FromWell(d, windows, WellFields(d)), Batch: 2})
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
