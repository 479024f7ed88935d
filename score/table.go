package score

import (
	"slices"
	"strings"

	"github.com/gowalrus/walrus/metric"
	"github.com/gowalrus/walrus/report"
)

// plan finds what was scored of a data set.
func (r *Result) plan(dataSet string) (Plan, bool) {
	i := slices.IndexFunc(r.Plans, func(p Plan) bool { return p.DataSet == dataSet })
	if i < 0 {
		return Plan{}, false
	}
	return r.Plans[i], true
}

// sampled labels a title where a data set was only sampled.
func (r *Result) sampled(dataSets ...string) string {
	for _, name := range dataSets {
		if p, found := r.plan(name); found && p.Sampled() != "" {
			return " (" + p.Sampled() + ")"
		}
	}
	return ""
}

// Table lists all scores with all that is known of them, one a row: for CSV and JSON.
func (r *Result) Table() report.Table {
	t := report.Table{Title: "scores" + r.sampled(r.names()...), Columns: []report.Column{
		{Name: "data set", Key: "data_set"}, {Name: "split"}, {Name: "sample"}, {Name: "metric"}, {Name: "window"}, {Name: "field"}, {Name: "count"},
		{Name: "median"}, {Name: "mean"}, {Name: "std"}, {Name: "25 %", Key: "quartile_25"}, {Name: "75 %", Key: "quartile_75"},
		{Name: "persistence median", Key: "persistence_median"}, {Name: "persistence mean", Key: "persistence_mean"}, {Name: "persistence std", Key: "persistence_std"},
		{Name: "persistence 25 %", Key: "persistence_quartile_25"}, {Name: "persistence 75 %", Key: "persistence_quartile_75"},
	}}
	for _, s := range r.Scores() {
		split, sample := report.Missing(), report.Missing()
		if p, found := r.plan(s.DataSet); found {
			if p.Split != "" {
				split = report.Text(p.Split)
			}
			if p.Sampled() != "" {
				sample = report.Text(p.Sampled())
			}
		}
		row := []report.Cell{report.Text(s.DataSet), split, sample, report.Text(s.Metric), report.Text(s.Window), report.Text(s.Field), report.Integer(s.Count)}
		for _, summary := range []Summary{s.Model, s.Persistence} {
			for _, v := range []float64{summary.Median, summary.Mean, summary.Std, summary.Low, summary.High} {
				row = append(row, report.Number(v))
			}
		}
		t.Add(row...)
	}
	return t
}

// Blocks has a table for each metric of a data set, one row a window and field: what a person wants to see.
func (r *Result) Blocks(dataSet string) []report.Table {
	var list []report.Table
	var last Score
	for _, s := range r.Scores() {
		if s.DataSet != dataSet {
			continue
		}
		if s.Metric != last.Metric {
			list = append(list, report.Table{
				Title:   s.DataSet + ": " + s.Metric + r.sampled(s.DataSet),
				Columns: report.Columns("window", "field", "median", "25 %", "75 %", "mean", "std", "persistence"),
			})
			last.Window = ""
		}
		window := report.Text("")
		if s.Window != last.Window {
			window = report.Text(heading(s.Window))
		}
		deviation := report.Number(s.Model.Std)
		if s.Count < 2 {
			deviation = report.Missing() // one number has none
		}
		list[len(list)-1].Add(window, report.Text(s.Field), report.Number(s.Model.Median).Marked(verdict(s)), report.Number(s.Model.Low), report.Number(s.Model.High),
			report.Number(s.Model.Mean), deviation, report.Number(s.Persistence.Median))
		last = s
	}
	return list
}

// Overview has one row a field and, for one step and each window, the median of the first metric beside that of persistence.
func (r *Result) Overview() report.Table {
	var windows []string
	type place struct{ dataSet, field, window string }
	found := map[place]Score{}
	var rows []place
	name := r.quantities[0].name
	for _, s := range r.Scores() {
		if s.Metric != name {
			continue
		}
		if !slices.Contains(windows, s.Window) {
			windows = append(windows, s.Window)
		}
		found[place{s.DataSet, s.Field, s.Window}] = s
		if row := (place{s.DataSet, s.Field, ""}); !slices.Contains(rows, row) {
			rows = append(rows, row)
		}
	}
	t := report.Table{Title: "median " + name + r.sampled(r.names()...), Columns: report.Columns("data set", "field")}
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
			cells = append(cells, report.Number(s.Model.Median).Marked(verdict(s)), report.Number(s.Persistence.Median))
		}
		t.Add(cells...)
	}
	return t
}

// names lists the data sets.
func (r *Result) names() []string {
	names := make([]string, len(r.sets))
	for i, d := range r.sets {
		names[i] = d.name
	}
	return names
}

