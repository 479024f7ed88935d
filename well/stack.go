package well

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/internal/fault"
	"github.com/gowalrus/walrus/internal/hdf5"
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
	s := &stacking{file: f, window: w, out: out, channels: channels}
	first := 0
	for _, info := range fields {
		d, err := f.dataset(info)
		if err != nil {
			return field.Array{}, err
		}
		p := placement{FieldInfo: info, dataset: d, first: first}
		if d.Chunk == nil {
			s.whole = append(s.whole, p)
		} else {
			s.chunked = append(s.chunked, p)
		}
		first += info.Rank.Components(len(f.sizes))
	}
	if err := s.inChunks(ctx); err != nil {
		return field.Array{}, err
	}
	if err := s.inOnePiece(ctx); err != nil {
		return field.Array{}, err
	}
	w.Replaced += int(s.replaced.Load())
	return out, nil
}

// placement is a field on its way to channels first and following of a window.
type placement struct {
	FieldInfo
	dataset *hdf5.Dataset
	first   int
}

// stacking fills a window with fields.
type stacking struct {
	file     *File
	window   *Window
	out      field.Array // (steps, *grid, channels)
	channels int
	whole    []placement // stored in one piece
	chunked  []placement // stored in chunks
	replaced atomic.Int64
}

// number is the frame of the file that a step of the window shows.
func (s *stacking) number(p placement, step int) int {
	if !p.TimeVarying {
		return 0
	}
	return s.window.Spec.Start + step*s.window.Spec.Stride
}

// each runs work for all steps on all cores: each worker takes every n-th of them.
func (s *stacking) each(ctx context.Context, steps int, work func(step, worker int) error) error {
	errs := make([]error, min(steps, runtime.GOMAXPROCS(0)))
	var group sync.WaitGroup
	for worker := range errs {
		group.Go(func() {
			for step := worker; step < steps && errs[worker] == nil; step += len(errs) {
				if errs[worker] = ctx.Err(); errs[worker] == nil {
					errs[worker] = fault.Catch(func() error { return work(step, worker) })
				}
			}
		})
	}
	group.Wait()
	return cmp.Or(errs...)
}

// inChunks reads the fields that are stored in chunks, one after the other: a chunk may hold values of several steps, and
// is decoded once for all of them, on all cores.
func (s *stacking) inChunks(ctx context.Context) error {
	var scratch []float32
	steps := s.out.Shape[0]
	frame := len(s.out.Data) / steps
	for _, p := range s.chunked {
		size := p.frameSize(s.file.sizes)
		for step := 0; step < steps; {
			if err := ctx.Err(); err != nil {
				return err
			}
			n := p.together(p.dataset, s.number(p, step), s.window.Spec.Stride, steps-step, size)
			values := s.out.Data[step*frame:][:n*frame]
			direct := n*size == len(values) // the only field needs no stacking
			if !direct {
				scratch = slices.Grow(scratch[:0], n*size)[:n*size]
				values = scratch
			}
			slab := frameSlab(p.FieldInfo, p.dataset.Shape, s.window.Spec.Trajectory, s.number(p, step), s.window.Spec.Stride, n)
			if err := p.dataset.ReadFloat32(values, slab); err != nil {
				return fmt.Errorf("well: %w", err)
			}
			err := s.each(ctx, n, func(i, _ int) error {
				stored := values[i*size : (i+1)*size]
				s.replaced.Add(int64(replaceNaN(stored)))
				if !direct {
					place(s.out.Index(step+i).Data, stored, s.file.sizes, p.FieldInfo, p.first, s.channels)
				}
				return nil
			})
			if err != nil {
				return err
			}
			step += n
		}
	}
	return nil
}

// inOnePiece reads the fields that are stored in one piece, step by step on all cores.
func (s *stacking) inOnePiece(ctx context.Context) error {
	if len(s.whole) == 0 {
		return nil
	}
	rows := s.rowsAtOnce()
	scratch := make([][]float32, runtime.GOMAXPROCS(0))
	return s.each(ctx, s.out.Shape[0], func(step, worker int) error {
		frame := s.out.Index(step).Data
		rowSize := len(frame) / s.file.sizes[0]
		sizes := slices.Clone(s.file.sizes)
		for row := 0; row < s.file.sizes[0]; row += rows {
			sizes[0] = min(rows, s.file.sizes[0]-row)
			part := frame[row*rowSize : (row+sizes[0])*rowSize]
			if err := s.rows(step, row, sizes, part, &scratch[worker]); err != nil {
				return err
			}
		}
		return nil
	})
}

// cacheBlock is how many bytes of a frame are stacked at a time, so that they stay in a core's cache until all fields are
// in place.
const cacheBlock = 1 << 18

// rowsAtOnce is how many rows of the first axis to stack at a time. Fields that are the same in all rows need all rows.
func (s *stacking) rowsAtOnce() int {
	for _, p := range s.whole {
		if !p.varies(0) {
			return s.file.sizes[0]
		}
	}
	return max(1, cacheBlock/(4*field.Volume(s.out.Shape[2:])))
}

// rows reads rows, sizes[0] of them from row on, of one step of all fields in one piece.
func (s *stacking) rows(step, row int, sizes []int, part []float32, scratch *[]float32) error {
	for _, p := range s.whole {
		slab := frameSlab(p.FieldInfo, p.dataset.Shape, s.window.Spec.Trajectory, s.number(p, step), 1, 1)
		if p.varies(0) {
			axis := p.firstAxis()
			slab.Start[axis], slab.Count[axis] = row, sizes[0]
		}
		values := part // the only field needs no stacking
		size := p.frameSize(sizes)
		if size < len(part) {
			*scratch = slices.Grow((*scratch)[:0], size)[:size]
			values = *scratch
		}
		if err := p.dataset.ReadFloat32(values, slab); err != nil {
			return fmt.Errorf("well: %w", err)
		}
		s.replaced.Add(int64(replaceNaN(values)))
		if size < len(part) {
			place(part, values, sizes, p.FieldInfo, p.first, s.channels)
		}
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
