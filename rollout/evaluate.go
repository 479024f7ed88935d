package rollout

import (
	"context"
	"errors"
	"fmt"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/frame"
	"github.com/gowalrus/walrus/sample"
	"github.com/gowalrus/walrus/score"
	"github.com/gowalrus/walrus/surrogate"
	"github.com/gowalrus/walrus/well"
)

// Evaluation says what of a data set is predicted to be scored.
type Evaluation struct {
	First        int // first predicted frame, in frames of the data (the paper: 17)
	Stride       int
	History      int
	Steps        int   // of the rollout; as far as the data goes
	OneStep      int   // single steps a trajectory, evenly spread; 0 scores the rollout's first step
	Trajectories int   // at most so many, from the first on; 0 for all
	Grid         []int // interpolate the data to this grid first; nil for its own
	Options            // Steps, Blocks and Jitter are the model's
}

// Trajectories predicts the trajectories of a data set one by one. Rollouts that become non-finite are kept as far as
// they went: the score counts the rest as infinitely wrong.
func Trajectories(ctx context.Context, d *well.Dataset, m surrogate.Setting, e Evaluation) score.Trajectories {
	return func(yield func(score.Trajectory, error) bool) {
		e.Jitter = m.Jitter
		count := d.Trajectories()
		if e.Trajectories > 0 {
			count = min(count, e.Trajectories)
		}
		for i := range count {
			t, err := e.trajectory(ctx, d, m, i)
			if !yield(t, err) || err != nil {
				return
			}
		}
	}
}

// trajectory predicts one trajectory: the rollout, then the single steps.
func (e Evaluation) trajectory(ctx context.Context, d *well.Dataset, m surrogate.Setting, i int) (score.Trajectory, error) {
	before := (e.History) * e.Stride
	if e.First < before {
		return score.Trajectory{}, fmt.Errorf("rollout: the first predicted frame is %d, but a history of %d frames with stride %d comes before it; choose %d or later", e.First, e.History, e.Stride, before)
	}
	c, err := ReadCase(ctx, d, m, Piece{Trajectory: i, First: e.First - before, Stride: e.Stride, History: e.History, Steps: e.Steps, Grid: e.Grid})
	if err != nil {
		return score.Trajectory{}, err
	}
	if c.Truth.Shape[0] == 0 {
		return score.Trajectory{}, fmt.Errorf("rollout: %s: the data ends before frame %d; choose an earlier first frame", c.Window.Path, e.First)
	}
	o := e.Options
	o.Steps, o.Blocks = c.Truth.Shape[0], m.Blocks
	o.Seed = memberSeed(e.Seed, i)
	result, err := Run(ctx, m.Predictor, c.Start, o)
	if err != nil && !errors.As(err, new(*NonFiniteError)) {
		return score.Trajectory{}, fmt.Errorf("%s: %w", c.Window.Origin(), err)
	}
	t := score.Trajectory{
		DataSet: d.Name(), Name: c.Window.Origin(), Fields: c.Start.Names, Channels: Unpadded(c.Layout),
		Axes: d.Axes(), Lengths: d.Lengths(c.Window), Last: c.Last(), Truth: c.Truth,
	}
	for _, time := range c.Times(o.Steps) {
		t.Times = append(t.Times, float64(time))
	}
	if len(result.Prediction.Data) > 0 {
		t.Prediction = result.Prediction.Index(0)
	}
	t.OneStep, err = e.singleSteps(ctx, d, m, c, i)
	return t, err
}

// memberSeed gives every trajectory random numbers of its own.
func memberSeed(seed uint64, trajectory int) uint64 {
	return sample.Random(seed, uint64(trajectory)).Uint64()
}

// Unpadded lists the variable channels that are not padding.
func Unpadded(l *sample.Layout) []int {
	var channels []int
	for i, pads := range l.Padding {
		if !pads {
			channels = append(channels, i)
		}
	}
	return channels
}

// singleSteps predicts frames of the rollout's stretch from the frames that the data has before them.
func (e Evaluation) singleSteps(ctx context.Context, d *well.Dataset, m surrogate.Setting, c *Case, trajectory int) (score.Steps, error) {
	var s score.Steps
	possible := c.Truth.Shape[0]
	count := min(e.OneStep, possible)
	for k := range count {
		at := k * possible / count
		single, err := ReadCase(ctx, d, m, Piece{
			Trajectory: trajectory, First: c.Window.Spec.Start + at*e.Stride, Stride: e.Stride, History: e.History, Steps: 1, Grid: e.Grid,
		})
		if err != nil {
			return s, err
		}
		var rolls frame.Rolls
		if e.Jitter {
			rolls = single.Start.Data.Geometry.Draw(sample.Random(memberSeed(e.Seed, trajectory), 1<<63+uint64(at)), m.Blocks)
		}
		next, _, err := m.Predictor.Next(ctx, single.Start.Data, single.Start.History, single.Start.Constants, rolls)
		if err != nil {
			return s, fmt.Errorf("%s: %w", single.Window.Origin(), err)
		}
		s.Before = appendFrame(s.Before, single.Last())
		s.Truth = appendFrame(s.Truth, single.Truth.Index(0))
		s.Prediction = appendFrame(s.Prediction, next.Index(0))
	}
	return s, nil
}

// appendFrame adds a frame to a stack of them.
func appendFrame(stack, next field.Array) field.Array {
	count := 0
	if len(stack.Shape) > 0 {
		count = stack.Shape[0]
	}
	return field.Array{Shape: append([]int{count + 1}, next.Shape...), Data: append(stack.Data, next.Data...)}
}
