package score

import (
	"slices"

	"github.com/gowalrus/walrus/metric"
)

// AllFields is the name of the mean over a data set's fields.
const AllFields = "all fields"

// OneStepName is the name of the scores one step ahead, beside the windows.
const OneStepName = "one-step"

// Summary is a score over windows (one step ahead) or trajectories: the median, as the paper's tables have it, the mean, the unbiased
// standard deviation and the quartiles.
type Summary struct{ Median, Mean, Std, Low, High float64 }

func summary(values []float64) Summary {
	return Summary{metric.Median(values), metric.Mean(values), metric.Std(values), metric.Quantile(values, 0.25), metric.Quantile(values, 0.75)}
}

// Score is one line of the result.
type Score struct {
	DataSet string
	Metric  string
	Grows   bool   // the metric, with the quality of a prediction
	Field   string // or AllFields
	// Window is OneStepName or steps such as "1:20". A window that reaches beyond the rollouts ends where they do.
	Window      string
	Count       int // windows (one step ahead) or trajectories
	Model       Summary
	Persistence Summary
}

// Better says whether the model's median is better than that of persistence.
func (s Score) Better() bool {
	return quantity{grows: s.Grows}.better(s.Model.Median, s.Persistence.Median)
}

// Result holds the scores of all forecasts.
type Result struct {
	// Plans say what of each data set was scored; tables name it where it is given.
	Plans      []Plan
	protocol   Protocol
	quantities []quantity
	sets       []*dataSet
}

// Scores lists the summaries by data set, metric, window (one step first) and field (the mean over all last, where there are several).
func (r *Result) Scores() []Score {
	var list []Score
	for _, d := range r.sets {
		windows := r.protocol.For(d.name).WindowsOf(d.longest())
		for q, quantity := range r.quantities {
			for i := -1; i < len(windows); i++ {
				from, name, window := d.singles, OneStepName, Window{1, 1}
				if i >= 0 {
					from, name, window = d.rollouts, windows[i].String(), windows[i]
				}
				if len(from) == 0 {
					continue
				}
				for f, field := range d.fields {
					s := Score{DataSet: d.name, Metric: quantity.name, Grows: quantity.grows, Field: field, Window: name}
					var model, persistence []float64
					for _, one := range from {
						if m, p, reaches := one.over(window, q, f); reaches {
							model, persistence = append(model, m), append(persistence, p)
						}
					}
					s.Count, s.Model, s.Persistence = len(model), summary(model), summary(persistence)
					list = append(list, s)
				}
			}
		}
	}
	return list
}

// longest is the number of steps of the longest rollout.
func (d *dataSet) longest() int {
	n := 0
	for _, t := range d.rollouts {
		n = max(n, len(t.steps))
	}
	return n
}

// over averages over the steps of a window, as far as the rollout reaches.
func (s scored) over(w Window, q, f int) (model, persistence float64, reaches bool) {
	steps := s.steps[min(w.First-1, len(s.steps)):min(w.Last, len(s.steps))]
	m, p := make([]float64, len(steps)), make([]float64, len(steps))
	for i, n := range steps {
		m[i], p[i] = n.model[q][f], n.persistence[q][f]
	}
	return metric.Mean(m), metric.Mean(p), len(steps) > 0
}

// Series has the scores of one trajectory, field and metric in the order of the steps: those of its rollout, or of its single steps.
type Series struct {
	DataSet    string
	Trajectory int // counted from 0 over all files
	Field      string
	Metric     string
	Frames     []int // of the data: the first step of the rollout, or the step of each single one
	Score      []float64
	// Persistence is the score of the last known frame repeated.
	Persistence []float64
}

// Rollouts lists the scores of every step of the rollouts, by data set, trajectory, field and metric.
func (r *Result) Rollouts() []Series {
	return r.series(func(d *dataSet) []scored { return d.rollouts })
}

// SingleSteps lists the scores one step ahead: of each trajectory those of all its windows.
func (r *Result) SingleSteps() []Series {
	return r.series(func(d *dataSet) []scored { return d.singles })
}

func (r *Result) series(of func(*dataSet) []scored) []Series {
	var list []Series
	for _, d := range r.sets {
		parts := slices.Clone(of(d))
		slices.SortStableFunc(parts, func(a, b scored) int {
			if a.trajectory != b.trajectory {
				return a.trajectory - b.trajectory
			}
			return a.first - b.first
		})
		for len(parts) > 0 {
			n := 1
			for n < len(parts) && parts[n].trajectory == parts[0].trajectory {
				n++
			}
			for f, field := range d.fields {
				for q, quantity := range r.quantities {
					s := Series{DataSet: d.name, Trajectory: parts[0].trajectory, Field: field, Metric: quantity.name}
					for _, part := range parts[:n] {
						s.Frames = append(s.Frames, part.first)
						for _, step := range part.steps {
							s.Score, s.Persistence = append(s.Score, step.model[q][f]), append(s.Persistence, step.persistence[q][f])
						}
					}
					list = append(list, s)
				}
			}
			parts = parts[n:]
		}
	}
	return list
}
