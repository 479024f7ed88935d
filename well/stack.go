package well

import (
	"context"
	"fmt"
	"math"
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

// frame reads one step of all fields into a frame of the window, some rows of the first axis at a time.
func (s *stacker) frame(f *File, fields []FieldInfo, spec WindowSpec, step int, frame []float32) error {
	rows, err := f.rowsAtOnce(fields, len(frame))
	if err != nil {
		return err
	}
	rowSize := len(frame) / f.sizes[0]
	sizes := slices.Clone(f.sizes)
	for row := 0; row < f.sizes[0]; row += rows {
		sizes[0] = min(rows, f.sizes[0]-row)
		part := frame[row*rowSize : (row+sizes[0])*rowSize]
		if err := s.rows(f, fields, spec, step, row, sizes, part); err != nil {
			return err
		}
	}
	return nil
}

// cacheBlock is how many bytes of a frame are stacked at a time, so that they stay in a core's cache until all fields are
// in place.
const cacheBlock = 1 << 18

// rowsAtOnce is how many rows of the first axis to stack at a time. Chunks are read whole, so that fields in chunks need
// all rows at once, as fields do that are the same in all rows.
func (f *File) rowsAtOnce(fields []FieldInfo, values int) (int, error) {
	for _, info := range fields {
		d, err := f.dataset(info)
		if err != nil {
			return 0, err
		}
		if d.Chunk != nil || !info.varies(0) {
			return f.sizes[0], nil
		}
	}
	return max(1, cacheBlock/(4*values/f.sizes[0])), nil
}

// rows reads rows, sizes[0] of them from row on, of one step of all fields.
func (s *stacker) rows(f *File, fields []FieldInfo, spec WindowSpec, step, row int, sizes []int, part []float32) error {
	channels := len(part) / field.Volume(sizes)
	first := 0
	for _, info := range fields {
		number := 0
		if info.TimeVarying {
			number = spec.Start + step*spec.Stride
		}
		d, err := f.dataset(info)
		if err != nil {
			return err
		}
		slab := frameSlab(info, d.Shape, spec.Trajectory, number, 1, 1)
		if info.varies(0) {
			axis := info.firstAxis()
			slab.Start[axis], slab.Count[axis] = row, sizes[0]
		}
		values := part // the only field needs no stacking
		size := info.frameSize(sizes)
		if size < len(part) {
			s.scratch = slices.Grow(s.scratch[:0], size)[:size]
			values = s.scratch
		}
		if err := d.ReadFloat32(values, slab); err != nil {
			return fmt.Errorf("well: %w", err)
		}
		s.replaced += replaceNaN(values)
		if size < len(part) {
			place(part, values, sizes, info, first, channels)
		}
		first += info.Rank.Components(len(sizes))
	}
	return nil
}

// nanBlock is how many values replaceNaN tests at a time.
const nanBlock = 16

// replaceNaN sets values that are not numbers to 0 and counts them. Nearly always there are none: blocks are tested with
// integers, which costs half as much as comparing each value with itself.
func replaceNaN(values []float32) int {
	n := 0
	for len(values) >= nanBlock {
		if block := values[:nanBlock]; anyNaN((*[nanBlock]float32)(block)) {
			n += replaceEachNaN(block)
		}
		values = values[nanBlock:]
	}
	return n + replaceEachNaN(values)
}

// anyNaN adds to the bits of each magnitude what carries those of a NaN, and of nothing else, into the sign's place.
func anyNaN(block *[nanBlock]float32) bool {
	const magnitude, carry = 1<<31 - 1, 1<<31 - 1 - 0xff<<23
	var a, b uint32
	for i := 0; i < nanBlock; i += 4 {
		a |= (math.Float32bits(block[i])&magnitude + carry) | (math.Float32bits(block[i+1])&magnitude + carry)
		b |= (math.Float32bits(block[i+2])&magnitude + carry) | (math.Float32bits(block[i+3])&magnitude + carry)
	}
	return (a|b)>>31 != 0
}

// replaceEachNaN is the definition that replaceNaN is tested against.
func replaceEachNaN(values []float32) int {
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
func place(frame, values []float32, sizes []int, info FieldInfo, first, channels int) {
	components := info.Rank.Components(len(sizes))
	if len(values)*channels == len(frame)*components {
		placeWhole(frame, values, components, first, channels)
		return
	}
	// strides[i] is how far the stored values move with axis i: 0 along axes where the field does not vary.
	strides := make([]int, len(sizes))
	step := components
	for i := len(sizes) - 1; i >= 0; i-- {
		if info.varies(i) {
			strides[i] = step
			step *= sizes[i]
		}
	}
	to := first
	var walk func(axis, from int)
	walk = func(axis, from int) {
		if axis == len(sizes)-1 {
			to = placeRow(frame, values, sizes[axis], components, from, strides[axis], to, channels)
			return
		}
		for range sizes[axis] {
			walk(axis+1, from)
			from += strides[axis]
		}
	}
	walk(0, 0)
}

// placeRow copies n points along the last axis and returns where the next row's values go.
func placeRow(frame, values []float32, n, components, from, stride, to, channels int) int {
	for range n {
		for c, v := range values[from : from+components] {
			frame[to+c] = v
		}
		from += stride
		to += channels
	}
	return to
}

// placeWhole is place for a field that varies along all axes: point after point, without a look at the axes.
func placeWhole(frame, values []float32, components, first, channels int) {
	to := first
	switch components {
	case 1:
		for _, v := range values {
			frame[to] = v
			to += channels
		}
	case 2:
		for i := 0; i+1 < len(values); i += 2 {
			pair := frame[to : to+2]
			pair[0], pair[1] = values[i], values[i+1]
			to += channels
		}
	default:
		for i := 0; i < len(values); i += components {
			for c, v := range values[i : i+components] {
				frame[to+c] = v
			}
			to += channels
		}
	}
}
