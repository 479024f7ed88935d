package bench

import (
	"context"
	"time"

	"github.com/gowalrus/walrus/internal/fault"
	"github.com/gowalrus/walrus/train"
)

// rate is the learning rate of the steps that are timed.
const rate = 2e-4

// steps are training steps as a run makes them: while one computes, the data of the next is prepared and goes to the device.
type steps struct {
	stepper *train.Stepper
	example train.Example
	ready   chan prepared // nil before the first step
	begun   *train.Begun  // the last step, whose loss was not asked for yet; nil before the first
}

type prepared struct {
	step *train.Prepared
	err  error
}

// prepare gets a step ready beside whatever runs.
func (s *steps) prepare() {
	s.ready = make(chan prepared, 1)
	go func(to chan<- prepared) {
		var p *train.Prepared
		err := fault.Catch(func() (err error) { p, err = s.stepper.Prepare([]train.Example{s.example}); return err })
		to <- prepared{p, err}
	}(s.ready)
}

// next hands one step to the device and waits for the loss of the one before it, as a run with Loop.LookAhead does. On an engine
// that computes on the host the step is made when it returns.
func (s *steps) next(ctx context.Context) error {
	if s.ready == nil {
		s.prepare()
	}
	p := <-s.ready
	s.ready = nil
	if p.err != nil {
		return p.err
	}
	s.prepare()
	before := s.begun
	var err error
	if s.begun, err = p.step.Begin(ctx, rate); err != nil || before == nil {
		return err
	}
	_, err = before.Outcome()
	return err
}

// row makes steps in a row, all of whose data is on the device before the first, and waits for the last alone: each takes
// the time of the device, as long as the host hands over faster than that.
func (s *steps) row(ctx context.Context, count int, r *Result) error {
	ready := make([]*train.Prepared, 0, count)
	defer func() {
		for _, p := range ready {
			p.Free()
		}
	}()
	for range count {
		p, err := s.stepper.Prepare([]train.Example{s.example})
		if err != nil {
			return err
		}
		ready = append(ready, p)
	}
	if _, err := s.begun.Outcome(); err != nil {
		return err
	}
	s.begun = nil
	began := time.Now()
	var last *train.Begun
	for _, p := range ready {
		b, err := p.Begin(ctx, rate)
		if err != nil {
			return err
		}
		if last != nil {
			last.Free()
		}
		last = b
	}
	if _, err := last.Outcome(); err != nil {
		return err
	}
	r.Device = time.Since(began).Seconds() / float64(count)
	r.Host = max(0, r.Median-r.Device)
	return nil
}

// close frees a step that was prepared and never made, and one whose loss was not asked for.
func (s *steps) close() {
	if s.begun != nil {
		s.begun.Free()
	}
	if s.ready == nil {
		return
	}
	if p := <-s.ready; p.err == nil {
		p.step.Free()
	}
}
