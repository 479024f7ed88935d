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
	Net      model.Net // of one device: its samples are those that the device gets
	Channels int       // C, without the flags
	Keep     bool      // with drop-path factors
	// Parallel shares the samples of a batch among all devices of the engine; otherwise the first one gets them all.
	Parallel bool
	// Baseline is the network where it is another one than Walrus: of Net, sizes and geometry count then. FeedOf sets it.
	Baseline *Baseline
	// Variable is the number of channels that vary in time.
	Variable int
	picks    picks
	// Half says that the dense weights are stored in bfloat16 (NewPredictor).
	Half bool
}

const axes = 3

// Inputs lists the data inputs, then the weights that the graph uses.
func (f Feed) Inputs() []engine.Input {
	if f.Baseline != nil {
		return f.baselineInputs()
	}
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
		list = append(list, engine.Input{Name: w.Name, Shape: w.Shape, Half: f.Half && w.Dense()})
	}
	return list
}

// FeedFor describes the graph of a Walrus whose weights need not be there, for data of one shape.
func FeedFor(net model.Net, d Data) Feed {
	net.Geometry = d.Geometry
	return Feed{Net: net, Channels: len(d.Fields), Variable: d.Variable()}
}

// FeedOf describes the graph of a network for data of one shape, whose samples one device gets. Data that the weights can not
// take is an error.
func FeedOf(n *Network, d Data, samples, frames int) (Feed, error) {
	f := FeedFor(model.Net{Config: n.Config, Samples: samples, Frames: frames, Operands: n.Engine.Operands(), Lean: n.Engine.Lean()}, d)
	f.Baseline, f.Half = n.Baseline, n.half
	if f.Baseline != nil {
		var err error
		f.picks, err = f.Baseline.check(d, frames)
		return f, err
	}
	return f, f.Check()
}

// baselineInputs are the history as one array, then the weights.
func (f Feed) baselineInputs() []engine.Input {
	size := f.Net.Geometry.Size()
	in, _ := f.Baseline.Channels()
	list := []engine.Input{{Name: "x", Shape: []int{f.Net.Samples, size[0], size[1], size[2], in}}}
	for _, w := range f.Weights() {
		list = append(list, engine.Input{Name: w.Name, Shape: w.Shape})
	}
	return list
}

// Forward is the network's graph behind its inputs: what it predicts, [frames, X', Y', Z', Outputs], and for networks with
// running averages the drift that makes them follow (Alternative); nil without.
func (f Feed) Forward(in []*Node, training bool) (y, drift *Node) {
	data, scope := f.Bind(in)
	if f.Baseline != nil {
		return f.Baseline.Forward(scope, data.X, training)
	}
	return f.Net.Forward(scope, data), nil
}

// OutputFrames is the number of frames of a sample that Forward returns.
func (f Feed) OutputFrames() int {
	if f.Baseline != nil {
		return 1
	}
	return f.Net.OutputFrames()
}

// Outputs is the number of channels that Forward returns: those of the data, or those of a baseline.
func (f Feed) Outputs() int {
	if f.Baseline != nil {
		return len(f.Baseline.Variable)
	}
	return f.Channels
}

// Compared takes what Forward's result is compared with, an array whose last axis is the data's channels, to the channels of the
// result.
func (f Feed) Compared(a field.Array) field.Array {
	if f.Baseline != nil {
		return f.picks.compared(a)
	}
	return a
}

// Weights lists the weights that the graph uses.
func (f Feed) Weights() []model.Weight {
	if f.Baseline != nil {
		return f.Baseline.Weights()
	}
	return f.Net.GraphWeights(f.Net.Geometry.Dimensions())
}

// AllWeights lists the weights of the network, also those that this graph does not use.
func (f Feed) AllWeights() []model.Weight {
	if f.Baseline != nil {
		return f.Baseline.Weights()
	}
	return f.Net.Config.Weights()
}

// DataInputs is the number of inputs before the weights.
func (f Feed) DataInputs() int {
	if f.Baseline != nil {
		return 1
	}
	n := 3 + axes
	if f.Keep {
		n++
	}
	return n
}

