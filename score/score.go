package score

import (
	"context"
	"fmt"
	"iter"
	"math"
	"slices"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/metric"
)

// Config says how to score.
type Config struct {
	// Metric is what is computed; the zero value stands for the VRMSE. It must be an error, 0 for a perfect prediction.
	Metric metric.Named
	// Windows are the parts of a rollout to average over; none scores the single steps alone.
	Windows []Window
}

// Trajectories streams trajectories; an error ends the evaluation.
type Trajectories = iter.Seq2[Trajectory, error]

// Evaluate scores all trajectories, one after the other, grouped by data set in the order of their first appearance. It never holds more than one
// trajectory. Errors name the data set, the trajectory and the field.
func Evaluate(ctx context.Context, config Config, trajectories Trajectories) (*Result, error) {
	if config.Metric.Func == nil {
		config.Metric = metric.Named{Name: "VRMSE", Func: metric.VRMSE}
	}
	if config.Metric.Name == "PearsonR" {
		return nil, fmt.Errorf("score: metric PearsonR grows with the quality of a prediction; expected an error, such as VRMSE")
	}
	for _, w := range config.Windows {
		if err := w.check(); err != nil {
			return nil, err
		}
	}
	r := &Result{config: config}
	for t, err := range trajectories {
		if err != nil {
			return nil, fmt.Errorf("score: %w", err)
		}
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("score: stopped before %s, %s: %w", t.DataSet, t.Name, err)
		}
		if err := r.add(t); err != nil {
			return nil, fmt.Errorf("score: %s, %s: %w", t.DataSet, t.Name, err)
		}
	}
	if len(r.sets) == 0 {
		return nil, fmt.Errorf("score: no trajectory to score")
	}
	return r, nil
}

// pair has the model's numbers and those of persistence, one a channel.
type pair struct{ model, persistence []float64 }

// curves has the numbers of both for each step, [step][channel].
type curves struct{ model, persistence [][]float64 }

// over averages over an interval of steps.
func (c curves) over(steps metric.Interval) (pair, error) {
	model, err := steps.Over(c.model)
	if err != nil {
		return pair{}, err
	}
	persistence, err := steps.Over(c.persistence)
	return pair{model, persistence}, err
}

// scored is what stays of a trajectory.
type scored struct {
	oneStep pair
	windows []pair // as in the Config; empty where the trajectory ends before
	rollout curves
}

// add scores one trajectory and files it under its data set.
func (r *Result) add(t Trajectory) error {
	if err := t.check(); err != nil {
		return err
	}
	s, err := r.config.score(t)
	if err != nil {
		return err
	}
	names := make([]string, 0, len(t.Fields))
	for _, c := range t.channels() {
		names = append(names, t.Fields[c])
	}
	i := slices.IndexFunc(r.sets, func(d *dataSet) bool { return d.name == t.DataSet })
	if i < 0 {
		i = len(r.sets)
		r.sets = append(r.sets, &dataSet{name: t.DataSet, fields: names})
	}
	if !slices.Equal(r.sets[i].fields, names) {
		return fmt.Errorf("fields %q; the trajectories before it have %q", names, r.sets[i].fields)
	}
	r.sets[i].trajectories = append(r.sets[i].trajectories, s)
	return nil
}

// score computes what stays of a trajectory.
func (c Config) score(t Trajectory) (scored, error) {
	rollout, err := c.scoreRollout(t)
	if err != nil {
		return scored{}, err
	}
	s := scored{rollout: rollout, windows: make([]pair, len(c.Windows))}
	single, err := c.scoreSingleSteps(t)
	if err != nil {
		return scored{}, err
	}
	if len(single.model) == 0 {
		single = curves{rollout.model[:1], rollout.persistence[:1]}
	}
	if s.oneStep, err = single.over(metric.Interval{First: 0, End: len(single.model)}); err != nil {
		return scored{}, err
	}
	for i, w := range c.Windows {
		if w.First > len(rollout.model) {
			continue
		}
		if s.windows[i], err = rollout.over(metric.Interval{First: w.First - 1, End: w.Last}); err != nil {
			return scored{}, err
		}
	}
	return s, nil
}

func (c Config) scoreRollout(t Trajectory) (curves, error) {
	var list curves
	for i := range steps(t.Truth) {
		truth := t.Truth.Index(i)
		model := infinite(len(t.channels())) // where the rollout had stopped
		if i < steps(t.Prediction) {
			var err error
			if model, err = c.compare(t, t.Prediction.Index(i), truth); err != nil {
				return curves{}, fmt.Errorf("step %d: %w", i+1, err)
			}
		}
		baseline, err := c.compare(t, t.Last, truth)
		if err != nil {
			return curves{}, fmt.Errorf("step %d, persistence: %w", i+1, err)
		}
		list.model, list.persistence = append(list.model, model), append(list.persistence, baseline)
	}
	return list, nil
}

func (c Config) scoreSingleSteps(t Trajectory) (curves, error) {
	if steps(t.OneStep.Truth) == 0 {
		return curves{}, nil
	}
	var list curves
	var err error
	list.model, err = metric.Curve(c.channelsOf(t), t.OneStep.Prediction, t.OneStep.Truth)
	if err != nil {
		return curves{}, fmt.Errorf("single steps: %w", err)
	}
	list.persistence, err = metric.Curve(c.channelsOf(t), t.OneStep.Before, t.OneStep.Truth)
	if err != nil {
		return curves{}, fmt.Errorf("single steps, persistence: %w", err)
	}
	return list, nil
}

// channelsOf is the metric of the channels that are scored.
func (c Config) channelsOf(t Trajectory) metric.Func {
	return func(prediction, truth field.Array) ([]float64, error) { return c.compare(t, prediction, truth) }
}

// compare applies the metric and picks the channels; what is not finite becomes infinite.
func (c Config) compare(t Trajectory, prediction, truth field.Array) ([]float64, error) {
	all, err := c.Metric.Func(prediction, truth)
	if err != nil {
		return nil, err
	}
	if len(all) != len(t.Fields) {
		return nil, fmt.Errorf("%s has %d numbers for %d fields", c.Metric.Name, len(all), len(t.Fields))
	}
	picked := make([]float64, 0, len(all))
	for _, channel := range t.channels() {
		v := all[channel]
		if math.IsNaN(v) {
			v = math.Inf(1)
		}
		picked = append(picked, v)
	}
	return picked, nil
}

func infinite(n int) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = math.Inf(1)
	}
	return v
}
