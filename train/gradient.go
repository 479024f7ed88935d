package train

import (
	"context"
	"fmt"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/model"
	"github.com/gowalrus/walrus/network"
)

// gradientProgram computes the loss of one batch and adds its gradient to accumulators.
type gradientProgram struct {
	feed       network.Feed
	trained    []model.Weight
	accumulate bool // with accumulators as inputs
	input      bool // with the gradient of the network's input as the last output
	program    *engine.Program
}

// compileGradient builds loss = scale x sum of weight x channels x |output - target|, or its square, and its gradient with respect to
// every trained weight that the graph uses, and to the input if wanted. With a parallel feed each device computes the part
// of loss and gradient that comes from its samples; the sums over the devices are those of the batch.
func compileGradient(e *engine.Engine, feed network.Feed, l Loss, accumulate, input bool) (*gradientProgram, error) {
	p := &gradientProgram{feed: feed, accumulate: accumulate, input: input}
	for _, w := range feed.Weights() {
		if w.Trained() {
			p.trained = append(p.trained, w)
		}
	}
	if len(p.trained) == 0 && !input {
		return nil, nothingTrained(feed)
	}
	inputs := feed.Inputs()
	inputs = append(inputs, objectiveInputs(feed)...)
	first := len(inputs)
	if accumulate {
		for i, w := range p.trained {
			inputs = append(inputs, engine.Input{Name: "gradient of " + w.Name, Shape: w.Shape, Into: 1 + 1 + i}) // after the loss
		}
	}
	var err error
	compile := e.Compile
	if feed.Parallel {
		compile = e.CompileParallel
	}
	p.program, err = compile("gradient", inputs, func(in []*Node) []*Node {
		loss := feedLoss(feed, l, in, in[first-4:first])
		var nodes []*Node
		for i, w := range feed.Weights() {
			if w.Trained() {
				nodes = append(nodes, in[feed.DataInputs()+i])
			}
		}
		if input {
			nodes = append(nodes, in[0]) // the data
		}
		return append([]*Node{loss}, addTo(Gradient(loss, nodes...), in[first:])...)
	})
	return p, err
}

// nothingTrained is the error of data all of whose weights are frozen.
func nothingTrained(feed network.Feed) error {
	return fmt.Errorf("train: finetune.freeze leaves nothing to train on data with %d axes", feed.Net.Geometry.Dimensions())
}

// objectiveInputs are what lossOf compares the network's output with.
func objectiveInputs(feed network.Feed) []engine.Input {
	frames, d := feed.Net.Samples*feed.OutputFrames(), feed.Net.Geometry.Decoded()
	return []engine.Input{
		{Name: "target", Shape: []int{frames, d[0], d[1], d[2], feed.Outputs()}},
		{Name: "weight", Shape: []int{frames, d[0], d[1], d[2], 1}},
		{Name: "channels", Shape: []int{feed.Outputs()}},
		{Name: "scale", Shape: []int{1}},
	}
}

// feedLoss is the loss of the network behind the inputs, compared with the objective's (objectiveInputs). Running averages of the
// network get the mean over batches and devices of how far they are from what was seen as their gradient.
func feedLoss(feed network.Feed, l Loss, in, objective []*Node) *Node {
	y, drift := feed.Forward(in, true)
	scale := objective[3]
	loss := lossOf(l, y, objective[0], objective[1], objective[2], scale)
	if drift == nil {
		return loss
	}
	// scale is lossScale / (values on all devices x batches) (Objective.scale); what is left of it is 1 / (devices x batches).
	values := feed.Net.Samples * field.Volume(y.Shape().Dimensions[1:4]) * feed.Variable
	return Add(loss, Mul(drift, MulScalar(Reshape(scale), float64(values)/lossScale)))
}

// lossOf is scale x sum of weight x channels x the loss of y - target. y and target are (frames, X', Y', Z', C), weight is
// (frames, X', Y', Z', 1), channels (C), scale (1).
func lossOf(l Loss, y, target, weight, channels, scale *Node) *Node {
	errors := Mul(l.of(Sub(y, target)), Mul(weight, Reshape(channels, 1, 1, 1, 1, channels.Shape().Dim(0))))
	return Mul(ReduceAllSum(errors), Reshape(scale))
}

