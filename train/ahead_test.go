package train

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/frame"
	"github.com/gowalrus/walrus/sample"
)

// noise is a source of small random batches of 2-D data, one a number.
type noise struct{}

func (noise) Batch(_ context.Context, number uint64) (*sample.Batch, error) {
	random := rand.New(rand.NewPCG(number, 0))
	b := &sample.Batch{DataSet: "noise", Input: field.NewArray(1, 3, 16, 16, 2), Output: field.NewArray(1, 1, 16, 16, 2),
		Fields: []int{3, 4}, Padding: []bool{false, false}, Mask: -1, Boundaries: []field.Sides{field.Both(field.Periodic), field.Both(field.Wall)}}
	for _, a := range []field.Array{b.Input, b.Output} {
		for i := range a.Data {
			a.Data[i] = float32(random.NormFloat64())
		}
	}
	return b, nil
}

// onlyStep hides that a network can prepare steps.
type onlyStep struct{ inner stepNetwork }

func (n onlyStep) Step(ctx context.Context, draws []Draw, rate float64) (Outcome, error) {
	return n.inner.Step(ctx, draws, rate)
}

func TestUploadsBesideTheStepChangeNoNumber(t *testing.T) {
	losses := func(hide, lookAhead bool) []float64 {
		n, _ := smallNetwork(t, 0.2)
		stepper, err := NewStepper(n, ReleasedOptimizer(), 0)
		if err != nil {
			t.Fatal(err)
		}
		net := stepNetwork{stepper, frame.Options{Tokens: 8}, true, 0.5}
		var list []float64
		schedule := DefaultSchedule()
		schedule.Epochs, schedule.EpochSteps, schedule.Warmup, schedule.Cooldown = 1, 6, 0, 0
		loop := Loop{Network: net, Batches: noise{}, Schedule: schedule, Seed: 3, Accumulation: 2, Prefetch: 1, LookAhead: lookAhead,
			Progress: func(p Progress) { list = append(list, p.Loss) }}
		if hide {
			loop.Network = onlyStep{net}
		}
		if _, err := loop.Run(context.Background(), State{}); err != nil {
			t.Fatal(err)
		}
		return list
	}
	plain := losses(true, false)
	for _, lookAhead := range []bool{false, true} {
		if ahead := losses(false, lookAhead); len(plain) != 6 || !slices.Equal(ahead, plain) {
			t.Errorf("losses of 6 steps with uploads ahead, steps ahead %v: %v, without %v", lookAhead, ahead, plain)
		}
	}
}

// counted counts the steps that were prepared and not discarded or made.
type counted struct {
	pending, prepared int
	fail              int // the step that fails
}

func (c *counted) Step(context.Context, []Draw, float64) (Outcome, error) {
	return Outcome{}, errors.New("not prepared")
}

func (c *counted) Prepare(context.Context, []Draw) (stepFunction, func(), error) {
	c.prepared++
	c.pending++
	number := c.prepared
	step := func(context.Context, float64) (func() (Outcome, error), error) {
		if number == c.fail {
			return nil, errors.New("broken")
		}
		return func() (Outcome, error) { return Outcome{Loss: 1}, nil }, nil
	}
	return step, func() { c.pending-- }, nil
}

func TestStepsThatAreNeverMadeAreDiscarded(t *testing.T) {
	for _, fail := range []int{0, 1, 3} {
		network := &counted{fail: fail}
		schedule := DefaultSchedule()
		schedule.Epochs, schedule.EpochSteps, schedule.Warmup, schedule.Cooldown = 1, 5, 0, 0
		loop := Loop{Network: network, Batches: noise{}, Schedule: schedule}
		state, err := loop.Run(context.Background(), State{})
		made := state.Step
		if fail > 0 {
			made++ // the one that failed was made too
		}
		if (err != nil) != (fail > 0) || network.pending != made || network.prepared > 5 {
			t.Errorf("step %d fails: %d prepared, %d not discarded, %d made, error %v", fail, network.prepared, network.pending, made, err)
		}
	}
}
