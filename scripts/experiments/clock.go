package main

import (
	"context"
	"syscall"
	"time"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/frame"
	"github.com/gowalrus/walrus/metric"
	"github.com/gowalrus/walrus/network"
	"github.com/gowalrus/walrus/surrogate"
)

// stopwatch measures the processor time of things that are done over and over. The time of all threads counts, and that of other
// programs on the same cores does not; the median leaves out compilation, which the first of them waits for.
type stopwatch struct {
	since time.Duration
	laps  []float64 // seconds
}

func (s *stopwatch) start() { s.since = processorTime() }

func (s *stopwatch) lap() {
	now := processorTime()
	s.laps = append(s.laps, (now - s.since).Seconds())
	s.since = now
}

func (s *stopwatch) median() float64 { return metric.Median(s.laps) }

// processorTime is what this process has used so far.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil { // no other cause than a wrong argument
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// timed is a predictor under a stopwatch.
type timed struct {
	surrogate.Predictor
	clock *stopwatch
}

// Next predicts the frame after a window.
func (t timed) Next(ctx context.Context, d network.Data, x, constants field.Array, rolls frame.Rolls) (field.Array, frame.Scales, error) {
	t.clock.start()
	defer t.clock.lap()
	return t.Predictor.Next(ctx, d, x, constants, rolls)
}