// Bind sorts the graph's input nodes into those of the network.
func (f Feed) Bind(in []*Node) (model.Inputs, *model.Scope) {
	data := model.Inputs{X: in[0]}
	if f.Baseline == nil {
		data.Columns, data.Outputs, data.Positions = in[1], in[2], [3]*Node{in[3], in[4], in[5]}
	}
	if f.Keep {
		data.Keep = in[3+axes]
	}
	weights := map[string]*Node{}
	for i, w := range f.Weights() {
		weights[w.Name] = in[f.DataInputs()+i]
	}
	return data, model.NewScope(weights)
}

// Values prepares the data inputs: x (B, T, points..., C) is normalised data, B counts the samples of all devices; keep is
// nil without drop path. The caller frees them.
func (f Feed) Values(e *engine.Engine, x field.Array, columns []int, rolls frame.Rolls, keep []float32) ([]*engine.Value, error) {
	if f.Baseline != nil {
		return f.Share(e, f.picks.input(x, f.Net.Geometry.Size()))
	}
	framed, err := f.Net.Geometry.Apply(x, rolls)
	if err != nil {
		return nil, err
	}
	encode, decode, err := f.Net.Columns(columns)
	if err != nil {
		return nil, err
	}
	values, err := f.Share(e, framed)
	if err != nil {
		return nil, err
	}
	same, err := Upload(e, append([]field.Array{encode, decode}, positions(f.Net.Geometry, rolls, f.Net.Blocks)...)...)
	if err != nil {
		Free(values)
		return nil, err
	}
	values = append(values, same...)
	if f.Keep {
		factors, err := f.shareFactors(e, keep, framed.Shape[0])
		if err != nil {
			Free(values)
			return nil, err
		}
		values = append(values, factors)
	}
	return values, nil
}

// Share takes arrays whose first axis counts samples, or frames of samples, to the engine: each device of a parallel feed
// gets its share of that axis. The caller frees them.
func (f Feed) Share(e *engine.Engine, arrays ...field.Array) ([]*engine.Value, error) {
	if !f.Parallel {
		return Upload(e, arrays...)
	}
	values := make([]*engine.Value, 0, len(arrays))
	for _, a := range arrays {
		parts, err := split(a, e.Devices())
		if err != nil {
			Free(values)
			return nil, err
		}
		v, err := e.UploadParts(parts)
		if err != nil {
			Free(values)
			return nil, err
		}
		values = append(values, v)
	}
	return values, nil
}

// split cuts an array into n equal parts along its first axis. They share its memory.
func split(a field.Array, n int) ([]field.Array, error) {
	if a.Shape[0]%n != 0 {
		return nil, fmt.Errorf("network: shape %v can not be shared among %d devices: expected a multiple of them", a.Shape, n)
	}
	shape := append([]int{a.Shape[0] / n}, a.Shape[1:]...)
	size := field.Volume(shape)
	parts := make([]field.Array, n)
	for i := range parts {
		parts[i] = field.Array{Shape: shape, Data: a.Data[i*size : (i+1)*size]}
	}
	return parts, nil
}

// shareFactors takes drop-path factors (blocks, 2, frames of all samples) to the engine, to each device those of its
// frames.
func (f Feed) shareFactors(e *engine.Engine, keep []float32, frames int) (*engine.Value, error) {
	rows := f.Net.Blocks * 2
	if len(keep) != rows*frames {
		return nil, fmt.Errorf("network: %d drop-path factors; expected %d for each of %d frames", len(keep), rows, frames)
	}
	n := 1
	if f.Parallel {
		n = e.Devices()
	}
	mine := frames / n
	whole := field.NewArray(n*f.Net.Blocks, 2, mine)
	for device := range n {
		for row := range rows {
			copy(whole.Data[(device*rows+row)*mine:][:mine], keep[row*frames+device*mine:])
		}
	}
	values, err := f.Share(e, whole)
	if err != nil {
		return nil, err
	}
	return values[0], nil
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
