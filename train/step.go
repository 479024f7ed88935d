package train

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/model"
	"github.com/gowalrus/walrus/network"
)

// Stepper trains a network: it compiles the objective and the optimizer once for each shape and keeps the moments.
type Stepper struct {
	Network   *network.Network
	Optimizer Optimizer
	// Recompute recomputes every n-th block in the backward pass: less memory, more time; 0 for none.
	Recompute int
	Loss      Loss // what is minimised; empty for the release's

	moments   map[string]*Moments
	gradients map[string]*gradientProgram
	steps     map[string]*wholeStep
	whole     bool               // steps of one batch are one program also on this program's own engine
	updates   map[string]*update // by the numbers of axes in a step: 2-D and 3-D train different encoders
	team      *team              // this process's part in steps that several make; nil alone
}

// NewStepper starts with zero moments.
func NewStepper(n *network.Network, o Optimizer, recompute int) (*Stepper, error) {
	return newStepper(n, o, recompute, nil)
}

// newStepper is NewStepper for a process of a team.
func newStepper(n *network.Network, o Optimizer, recompute int, m *team) (*Stepper, error) {
	s := &Stepper{Network: n, Optimizer: o, Recompute: recompute, team: m,
		moments: map[string]*Moments{}, gradients: map[string]*gradientProgram{}, updates: map[string]*update{}, steps: map[string]*wholeStep{}}
	for _, w := range n.Weights() {
		if !w.Trained() {
			continue
		}
		if w.Average && m != nil && m.together > 1 {
			return nil, fmt.Errorf("train: %s follows the mean of whole batches (batch norm), and here %d ranks have to share a batch; give every rank batches of its own: data.accumulation of at least %d and shard 1, or --per-rank",
				w.Name, m.together, m.ranks)
		}
		zero := func(to []float32) error { clear(to); return nil }
		if err := s.setMoments(w, s.fillPiece, zero, zero, 0); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Moments returns the optimizer's memory of a weight; nil for one that is not trained.
func (s *Stepper) Moments(name string) *Moments { return s.moments[name] }

// SetMoments replaces the optimizer's memory of a weight, as a resumed run does. The functions fill arrays of the
// weight's size.
func (s *Stepper) SetMoments(w model.Weight, first, second func(to []float32) error, steps int) error {
	return s.setMoments(w, s.fillMoment, first, second, steps)
}

func (s *Stepper) setMoments(w model.Weight, fill func(model.Weight, func([]float32) error) (*engine.Value, error), first, second func(to []float32) error, steps int) error {
	m := &Moments{Steps: steps}
	var err error
	if m.First, err = fill(w, first); err != nil {
		return fmt.Errorf("train: first moment of %s: %w", w.Name, err)
	}
	if m.Second, err = fill(w, second); err != nil {
		return fmt.Errorf("train: second moment of %s: %w", w.Name, err)
	}
	if old := s.moments[w.Name]; old != nil {
		old.First.Free()
		old.Second.Free()
	}
	s.moments[w.Name] = m
	return nil
}

// Step averages the gradients of the examples, 2-D and 3-D together, and makes one optimizer step. The mean is over all
// examples, also for weights that only some of them use; weights that none uses are left alone (spec 4). The loss is the
// mean over the examples of 100 times the mean absolute error of the normalised increment; the norm is that of the averaged
// gradient before clipping.
func (s *Stepper) Step(ctx context.Context, examples []Example, rate float64) (Outcome, error) {
	p, err := s.Prepare(examples)
	if err != nil {
		return Outcome{}, err
	}
	return p.Step(ctx, rate)
}

// Prepared is a step whose examples are on the device.
type Prepared struct {
	stepper *Stepper
	batches []*uploaded
	names   []string // of the batches, where several processes make the step
	samples []int
}

// Prepare takes the examples of a step to the device. It does not read the weights, so it may run beside a step. The step
// must be made, or freed.
func (s *Stepper) Prepare(examples []Example) (*Prepared, error) {
	batches, err := s.upload(examples)
	if err != nil {
		return nil, err
	}
	p := &Prepared{stepper: s, batches: batches}
	if s.team != nil {
		for _, e := range examples {
			p.names, p.samples = append(p.names, strings.Join(e.Origins, "; ")), append(p.samples, e.Input.Shape[0])
		}
	}
	return p, nil
}

// Free lets go of a step that is not made.
func (p *Prepared) Free() { free(p.batches) }

// Step makes the step, which uses up its examples.
func (p *Prepared) Step(ctx context.Context, rate float64) (Outcome, error) {
	begun, err := p.Begin(ctx, rate)
	if err != nil {
		return Outcome{}, err
	}
	return begun.Outcome()
}

// Begin hands all of the step to the device and waits for nothing, where the engine can run beside the host. What comes
// after it on the device, another step included, finds the new weights.
func (p *Prepared) Begin(ctx context.Context, rate float64) (*Begun, error) {
	s := p.stepper
	if s.team != nil {
		return s.beginTogether(ctx, p, rate)
	}
	if s.oneProgram(len(p.batches)) {
		return s.beginWhole(ctx, p.batches[0], rate)
	}
	dimensions := dimensionsOf(p.batches)
	losses, gradients, err := s.accumulate(ctx, p.batches)
	if err != nil {
		return nil, err
	}
	u, err := s.update(dimensions...)
	if err != nil {
		network.Free(losses)
		network.Free(gradients)
		return nil, err
	}
	// Not to be interrupted: the step uses up the old weights, and a run that is stopped must still be able to save.
	norm, err := u.apply(context.WithoutCancel(ctx), s.Network, s.moments, gradients, s.Optimizer, rate)
	if err != nil {
		network.Free(losses)
		return nil, err
	}
	return &Begun{losses: losses, norm: norm}, nil
}

// oneProgram says whether a step of a number of batches is one program: where nothing is added up over batches, and XLA can
// plan for all of it at once. This program's own engine gains nothing by it.
func (s *Stepper) oneProgram(batches int) bool {
	return batches == 1 && s.team == nil && (s.whole || engine.IsXLA(s.Network.Engine.String()))
}

// beginWhole is Begin for a step that is one program.
func (s *Stepper) beginWhole(ctx context.Context, b *uploaded, rate float64) (*Begun, error) {
	defer b.free()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p, err := s.wholeStep(b.feed)
	if err != nil {
		return nil, err
	}
	// Not to be interrupted: the step uses up the old weights, and a run that is stopped must still be able to save.
	return p.begin(context.WithoutCancel(ctx), s, b, rate)
}

// wholeStep returns the compiled step for the shapes of a feed.
func (s *Stepper) wholeStep(feed network.Feed) (*wholeStep, error) {
	key := feed.Key()
	if p := s.steps[key]; p != nil {
		return p, nil
	}
	p, err := compileWhole(s.Network.Engine, feed, s.Loss, s.Optimizer)
	if err != nil {
		return nil, err
	}
	s.steps[key] = p
	return p, nil
}

// Begun is a step that is on its way: what it measures is on the device until it is asked for.
type Begun struct {
	losses []*engine.Value // one a batch, a part of each on every device
	norm   *engine.Value

	outcome *Outcome // instead, of a step that is done
}

// Outcome waits for the step. It can be asked for once.
func (b *Begun) Outcome() (o Outcome, err error) {
	if b.outcome != nil {
		return *b.outcome, nil
	}
	if o.Losses, err = eachLoss(b.losses); err != nil {
		b.norm.Free()
		return o, err
	}
	for i, loss := range o.Losses {
		o.Loss += loss // each is its part of the mean over the batches
		o.Losses[i] = loss * float64(len(o.Losses))
	}
	defer b.norm.Free()
	norms, err := scalars(b.norm)
	if err != nil {
		return o, err
	}
	o.GradientNorm = norms[0] // the same on every device
	return o, nil
}

// Free lets go of what the step measures.
func (b *Begun) Free() {
	network.Free(b.losses)
	b.norm.Free()
}

// eachLoss fetches the losses of batches, which are freed.
func eachLoss(list []*engine.Value) ([]float64, error) {
	losses := make([]float64, len(list))
	for i, v := range list {
		var err error
		if losses[i], err = sumOverDevices(v); err != nil {
			network.Free(list[i+1:])
			return nil, err
		}
	}
	return losses, nil
}

// sumLosses adds up the losses of batches, which are freed.
func sumLosses(list []*engine.Value) (total float64, err error) {
	losses, err := eachLoss(list)
	for _, loss := range losses {
		total += loss
	}
	return total, err
}

// Gradients returns the loss and the averaged gradients, one a trained weight of the graph in the order of
// Trained; on several devices each holds the part that its samples contribute. The caller frees them.
func (s *Stepper) Gradients(ctx context.Context, examples []Example) (float64, []*engine.Value, error) {
	batches, err := s.upload(examples)
	if err != nil {
		return 0, nil, err
	}
	losses, gradients, err := s.accumulate(ctx, batches)
	if err != nil {
		return 0, nil, err
	}
	loss, err := sumLosses(losses)
	if err != nil {
		network.Free(gradients)
		return 0, nil, err
	}
	return loss, gradients, nil
}

// upload takes the examples of a step to the device. It does not read the weights, so it may run beside a step.
func (s *Stepper) upload(examples []Example) (batches []*uploaded, err error) {
	if len(examples) == 0 && s.team == nil {
		return nil, fmt.Errorf("train: a step without examples")
	}
	defer func() {
		if err != nil {
			free(batches)
		}
	}()
	for _, e := range examples {
		feed, err := s.feed(e)
		if err != nil {
			return batches, err
		}
		e.NextFrame = feed.Baseline != nil && feed.Baseline.NextFrame
		o, err := NewObjective(e, feed.OutputFrames())
		if err != nil {
			return batches, err
		}
		batch, err := upload(s.Network.Engine, feed, e, o, e.scale(o, len(examples)))
		if err != nil {
			return batches, err
		}
		batches = append(batches, batch)
	}
	return batches, nil
}

// free releases batches that were not used.
func free(batches []*uploaded) {
	for _, b := range batches {
		b.free()
	}
}

// dimensionsOf lists the numbers of axes that batches have, each once and in order.
func dimensionsOf(batches []*uploaded) []int {
	var list []int
	for _, b := range batches {
		list = append(list, b.feed.Net.Geometry.Dimensions())
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// accumulate adds up the gradients of batches on the device, which are used up; the losses come one a batch. Gradients come in the order of Trained for all
// numbers of axes that the batches have.
func (s *Stepper) accumulate(ctx context.Context, batches []*uploaded) (losses, list []*engine.Value, err error) {
	dimensions := dimensionsOf(batches)
	defer free(batches)
	sums := map[string]*engine.Value{}
	defer func() {
		if err != nil {
			network.Free(losses)
			for _, v := range sums {
				v.Free()
			}
		}
	}()
	for i, b := range batches {
		p, err := s.gradient(b.feed, i > 0)
		if err != nil {
			return losses, nil, err
		}
		var before []*engine.Value
		if i > 0 {
			if before, err = s.takeSums(sums, p.trained); err != nil {
				return losses, nil, err
			}
		}
		loss, gradients, err := p.run(ctx, s.Network, b, before)
		b.free()
		if err != nil {
			network.Free(before) // where the program did not get to use them up
			return losses, nil, err
		}
		losses = append(losses, loss)
		for j, w := range p.trained {
			sums[w.Name] = gradients[j]
		}
	}
	for _, w := range s.Trained(dimensions...) {
		list = append(list, sums[w.Name])
	}
	return losses, list, nil
}

// takeSums takes the sums that a batch adds its gradients to, in place. Weights that only now get their first gradient, the
// encoder and decoder of another number of axes than the batches before had, begin at zero: that spares a program of its
// own for each shape.
func (s *Stepper) takeSums(sums map[string]*engine.Value, weights []model.Weight) ([]*engine.Value, error) {
	list := make([]*engine.Value, 0, len(weights))
	for _, w := range weights {
		v := sums[w.Name]
		if v == nil {
			var err error
			if v, err = s.Network.Engine.Fill(w.Shape, func(to []float32) error { clear(to); return nil }); err != nil {
				network.Free(list)
				return nil, fmt.Errorf("train: sum of the gradients of %s: %w", w.Name, err)
			}
		}
		delete(sums, w.Name)
		list = append(list, v)
	}
	return list, nil
}

// Trained lists the trained weights that graphs for data with the given numbers of axes use.
func (s *Stepper) Trained(dimensions ...int) []model.Weight {
	var list []model.Weight
	for _, w := range s.Network.Weights() {
		if w.Trained() && (w.Dimensions == 0 || slices.Contains(dimensions, w.Dimensions)) {
			list = append(list, w)
		}
	}
	return list
}

// feed describes the graph for the shapes of an example.
func (s *Stepper) feed(e Example) (network.Feed, error) {
	if len(e.Input.Shape) < 2 {
		return network.Feed{}, fmt.Errorf("train: input of shape %v; expected (samples, frames, points, channels)", e.Input.Shape)
	}
	if err := e.Data.Check(); err != nil {
		return network.Feed{}, err
	}
	return s.feedOf(e.Data, e.Input.Shape[0], e.Input.Shape[1], e.Keep != nil)
}

// feedOf is feed for data that is not there yet. The devices of the engine share the samples.
func (s *Stepper) feedOf(d network.Data, samples, frames int, keep bool) (network.Feed, error) {
	devices := s.Network.Engine.Devices()
	if samples%devices != 0 {
		return network.Feed{}, fmt.Errorf("train: a batch of %d on %d devices; expected a multiple of the devices", samples, devices)
	}
	feed, err := network.FeedOf(s.Network, d, samples/devices, frames)
	feed.Net.Recompute, feed.Keep, feed.Parallel = s.Recompute, keep, true
	return feed, err
}

// gradient returns the compiled gradient for the shapes of a feed.
func (s *Stepper) gradient(feed network.Feed, accumulate bool) (*gradientProgram, error) {
	key := fmt.Sprint(feed.Key(), accumulate)
	if p := s.gradients[key]; p != nil {
		return p, nil
	}
	p, err := compileGradient(s.Network.Engine, feed, s.Loss, accumulate, false)
	if err != nil {
		return nil, err
	}
	s.gradients[key] = p
	return p, nil
}

// update returns the compiled optimizer step for batches with the given numbers of axes.
func (s *Stepper) update(dimensions ...int) (*update, error) {
	key := fmt.Sprint(dimensions)
	if u := s.updates[key]; u != nil {
		return u, nil
	}
	u, err := compileUpdate(s.Network.Engine, s.Trained(dimensions...), s.Optimizer)
	if err != nil {
		return nil, err
	}
	s.updates[key] = u
	return u, nil
}

// PeakBytes is the most memory that a compiled program takes beside its inputs; 0 if the engine can not tell.
func (s *Stepper) PeakBytes() int64 {
	var peak int64
	for _, p := range s.gradients {
		peak = max(peak, p.program.PeakBytes())
	}
	for _, p := range s.steps {
		peak = max(peak, p.program.PeakBytes())
	}
	for _, u := range s.updates {
		peak = max(peak, u.program.PeakBytes())
	}
	return peak
}

// outputFrames is the number of frames that a training decodes of a history.
func (s *Stepper) outputFrames(frames int) int {
	if s.Network.Baseline != nil {
		return 1
	}
	return frames
}

// Predict returns the network's normalised increments for the frames of an example that it decodes, (B, T', points..., Cv),
// hidden where the target is: what the loss compares with Objective.Increment.
func (s *Stepper) Predict(ctx context.Context, e Example) (field.Array, error) {
	o, err := NewObjective(e, s.outputFrames(e.Input.Shape[1]))
	if err != nil {
		return field.Array{}, err
	}
	y, err := s.Network.Forward(ctx, e.Data, o.X, e.Rolls, false)
	if err != nil {
		return field.Array{}, err
	}
	y = e.Data.CutConstants(y)
	e.Data.Hide(y, e.Constant)
	return y, nil
}
