package collect

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/gowalrus/walrus/compare"
	"github.com/gowalrus/walrus/metric"
	"github.com/gowalrus/walrus/report"
	"github.com/gowalrus/walrus/score"
)

// scoresFile is what walrus eval --json writes, as far as a report shows it. Keys that a file lacks are left out of the page.
type scoresFile struct {
	path     string
	Format   string          `json:"format"`
	Scores   []scoreRow      `json:"scores"`
	Rollouts []scoreSeries   `json:"rollouts"`
	Physics  []physicsRecord `json:"physics"`
	Command  []string        `json:"command"`
}

// comparisonFile is what walrus compare --json writes.
type comparisonFile struct {
	path      string
	Format    string          `json:"format"`
	Reference string          `json:"reference"` // the model that the others are compared with
	Rows      []comparisonRow `json:"rows"`
}

// comparisonRow is the score of one model; what compares it with the reference is missing for that itself.
type comparisonRow struct {
	DataSet        string        `json:"data_set"`
	Metric         string        `json:"metric"`
	Window         string        `json:"window"`
	Field          string        `json:"field"`
	Model          string        `json:"model"`
	Trajectories   int           `json:"trajectories"`
	Median         report.Value  `json:"median"`
	MedianLow      report.Value  `json:"median_low"`
	MedianHigh     report.Value  `json:"median_high"`
	Low            report.Value  `json:"quartile_25"`
	High           report.Value  `json:"quartile_75"`
	Difference     *report.Value `json:"difference"`
	DifferenceLow  *report.Value `json:"difference_low"`
	DifferenceHigh *report.Value `json:"difference_high"`
	Holm           *report.Value `json:"p_holm"`
	Verdict        string        `json:"verdict"`
}

// scoreRow is one score: over windows one step ahead, or over trajectories.
type scoreRow struct {
	DataSet     string       `json:"data_set"`
	Split       string       `json:"split"`
	Sample      string       `json:"sample"`
	Metric      string       `json:"metric"`
	Window      string       `json:"window"`
	Field       string       `json:"field"`
	Count       int          `json:"count"`
	Median      report.Value `json:"median"`
	Mean        report.Value `json:"mean"`
	Std         report.Value `json:"std"`
	Low         report.Value `json:"quartile_25"`
	High        report.Value `json:"quartile_75"`
	Persistence report.Value `json:"persistence_median"`
}

// scoreSeries is a score of one trajectory over the steps of its rollout.
type scoreSeries struct {
	DataSet     string         `json:"data_set"`
	Trajectory  int            `json:"trajectory"`
	Field       string         `json:"field"`
	Metric      string         `json:"metric"`
	Score       []report.Value `json:"score"`
	Persistence []report.Value `json:"persistence"`
}

// largestScores bounds what is read: the scores of every window and step of 19 data sets have some tens of megabytes.
const largestScores = 1 << 29

