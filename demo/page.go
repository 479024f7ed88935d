package demo

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/gowalrus/walrus/report"
	"github.com/gowalrus/walrus/train"
)

// report writes the page: the scores, how both networks learn, and the rollouts side by side as animations.
func (p plan) report(ctx context.Context, o Options, r *Result) error {
	doc := report.Document{
		Title: "Walrus demo", Summary: p.summary(r), Created: time.Now(), Program: o.Program,
		Highlights: []report.Highlight{
			{Name: r.Known.DataSet, Value: percent(r.Known.Model.OneStep, r.Known.Persistence.OneStep), Note: "of the error of persistence one step ahead, without training"},
			{Name: r.Transfer.DataSet, Value: percent(r.Transfer.FineTuned.OneStep, r.Transfer.Fresh.OneStep), Note: fmt.Sprintf("of the error of a fresh network one step ahead, after %d steps each", r.Transfer.Steps)},
		},
		Sections: []report.Section{{
			Name: "Scores", Tables: r.Scores(),
			Text: "VRMSE of trajectories that the network has not seen: 0 is perfect, 1 is as good as predicting the mean. Persistence repeats the last known frame.",
		}},
	}
	known, err := p.shown(ctx, o, r.known, "known", "Truth, prediction and error, step by step")
	if err != nil {
		return err
	}
	known.Name, known.Text = r.Known.DataSet+": a scenario that walrus-nano knows", "No training: the weights that the program carries, and a simulation that they have not seen. After its first frames the network sees only what it predicted itself."+known.Text
	doc.Sections = append(doc.Sections, known)
	learning, err := learningFigures(o, r)
	if err != nil {
		return err
	}
	curves, err := rolloutFigure(r)
	if err != nil {
		return err
	}
	doc.Sections = append(doc.Sections, report.Section{
		Name: r.Transfer.DataSet + ": a scenario that it never saw", Figures: append(learning, curves),
		Text: fmt.Sprintf("Both networks have the same size and are trained for %d steps on the same windows in the same order.", r.Transfer.Steps),
	})
	for i, s := range sides {
		shown, err := p.shown(ctx, o, r.predicted[i], s.folder, s.name)
		if err != nil {
			return err
		}
		shown.Name = "Rollout of " + s.name
		doc.Sections = append(doc.Sections, shown)
	}
	doc.Made = p.made(o, r)
	for _, s := range sides {
		config, err := os.ReadFile(filepath.Join(o.runOf(s), train.RunConfigFile))
		if err != nil {
			return err
		}
		doc.Configs = append(doc.Configs, report.Fact{Name: "Configuration of " + s.name, Value: string(config)})
	}
	return writeFile(filepath.Join(o.Out, ReportFile), func(w io.Writer) error { return report.HTML(w, doc) })
}

// percent is a share in whole percents.
func percent(part, whole float64) string { return fmt.Sprintf("%.0f %%", 100*part/whole) }

// summary says what was done and how it went.
func (p plan) summary(r *Result) string {
	text := fmt.Sprintf("Walrus-nano, which the program carries, predicted %s as it is, and was fine-tuned on %s, which it never saw, beside a fresh network of the same size.",
		p.known.scenario, p.unseen.scenario)
	switch {
	case !r.Judged:
		text += " This was a quick run: it shows that everything works, and trains too little to judge."
	case r.Passed():
		text += " On the first it has at most half of the error of persistence one step ahead and stays below it; on the second the fine-tuned network wins, one step ahead."
	default:
		text += " A bar was not reached: see the table."
	}
	return text
}

