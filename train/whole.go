package train

import (
	"context"
	"fmt"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/model"
	"github.com/gowalrus/walrus/network"
)

// wholeStep is a step of one batch as one program: loss, gradient and AdamW. The gradients never leave it, so they take the
// place of what the backward pass no longer needs.
type wholeStep struct {
	feed    network.Feed
	trained []model.Weight
	program *engine.Program
}

// compileWhole builds the step. Its inputs are those of the gradient, the settings of AdamW (compileUpdate) and both moments
// of the trained weights; its outputs loss, norm, new weights and moments.
func compileWhole(e *engine.Engine, feed network.Feed, l Loss, o Optimizer) (*wholeStep, error) {
	p := &wholeStep{feed: feed}
	inputs := feed.Inputs()
	var places []int // of the trained weights among the inputs
	for i, w := range feed.Weights() {
		if w.Trained() {
			places = append(places, feed.DataInputs()+i)
			p.trained = append(p.trained, w)
		}
	}
	if len(p.trained) == 0 {
		return nil, nothingTrained(feed)
	}
	const measured = 2 // outputs before the weights
	n := len(p.trained)
	for i, at := range places {
		inputs[at].Into = 1 + measured + i
	}
	target := len(inputs)
	inputs = append(inputs, objectiveInputs(feed)...)
	optimizer := len(inputs)
	inputs = append(inputs, engine.Input{Name: "settings", Shape: []int{n, settings}})
	for k, kind := range []string{"first moment", "second moment"} {
		for i, w := range p.trained {
			inputs = append(inputs, engine.Input{Name: kind + " of " + w.Name, Shape: w.Shape, Into: 1 + measured + (1+k)*n + i})
		}
	}
	var err error
	p.program, err = e.CompileParallel("step", inputs, func(in []*Node) []*Node {
		loss := feedLoss(feed, l, in, in[target:target+4])
		values := make([]*Node, n)
		for i, at := range places {
			values[i] = in[at]
		}
		moments := in[optimizer+1:]
		return append([]*Node{loss}, o.graph(p.trained, in[optimizer], Gradient(loss, values...), values, moments[:n], moments[n:])...)
	})
	return p, err
}

// begin hands the step to the device.
func (p *wholeStep) begin(ctx context.Context, s *Stepper, u *uploaded, rate float64) (*Begun, error) {
	n := s.Network
	numbers, err := network.Upload(n.Engine, s.Optimizer.numbers(p.trained, s.moments, rate))
	if err != nil {
		return nil, err
	}
	defer network.Free(numbers)
	inputs := append(append(append([]*engine.Value{}, u.data...), p.feed.Resident(n)...), u.target...)
	donate := make([]bool, len(inputs)+1+2*len(p.trained))
	for i, w := range p.feed.Weights() {
		donate[p.feed.DataInputs()+i] = w.Trained()
	}
	inputs = append(inputs, numbers...)
	moments := momentValues(p.trained, s.moments)
	for i := range moments {
		donate[len(inputs)+i] = true
	}
	out, err := p.program.Run(ctx, append(inputs, moments...), donate)
	if err != nil {
		return nil, fmt.Errorf("train: step: %w", err)
	}
	replace(n, p.trained, s.moments, out[2:])
	return &Begun{losses: out[:1], norm: out[1]}, nil
}