// readScores reads a file of walrus eval --json or walrus compare --json. One that is half written, or of another format, is an error that names it.
func readScores(path string) (scoresFile, comparisonFile, error) {
	var scored scoresFile
	var compared comparisonFile
	text, err := readAtMost(path, largestScores)
	if err != nil {
		return scored, compared, err
	}
	var head struct {
		Format string `json:"format"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) && syntax.Offset >= int64(len(bytes.TrimRight(text, " \t\r\n"))) {
			return scored, compared, fmt.Errorf("report: %s: the file ends in the middle: it is half written; let the command that writes it finish, or make it anew", path)
		}
		return scored, compared, fmt.Errorf("report: %s: not what walrus eval --json or walrus compare --json prints: %w", path, err)
	}
	switch head.Format {
	case score.Format:
		err = json.Unmarshal(text, &scored)
	case compare.Format:
		err = json.Unmarshal(text, &compared)
	default:
		return scored, compared, fmt.Errorf("report: %s: format %q; this program reads %q and %q: score the weights anew with walrus eval --json", path, head.Format, score.Format, compare.Format)
	}
	if err != nil {
		return scored, compared, fmt.Errorf("report: %s: %w", path, err)
	}
	if len(scored.Scores)+len(compared.Rows) == 0 {
		return scored, compared, fmt.Errorf("report: %s: no scores in it", path)
	}
	scored.path, compared.path = path, path
	return scored, compared, nil
}

// readAtMost reads a file that is no larger than it should be.
func readAtMost(path string, most int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, most+1))
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	if int64(len(text)) > most {
		return nil, fmt.Errorf("report: %s: more than %d bytes; expected a file of scores", path, most)
	}
	return text, nil
}

// section shows a comparison: a table for each data set.
func (f comparisonFile) section() report.Section {
	s := report.Section{Name: "Comparison: " + label(f.path), Text: "Medians over trajectories (one step ahead: over windows) with bootstrap intervals; differences from " + f.Reference +
		" on the same trajectories, by a paired bootstrap; p is corrected by Holm over the data sets. \"not shown\": the difference may be chance."}
	at := map[string]int{}
	span := func(low, high report.Value) report.Cell {
		return report.Text(fmt.Sprintf("%.4g to %.4g", float64(low), float64(high)))
	}
	for _, r := range f.Rows {
		i, known := at[r.DataSet]
		if !known {
			i = len(s.Tables)
			at[r.DataSet] = i
			s.Tables = append(s.Tables, report.Table{Title: r.DataSet,
				Columns: report.Columns("metric", "window", "field", "model", "trajectories", "median", "interval", "quartiles", "difference", "its interval", "p (Holm)", "verdict")})
		}
		row := []report.Cell{report.Text(r.Metric), report.Text(r.Window), report.Text(r.Field), report.Text(r.Model), report.Integer(r.Trajectories),
			report.Number(float64(r.Median)), span(r.MedianLow, r.MedianHigh), span(r.Low, r.High), report.Missing(), report.Missing(), report.Missing(), report.Missing()}
		if r.Difference != nil && r.DifferenceLow != nil && r.DifferenceHigh != nil {
			row[8], row[9] = report.Number(float64(*r.Difference)), span(*r.DifferenceLow, *r.DifferenceHigh)
		}
		if r.Holm != nil {
			row[10] = report.Number(float64(*r.Holm))
		}
		if r.Verdict != "" {
			mark := map[compare.Verdict]report.Mark{compare.Better: report.Good, compare.Worse: report.Bad}[compare.Verdict(r.Verdict)]
			row[11] = report.Text(r.Verdict).Marked(mark)
		}
		s.Tables[i].Add(row...)
	}
	return s
}

func (f scoresFile) label() string { return label(f.path) }

// label is how a page calls a file.
func label(path string) string {
	base := filepath.Base(path)
	return strings.TrimSuffix(base, filepath.Ext(base))
}

// addScores adds the tables of every file, and the curves of all files together.
func addScores(doc *report.Document, files []scoresFile) error {
	if len(files) == 0 {
		return nil
	}
	if len(files) > 1 {
		doc.Sections = append(doc.Sections, report.Section{Name: "Comparison", Tables: []report.Table{comparison(files)},
			Text: "Medians side by side; lower is better where the metric is an error. Whether a difference is more than chance, walrus compare tells."})
	}
	figures, err := scoreCurves(files)
	if err != nil {
		return err
	}
	if len(figures) > 0 {
		doc.Sections = append(doc.Sections, report.Section{Name: "Error over time", Figures: figures})
	}
	for _, f := range files {
		doc.Sections = append(doc.Sections, report.Section{Name: "Scores: " + f.label(), Tables: f.tables(),
			Text: "VRMSE: 0 is perfect, 1 is as good as predicting the mean. Persistence repeats the last known frame. The median and quartiles are over windows (one step) or trajectories."})
		sections, err := f.physicsSections()
		if err != nil {
			return err
		}
		doc.Sections = append(doc.Sections, sections...)
		doc.Made = append(doc.Made, report.Fact{Name: f.label(), Value: f.path})
		if len(f.Command) > 0 {
			doc.Commands = append(doc.Commands, strings.Join(quoted(f.Command), " "))
		}
	}
	return nil
}

// tables has one for each data set and metric, a row a window and field.
func (f scoresFile) tables() []report.Table {
	var list []report.Table
	at := map[string]int{}
	for _, s := range f.Scores {
		title := s.DataSet + ": " + s.Metric
		if s.Split != "" {
			title += ", " + s.Split
		}
		if s.Sample != "" {
			title += " (" + s.Sample + ")"
		}
		i, known := at[title]
		if !known {
			i = len(list)
			at[title] = i
			list = append(list, report.Table{Title: title, Columns: report.Columns("window", "field", "count", "median", "25 %", "75 %", "mean", "std", "persistence")})
		}
		number := func(v report.Value) report.Cell {
			if math.IsNaN(float64(v)) {
				return report.Missing()
			}
			return report.Number(float64(v))
		}
		median := number(s.Median)
		if s.Metric == "VRMSE" {
			mark := report.Bad
			if s.Median < s.Persistence {
				mark = report.Good
			}
			median = median.Marked(mark)
		}
		list[i].Add(report.Text(s.Window), report.Text(s.Field), report.Integer(s.Count), median, number(s.Low), number(s.High), number(s.Mean), number(s.Std), number(s.Persistence))
	}
	return list
}

// comparison has a column a file: the medians of all fields together.
func comparison(files []scoresFile) report.Table {
	t := report.Table{Title: "Medians, mean over fields", Columns: report.Columns("data set", "metric", "window")}
	type place struct{ set, metric, window string }
	var order []place
	medians := map[place][]report.Cell{}
	for i, f := range files {
		t.Columns = append(t.Columns, report.Column{Name: f.label(), Key: fmt.Sprintf("%d %s", i, f.path)})
		for _, s := range f.Scores {
			p := place{s.DataSet, s.Metric, s.Window}
			if medians[p] == nil {
				order = append(order, p)
				medians[p] = make([]report.Cell, len(files)) // missing
			}
			medians[p][i] = report.Number(float64(s.Median)) // the mean over fields comes last
		}
	}
	for _, p := range order {
		t.Add(append([]report.Cell{report.Text(p.set), report.Text(p.metric), report.Text(p.window)}, medians[p]...)...)
	}
	return t
}

// scoreCurves has two plots for each data set: all files in one, the mean over fields; and where it is one file, its fields.
func scoreCurves(files []scoresFile) ([]report.Figure, error) {
	var list []report.Figure
	var sets []string
	seen := map[string]bool{}
	for _, f := range files {
		for _, s := range f.Rollouts {
			if !seen[s.DataSet] {
				seen[s.DataSet] = true
				sets = append(sets, s.DataSet)
			}
		}
	}
	draw := func(title string, curves []report.RolloutScores) error {
		if len(curves) == 0 {
			return nil
		}
		spec, err := report.RolloutLines(title, curves...)
		if err != nil {
			return err
		}
		figures, err := lineFigures(" Median over trajectories; the band is between the quartiles.", spec)
		list = append(list, figures...)
		return err
	}
	for _, set := range sets {
		var together []report.RolloutScores
		for _, f := range files {
			curves := f.curves(set)
			if len(curves) == 0 {
				continue
			}
			all := curves[len(curves)-1] // the mean over fields, or the only field
			all.Name = f.label()
			if len(together) > 0 {
				all.Baseline = nil // once is enough
			}
			together = append(together, all)
			if len(files) == 1 && len(curves) > 2 {
				fields := curves[:len(curves)-1]
				for i := range fields {
					fields[i].Baseline, fields[i].Low, fields[i].High = nil, nil, nil // as many curves as there are fields are enough
				}
				if err := draw(set+": fields", fields); err != nil {
					return nil, err
				}
			}
		}
		if err := draw(set, together); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// curves are the scores of a data set against the step in the file's first metric: one a field, in the file's order.
func (f scoresFile) curves(set string) []report.RolloutScores {
	var fields []string
	first := ""
	byField := map[string][]scoreSeries{}
	for _, s := range f.Rollouts {
		if first == "" {
			first = s.Metric
		}
		if s.DataSet != set || s.Metric != first {
			continue
		}
		if byField[s.Field] == nil {
			fields = append(fields, s.Field)
		}
		byField[s.Field] = append(byField[s.Field], s)
	}
	var list []report.RolloutScores
	for _, field := range fields {
		c := report.RolloutScores{Name: field}
		trajectories := byField[field]
		for step := 0; ; step++ {
			var values, persistence []float64
			for _, t := range trajectories {
				if step < len(t.Score) && step < len(t.Persistence) {
					values, persistence = append(values, float64(t.Score[step])), append(persistence, float64(t.Persistence[step]))
				}
			}
			if len(values) == 0 {
				break
			}
			c.Score, c.Baseline = append(c.Score, metric.Median(values)), append(c.Baseline, metric.Median(persistence))
			if len(trajectories) > 1 {
				c.Low, c.High = append(c.Low, metric.Quantile(values, 0.25)), append(c.High, metric.Quantile(values, 0.75))
			}
		}
		list = append(list, c)
	}
	return list
}
