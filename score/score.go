package score

import (
	"context"
	"fmt"
	"iter"
	"math"
	"slices"

	"github.com/gowalrus/walrus/field"
)

// Metric compares a prediction with the truth at one time. Both have the shape (*N, C); the result has one number a channel, where lower is better.
type Metric func(prediction, truth field.Array) ([]float64, error)

// Config says how to score.
type Config struct {
	// Metric is what is computed, usually the VRMSE.
	Metric Metric
	// MetricName names it in tables (default "VRMSE").
	MetricName string
	// Windows are the parts of a rollout to average over; none scores the single steps alone.
	Windows []Window
}

// Trajectories streams trajectories; an error ends the evaluation.
type Trajectories = iter.Seq2[Trajectory, error]

// Evaluate scores all trajectories, one after the other, grouped by data set in the order of their first appearance. It never holds more than one
// trajectory. Errors name the data set, the trajectory and the field.
func Evaluate(ctx context.Context, config Config, trajectories Trajectories) (*Result, error) {
	if config.Metric == nil {
		return nil, fmt.Errorf("score: no metric given")
	}
	if config.MetricName == "" {
		config.MetricName = "VRMSE"
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

// curve holds one number a channel for each step: [step][channel].
type curve [][]float64

// scored is what stays of a trajectory: the model's scores and those of persistence.
type scored struct {
	oneStep, oneStepPersistence []float64 // per channel, mean over the single steps
	rollout, persistence        curve
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
	var s scored
	for i := range steps(t.Truth) {
		truth := t.Truth.Index(i)
		model := infinite(len(t.channels())) // where the rollout had stopped
		if i < steps(t.Prediction) {
			var err error
			if model, err = c.compare(t, t.Prediction.Index(i), truth); err != nil {
				return s, fmt.Errorf("step %d: %w", i+1, err)
			}
		}
		baseline, err := c.compare(t, t.Last, truth)
		if err != nil {
			return s, fmt.Errorf("step %d, persistence: %w", i+1, err)
		}
		s.rollout = append(s.rollout, model)
		s.persistence = append(s.persistence, baseline)
	}
	var single, singlePersistence curve
	for i := range steps(t.OneStep.Truth) {
		truth := t.OneStep.Truth.Index(i)
		model, err := c.compare(t, t.OneStep.Prediction.Index(i), truth)
		if err != nil {
			return s, fmt.Errorf("single step %d: %w", i+1, err)
		}
		baseline, err := c.compare(t, t.OneStep.Before.Index(i), truth)
		if err != nil {
			return s, fmt.Errorf("single step %d, persistence: %w", i+1, err)
		}
		single = append(single, model)
		singlePersistence = append(singlePersistence, baseline)
	}
	if len(single) == 0 {
		single, singlePersistence = s.rollout[:1], s.persistence[:1]
	}
	s.oneStep, s.oneStepPersistence = single.average(), singlePersistence.average()
	return s, nil
}

// compare applies the metric and picks the channels; what is not finite becomes infinite.
func (c Config) compare(t Trajectory, prediction, truth field.Array) ([]float64, error) {
	all, err := c.Metric(prediction, truth)
	if err != nil {
		return nil, err
	}
	if len(all) != len(t.Fields) {
		return nil, fmt.Errorf("%s has %d numbers for %d fields", c.MetricName, len(all), len(t.Fields))
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

// average is the mean over the steps, one number a channel.
func (c curve) average() []float64 {
	sum := make([]float64, len(c[0]))
	for _, step := range c {
		for i, v := range step {
			sum[i] += v / float64(len(c))
		}
	}
	return sum
}
