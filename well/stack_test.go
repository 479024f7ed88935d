package well

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gowalrus/walrus/field"
)

// Every kind of bit pattern, at every place of a block and of what is left over.
func TestOnlyValuesThatAreNoNumbersAreReplaced(t *testing.T) {
	numbers := []uint32{0, 1, 0x7fffff, 0x800000, 0x3f800000, 0x7f7fffff, 0x7f800000} // up to infinity
	others := []uint32{0x7f800001, 0x7fc00000, 0x7fffffff}
	rng := rand.New(rand.NewPCG(1, 2))
	for n := range 4 * nanBlock {
		for range 20 {
			values := make([]float32, n)
			for i := range values {
				kinds := numbers
				if rng.IntN(nanBlock) == 0 {
					kinds = others
				}
				values[i] = math.Float32frombits(kinds[rng.IntN(len(kinds))] | rng.Uint32()&(1<<31))
			}
			plain := slices.Clone(values)
			want, got := replaceEachNaN(plain), replaceNaN(values)
			wantValues(t, "values", values, plain)
			if got != want {
				t.Fatalf("%d values: %d replaced, want %d", n, got, want)
			}
		}
	}
}

// h5py cut this file into chunks that span frames, trajectories and half of the components of a vector. Component c of
// point p, frame f and trajectory t is 10000 t + 1000 f + 10 p + c, counted over all fields in their order.
func TestFramesThatShareChunksAreReadOnceAndRight(t *testing.T) {
	f := mustOpen(t, filepath.Join("testdata", "chunks.hdf5"))
	const channels = 5
	points := field.Volume(f.sizes)
	want := func(trajectory, frame int) []float32 {
		values := make([]float32, 0, points*channels)
		for i := range points * channels {
			values = append(values, float32(10000*trajectory+1000*frame+10*(i/channels)+i%channels))
		}
		return values
	}
	for trajectory := range f.Trajectories() {
		for _, w := range []struct{ start, stride, steps int }{{0, 1, 9}, {3, 1, 2}, {1, 3, 3}, {8, 1, 1}, {2, 2, 3}} {
			window, err := f.ReadWindow(context.Background(), trajectory, w.start, w.stride, w.steps)
			if err != nil {
				t.Fatal(err)
			}
			for i := range w.steps {
				wantValues(t, fmt.Sprint(trajectory, w, i), window.Frames.Index(i).Data, want(trajectory, w.start+i*w.stride))
			}
		}
	}
	for _, info := range f.Variable() {
		frames := make(chan streamed)
		go func() {
			defer close(frames)
			readFrames(context.Background(), f, info, nil, frames)
		}()
		n := 0
		for frame := range frames {
			if frame.err != nil {
				t.Fatal(frame.err)
			}
			trajectory, number := n/f.Steps(), n%f.Steps()
			single, err := f.ReadField(info, trajectory, number, 1, 1)
			if err != nil {
				t.Fatal(err)
			}
			wantValues(t, fmt.Sprint(info.Name, n), frame.values, single.Data)
			if frame.first != (number == 0) {
				t.Errorf("%s, frame %d of the stream: first is %v", info.Name, n, frame.first)
			}
			n++
		}
		if n != f.Trajectories()*f.Steps() {
			t.Errorf("%s: %d frames in the stream", info.Name, n)
		}
	}
}
