package train

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/gowalrus/walrus/internal/fault"
	"github.com/gowalrus/walrus/sample"
)

// preparer is a network that can take the next step's data to the device while a step runs. It must not read the
// weights: they change under it.
type preparer interface {
	// Prepare returns the step on data that is on the device, and what frees that data if the step is never made.
	Prepare(ctx context.Context, batches []Draw) (step stepFunction, discard func(), err error)
}

// stepFunction begins one optimizer step at a learning rate; outcome waits for it, and is asked for once.
type stepFunction func(ctx context.Context, rate float64) (outcome func() (Outcome, error), err error)

// upcoming is one step that is ready to be made.
type upcoming struct {
	draws   []Draw
	samples int
	step    stepFunction
	discard func()
	err     error
}

// lookahead gets the steps of a run ready in order, one before it is asked for: its data goes to the device while the
// step before it computes. What is drawn for a step depends on its number alone, so the numbers are the same.
type lookahead struct {
	loop   *Loop
	stream *sample.Stream
	cancel context.CancelFunc
	ready  chan upcoming
	worker fault.Group

	flying   *flight   // a step that began before the outcome of the one before it was there; else nil
	finished time.Time // the last step
}

// newLookahead begins with the step of a given number and ends before the last of the schedule.
func newLookahead(ctx context.Context, l *Loop, first int) *lookahead {
	ctx, cancel := context.WithCancel(ctx)
	a := &lookahead{loop: l, cancel: cancel, ready: make(chan upcoming)}
	a.stream = sample.NewStream(ctx, numbered{l}, uint64(first*l.accumulation()), l.Prefetch)
	a.worker.Go(func() { a.work(ctx, first) })
	return a
}

// work gets one step after another ready. The channel holds none: a step waits here, and only one.
func (a *lookahead) work(ctx context.Context, first int) {
	defer close(a.ready)
	for number := first; number < a.loop.Schedule.Steps(); number++ {
		var next upcoming
		if err := fault.Catch(func() error { next = a.prepare(ctx, number); return nil }); err != nil {
			next.err = err
		}
		select {
		case a.ready <- next:
		case <-ctx.Done():
			if next.discard != nil {
				next.discard()
			}
			return
		}
		if next.err != nil {
			return
		}
	}
}

// prepare reads the batches of a step and hands them to the network.
func (a *lookahead) prepare(ctx context.Context, number int) upcoming {
	l := a.loop
	next := upcoming{draws: make([]Draw, l.accumulation())}
	for i := range next.draws {
		batch, err := a.stream.Next(ctx)
		if err != nil {
			next.err = err
			return next
		}
		next.draws[i] = Draw{batch, l.random(number, i)}
		next.samples += batch.Input.Shape[0]
	}
	if p, can := l.Network.(preparer); can {
		next.step, next.discard, next.err = p.Prepare(ctx, next.draws)
		return next
	}
	next.step = func(ctx context.Context, rate float64) (func() (Outcome, error), error) {
		o, err := l.Network.Step(ctx, next.draws, rate)
		return func() (Outcome, error) { return o, nil }, err
	}
	return next
}

// next waits for the next step.
func (a *lookahead) next(ctx context.Context) (upcoming, error) {
	select {
	case next, open := <-a.ready:
		if !open {
			return next, context.Cause(ctx)
		}
		return next, next.err
	case <-ctx.Done():
		return upcoming{}, ctx.Err()
	}
}

// took is the time of a step that began at some time and is finished now, without what it waited for the step before it.
func (a *lookahead) took(began time.Time) time.Duration {
	if a.finished.After(began) {
		began = a.finished
	}
	a.finished = time.Now()
	return a.finished.Sub(began)
}

// Close stops the work and frees what was never used.
func (a *lookahead) Close() {
	a.cancel()
	if a.flying != nil && a.flying.err == nil {
		_, _ = a.flying.outcome() // nobody asks any more, but it has memory on the device
	}
	for next := range a.ready {
		if next.discard != nil {
			next.discard()
		}
	}
	a.stream.Close()
	a.worker.Wait()
}

// accumulation is the number of batches in a step.
func (l *Loop) accumulation() int { return max(1, l.Accumulation) }

// random is the generator of one batch of a step.
func (l *Loop) random(step, batch int) *rand.Rand {
	return sample.Random(l.Seed^rollStream, l.number(step, batch))
}

// number is the number in the run of one of the batches of a step.
func (l *Loop) number(step, batch int) uint64 {
	if l.Number == nil {
		return uint64(step*l.accumulation() + batch)
	}
	return uint64(l.Number(step, batch))
}

// numbered counts the batches that a process takes part in.
type numbered struct{ loop *Loop }

// Batch reads batch n of those.
func (b numbered) Batch(ctx context.Context, n uint64) (*sample.Batch, error) {
	each := uint64(b.loop.accumulation())
	return b.loop.Batches.Batch(ctx, b.loop.number(int(n/each), int(n%each)))
}
