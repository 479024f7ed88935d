package compare

import (
	"fmt"
	"slices"

	"github.com/gowalrus/walrus/metric"
	"github.com/gowalrus/walrus/report"
	"github.com/gowalrus/walrus/score"
	"github.com/gowalrus/walrus/significance"
)

// Verdict is what a comparison with the first model says.
type Verdict string

const (
	Reference Verdict = ""          // it is the first model
	Better    Verdict = "better"    // than the first model, beyond chance
	Worse     Verdict = "worse"     // likewise
	NotShown  Verdict = "not shown" // the difference may be chance
	TooFew    Verdict = "too few"   // no difference of so few trajectories could be more than chance
)

// Row is a model's score on a data set: of one metric, field and window.
type Row struct {
	DataSet, Metric, Window, Field, Model string
	Grows                                 bool // the metric, with the quality of a prediction
	Trajectories, Count                   int  // Count are windows one step ahead, or rollouts
	Median, Low, High                     float64
	Interval                              significance.Interval // of the median
	// Difference is the median less that of the first model, and P is corrected by Holm over the data sets; both mean nothing in the rows of the first model.
	Difference significance.Difference
	P          float64
	Verdict    Verdict
}

// Comparison is the result.
type Comparison struct {
	Models   []Entrant
	DataSets []string
	Plans    []score.Plan // one a data set
	Rows     []Row        // by data set, metric, window, field and model
	Options  significance.Options
}

// cell is a place in the comparison.
type cell struct{ metric, window, field string }

// judge compares the scores of all entries.
func judge(entrants []Entrant, entries []*entry, o Options) (*Comparison, error) {
	c := &Comparison{Models: entrants, Options: o.Bootstrap}
	sets := len(entries) / len(entrants)
	for set := range sets {
		var group []*entry
		for m := range entrants {
			group = append(group, entries[m*sets+set])
		}
		c.DataSets, c.Plans = append(c.DataSets, group[0].label), append(c.Plans, group[0].plan)
		rows, err := judgeSet(group, o)
		if err != nil {
			return nil, fmt.Errorf("compare: %s: %w", group[0].label, err)
		}
		c.Rows = append(c.Rows, rows...)
	}
	c.correct(o.Bootstrap)
	return c, nil
}

// judgeSet has the rows of one data set, their P not corrected yet.
func judgeSet(group []*entry, o Options) ([]Row, error) {
	grows := map[string]bool{}
	for _, m := range o.Metrics {
		for _, name := range m.Names {
			grows[name] = m.Grows
		}
	}
	windows := o.For(group[0].label).WindowsOf(group[0].plan.Steps)
	var rows []Row
	for _, at := range cells(group[0], windows) {
		var reference *significance.Sample
		for m, e := range group {
			scores := e.scores(at, windows)
			s, err := significance.NewSample(scores)
			if err != nil {
				return nil, fmt.Errorf("%s, %s of %s over %s: %w", e.entrant.Name, at.metric, at.field, at.window, err)
			}
			pooled := slices.Concat(scores...)
			r := Row{
				DataSet: e.label, Metric: at.metric, Window: at.window, Field: at.field, Model: e.entrant.Name, Grows: grows[at.metric],
				Trajectories: s.Trajectories(), Count: s.Count(), Median: s.Median(nil), Low: metric.Quantile(pooled, 0.25), High: metric.Quantile(pooled, 0.75),
				Interval: o.Bootstrap.MedianInterval(s),
			}
			if m == 0 {
				reference = s
			} else if r.Difference, err = o.Bootstrap.Paired(s, reference); err != nil {
				return nil, err
			}
			rows = append(rows, r)
		}
	}
	return rows, nil
}

// cells lists what is compared, in the order of the tables: by metric, window (one step first) and field.
func cells(e *entry, windows []score.Window) []cell {
	var list []cell
	if len(e.parts) == 0 {
		return nil
	}
	var metrics []string
	for _, s := range append(slices.Clone(e.parts[0].Singles), e.parts[0].Rollouts...) {
		if !slices.Contains(metrics, s.Metric) {
			metrics = append(metrics, s.Metric)
		}
	}
	for _, name := range metrics {
		for i := -1; i < len(windows); i++ {
			window := score.OneStepName
			if i >= 0 {
				window = windows[i].String()
			}
			for _, field := range fieldsOf(e, name, i < 0) {
				list = append(list, cell{name, window, field})
			}
		}
	}
	return list
}

// fieldsOf lists the fields that were scored by a metric; none where nothing was.
func fieldsOf(e *entry, name string, single bool) []string {
	var list []string
	for _, p := range e.parts {
		for _, s := range p.of(single) {
			if s.Metric == name && !slices.Contains(list, s.Field) {
				list = append(list, s.Field)
			}
		}
	}
	return list
}

// of are the series one step ahead, or those of the rollout.
func (p *part) of(single bool) []series {
	if single {
		return p.Singles
	}
	return p.Rollouts
}

// scores are those of a cell by trajectory: one step ahead one a window, else the mean over the window's steps.
func (e *entry) scores(at cell, windows []score.Window) [][]float64 {
	var list [][]float64
	i := slices.IndexFunc(windows, func(w score.Window) bool { return w.String() == at.window })
	for _, p := range e.parts {
		for _, s := range p.of(i < 0) {
			if s.Metric != at.metric || s.Field != at.field {
				continue
			}
			values := report.Numbers(s.Score)
			if i >= 0 {
				w := windows[i]
				values = values[min(w.First-1, len(values)):min(w.Last, len(values))]
				if len(values) == 0 {
					continue
				}
				values = []float64{metric.Mean(values)}
			}
			list = append(list, values)
		}
	}
	return list
}

// correct applies Holm's correction over the data sets to every comparison of a model with the first, and gives verdicts.
func (c *Comparison) correct(o significance.Options) {
	type family struct {
		cell
		model string
	}
	families := map[family][]int{}
	var order []family
	for i, r := range c.Rows {
		if r.Model == c.Models[0].Name {
			continue
		}
		f := family{cell{r.Metric, r.Window, r.Field}, r.Model}
		if families[f] == nil {
			order = append(order, f)
		}
		families[f] = append(families[f], i)
	}
	level := 1 - o.Level
	for _, f := range order {
		p := make([]float64, len(families[f]))
		for k, i := range families[f] {
			p[k] = c.Rows[i].Difference.P
		}
		for k, corrected := range significance.Holm(p) {
			r := &c.Rows[families[f][k]]
			r.P, r.Verdict = corrected, NotShown
			switch {
			case corrected <= level && (r.Difference.Value < 0) != r.Grows:
				r.Verdict = Better
			case corrected <= level:
				r.Verdict = Worse
			case significance.LeastP(r.Trajectories) > level:
				r.Verdict = TooFew
			}
		}
	}
}