// heading is a window as the head of a column.
func heading(window string) string {
	if window == OneStepName {
		return window
	}
	return "steps " + window
}

// verdict marks a score that is better than persistence's as good, one that is not as bad.
func verdict(s Score) report.Mark {
	if s.Better() {
		return report.Good
	}
	return report.Bad
}

// CurveTable has a row for each data set, trajectory, field and step of a rollout, with all metrics and those of persistence.
func (r *Result) CurveTable() report.Table {
	t := report.Table{Title: "rollouts, step by step", Columns: []report.Column{
		{Name: "data set", Key: "data_set"}, {Name: "sample"}, {Name: "trajectory"}, {Name: "field"}, {Name: "step"},
	}}
	for _, q := range r.quantities {
		key := strings.ReplaceAll(q.name, " ", "_")
		t.Columns = append(t.Columns, report.Column{Name: q.name, Key: key}, report.Column{Name: "persistence " + q.name, Key: "persistence_" + key})
	}
	all := r.Rollouts()
	for ; len(all) > 0; all = all[len(r.quantities):] {
		sample := report.Missing()
		if p, found := r.plan(all[0].DataSet); found && p.Sampled() != "" {
			sample = report.Text(p.Sampled())
		}
		for step := range all[0].Score {
			row := []report.Cell{report.Text(all[0].DataSet), sample, report.Integer(all[0].Trajectory), report.Text(all[0].Field), report.Integer(step + 1)}
			for _, s := range all[:len(r.quantities)] {
				row = append(row, report.Number(s.Score[step]), report.Number(s.Persistence[step]))
			}
			t.Add(row...)
		}
	}
	return t
}

// Curves has, for each data set, the first metric of every rollout step: the mean over fields, then the median over trajectories with its quartiles, and the
// median of persistence. Data sets without a rollout have none.
func (r *Result) Curves() []report.RolloutScores {
	var list []report.RolloutScores
	for _, d := range r.sets {
		c := report.RolloutScores{Name: d.name}
		last := len(d.fields) - 1
		for step := range d.longest() {
			var model, persistence []float64
			for _, t := range d.rollouts {
				if m, p, reaches := t.over(Window{step + 1, step + 1}, 0, last); reaches {
					model, persistence = append(model, m), append(persistence, p)
				}
			}
			c.Score = append(c.Score, metric.Median(model))
			c.Baseline = append(c.Baseline, metric.Median(persistence))
			if len(d.rollouts) > 1 {
				c.Low = append(c.Low, metric.Quantile(model, 0.25))
				c.High = append(c.High, metric.Quantile(model, 0.75))
			}
		}
		if len(c.Score) > 0 {
			list = append(list, c)
		}
	}
	return list
}

// Format names the layout of the Document. A change that older readers would misread gets another number.
const Format = "walrus scores 1"

// Document is all there is, for JSON: numbers that are not finite are the texts "NaN", "Infinity" and "-Infinity".
func (r *Result) Document() map[string]any {
	sets := report.Table{Columns: []report.Column{
		{Name: "data_set"}, {Name: "split"}, {Name: "sample"}, {Name: "history"}, {Name: "stride"}, {Name: "windows"}, {Name: "all_windows"}, {Name: "rollouts"},
		{Name: "trajectories"}, {Name: "first"}, {Name: "steps"}, {Name: "possible_steps"}, {Name: "shortest"}, {Name: "members"}, {Name: "ensemble_kind"}, {Name: "continued"},
	}}
	text := func(s string) report.Cell {
		if s == "" {
			return report.Missing()
		}
		return report.Text(s)
	}
	for _, p := range r.Plans {
		row := []report.Cell{report.Text(p.DataSet), text(p.Split), text(p.Sampled())}
		for _, n := range []int{p.History, p.Stride, p.Windows, p.AllWindows, p.Rollouts, p.Trajectories, p.First, p.Steps, p.Possible, p.Shortest, p.Members} {
			row = append(row, report.Integer(n))
		}
		sets.Add(append(row, text(p.Kind), text(strings.Join(p.Continued, "; ")))...)
	}
	document := map[string]any{"format": Format, "data_sets": sets, "scores": r.Table(), "rollouts": documents(r.Rollouts()), "single_steps": documents(r.SingleSteps())}
	if r.protocol.Physics {
		document["physics"] = physicsDocuments(r.Physics())
	}
	return document
}

// documents writes series for JSON.
func documents(list []Series) []map[string]any {
	all := make([]map[string]any, len(list))
	for i, s := range list {
		all[i] = map[string]any{
			"data_set": s.DataSet, "trajectory": s.Trajectory, "field": s.Field, "metric": s.Metric, "frames": s.Frames,
			"score": report.Values(s.Score), "persistence": report.Values(s.Persistence),
		}
	}
	return all
}
