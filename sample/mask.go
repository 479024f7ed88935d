package sample

import (
	"fmt"
	"slices"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/well"
)

// MaskName is well.MaskName: the scalar field that marks obstacles: where it is not zero nothing is predicted, learned or scored. It is
// constant, as in the released data, or changes in time where a body moves.
//
// A mask that changes is given, not predicted, as a constant field is: the network sees it in every frame of its history
// in the column that a constant mask has, and a rollout takes that of the frames to come from the data. What the file has
// under it is hidden from everything that follows, frame by frame; a mask that changes but does not move equals a constant
// one over fields that are zero under it.
const MaskName = well.MaskName

// movingMask is the index of the mask among the fields that vary in time; -1 for none.
func (f Fields) movingMask() int {
	return slices.IndexFunc(f.Variable, func(v field.Field) bool { return v.Name == MaskName && v.Rank == field.Scalar })
}

// predicted lists the fields that the network predicts: those that vary in time, less a moving mask.
func (f Fields) predicted() []field.Field {
	if i := f.movingMask(); i >= 0 {
		return slices.Delete(slices.Clone(f.Variable), i, i+1)
	}
	return f.Variable
}

// given lists the fields that it is told: the constant ones, and a moving mask last.
func (f Fields) given() []field.Field {
	if i := f.movingMask(); i >= 0 {
		return append(slices.Clone(f.Constant), f.Variable[i])
	}
	return f.Constant
}

// hiddenPoints are the values of a moving mask, (frames, *grid).
type hiddenPoints struct{ input, output []float32 }

// separate makes of a window whose mask moves one that has it among the constant fields, which get frames by it: those of
// input and output. Values under the mask become 1, which every transform takes.
func (l *Layout) separate(w *Window) (*Window, hiddenPoints, error) {
	var hidden hiddenPoints
	at, own := 0, len(l.source.Axes)
	mask := l.source.movingMask()
	for _, f := range l.source.Variable[:mask] {
		at += f.Rank.Components(own)
	}
	out := *w
	out.Input, hidden.input = without(w.Input, at)
	out.Output, hidden.output = without(w.Output, at)
	fill(out.Input, hidden.input, 1)
	fill(out.Output, hidden.output, 1)

	constants := 0
	if len(w.Constant.Shape) > 0 {
		constants = w.Constant.Axis(-1)
	}
	points := field.Volume(w.Input.Shape[1 : len(w.Input.Shape)-1])
	if len(w.Constant.Data) != points*constants {
		return w, hidden, fmt.Errorf("sample: constant fields of shape %v beside frames of shape %v", w.Constant.Shape, w.Input.Shape)
	}
	values := slices.Concat(hidden.input, hidden.output)
	shape := slices.Clone(w.Input.Shape)
	shape[0], shape[len(shape)-1] = len(values)/points, constants+1
	out.Constant = field.NewArray(shape...)
	for i, m := range values {
		to := out.Constant.Data[i*(constants+1):]
		copy(to, w.Constant.Data[i%points*constants:][:constants])
		to[constants] = m
	}
	return &out, hidden, nil
}

// without takes one channel out of an array (frames, *grid, channels): the others, as a copy, and its values.
func without(a field.Array, channel int) (rest field.Array, values []float32) {
	if len(a.Shape) == 0 { // nothing was read
		return a, nil
	}
	channels := a.Axis(-1)
	shape := slices.Clone(a.Shape)
	shape[len(shape)-1]--
	rest = field.Array{Shape: shape, Data: make([]float32, 0, field.Volume(shape))}
	for i := 0; i < len(a.Data); i += channels {
		values = append(values, a.Data[i+channel])
		rest.Data = append(rest.Data, a.Data[i:i+channel]...)
		rest.Data = append(rest.Data, a.Data[i+channel+1:i+channels]...)
	}
	return rest, values
}

// fill sets all channels of the points where a mask is not zero; no mask sets none.
func fill(a field.Array, mask []float32, value float32) {
	if len(mask) == 0 {
		return
	}
	channels := a.Axis(-1)
	for p, m := range mask {
		if m != 0 {
			for c := range channels {
				a.Data[p*channels+c] = value
			}
		}
	}
}

// hideResampled sets to 0 what an interpolated mask hides: every point that touches one which was hidden. b has one sample.
func (l *Layout) hideResampled(b *Batch) {
	_, mask := without(b.Constant.Index(0), l.Mask)
	points := field.Volume(l.source.Grid)
	input := b.Input.Shape[1] * points
	fill(b.Input, mask[:input], 0)
	if len(b.Output.Shape) > 0 {
		fill(b.Output, mask[input:], 0)
	}
}
