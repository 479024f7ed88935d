package network

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/frame"
	"github.com/gowalrus/walrus/model"
)

// Feed is the order of a graph's inputs: the data first, then the weights. Every program that contains the network
// (forward, gradient, ...) starts with these.
type Feed struct {
	Net      model.Net
	Channels int  // C, without the flags
	Keep     bool // with drop-path factors
}

const axes = 3

// Inputs lists the data inputs, then the weights that the graph uses.
func (f Feed) Inputs() []engine.Input {
	padded, tokens := f.Net.Geometry.Padded(), f.Net.Geometry.Tokens()
	frames := f.Net.Samples * f.Net.Frames
	list := []engine.Input{
		{Name: "x", Shape: []int{frames, padded[0], padded[1], padded[2], f.Channels + frame.FlagChannels}},
		{Name: "columns", Shape: []int{f.Channels + frame.FlagChannels, f.Net.States}},
		{Name: "outputs", Shape: []int{f.Channels, f.Net.States}},
	}
	for i := range axes {
		list = append(list, engine.Input{Name: fmt.Sprintf("positions%d", i), Shape: []int{f.Net.Blocks, tokens[i]}})
	}
	if f.Keep {
		list = append(list, engine.Input{Name: "keep", Shape: []int{f.Net.Blocks, 2, frames}})
	}
	for _, w := range f.Weights() {
		list = append(list, engine.Input{Name: w.Name, Shape: w.Shape})
	}
	return list
}

// Weights lists the weights that the graph uses.
func (f Feed) Weights() []model.Weight { return f.Net.GraphWeights(f.Net.Geometry.Dimensions()) }

// DataInputs is the number of inputs before the weights.
func (f Feed) DataInputs() int {
	n := 3 + axes
	if f.Keep {
		n++
	}
	return n
}

// Bind sorts the graph's input nodes into those of the network.
func (f Feed) Bind(in []*Node) (model.Inputs, *model.Scope) {
	data := model.Inputs{X: in[0], Columns: in[1], Outputs: in[2], Positions: [3]*Node{in[3], in[4], in[5]}}
	if f.Keep {
		data.Keep = in[3+axes]
	}
	weights := map[string]*Node{}
	for i, w := range f.Weights() {
		weights[w.Name] = in[f.DataInputs()+i]
	}
	return data, model.NewScope(weights)
}

// Values prepares the data inputs: x (B, T, points..., C) is normalised data; keep is nil without drop path. The caller
// frees them.
func (f Feed) Values(e *engine.Engine, x field.Array, columns []int, rolls frame.Rolls, keep []float32) ([]*engine.Value, error) {
	framed, err := f.Net.Geometry.Apply(x, rolls)
	if err != nil {
		return nil, err
	}
	encode, decode, err := f.Net.Columns(columns)
	if err != nil {
		return nil, err
	}
	arrays := []field.Array{framed, encode, decode}
	arrays = append(arrays, positions(f.Net.Geometry, rolls, f.Net.Blocks)...)
	if f.Keep {
		arrays = append(arrays, field.Array{Shape: []int{f.Net.Blocks, 2, f.Net.Samples * f.Net.Frames}, Data: keep})
	}
	return Upload(e, arrays...)
}

// positions are the coordinates of the rotary embedding as one array an axis: (blocks, tokens).
func positions(g *frame.Geometry, rolls frame.Rolls, blocks int) []field.Array {
	tokens := g.Tokens()
	out := make([]field.Array, axes)
	for i := range out {
		out[i] = field.NewArray(blocks, tokens[i])
	}
	for b, row := range g.Positions(rolls, blocks) {
		for i := range out {
			copy(out[i].Data[b*tokens[i]:], row[i])
		}
	}
	return out
}

// Upload copies arrays to the engine; on an error nothing stays there.
func Upload(e *engine.Engine, arrays ...field.Array) ([]*engine.Value, error) {
	values := make([]*engine.Value, 0, len(arrays))
	for _, a := range arrays {
		v, err := e.Upload(a)
		if err != nil {
			Free(values)
			return nil, err
		}
		values = append(values, v)
	}
	return values, nil
}

// Free releases values.
func Free(values []*engine.Value) {
	for _, v := range values {
		v.Free()
	}
}

// Resident returns the weights that the graph uses, in the order of Inputs.
func (f Feed) Resident(n *Network) []*engine.Value {
	var values []*engine.Value
	for _, w := range f.Weights() {
		values = append(values, n.Weight(w.Name))
	}
	return values
}
