package well

import (
	"context"
	"fmt"

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
	first := 0
	for _, info := range fields {
		if err := ctx.Err(); err != nil {
			return field.Array{}, err
		}
		values, err := f.ReadField(info, w.Spec.Trajectory, w.Spec.Start, w.Spec.Stride, steps)
		if err != nil {
			return field.Array{}, err
		}
		w.Replaced += replaceNaN(values.Data)
		components := values.Axis(-1)
		size := len(values.Data) / steps
		for step := range steps {
			frame := out.Data[step*points*channels : (step+1)*points*channels]
			f.place(frame, values.Data[step*size:(step+1)*size], info, first, channels)
		}
		first += components
	}
	return out, nil
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
	if components == channels && len(values) == len(frame) {
		copy(frame, values)
		return
	}
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
