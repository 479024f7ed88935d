package network

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gowalrus/walrus/baseline"
	"github.com/gowalrus/walrus/checkpoint"
	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/model"
)

// Alternative is what a network other than Walrus has to be to be trained, saved, rolled out and scored like it: weights with
// names and shapes, and a graph from a history to one frame. Those of package baseline are.
type Alternative interface {
	// Weights lists every tensor that is saved.
	Weights() []model.Weight
	// CheckGrid reports data points along x, y and z that the graph can not take; an axis that the data lack has one.
	CheckGrid(points [3]int) error
	// Forward is the graph: x is [samples, x, y, z, channels], the frames of the history one after the other, each with its
	// variable fields, and then the constant fields; y is [samples, x, y, z, variable fields]. drift is a number that is 0 and
	// carries gradients to running averages (model.Weight.Average); nil for none.
	Forward(s *model.Scope, x *Node, training bool) (y, drift *Node)
}

// Baseline is such a network with what stands between it and the program's data: its channels by their columns in the
// vocabulary, without the components that only pad vectors, and what its output means. Several data sets may lack some of its
// fields; those are zero then, and not compared.
type Baseline struct {
	Alternative
	Kind               string // its name in messages
	History            int    // frames
	Variable, Constant []int  // columns of the fields that vary in time, and of those that do not
	// NextFrame says that the output is the normalised next frame; otherwise it is the normalised change, as Walrus's.
	NextFrame bool
	// Partial says that some of the data that it was trained on lacked fields.
	Partial bool

	names map[int]string // of the vocabulary's columns, for messages
}

// Channels are the numbers of input and output channels.
func (b *Baseline) Channels() (in, out int) {
	return b.History*len(b.Variable) + len(b.Constant), len(b.Variable)
}

// BaselineOf is the baseline that a configuration describes; nil if it describes a Walrus.
func BaselineOf(c checkpoint.Config) (*Baseline, error) {
	if c.Baseline == nil {
		return nil, nil
	}
	of := c.Baseline
	b := &Baseline{names: map[int]string{}, Kind: of.Kind, History: of.History, NextFrame: c.Training.PredictionType == checkpoint.PredictsFrame, Partial: of.Partial}
	for name, column := range c.Fields {
		b.names[column] = name
	}
	for _, part := range []struct {
		names []string
		to    *[]int
	}{{of.Variable, &b.Variable}, {of.Constant, &b.Constant}} {
		for _, name := range part.names {
			column, found := c.Fields[name]
			if !found {
				return nil, fmt.Errorf("network: the %s has a channel for field %s, which its vocabulary lacks", of.Kind, name)
			}
			*part.to = append(*part.to, column)
		}
	}
	kind, err := baseline.ParseKind(of.Kind)
	if err != nil {
		return nil, err
	}
	in, out := b.Channels()
	net := baseline.Config{Kind: kind, Dimensions: of.Dimensions, In: in, Out: out, Width: of.Width, Depth: of.Depth, Modes: of.Modes}
	if err := net.Validate(); err != nil {
		return nil, err
	}
	b.Alternative = net
	return b, nil
}

// NewBaseline puts the weights of a baseline on an engine.
func NewBaseline(e *engine.Engine, b *Baseline, source Source) (*Network, error) {
	n := &Network{Baseline: b, Engine: e, weights: map[string]*engine.Value{}, programs: map[string]*engine.Program{}}
	return n, n.fill(source)
}

// loadBaseline is Load for a baseline: nothing of it can be changed on the way.
func loadBaseline(e *engine.Engine, path string, c checkpoint.Config, o LoadOptions) (*Network, error) {
	weights, err := checkpoint.Open(path)
	if err != nil {
		return nil, err
	}
	defer weights.Close()
	b, err := BaselineOf(c)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := checkpoint.Match(shapesOf(b.Weights()), weights); err != nil {
		return nil, err
	}
	for _, name := range o.Fields {
		if _, found := c.Fields[name]; !found {
			return nil, fmt.Errorf("network: %s is a %s whose channels are %s; the data has %s, and only Walrus's weights can be given new fields", path, b.Kind, strings.Join(slices.Concat(c.Baseline.Variable, c.Baseline.Constant), ", "), name)
		}
	}
	if o.Columns != nil || o.AxisFrequencies || o.Position != [3]int{} {
		return nil, fmt.Errorf("network: %s is a %s; columns, axis frequencies and a position embedding are Walrus's", path, b.Kind)
	}
	return NewBaseline(e, b, Tensors(weights.Tensors(), path))
}

