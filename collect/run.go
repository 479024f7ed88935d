package collect

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gowalrus/walrus/report"
	"github.com/gowalrus/walrus/train"
)

// addRun adds what a training run has logged so far.
func addRun(doc *report.Document, folder string) error {
	rows, err := train.ReadLog(folder)
	if err != nil {
		return err
	}
	scored, err := train.ReadValidation(folder)
	if err != nil {
		return err
	}
	name := filepath.Base(filepath.Clean(folder))
	section := report.Section{Name: "Training: " + name}
	config, err := train.ReadRunConfig(folder)
	steps := 0
	if err == nil {
		steps = config.Schedule.Steps()
	}
	section.Text = state(rows, scored, steps, train.Active(folder))
	if len(rows) > 0 {
		figures, err := logFigures(rows)
		if err != nil {
			return err
		}
		section.Figures = figures
		last := rows[len(rows)-1]
		doc.Highlights = append(doc.Highlights, report.Highlight{Name: name + ": loss", Value: fmt.Sprintf("%.3g", last.Loss), Note: fmt.Sprintf("after step %d", last.Step)})
		doc.Made = append(doc.Made, report.Fact{Name: name, Value: fmt.Sprintf("%d steps, %d samples, %s in steps", last.Step, last.Samples, duration(last.Seconds))})
	}
	if len(scored) > 0 {
		section.Tables = []report.Table{lastScores(scored)}
		figures, err := validationFigures(scored)
		if err != nil {
			return err
		}
		section.Figures = append(section.Figures, figures...)
	}
	doc.Sections = append(doc.Sections, section)
	text, err := readText(filepath.Join(folder, train.RunConfigFile))
	if err != nil {
		return err
	}
	doc.Configs = append(doc.Configs, report.Fact{Name: filepath.Join(folder, train.RunConfigFile), Value: text})
	doc.Commands = append(doc.Commands, fmt.Sprintf("walrus train %s --set out=NEW-FOLDER", quoted([]string{filepath.Join(folder, train.RunConfigFile)})[0]))
	return nil
}

// state says in words how far a run is.
func state(rows []train.Row, scored []train.ScoreRow, steps int, active bool) string {
	now := "No process trains in it now."
	if active {
		now = "It is running."
	}
	if len(rows) == 0 {
		if len(scored) == 0 {
			return "Nothing has been logged yet. " + now
		}
		return "No step has been logged yet. " + now
	}
	last := rows[len(rows)-1]
	text := fmt.Sprintf("Step %d", last.Step)
	if steps > 0 {
		text += fmt.Sprintf(" of %d", steps)
		if last.Step >= steps {
			return text + ": the run is complete. Loss: 100 times the mean absolute error of the normalised change from frame to frame."
		}
	}
	text += ". " + now
	if active && steps > last.Step && last.Step > 0 {
		text += fmt.Sprintf(" At its pace so far, steps take another %s.", duration(last.Seconds/float64(last.Step)*float64(steps-last.Step)))
	}
	return text + " Loss: 100 times the mean absolute error of the normalised change from frame to frame."
}

// duration writes seconds for people.
func duration(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d >= time.Hour:
		return d.Round(time.Minute).String()
	case d >= time.Second:
		return d.Round(time.Second).String()
	}
	return d.Round(time.Millisecond).String()
}

// mostPoints bounds the points of a curve; longer logs are shown as means over neighbouring rows.
const mostPoints = 1500

