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

// Forecasts streams forecasts; an error ends the evaluation.
type Forecasts = iter.Seq2[Forecast, error]

// Evaluate scores all forecasts, one after the other, grouped by data set in the order of their first appearance. It never holds more than one
// of them. Errors name the data set, the trajectory and the field.
func Evaluate(ctx context.Context, p Protocol, forecasts Forecasts) (*Result, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	r := newResult(p)
	for f, err := range forecasts {
		if err != nil {
			return nil, fmt.Errorf("score: %w", err)
		}
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("score: stopped before %s, %s: %w", f.DataSet, f.Name, err)
		}
		if err := r.add(f); err != nil {
			return nil, fmt.Errorf("score: %s, %s: %w", f.DataSet, f.Name, err)
		}
	}
	if len(r.sets) == 0 {
		return nil, fmt.Errorf("score: nothing to score")
	}
	return r, nil
}

// newResult has no scores yet.
func newResult(p Protocol) *Result {
	r := &Result{protocol: p}
	for _, m := range p.Metrics {
		for _, name := range m.Names {
			r.quantities = append(r.quantities, quantity{name, m.Grows})
		}
	}
	return r
}

// quantity is one number that a metric gives.
type quantity struct {
	name  string
	grows bool // with the quality of a prediction
}

// worst is what a prediction that is not finite scores.
func (q quantity) worst() float64 {
	if q.grows {
		return math.Inf(-1)
	}
	return math.Inf(1)
}

// better says whether a score is better than another.
func (q quantity) better(a, b float64) bool {
	if q.grows {
		return a > b
	}
	return a < b
}

// numbers has the scores of one step: of the model and of persistence, [quantity][field], the mean over fields last where there are several.
type numbers struct{ model, persistence [][]float64 }

// scored is what stays of a forecast.
type scored struct {
	trajectory, first int
	steps             []numbers
}

// dataSet holds what stays of a data set's forecasts.
type dataSet struct {
	name              string
	fields            []string // AllFields last, where there are several
	singles, rollouts []scored
	physics           []PhysicsRecord // of the rollouts, where they were asked for
}

// add scores one forecast and files it under its data set.
func (r *Result) add(f Forecast) error {
	if err := f.check(); err != nil {
		return err
	}
	names := make([]string, 0, len(f.Fields)+1)
	for _, c := range f.channels() {
		names = append(names, f.Fields[c])
	}
	if len(names) > 1 {
		names = append(names, AllFields)
	}
	s := scored{trajectory: f.Trajectory, first: f.First}
	record, err := r.record(f)
	if err != nil {
		return err
	}
	for step, err := range f.each() {
		i := len(s.steps)
		if err == nil {
			err = f.checkStep(i, step)
		}
		if err != nil {
			return err
		}
		n, err := r.step(f, i, step)
		if err == nil && record != nil {
			err = record.Add(i+1, step.Truth, step.Prediction)
		}
		if err != nil {
			return fmt.Errorf("step %d: %w", i+1, err)
		}
		s.steps = append(s.steps, n)
	}
	if n := len(s.steps); n == 0 || n != f.steps() && !f.MayEnd {
		return fmt.Errorf("%d steps; %d were announced", len(s.steps), f.steps())
	}
	if err := r.place(f.DataSet, names, f.OneStep, s); err != nil {
		return err
	}
	if record != nil {
		d := r.set(f.DataSet)
		d.physics = append(d.physics, PhysicsRecord{DataSet: d.name, Trajectory: f.Trajectory, First: f.First, Steps: len(s.steps), Times: f.Times, Record: record})
	}
	return nil
}

// place puts the scores of a forecast under its data set.
func (r *Result) place(name string, fields []string, oneStep bool, s scored) error {
	d := r.set(name)
	if d == nil {
		d = &dataSet{name: name, fields: fields}
		r.sets = append(r.sets, d)
	}
	if !slices.Equal(d.fields, fields) {
		return fmt.Errorf("fields %q; the forecasts before it have %q", fields, d.fields)
	}
	if oneStep {
		d.singles = append(d.singles, s)
	} else {
		d.rollouts = append(d.rollouts, s)
	}
	return nil
}

// set finds a data set; nil for none.
func (r *Result) set(name string) *dataSet {
	for _, d := range r.sets {
		if d.name == name {
			return d
		}
	}
	return nil
}

// step scores one step of a forecast, counted from 0.
func (r *Result) step(f Forecast, i int, s Step) (numbers, error) {
	var n numbers
	truth := f.frame(s.Truth, i)
	persistence, err := r.compare(f, f.frame(f.Last, i), truth)
	if err != nil {
		return n, fmt.Errorf("persistence: %w", err)
	}
	n.persistence = persistence
	if len(s.Prediction.Shape) > 0 {
		n.model, err = r.compare(f, f.frame(s.Prediction, i), truth)
		return n, err
	}
	for q, values := range persistence { // the rollout had stopped
		n.model = append(n.model, slices.Repeat([]float64{r.quantities[q].worst()}, len(values)))
	}
	return n, nil
}

// compare applies all metrics, picks the channels and appends their mean; what is not a number becomes the worst there is.
func (r *Result) compare(f Forecast, prediction, truth field.Array) ([][]float64, error) {
	var rows [][]float64
	for _, m := range r.protocol.Metrics {
		values, err := m.Compare(prediction, truth)
		if err != nil {
			return nil, err
		}
		for i, all := range values {
			if len(all) != len(f.Fields) {
				return nil, fmt.Errorf("%s has %d numbers for %d fields", m.Names[i], len(all), len(f.Fields))
			}
			picked := make([]float64, 0, len(all)+1)
			for _, channel := range f.channels() {
				v := all[channel]
				if math.IsNaN(v) {
					v = r.quantities[len(rows)].worst()
				}
				picked = append(picked, v)
			}
			if len(picked) > 1 {
				picked = append(picked, metric.Mean(picked))
			}
			rows = append(rows, picked)
		}
	}
	if len(rows) != len(r.quantities) {
		return nil, fmt.Errorf("metrics gave %d numbers, %d are named", len(rows), len(r.quantities))
	}
	return rows, nil
}