// picks are the data's channels, the constant ones after the variable ones, that a baseline's channels are; -1 where the data
// lacks one.
type picks struct{ variable, constant []int }

// pick finds the channels of a baseline in the data. Data that the weights were not made for is an error that names both.
func (b *Baseline) pick(d Data) (picks, error) {
	var p picks
	known := map[int]bool{}
	find := func(columns, fields []int) []int {
		at := make([]int, len(columns))
		for i, column := range columns {
			at[i] = slices.Index(fields, column)
			if at[i] >= 0 {
				known[column] = true
			}
		}
		return at
	}
	p.variable = find(b.Variable, d.Fields[:d.Variable()])
	p.constant = find(b.Constant, d.Fields[d.Variable():])
	for i, c := range p.constant {
		if c >= 0 {
			p.constant[i] = d.Variable() + c
		}
	}
	missing := 0
	for _, i := range slices.Concat(p.variable, p.constant) {
		if i < 0 {
			missing++
		}
	}
	var foreign []int
	for c, column := range d.Fields {
		if pads := c < len(d.Padding) && d.Padding[c]; !pads && !known[column] {
			foreign = append(foreign, column)
		}
	}
	if len(foreign) > 0 || missing > 0 && !b.Partial {
		return p, fmt.Errorf("network: this %s was made for the fields %s (constant: %s); the data has %s (constant: %s)", b.Kind,
			b.named(b.Variable, nil), b.named(b.Constant, nil), b.named(d.Fields[:d.Variable()], d.Padding), b.named(d.Fields[d.Variable():], nil))
	}
	return p, nil
}

// named lists the names of columns but for those that only pad.
func (b *Baseline) named(columns []int, pads []bool) string {
	var list []string
	for i, column := range columns {
		if i >= len(pads) || !pads[i] {
			list = append(list, cmp.Or(b.names[column], fmt.Sprintf("column %d", column)))
		}
	}
	return cmp.Or(strings.Join(list, ", "), "none")
}

// check reports data that a baseline can not take.
func (b *Baseline) check(d Data, frames int) (picks, error) {
	if frames != b.History {
		return picks{}, fmt.Errorf("network: a history of %d frames; this %s was made for %d", frames, b.Kind, b.History)
	}
	if err := b.CheckGrid(d.Geometry.Size()); err != nil {
		return picks{}, err
	}
	if d.Geometry.Padded() != d.Geometry.Size() {
		return picks{}, fmt.Errorf("network: data padded from %v to %v points; a %s sees the points as they are", d.Geometry.Size(), d.Geometry.Padded(), b.Kind)
	}
	return b.pick(d)
}

// input lays out a history x (B, T, points..., C) of data channels: (B, X, Y, Z, T x variable + constant).
func (p picks) input(x field.Array, size [3]int) field.Array {
	samples, frames, channels := x.Shape[0], x.Shape[1], x.Axis(-1)
	points := size[0] * size[1] * size[2]
	all := frames*len(p.variable) + len(p.constant)
	out := field.NewArray(samples, size[0], size[1], size[2], all)
	place := func(b, frame, first int, from []int) {
		source, to := x.Index(b).Index(frame).Data, out.Index(b).Data
		for i, c := range from {
			if c < 0 {
				continue
			}
			for point := range points {
				to[point*all+first+i] = source[point*channels+c]
			}
		}
	}
	for b := range samples {
		for t := range frames {
			place(b, t, t*len(p.variable), p.variable)
		}
		place(b, 0, frames*len(p.variable), p.constant)
	}
	return out
}

// output takes (B, points..., variable channels of the baseline) to the data's channels, zero where the baseline has none.
func (p picks) output(y field.Array, channels int) field.Array {
	return p.move(y, channels, func(to, from []float32) {
		for i, c := range p.variable {
			if c >= 0 {
				to[c] = from[i]
			}
		}
	})
}

// compared takes what a baseline's output is compared with, (.., data channels), to its channels.
func (p picks) compared(y field.Array) field.Array {
	return p.move(y, len(p.variable), func(to, from []float32) {
		for i, c := range p.variable {
			if c >= 0 {
				to[i] = from[c]
			}
		}
	})
}

// move rewrites the channels of every point.
func (p picks) move(a field.Array, channels int, one func(to, from []float32)) field.Array {
	shape := slices.Clone(a.Shape)
	before := shape[len(shape)-1]
	shape[len(shape)-1] = channels
	out := field.NewArray(shape...)
	for i := range len(a.Data) / before {
		one(out.Data[i*channels:][:channels], a.Data[i*before:][:before])
	}
	return out
}
