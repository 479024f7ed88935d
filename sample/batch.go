package sample

import (
	"fmt"
	"slices"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/frame"
)

// Batch is a stack of windows of one data set. All of them share the grid, the boundaries and the rotation, since the
// network sees one set of boundaries a batch (spec/model.md, section 5.7).
type Batch struct {
	DataSet    string
	Input      field.Array   // (batch, frames, *grid, variable channels)
	Output     field.Array   // (batch, frames, *grid, variable channels)
	Constant   field.Array   // (batch, *grid, constant channels); empty for none. Where the mask moves: (batch, frames of input and output, *grid, ...)
	Names      []string      // of the channels, the variable ones first
	Fields     []int         // their columns in the vocabulary
	Padding    []bool        // of the variable channels; true where it only pads
	Mask       int           // constant channel that marks obstacles; -1 for none
	Moving     bool          // the mask changes in time: Constant has frames
	Scales     []Scale       // of the channels; nil where every window has its own, measured as Measurement says
	Boundaries []field.Sides // one an axis of the grid
	Origins    []string      // where each sample comes from

	Measurement   frame.Measurement
	Curvilinear   bool        // the grid is not cartesian: it is never turned
	NetworkPoints map[int]int // as in Fields
	Tokens        []int       // as in Fields
	Pad           bool        // as in Fields
	Odd           [][3]bool   // of the channels: the axes in whose mirror images the sign changes (frame.Geometry.Odd)
}

// Grid is the extents of the batch's grid.
func (b *Batch) Grid() []int {
	const lead = 2 // samples and frames
	return b.Input.Shape[lead : len(b.Input.Shape)-1]
}

// stack joins batches of one sample each.
func stack(samples []*Batch) (*Batch, error) {
	out := *samples[0]
	out.Origins = nil
	var inputs, outputs, constants []field.Array
	for _, s := range samples {
		if !slices.Equal(s.Boundaries, out.Boundaries) {
			return nil, fmt.Errorf("sample: %s has boundaries %v, %s has %v; a batch needs the same for all", s.Origins[0], s.Boundaries, samples[0].Origins[0], out.Boundaries)
		}
		inputs = append(inputs, s.Input)
		outputs = append(outputs, s.Output)
		constants = append(constants, s.Constant)
		out.Origins = append(out.Origins, s.Origins...)
	}
	for _, part := range []struct {
		from []field.Array
		to   *field.Array
	}{{inputs, &out.Input}, {outputs, &out.Output}, {constants, &out.Constant}} {
		joined, err := concatenate(part.from)
		if err != nil {
			return nil, fmt.Errorf("sample: %s: %w", out.Origins[0], err)
		}
		*part.to = joined
	}
	return &out, nil
}

// concatenate joins arrays along their first axis.
func concatenate(parts []field.Array) (field.Array, error) {
	first := parts[0]
	if len(parts) == 1 || len(first.Shape) == 0 {
		return first, nil
	}
	shape := slices.Clone(first.Shape)
	shape[0] = 0
	var data []float32
	for _, p := range parts {
		if !slices.Equal(p.Shape[1:], first.Shape[1:]) {
			return field.Array{}, fmt.Errorf("a sample has shape %v, another %v; a batch needs the same for all", first.Shape, p.Shape)
		}
		shape[0] += p.Shape[0]
		data = append(data, p.Data...)
	}
	return field.Array{Shape: shape, Data: data}, nil
}
