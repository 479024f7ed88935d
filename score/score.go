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

// Trajectory is one trajectory's truth and what the model made of it.
type Trajectory struct {
	DataSet string
	Name    string   // for messages: file and number
	Fields  []string // one a channel
	// Channels are those to score; nil scores all. The components that only pad two-dimensional vectors have no score.
	Channels []int
	// Last is the last known frame before the rollout, (*N, C): what persistence repeats.
	Last field.Array
	// Truth and Prediction are the rollout, (steps, *N, C). The prediction of a rollout that stopped has fewer steps.
	Truth, Prediction field.Array
	// OneStep has single steps from known frames. Without any, the first step of the rollout is the one step.
	OneStep Steps
}

// Steps are independent predictions one step ahead, each from frames that are known: Before the last of them, (n, *N, C), Truth and
// Prediction the frames that follow, of the same shape.
type Steps struct{ Before, Truth, Prediction field.Array }

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

func (t Trajectory) channels() []int {
	if t.Channels != nil {
		return t.Channels
	}
	all := make([]int, len(t.Fields))
	for i := range all {
		all[i] = i
	}
	return all
}

// check verifies that all shapes agree and that the truth is finite.
func (t Trajectory) check() error {
	if len(t.Last.Shape) < 2 || t.Last.Axis(-1) != len(t.Fields) {
		return fmt.Errorf("last known frame has shape %v; expected space and %d channels", t.Last.Shape, len(t.Fields))
	}
	for _, c := range t.Channels {
		if c < 0 || c >= len(t.Fields) {
			return fmt.Errorf("channel %d asked for; there are %d", c, len(t.Fields))
		}
	}
	if len(t.channels()) == 0 {
		return fmt.Errorf("no channel to score")
	}
	for _, a := range []struct {
		name  string
		array field.Array
	}{
		{"last known frame", t.Last}, {"truth", t.Truth}, {"prediction", t.Prediction},
		{"one-step truth", t.OneStep.Truth}, {"one-step prediction", t.OneStep.Prediction}, {"frames before one step", t.OneStep.Before},
	} {
		if len(a.array.Data) != field.Volume(a.array.Shape) && len(a.array.Shape) > 0 {
			return fmt.Errorf("%s: %d values for shape %v", a.name, len(a.array.Data), a.array.Shape)
		}
	}
	if steps(t.Truth) == 0 && steps(t.OneStep.Truth) == 0 {
		return fmt.Errorf("neither a rollout nor single steps to score")
	}
	for _, a := range []struct {
		name  string
		array field.Array
	}{{"truth", t.Truth}, {"prediction", t.Prediction}, {"one-step truth", t.OneStep.Truth}} {
		if steps(a.array) > 0 && !slices.Equal(a.array.Shape[1:], t.Last.Shape) {
			return fmt.Errorf("%s has shape %v; expected steps and then %v", a.name, a.array.Shape, t.Last.Shape)
		}
	}
	if n := steps(t.Prediction); n > steps(t.Truth) {
		return fmt.Errorf("%d predicted steps, %d true ones; expected at most as many", n, steps(t.Truth))
	}
	one := t.OneStep
	if !slices.Equal(one.Truth.Shape, one.Prediction.Shape) || !slices.Equal(one.Truth.Shape, one.Before.Shape) {
		return fmt.Errorf("single steps have shapes %v (before), %v (truth) and %v (prediction); expected the same", one.Before.Shape, one.Truth.Shape, one.Prediction.Shape)
	}
	return t.checkFinite()
}

// checkFinite names the first value of the truth that no score can be computed from.
func (t Trajectory) checkFinite() error {
	scoredChannels := t.channels()
	for _, a := range []struct {
		name  string
		array field.Array
	}{{"last known frame", t.Last}, {"truth", t.Truth}, {"one-step truth", t.OneStep.Truth}, {"frames before one step", t.OneStep.Before}} {
		for i, v := range a.array.Data {
			if c := i % len(t.Fields); v-v != 0 && slices.Contains(scoredChannels, c) {
				step := i / field.Volume(t.Last.Shape)
				return fmt.Errorf("%s, field %s, step %d: %g; expected a finite number", a.name, t.Fields[c], step+1, v)
			}
		}
	}
	return nil
}

// steps is the extent of the first axis, 0 for the zero Array.
func steps(a field.Array) int {
	if len(a.Shape) == 0 {
		return 0
	}
	return a.Shape[0]
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
