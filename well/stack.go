package well

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/gowalrus/walrus/field"
)

// mostValues bounds the values of one window: 32 GiB of float32.
const mostValues = 1 << 33

// stack reads fields side by side as channels: (steps, *grid, channels). Fields that do not vary along an axis are
// repeated along it. Values that are not numbers become 0 and are counted in w.
func (f *File) stack(ctx context.Context, fields []FieldInfo, w *Window, steps int) (field.Array, error) {
	channels := 0
	for _, info := range fields {
		channels += info.Rank.Components(len(f.sizes))
	}
	points := field.Volume(f.sizes)
	if channels > 0 && points > mostValues/channels/steps {
		return field.Array{}, fmt.Errorf("well: %s: %d frames of %d channels on grid %v are more than %d values; ask for fewer frames", f.path, steps, channels, f.sizes, mostValues)
	}
	out := field.NewArray(append(append([]int{steps}, f.sizes...), channels)...)
	if channels == 0 {
		return out, nil
	}
	// Frames are independent: each worker takes every n-th of them.
	workers := make([]stacker, min(steps, runtime.GOMAXPROCS(0)))
	var group sync.WaitGroup
	for i := range workers {
		group.Go(func() {
			for step := i; step < steps && workers[i].err == nil; step += len(workers) {
				workers[i].err = ctx.Err()
				if workers[i].err == nil {
					workers[i].err = workers[i].frame(f, fields, w.Spec, step, out.Index(step).Data)
				}
			}
		})
	}
	group.Wait()
	for _, worker := range workers {
		if worker.err != nil {
			return field.Array{}, worker.err
		}
		w.Replaced += worker.replaced
	}
	return out, nil
}

// stacker stacks one frame after the other, in the same memory.
type stacker struct {
	scratch  []float32
	replaced int
	err      error
}

// frame reads one step of all fields into a frame of the window.
func (s *stacker) frame(f *File, fields []FieldInfo, spec WindowSpec, step int, frame []float32) error {
	channels := len(frame) / field.Volume(f.sizes)
	first := 0
	for _, info := range fields {
		size, number := info.frameSize(f.sizes), 0
		if info.TimeVarying {
			number = spec.Start + step*spec.Stride
		}
		if size == len(frame) { // the only field: it needs no stacking
			err := f.readInto(frame, info, spec.Trajectory, number, 1, 1)
			s.replaced += replaceNaN(frame)
			return err
		}
		s.scratch = slices.Grow(s.scratch[:0], size)[:size]
		if err := f.readInto(s.scratch, info, spec.Trajectory, number, 1, 1); err != nil {
			return err
		}
		s.replaced += replaceNaN(s.scratch)
		f.place(frame, s.scratch, info, first, channels)
		first += info.Rank.Components(len(f.sizes))
	}
	return nil
}

// replaceNaN sets values that are not numbers to 0 and counts them.
func replaceNaN(values []float32) int {
	n := 0
	for i, v := range values {
		if v != v {
			values[i] = 0
			n++
		}
	}
	return n
}

// place copies one frame of a field into its channels, first and following, of a frame with so many channels.
func (f *File) place(frame, values []float32, info FieldInfo, first, channels int) {
	components := info.Rank.Components(len(f.sizes))
	// strides[i] is how far the stored values move with axis i: 0 along axes where the field does not vary.
	strides := make([]int, len(f.sizes))
	step := components
	for i := len(f.sizes) - 1; i >= 0; i-- {
		if info.varies(i) {
			strides[i] = step
			step *= f.sizes[i]
		}
	}
	to := first
	var walk func(axis, from int)
	walk = func(axis, from int) {
		if axis == len(f.sizes)-1 {
			to = placeRow(frame, values, f.sizes[axis], components, from, strides[axis], to, channels)
			return
		}
		for range f.sizes[axis] {
			walk(axis+1, from)
			from += strides[axis]
		}
	}
	walk(0, 0)
}

// placeRow copies n points along the last axis and returns where the next row's values go.
func placeRow(frame, values []float32, n, components, from, stride, to, channels int) int {
	if components == 1 {
		for range n {
			frame[to] = values[from]
			from += stride
			to += channels
		}
		return to
	}
	for range n {
		copy(frame[to:to+components], values[from:])
		from += stride
		to += channels
	}
	return to
}