// logFigures are loss, learning rate and gradient norm against the step.
func logFigures(rows []train.Row) ([]report.Figure, error) {
	var steps, loss, rate, norm []float64
	stride := (len(rows) + mostPoints - 1) / mostPoints
	for chunk := range slices.Chunk(rows, stride) {
		var row train.Row
		for _, r := range chunk {
			row.Loss += r.Loss / float64(len(chunk))
			row.Rate += r.Rate / float64(len(chunk))
			row.GradientNorm += r.GradientNorm / float64(len(chunk))
		}
		steps = append(steps, float64(chunk[len(chunk)-1].Step))
		loss, rate, norm = append(loss, row.Loss), append(rate, row.Rate), append(norm, row.GradientNorm)
	}
	note := ""
	if stride > 1 {
		note = fmt.Sprintf(" Each point is the mean over %d rows of the log.", stride)
	}
	curve := func(title, label string, values []float64, log bool) report.LineSpec {
		return report.LineSpec{Title: title, XLabel: "optimizer step", YLabel: label, WholeX: true, LogY: log, Series: []report.Series{{X: steps, Y: values}}}
	}
	return lineFigures(note,
		curve("Loss", "loss", loss, true), curve("Learning rate", "rate", rate, false), curve("Norm of the gradient, before clipping", "norm", norm, true))
}

// lineFigures draws plots; one without a point that its axes can show is left out.
func lineFigures(note string, specs ...report.LineSpec) ([]report.Figure, error) {
	var list []report.Figure
	for _, spec := range specs {
		figure, err := report.LinesFigure(spec, strings.TrimSpace(note))
		figure.Alt = spec.Title
		if errors.Is(err, report.ErrNoPoint) {
			continue
		}
		if err != nil {
			return nil, err
		}
		list = append(list, figure)
	}
	return list, nil
}

// lastScores is the newest score of every data set, split and kind.
func lastScores(scored []train.ScoreRow) report.Table {
	t := report.Table{Title: "Last validation", Columns: report.Columns("data set", "split", "score", "step", "VRMSE", "persistence", "MAE", "windows", "steps")}
	type key struct {
		train.Task
		set string
	}
	newest := map[key]train.ScoreRow{}
	var order []key
	for _, s := range scored {
		k := key{s.Task, s.DataSet}
		if _, known := newest[k]; !known {
			order = append(order, k)
		}
		newest[k] = s
	}
	for _, k := range order {
		s := newest[k]
		mark := report.Bad
		if s.VRMSE < s.Persistence {
			mark = report.Good
		}
		t.Add(report.Text(s.DataSet), report.Text(s.Split), report.Text(s.Kind), report.Integer(s.Step), report.Number(s.VRMSE).Marked(mark),
			report.Number(s.Persistence), report.Number(s.MAE), report.Integer(s.Windows), report.Integer(s.Steps))
	}
	return t
}

// validationFigures has a plot for each kind of score and split: VRMSE against the step, a curve a data set, persistence dashed.
func validationFigures(scored []train.ScoreRow) ([]report.Figure, error) {
	var tasks []train.Task
	for _, s := range scored {
		if !slices.Contains(tasks, s.Task) {
			tasks = append(tasks, s.Task)
		}
	}
	var specs []report.LineSpec
	for _, task := range tasks {
		spec := report.LineSpec{Title: "Validation: " + task.Kind + ", split " + task.Split, XLabel: "optimizer step", YLabel: "VRMSE", WholeX: true, LogY: true}
		var sets []string
		for _, s := range scored {
			if s.Task == task && !slices.Contains(sets, s.DataSet) {
				sets = append(sets, s.DataSet)
			}
		}
		for i, set := range sets {
			model, persistence := report.Series{Name: set, Color: i + 1}, report.Series{Name: set + ", persistence", Color: i + 1, Dashed: true}
			for _, s := range scored {
				if s.Task == task && s.DataSet == set {
					model.X, model.Y = append(model.X, float64(s.Step)), append(model.Y, s.VRMSE)
					persistence.X, persistence.Y = append(persistence.X, float64(s.Step)), append(persistence.Y, s.Persistence)
				}
			}
			spec.Series = append(spec.Series, model, persistence)
		}
		if len(spec.Series[0].X) > 1 { // one validation is in the table
			specs = append(specs, spec)
		}
	}
	return lineFigures(" Median over windows or trajectories, mean over fields.", specs...)
}
