package network

import (
	"fmt"
	"slices"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/frame"
	"github.com/gowalrus/walrus/sample"
)

// Data describes the arrays of one data set to the network.
type Data struct {
	Geometry *frame.Geometry
	// Grid is the data's own grid where the network works on another, that of Geometry: fields are interpolated on their way
	// in and out. nil where both are the same.
	Grid []int
	// Fields are the vocabulary's columns of the channels in order: those that vary in time first, then the constants.
	Fields []int
	// Constants is the number of constant fields at the end of Fields.
	Constants int
	// Padding marks variable channels that only pad a vector or tensor to three dimensions: always zero, never scored.
	// nil for none.
	Padding []bool
	// Mask is the index among the constants of the field named "mask" (nonzero inside obstacles), or -1.
	Mask int
	// Moving says that the mask changes in time. Arrays of constants then have frames, (B, frames, points..., Cc): those of
	// the fields that they go with, and for a prediction also the next.
	Moving bool
	// Scales normalise the channels of all windows alike; nil where each window has its own, measured as Measurement says.
	Scales      []sample.Scale
	Measurement frame.Measurement
}

// Variable is the number of channels that vary in time.
func (d Data) Variable() int { return len(d.Fields) - d.Constants }

// Check reports a description that contradicts itself.
func (d Data) Check() error {
	switch {
	case d.Geometry == nil:
		return fmt.Errorf("network: data without a geometry")
	case d.Constants < 0 || d.Variable() < 1:
		return fmt.Errorf("network: %d fields of which %d are constant; expected at least one that varies", len(d.Fields), d.Constants)
	case d.Padding != nil && len(d.Padding) != d.Variable():
		return fmt.Errorf("network: padding marks for %d channels; %d vary", len(d.Padding), d.Variable())
	case d.Mask >= d.Constants:
		return fmt.Errorf("network: mask is constant field %d of %d", d.Mask, d.Constants)
	case d.Moving && d.Mask < 0:
		return fmt.Errorf("network: a mask that moves, and no field that is it")
	case d.Scales != nil && len(d.Scales) != len(d.Fields):
		return fmt.Errorf("network: scales of %d channels; the data has %d", len(d.Scales), len(d.Fields))
	}
	return nil
}

// Normalisation returns the scales of a window x (B, T, points..., C), constant channels included.
func (d Data) Normalisation(x field.Array) (frame.Scales, error) {
	switch {
	case d.Scales == nil && d.Moving:
		return frame.MeasureAround(x, d.Measurement, d.Variable(), d.Variable()+d.Mask)
	case d.Scales == nil:
		return frame.Measure(x, d.Measurement)
	}
	column := func(of func(sample.Scale) float32) [][]float32 { // the same row for every sample
		row := make([]float32, len(d.Scales))
		for c, s := range d.Scales {
			row[c] = of(s)
		}
		return slices.Repeat([][]float32{row}, x.Shape[0])
	}
	return frame.Scales{
		Value: column(func(s sample.Scale) float32 { return s.Value }), Delta: column(func(s sample.Scale) float32 { return s.Delta }),
		Mean: column(func(s sample.Scale) float32 { return s.Mean }), DeltaMean: column(func(s sample.Scale) float32 { return s.DeltaMean }),
	}, nil
}

// points returns the extents of one frame of data as given, without appended axes.
func (d Data) points() []int {
	if d.Grid != nil {
		return d.Grid
	}
	return d.network()
}

// Given are the constant fields of count frames from frame first on: (B, count, points..., Cc) where the mask moves;
// otherwise all constants as they are.
func (d Data) Given(constants field.Array, first, count int) (field.Array, error) {
	if !d.Moving {
		return constants, nil
	}
	if len(constants.Shape) < 2 || first < 0 || constants.Shape[1] < first+count {
		return field.Array{}, fmt.Errorf("network: constant fields of shape %v; expected (samples, frames, points, channels) with the frames %d to %d: the mask moves, and must be known there",
			constants.Shape, first, first+count-1)
	}
	shape := slices.Clone(constants.Shape)
	frames := shape[1]
	shape[1] = count
	out := field.NewArray(shape...)
	size, frame := len(constants.Data)/shape[0], len(constants.Data)/(shape[0]*frames)
	for b := range shape[0] {
		copy(out.Data[b*count*frame:][:count*frame], constants.Data[b*size+first*frame:])
	}
	return out, nil
}

// Join appends the constant fields (B, points..., Cc), repeated over time, to the variable ones x (B, T, points..., Cv).
// Those of a moving mask have frames, of which the first T are taken.
func (d Data) Join(x, constants field.Array) (field.Array, error) {
	frames := x.Shape[1]
	if err := d.checkShape("fields", x, x.Shape[0], frames, d.Variable()); err != nil {
		return field.Array{}, err
	}
	if d.Constants == 0 {
		return x, nil
	}
	constants, err := d.Given(constants, 0, frames)
	if err != nil {
		return field.Array{}, err
	}
	if err := d.checkConstants(constants, x.Shape[0], frames); err != nil {
		return field.Array{}, err
	}
	all, variable := len(d.Fields), d.Variable()
	shape := append([]int(nil), x.Shape...)
	shape[len(shape)-1] = all
	out := field.NewArray(shape...)
	for b := range x.Shape[0] {
		from, fixed, to := x.Index(b).Data, constants.Index(b).Data, out.Index(b).Data
		points := len(fixed) / d.Constants // of one frame, or of all
		for i := range len(from) / variable {
			copy(to[i*all:], from[i*variable:][:variable])
			copy(to[i*all+variable:], fixed[i%points*d.Constants:][:d.Constants])
		}
	}
	return out, nil
}

// checkShape compares an array with (samples, [frames,] points..., channels); frames 0 means no axis of time.
func (d Data) checkShape(what string, a field.Array, samples, frames, channels int) error {
	want := []int{samples}
	if frames > 0 {
		want = append(want, frames)
	}
	want = append(append(want, d.points()...), channels)
	if fmt.Sprint(a.Shape) != fmt.Sprint(want) || len(a.Data) != field.Volume(want) {
		return fmt.Errorf("network: %s of shape %v; expected %v (samples, frames, points, channels)", what, a.Shape, want)
	}
	return nil
}

func (d Data) checkConstants(constants field.Array, samples, frames int) error {
	if !d.Moving {
		frames = 0
	}
	return d.checkShape("constant fields", constants, samples, frames, d.Constants)
}

// Hide sets to zero what a prediction says nothing about: padding channels, and every channel where the mask is nonzero
// (spec 4). y is (B, frames, points..., Cv) or (B, points..., Cv); where the mask moves, the last frames of the
// constants are those of y.
func (d Data) Hide(y, constants field.Array) {
	variable := d.Variable()
	masks := d.Mask >= 0 && d.Constants > 0
	if d.Padding == nil && !masks {
		return
	}
	for b := range y.Shape[0] {
		values := y.Index(b).Data
		for c := range d.Padding {
			for i := c; d.Padding[c] && i < len(values); i += variable {
				values[i] = 0
			}
		}
		if !masks {
			continue
		}
		fixed := constants.Index(b).Data
		points := len(fixed) / d.Constants
		if n := len(values) / variable; d.Moving && n < points {
			fixed, points = fixed[(points-n)*d.Constants:], n
		}
		for p := range len(values) / variable { // counted over frames and points
			if fixed[p%points*d.Constants+d.Mask] != 0 {
				clear(values[p*variable:][:variable])
			}
		}
	}
}
