package compare

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/gowalrus/walrus/report"
	"github.com/gowalrus/walrus/score"
)

// Table lists all rows with all that is known of them: for CSV.
func (c *Comparison) Table() report.Table {
	t := report.Table{Title: "comparison", Columns: []report.Column{
		{Name: "data_set"}, {Name: "metric"}, {Name: "window"}, {Name: "field"}, {Name: "model"}, {Name: "trajectories"}, {Name: "count"}, {Name: "median"},
		{Name: "median_low"}, {Name: "median_high"}, {Name: "quartile_25"}, {Name: "quartile_75"}, {Name: "difference"}, {Name: "difference_low"},
		{Name: "difference_high"}, {Name: "p"}, {Name: "p_holm"}, {Name: "verdict"},
	}}
	for _, r := range c.Rows {
		row := []report.Cell{
			report.Text(r.DataSet), report.Text(r.Metric), report.Text(r.Window), report.Text(r.Field), report.Text(r.Model), report.Integer(r.Trajectories),
			report.Integer(r.Count),
		}
		for _, v := range []float64{r.Median, r.Interval.Low, r.Interval.High, r.Low, r.High} {
			row = append(row, report.Number(v))
		}
		if r.Model == c.Models[0].Name {
			row = append(row, report.Missing(), report.Missing(), report.Missing(), report.Missing(), report.Missing(), report.Missing())
		} else {
			for _, v := range []float64{r.Difference.Value, r.Difference.Interval.Low, r.Difference.Interval.High, r.Difference.P, r.P} {
				row = append(row, report.Number(v))
			}
			row = append(row, report.Text(string(r.Verdict)))
		}
		t.Add(row...)
	}
	return t
}

// Blocks has a table for each data set: a row a window and model, of the mean over fields or, with fields, of each too.
func (c *Comparison) Blocks(fields bool) []report.Table {
	var list []report.Table
	for i, name := range c.DataSets {
		first := c.Models[0].Name
		t := report.Table{Title: name, Columns: report.Columns("metric", "window", "field", "model", "median", c.level()+" interval", "quartiles", "difference from "+first, "p (Holm)", "verdict")}
		if p := c.Plans[i].Sampled(); p != "" {
			t.Title += " (" + p + ")"
		}
		alone := c.alone(name)
		for _, r := range c.Rows {
			if r.DataSet != name || !fields && !alone && r.Field != score.AllFields {
				continue
			}
			row := []report.Cell{
				report.Text(r.Metric), report.Text(r.Window), report.Text(r.Field), report.Text(r.Model), report.Number(r.Median),
				report.Text(span(r.Interval.Low, r.Interval.High)), report.Text(span(r.Low, r.High)),
			}
			if r.Model == first {
				row = append(row, report.Missing(), report.Missing(), report.Missing())
			} else {
				mark := map[Verdict]report.Mark{Better: report.Good, Worse: report.Bad}[r.Verdict]
				row = append(row, report.Text(fmt.Sprintf("%.4g (%s)", r.Difference.Value, span(r.Difference.Interval.Low, r.Difference.Interval.High))),
					report.Number(r.P), report.Text(string(r.Verdict)).Marked(mark))
			}
			t.Add(row...)
		}
		list = append(list, t)
	}
	return list
}

// alone says whether a data set has a single field, and so no mean over several.
func (c *Comparison) alone(dataSet string) bool {
	for _, r := range c.Rows {
		if r.DataSet == dataSet && r.Field == score.AllFields {
			return false
		}
	}
	return true
}

// span is a range for people.
func span(low, high float64) string { return fmt.Sprintf("%.4g to %.4g", low, high) }

// level is the confidence of the intervals, as "95 %".
func (c *Comparison) level() string { return fmt.Sprintf("%g %%", 100*c.Options.Level) }

// legend says how to read the tables.
func (c *Comparison) legend() string {
	return fmt.Sprintf("Medians over trajectories (one step ahead: over windows). Intervals: %s, bootstrap over trajectories, %d resamples. Differences from %s on the same trajectories, "+
		"paired bootstrap; p is corrected by Holm over the %d data sets. \"not shown\": the difference may be chance. \"too few\": no difference of so few trajectories could be more.",
		c.level(), c.Options.Resamples, c.Models[0].Name, len(c.DataSets))
}

// WriteText writes the tables for a terminal.
func (c *Comparison) WriteText(w io.Writer, fields, colour bool) error {
	for i, t := range c.Blocks(fields) {
		if _, err := fmt.Fprintln(w, c.Plans[i]); err != nil {
			return err
		}
		if err := t.WriteText(w, colour); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(w, c.legend())
	return err
}

// WriteMarkdown writes the tables for a document.
func (c *Comparison) WriteMarkdown(w io.Writer, fields bool) error {
	var out strings.Builder
	for i, t := range c.Blocks(fields) {
		fmt.Fprintf(&out, "## %s\n\n%s\n\n", escaped(t.Title), escaped(c.Plans[i].String()))
		var heads, rules []string
		for _, column := range t.Columns {
			heads, rules = append(heads, escaped(column.Name)), append(rules, "---")
		}
		fmt.Fprintf(&out, "| %s |\n|%s|\n", strings.Join(heads, " | "), strings.Join(rules, "|"))
		for _, row := range t.Rows {
			var texts []string
			for k, cell := range row {
				text := escaped(cell.Show(t.Columns[k]))
				if k == len(row)-1 && (text == string(Better) || text == string(Worse)) {
					text = "**" + text + "**"
				}
				texts = append(texts, text)
			}
			fmt.Fprintf(&out, "| %s |\n", strings.Join(texts, " | "))
		}
		out.WriteString("\n")
	}
	out.WriteString(c.legend() + "\n")
	_, err := io.WriteString(w, out.String())
	return err
}

// escaped keeps a text from ending its cell.
func escaped(text string) string {
	return strings.NewReplacer("|", "\\|", "\n", " ", "\r", " ").Replace(text)
}

// Format names the layout of WriteJSON. A change that older readers would misread gets another number.
const Format = "walrus comparison 1"

// WriteJSON writes everything: numbers that are not finite are texts, as in eval --json.
func (c *Comparison) WriteJSON(w io.Writer) error {
	type model struct {
		Name    string `json:"name"`
		Path    string `json:"path"`
		Weights string `json:"weights"`
	}
	var models []model
	for _, m := range c.Models {
		models = append(models, model{m.Name, m.Path, m.Identity})
	}
	var plans []map[string]any
	for _, p := range c.Plans {
		plans = append(plans, map[string]any{
			"data_set": p.DataSet, "split": p.Split, "sample": p.Sampled(), "stride": p.Stride, "windows": p.Windows, "rollouts": p.Rollouts, "first": p.First, "steps": p.Steps,
		})
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(map[string]any{
		"format": Format, "models": models, "data_sets": plans, "reference": c.Models[0].Name, "rows": c.Table(),
		"bootstrap": map[string]any{"resamples": c.Options.Resamples, "level": c.Options.Level, "seed": c.Options.Seed},
	})
}
