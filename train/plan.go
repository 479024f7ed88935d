package train

import (
	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/model"
	"github.com/gowalrus/walrus/network"
)

// Plan is the memory in bytes that a program takes, known before anything runs.
type Plan struct {
	What        string `json:"what"`
	Weights     int64  `json:"weights"`
	Gradients   int64  `json:"gradients"`
	Moments     int64  `json:"moments"`     // both of the optimizer; they are updated in place
	Inputs      int64  `json:"inputs"`      // one batch
	Activations int64  `json:"activations"` // estimated from the shapes
	// Planned is the engine's own plan for what is neither input nor output; 0 if the engine does not know before a run.
	Planned int64 `json:"planned"`
}

// Total is the sum, with the engine's plan instead of the estimate where there is one.
func (p Plan) Total() int64 {
	working := p.Activations
	if p.Planned > 0 {
		working = p.Planned
	}
	return p.Weights + p.Gradients + p.Moments + p.Inputs + working
}

// PlanForward predicts the memory of a forward pass. fused says whether the engine's attention keeps no matrix of
// tokens x tokens. e may be nil: then nothing is compiled.
func PlanForward(e *engine.Engine, feed network.Feed, fused bool) (Plan, error) {
	p := newPlan("forward", feed, workingBytes(feed, false, fused))
	if e == nil {
		return p, nil
	}
	program, err := feed.Compile(e)
	if err != nil {
		return p, err
	}
	defer program.Close()
	p.Planned = program.PeakBytes()
	return p, nil
}

// PlanStep is PlanForward for a training step.
func PlanStep(e *engine.Engine, feed network.Feed, fused bool) (Plan, error) {
	p := newPlan("train_step", feed, workingBytes(feed, true, fused))
	d := feed.Net.Geometry.Decoded()
	points := int64(feed.Net.Samples*feed.OutputFrames()) * int64(field.Volume(d[:]))
	p.Inputs += 4 * points * int64(feed.Outputs()+1) // target and where it counts
	for _, w := range feed.AllWeights() {
		if w.Trained() {
			p.Moments += 2 * bytesOf(w)
		}
	}
	for _, w := range feed.Weights() {
		if w.Trained() {
			p.Gradients += bytesOf(w)
		}
	}
	if e == nil {
		return p, nil
	}
	program, err := compileGradient(e, feed, AbsoluteLoss, false, false)
	if err != nil {
		return p, err
	}
	defer program.program.Close()
	p.Planned = program.program.PeakBytes()
	return p, nil
}

// WriteStep compiles the programs of a training step on an engine that writes them (engine.OpenWriter).
func WriteStep(e *engine.Engine, feed network.Feed, o Optimizer) error {
	p, err := compileGradient(e, feed, AbsoluteLoss, false, false)
	if err != nil {
		return err
	}
	p.program.Close()
	u, err := compileUpdate(e, p.trained, o)
	if err != nil {
		return err
	}
	u.program.Close()
	w, err := compileWhole(e, feed, AbsoluteLoss, o)
	if err != nil {
		return err
	}
	w.program.Close()
	return nil
}

// newPlan counts what every program takes.
func newPlan(what string, feed network.Feed, working int64) Plan {
	p := Plan{What: what, Activations: working}
	for _, w := range feed.AllWeights() {
		if feed.Half && w.Dense() {
			p.Weights += bytesOf(w) / 2
		} else {
			p.Weights += bytesOf(w)
		}
	}
	for _, in := range feed.Inputs()[:feed.DataInputs()] {
		p.Inputs += 4 * int64(field.Volume(in.Shape))
	}
	return p
}

// workingBytes estimates the activations; of a baseline only the engine's plan knows them.
func workingBytes(feed network.Feed, train, fused bool) int64 {
	if feed.Baseline != nil {
		return 0
	}
	return feed.Net.WorkingBytes(feed.Channels, train, fused)
}

func bytesOf(w model.Weight) int64 { return 4 * int64(field.Volume(w.Shape)) }
