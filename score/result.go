package score

import (
	"math"
	"slices"

	"github.com/gowalrus/walrus/metric"
	"github.com/gowalrus/walrus/report"
)

// AllFields is the name of the mean over a data set's fields.
const AllFields = "all fields"

// OneStepName is the name of the scores one step ahead, beside the windows.
const OneStepName = "one-step"

// Summary is a score over the trajectories of a data set: their median, as the paper's tables have it, and their mean.
type Summary struct{ Median, Mean float64 }

func summary(values []float64) Summary { return Summary{metric.Median(values), metric.Mean(values)} }

// Score is one line of the result.
type Score struct {
	DataSet string
	Field   string // or AllFields
	// Window is OneStepName or steps such as "1:20". A window that reaches beyond the data ends where the longest trajectory does.
	Window       string
	Trajectories int // that reach into the window
	Model        Summary
	Persistence  Summary
}

// Result holds the scores of all trajectories.
type Result struct {
	config Config
	sets   []*dataSet
}

type dataSet struct {
	name         string
	fields       []string
	trajectories []scored
}

// Scores lists the summaries by data set, window (one step first) and field (the mean over all last, where there are several).
func (r *Result) Scores() []Score {
	var list []Score
	for _, d := range r.sets {
		list = append(list, d.summarise(OneStepName, func(s scored) pair { return s.oneStep })...)
		for i, w := range r.config.Windows {
			w.Last = min(w.Last, d.longest())
			if w.First <= w.Last {
				list = append(list, d.summarise(w.String(), func(s scored) pair { return s.windows[i] })...)
			}
		}
	}
	return list
}

// longest is the number of steps of the longest rollout.
func (d *dataSet) longest() int {
	n := 0
	for _, t := range d.trajectories {
		n = max(n, len(t.rollout.model))
	}
	return n
}

// summarise makes the lines of one window. pick returns a trajectory's numbers by field, or nothing where it does not reach the window.
func (d *dataSet) summarise(window string, pick func(scored) pair) []Score {
	names := d.fields
	if len(names) > 1 {
		names = append(slices.Clone(names), AllFields)
	}
	model, persistence := make([][]float64, len(names)), make([][]float64, len(names))
	for _, t := range d.trajectories {
		m, p := pick(t).model, pick(t).persistence
		if m == nil {
			continue
		}
		if len(names) > len(m) {
			m, p = append(slices.Clone(m), metric.Mean(m)), append(slices.Clone(p), metric.Mean(p))
		}
		for i := range names {
			model[i] = append(model[i], m[i])
			persistence[i] = append(persistence[i], p[i])
		}
	}
	list := make([]Score, len(names))
	for i, name := range names {
		list[i] = Score{
			DataSet: d.name, Field: name, Window: window, Trajectories: len(model[i]),
			Model:       summary(model[i]),
			Persistence: summary(persistence[i]),
		}
	}
	return list
}

// Table lists all scores, one a row: for CSV and JSON, and in full on a terminal.
func (r *Result) Table() report.Table {
	t := report.Table{Title: r.config.Metric.Name, Columns: []report.Column{
		{Name: "data set", Key: "data_set"}, {Name: "window"}, {Name: "field"}, {Name: "trajectories"}, {Name: "median"}, {Name: "mean"},
		{Name: "persistence median", Key: "persistence_median"}, {Name: "persistence mean", Key: "persistence_mean"},
	}}
	for _, s := range r.Scores() {
		t.Add(report.Text(s.DataSet), report.Text(s.Window), report.Text(s.Field), report.Integer(s.Trajectories),
			report.Number(s.Model.Median).Marked(verdict(s.Model.Median, s.Persistence.Median)),
			report.Number(s.Model.Mean).Marked(verdict(s.Model.Mean, s.Persistence.Mean)),
			report.Number(s.Persistence.Median), report.Number(s.Persistence.Mean))
	}
	return t
}

// Overview has one row a field and, for one step and each window, the median beside that of persistence: what a person wants to see.
func (r *Result) Overview() report.Table {
	t := report.Table{Title: "median " + r.config.Metric.Name, Columns: report.Columns("data set", "field")}
	scores := r.Scores()
	var windows []string
	type place struct{ dataSet, field, window string }
	found := map[place]Score{}
	var rows []place
	for _, s := range scores {
		if !slices.Contains(windows, s.Window) {
			windows = append(windows, s.Window)
		}
		found[place{s.DataSet, s.Field, s.Window}] = s
		if s.Window == OneStepName {
			rows = append(rows, place{s.DataSet, s.Field, ""})
		}
	}
	for _, w := range windows {
		t.Columns = append(t.Columns, report.Column{Name: heading(w)}, report.Column{Name: "persistence " + w})
	}
	for _, row := range rows {
		cells := []report.Cell{report.Text(row.dataSet), report.Text(row.field)}
		for _, w := range windows {
			s, ok := found[place{row.dataSet, row.field, w}]
			if !ok {
				cells = append(cells, report.Missing(), report.Missing())
				continue
			}
			cells = append(cells, report.Number(s.Model.Median).Marked(verdict(s.Model.Median, s.Persistence.Median)), report.Number(s.Persistence.Median))
		}
		t.Add(cells...)
	}
	return t
}

// heading is a window as the head of a column.
func heading(window string) string {
	if window == OneStepName {
		return window
	}
	return "steps " + window
}

// verdict marks a score that is lower than persistence's as good, one that is not as bad.
func verdict(model, persistence float64) report.Mark {
	if model < persistence {
		return report.Good
	}
	return report.Bad
}

// Curves has, for each data set, the score of every rollout step: the mean over fields, then the median over trajectories with its quartiles, and the
// median of persistence. Data sets without a rollout have none.
func (r *Result) Curves() []report.RolloutScores {
	var list []report.RolloutScores
	for _, d := range r.sets {
		c := report.RolloutScores{Name: d.name}
		for step := range d.longest() {
			var model, persistence []float64
			for _, t := range d.trajectories {
				if step < len(t.rollout.model) {
					model = append(model, metric.Mean(t.rollout.model[step]))
					persistence = append(persistence, metric.Mean(t.rollout.persistence[step]))
				}
			}
			c.Score = append(c.Score, metric.Median(model))
			c.Baseline = append(c.Baseline, metric.Median(persistence))
			if len(d.trajectories) > 1 {
				c.Low = append(c.Low, quantile(model, 0.25))
				c.High = append(c.High, quantile(model, 0.75))
			}
		}
		if len(c.Score) > 0 {
			list = append(list, c)
		}
	}
	return list
}

// quantile interpolates linearly between the sorted values (Hyndman and Fan 1996, type 7); NaN of nothing. Infinities sort last, and a quantile between a finite value and an infinite one is infinite.
func quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	at := q * float64(len(sorted)-1)
	i := int(at)
	if share := at - float64(i); share > 0 {
		return sorted[i]*(1-share) + sorted[i+1]*share
	}
	return sorted[i]
}
