package train

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/frame"
	"github.com/gowalrus/walrus/metric"
	"github.com/gowalrus/walrus/rollout"
	"github.com/gowalrus/walrus/sample"
	"github.com/gowalrus/walrus/surrogate"
	"github.com/gowalrus/walrus/well"
)

// fromTheStart is a first predicted frame: the one after a history from frame 0.
const fromTheStart = -1

// validator scores a network on fixed windows and trajectories without any random draw.
type validator struct {
	config ValidationConfig
	sets   []scoredSet
}

// scoredSet is a split of a data set with the model as it was made for it.
type scoredSet struct {
	dataset *well.Dataset
	entry   sample.Entry
	setting surrogate.Setting
	layout  *sample.Layout
	// Of rollouts, found by plan: the first frame of the history, and the steps.
	start, steps int
}

func newValidator(s *sources, m *surrogate.Model, c ValidationConfig) (*validator, error) {
	v := &validator{config: c}
	for i, d := range s.datasets {
		set := scoredSet{dataset: d, entry: s.entries[i]}
		var err error
		if set.setting, err = m.For(d); err != nil {
			return nil, err
		}
		if set.layout, err = set.setting.Layout(d); err != nil {
			return nil, err
		}
		if c.RolloutEvery > 0 {
			if err = set.plan(c); err != nil {
				return nil, fmt.Errorf("train: validation: %s: %w", d.Folder(), err)
			}
		}
		v.sets = append(v.sets, set)
	}
	return v, nil
}

// plan finds where the rollouts of a data set begin and how long they all are: to the end of the shortest trajectory, as in the
// release, whose check of the first frame asks for one stride more than the history is long.
func (s *scoredSet) plan(c ValidationConfig) error {
	shortest := math.MaxInt
	for _, f := range s.dataset.Files() {
		shortest = min(shortest, f.Steps)
	}
	history, stride := s.setting.History, s.setting.MinStride
	first, earliest := c.First, (history+1)*stride
	if first == fromTheStart {
		first, earliest = history*stride, history*stride
	}
	steps := (shortest - first) / stride
	if first < earliest || steps < 1 || shortest <= first {
		return fmt.Errorf("rollouts from frame %d after %d frames with stride %d, and the shortest trajectory has %d frames; set validation.first to %d or later and before the end, or to %d for right after a history from frame 0, or validation.rollout_every=0",
			first, history, stride, shortest, earliest, fromTheStart)
	}
	s.start, s.steps = first-history*stride, min(steps, c.MaxRolloutSteps+history-1)
	return nil
}

// part is how many of so many windows or trajectories are scored.
func (c ValidationConfig) part(all, batch int, full bool) int {
	if full && c.FullAtEnd {
		return all
	}
	return min(all, c.Batches*batch)
}

// scores scores every data set.
func (v *validator) scores(ctx context.Context, t Task, full bool) ([]Score, error) {
	list := make([]Score, len(v.sets))
	for i, set := range v.sets {
		var e errorsOf
		var err error
		list[i] = Score{Task: t, DataSet: set.dataset.Name(), Steps: 1}
		if t.Kind == Rollout {
			list[i].Steps = set.steps
			err = set.rollouts(ctx, v.config.part(set.dataset.Trajectories(), 1, full), &e)
		} else {
			count := v.config.part(set.entry.Source.Windows(), set.entry.Batch, full)
			err = fixed(ctx, set.entry, set.layout, count, func(b *sample.Batch) error { return set.one(ctx, b, &e) })
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", set.dataset.Name(), err)
		}
		list[i].VRMSE, list[i].Persistence = metric.Median(e.ours), metric.Median(e.still)
		list[i].MAE, list[i].Windows = metric.Mean(e.absolute), len(e.ours)
	}
	return list, nil
}

// errorsOf are the errors of windows or trajectories: VRMSE of the network and of persistence, mean absolute error.
type errorsOf struct{ ours, still, absolute []float64 }

// one predicts the frame after a window.
func (s scoredSet) one(ctx context.Context, b *sample.Batch, e *errorsOf) error {
	data, err := s.setting.Data(b)
	if err != nil {
		return err
	}
	next, _, err := s.setting.Predictor.Next(ctx, data, b.Input, b.Constant, frame.Rolls{})
	if err != nil {
		return err
	}
	// The truth and persistence are 0 where predictions are: under a mask (spec 4).
	data.Hide(b.Input, b.Constant)
	data.Hide(b.Output, b.Constant)
	last := b.Input.Index(0).Index(b.Input.Shape[1] - 1)
	return e.add(s.layout, stacked(next.Index(0)), last, b.Output.Index(0))
}

// stacked is a frame as a stack of one.
func stacked(a field.Array) field.Array {
	return field.Array{Shape: append([]int{1}, a.Shape...), Data: a.Data}
}

// rollouts predicts so many trajectories, evenly spread, each from its own history. One that stops being finite is infinitely
// wrong from there on.
func (s scoredSet) rollouts(ctx context.Context, count int, e *errorsOf) error {
	all := s.dataset.Trajectories()
	for i := range count {
		c, err := rollout.ReadCase(ctx, s.dataset, s.setting, rollout.Piece{Trajectory: (2*i + 1) * all / (2 * count), First: s.start, Steps: s.steps})
		if err != nil {
			return err
		}
		result, err := rollout.Run(ctx, s.setting.Predictor, c.Start, rollout.Options{Steps: s.steps, Blocks: s.setting.Blocks})
		if err != nil && !errors.As(err, new(*rollout.NonFiniteError)) {
			return err
		}
		var prediction field.Array
		if len(result.Prediction.Data) > 0 {
			prediction = result.Prediction.Index(0)
		}
		if err = e.add(c.Layout, prediction, c.Last(), c.Truth); err != nil {
			return fmt.Errorf("%s: %w", c.Window.Origin(), err)
		}
	}
	return nil
}

// add compares frames (steps, *grid, channels) with the truth, mean over steps and over the channels that are not padding. Steps
// that the prediction lacks are infinitely wrong. last is what persistence predicts.
func (e *errorsOf) add(l *sample.Layout, prediction, last, truth field.Array) error {
	steps, predicted := truth.Shape[0], 0
	if len(prediction.Shape) > 0 {
		predicted = prediction.Shape[0]
	}
	var ours, still, absolute float64
	for t := range steps {
		persistence, err := meanError(metric.VRMSE, last, truth.Index(t), l.Padding)
		if err != nil {
			return err
		}
		variance, mean := math.Inf(1), math.Inf(1)
		if t < predicted {
			if variance, err = meanError(metric.VRMSE, prediction.Index(t), truth.Index(t), l.Padding); err != nil {
				return err
			}
			if mean, err = meanError(metric.MAE, prediction.Index(t), truth.Index(t), l.Padding); err != nil {
				return err
			}
		}
		ours, still, absolute = ours+variance/float64(steps), still+persistence/float64(steps), absolute+mean/float64(steps)
	}
	e.ours, e.still, e.absolute = append(e.ours, ours), append(e.still, still), append(e.absolute, absolute)
	return nil
}

// meanError is an error of one frame (*grid, channels), mean over the channels that are not padding.
func meanError(f metric.Func, prediction, truth field.Array, padding []bool) (float64, error) {
	errors, err := f(prediction, truth)
	if err != nil {
		return 0, err
	}
	var sum float64
	n := 0
	for c, e := range errors {
		if !padding[c] {
			sum += e
			n++
		}
	}
	return sum / float64(n), nil
}