// addTo adds gradients to what batches before have added up, if anything. Gradients beyond that stay.
func addTo(gradients, sums []*Node) []*Node {
	for i, sum := range sums {
		gradients[i] = Add(gradients[i], sum)
	}
	return gradients
}

// Differentiate returns scale x sum of |output - target| where the objective counts, and its gradients: with respect to
// the weights by name, and with respect to the normalised input (B*T, points..., C). It is for checking a gradient, not
// for training: everything comes to the host.
func Differentiate(ctx context.Context, n *network.Network, e Example, o *Objective, scale float64) (loss float64, weights map[string]field.Array, input field.Array, err error) {
	feed, err := network.FeedOf(n, e.Data, o.X.Shape[0], o.X.Shape[1])
	if err != nil {
		return 0, nil, input, err
	}
	p, err := compileGradient(n.Engine, feed, AbsoluteLoss, false, true)
	if err != nil {
		return 0, nil, input, err
	}
	defer p.program.Close()
	u, err := upload(n.Engine, feed, e, o, scale)
	if err != nil {
		return 0, nil, input, err
	}
	defer u.free()
	lossValue, values, err := p.run(ctx, n, u, nil)
	if err != nil {
		return 0, nil, input, err
	}
	defer network.Free(values)
	if loss, err = sumOverDevices(lossValue); err != nil {
		return 0, nil, input, err
	}
	weights = map[string]field.Array{}
	for i, w := range p.trained {
		if weights[w.Name], err = values[i].Array(); err != nil {
			return 0, nil, input, err
		}
	}
	framed, err := values[len(p.trained)].Array()
	if err != nil {
		return 0, nil, input, err
	}
	input, err = e.Data.Geometry.Adjoint(framed, e.Rolls)
	return loss, weights, input, err
}

// uploaded is a batch on the device: the network's data and the objective's. It holds no weights.
type uploaded struct {
	feed         network.Feed
	data, target []*engine.Value
}

func upload(engine *engine.Engine, feed network.Feed, e Example, o *Objective, scale float64) (*uploaded, error) {
	u := &uploaded{feed: feed}
	var err error
	if u.data, err = feed.Values(engine, o.X, e.Data.Fields, e.Rolls, e.Keep); err != nil {
		return nil, err
	}
	factor := field.Array{Shape: []int{1}, Data: []float32{float32(scale)}}
	if u.target, err = feed.Share(engine, feed.Compared(o.Target), o.Weight); err != nil {
		u.free()
		return nil, err
	}
	same, err := network.Upload(engine, feed.Compared(o.Channels), factor)
	if err != nil {
		u.free()
		return nil, err
	}
	u.target = append(u.target, same...)
	return u, nil
}

func (u *uploaded) free() {
	network.Free(u.data)
	network.Free(u.target)
	u.data, u.target = nil, nil
}

// run returns the loss and the gradients, to which each device has contributed its part; accumulators, if any, are used up.
// Nothing is waited for.
func (p *gradientProgram) run(ctx context.Context, n *network.Network, u *uploaded, accumulators []*engine.Value) (loss *engine.Value, gradients []*engine.Value, err error) {
	inputs := append(append(append([]*engine.Value{}, u.data...), p.feed.Resident(n)...), u.target...)
	donate := make([]bool, len(inputs), len(inputs)+len(accumulators))
	if p.accumulate {
		inputs = append(inputs, accumulators...)
		for range accumulators {
			donate = append(donate, true)
		}
	}
	out, err := p.program.Run(ctx, inputs, donate)
	if err != nil {
		return nil, nil, err
	}
	return out[0], out[1:], nil
}

// sumOverDevices waits for a number that each device has a part of, frees it and adds up the parts.
func sumOverDevices(v *engine.Value) (sum float64, err error) {
	defer v.Free()
	parts, err := scalars(v)
	for _, part := range parts {
		sum += part
	}
	return sum, err
}

// scalars reads a value that holds one number on each device.
func scalars(v *engine.Value) ([]float64, error) {
	var list []float64
	err := v.ReadEach(func(_ int, flat []float32) error {
		if len(flat) != 1 {
			return fmt.Errorf("train: a scalar with %d values", len(flat))
		}
		list = append(list, float64(flat[0]))
		return nil
	})
	return list, err
}