// learningFigures show how both sides learn: the error on windows that are not trained on, and the loss.
func learningFigures(o Options, r *Result) ([]report.Figure, error) {
	errors := report.LineSpec{Title: "Validation", XLabel: "optimizer step", YLabel: "VRMSE one step ahead", WholeX: true, Level: r.learnt[fresh][0].score.Persistence, LevelName: "persistence"}
	losses := report.LineSpec{Title: "Training", XLabel: "optimizer step", YLabel: "loss", WholeX: true, LogY: true}
	for i, s := range sides {
		line := report.Series{Name: s.name, Color: i + 1}
		for _, v := range r.learnt[i] {
			line.X, line.Y = append(line.X, float64(v.step)), append(line.Y, v.score.VRMSE)
		}
		errors.Series = append(errors.Series, line)
		rows, err := train.ReadLog(o.runOf(s))
		if err != nil {
			return nil, err
		}
		line = report.Series{Name: s.name, Color: i + 1}
		for _, row := range rows {
			line.X, line.Y = append(line.X, float64(row.Step)), append(line.Y, row.Loss)
		}
		losses.Series = append(losses.Series, line)
	}
	first, err := report.LinesFigure(errors, "Error one step ahead on trajectories that are not trained on: median over windows.")
	if err != nil {
		return nil, err
	}
	second, err := report.LinesFigure(losses, "Loss: 100 times the mean squared error of the normalised change from frame to frame.")
	return []report.Figure{first, second}, err
}

// rolloutFigure shows the error of both sides along the rollout.
func rolloutFigure(r *Result) (report.Figure, error) {
	var curves []report.RolloutScores
	for i, s := range sides {
		for _, c := range r.predicted[i].scores.Curves() {
			c.Name = s.name
			if i > 0 {
				c.Baseline = nil // the same as that of the first
			}
			curves = append(curves, c)
		}
	}
	lines, err := report.RolloutLines("Error against rollout step", curves...)
	if err != nil {
		return report.Figure{}, err
	}
	return report.LinesFigure(lines, "Median over the held-out trajectories; the band is between the quartiles.")
}

// shown is the part of the page about one rollout, as a film; its first field also becomes a picture beside the page.
func (p plan) shown(ctx context.Context, o Options, of predicted, picture, title string) (set report.Section, err error) {
	t := of.shown
	if len(t.Prediction.Data) == 0 {
		set.Text = " The rollout became non-finite at once; there is nothing to show."
		return set, nil
	}
	film, err := report.NewFilm(ctx, report.FilmSpec{Name: title, Fields: t.Fields, Channels: t.Channels,
		Vectors: report.VectorsOf(t.Fields), FirstStep: 1, Times: t.Times, Axes: t.Axes, Size: t.Lengths, Mark: -1}.WithArrays(t.Truth, t.Prediction))
	if err != nil {
		return set, err
	}
	last := t.Prediction.Shape[0] - 1
	spec := report.PanelSpec{Fields: t.Fields, Channels: t.Channels, Truth: t.Truth, Prediction: t.Prediction, FirstStep: 1,
		Steps: slices.Compact([]int{last / 2, last}), Times: t.Times, Axes: t.Axes, Size: t.Lengths}
	stills, err := report.PanelsFigure(spec, "All fields after half of the steps, and after all.")
	if err != nil {
		return set, err
	}
	set.Films, set.Figures = []*report.Film{film}, []report.Figure{stills}
	if err := os.MkdirAll(filepath.Dir(o.picture(picture)), 0o777); err != nil {
		return set, err
	}
	spec.Channels, spec.PixelScale = spec.Channels[:1], 1
	return set, writeFile(o.picture(picture), func(w io.Writer) error { return report.Panels(w, spec) })
}

// made lists how the result came about.
func (p plan) made(o Options, r *Result) []report.Fact {
	facts := []report.Fact{
		{Name: "seed", Value: fmt.Sprint(o.Seed)},
		{Name: "engine", Value: o.Engine},
		{Name: "machine", Value: fmt.Sprintf("%s/%s, %d cores", runtime.GOOS, runtime.GOARCH, runtime.NumCPU())},
	}
	for _, part := range []part{p.known, p.unseen} {
		facts = append(facts, report.Fact{Name: part.scenario, Value: fmt.Sprintf("%d trajectories of %d frames on %d x %d points; a step of the network is %d of the frames",
			part.trajectories, part.frames, part.grid[0], part.grid[1], part.stride)})
	}
	for _, s := range r.Stages {
		facts = append(facts, report.Fact{Name: s.Name, Value: fmt.Sprintf("%.0f s", s.Seconds)})
	}
	return facts
}
