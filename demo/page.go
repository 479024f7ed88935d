package demo

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/gowalrus/walrus/report"
	"github.com/gowalrus/walrus/score"
	"github.com/gowalrus/walrus/train"
)

// report writes the page: the scores, how the loss and the error behave, and the rollouts as animations.
func (p plan) report(ctx context.Context, o Options, r *Result) error {
	doc := report.Document{
		Title: "Walrus demo", Summary: p.summary(r), Created: time.Now(), Program: o.Program,
		Sections: []report.Section{{
			Name: "Scores", Tables: []report.Table{r.Scores.Overview()},
			Text: "VRMSE of trajectories that the network has not seen: 0 is perfect, 1 is as good as predicting the mean. Persistence repeats the last known frame.",
		}},
	}
	for _, v := range r.Verdicts {
		doc.Highlights = append(doc.Highlights, report.Highlight{
			Name: v.DataSet, Value: fmt.Sprintf("%.0f %%", 100*v.OneStep/v.OneStepPersistence), Note: "of the error of persistence, one step ahead",
		})
	}
	training, err := trainingFigures(o, r)
	if err != nil {
		return err
	}
	lines, err := report.RolloutLines("Error against rollout step", r.Scores.Curves()...)
	if err != nil {
		return err
	}
	figure, err := report.LinesFigure(lines, "Median over the held-out trajectories; the band is between the quartiles.")
	if err != nil {
		return err
	}
	doc.Sections = append(doc.Sections, report.Section{Name: "Training", Figures: training},
		report.Section{Name: "Rollouts", Figures: []report.Figure{figure}})
	for _, t := range r.shown {
		set, err := p.shownSet(ctx, o, t)
		if err != nil {
			return err
		}
		doc.Sections = append(doc.Sections, set)
	}
	doc.Made = p.made(o, r)
	config, err := os.ReadFile(filepath.Join(o.runFolder(), train.RunConfigFile))
	if err != nil {
		return err
	}
	doc.Configs = []report.Fact{{Name: "Configuration of the training", Value: string(config)}}
	return writeFile(filepath.Join(o.Out, ReportFile), func(w io.Writer) error { return report.HTML(w, doc) })
}

// summary says what was done and how it went.
func (p plan) summary(r *Result) string {
	var names []string
	for _, part := range p.parts {
		names = append(names, part.scenario)
	}
	text := fmt.Sprintf("Simulated %s, trained the preset %s on both together, and predicted trajectories that it has not seen.",
		strings.Join(names, " and "), p.config.Model.Preset)
	switch {
	case !r.Judged:
		text += " This was a quick run: it shows that everything works, and trains too little to judge the network."
	case r.Passed():
		text += " One step ahead the error is at most half of that of persistence, and the rollouts stay better than it."
	default:
		text += " The bar was not reached: see the table."
	}
	return text
}

// trainingFigures are the curves of the training: the loss, and how the network does on the windows that it is validated on.
func trainingFigures(o Options, r *Result) ([]report.Figure, error) {
	rows, err := train.ReadLog(o.runFolder())
	if err != nil {
		return nil, err
	}
	var steps, loss []float64
	for _, row := range rows {
		steps, loss = append(steps, float64(row.Step)), append(loss, row.Loss)
	}
	figure, err := report.LinesFigure(report.LossLines("Training", steps, loss, nil, nil),
		"Loss: 100 times the mean absolute error of the normalised change from frame to frame.")
	if err != nil || len(r.learnt) < 2 {
		return []report.Figure{figure}, err
	}
	lines := report.LineSpec{Title: "Validation", XLabel: "optimizer step", YLabel: "VRMSE / persistence", WholeX: true, Level: oneStepBar, LevelName: "the bar"}
	for i, set := range r.learnt[0].scores {
		s := report.Series{Name: set.DataSet}
		for _, v := range r.learnt {
			s.X, s.Y = append(s.X, float64(v.step)), append(s.Y, v.scores[i].VRMSE/v.scores[i].Persistence)
		}
		lines.Series = append(lines.Series, s)
	}
	learnt, err := report.LinesFigure(lines, "One-step error on trajectories that are not trained on, as a share of that of persistence: median over windows.")
	return []report.Figure{figure, learnt}, err
}

// shownSet is the part of the page about one data set: the rollout of a trajectory as a film. Its first field also becomes a picture beside
// the page.
func (p plan) shownSet(ctx context.Context, o Options, t score.Forecast) (report.Section, error) {
	set := report.Section{Name: t.DataSet, Text: "A held-out trajectory, predicted from its first frames. After them the network sees only what it predicted itself."}
	if len(t.Prediction.Data) == 0 {
		set.Text += " The rollout became non-finite at once; there is nothing to show."
		return set, nil
	}
	film, err := report.NewFilm(ctx, report.FilmSpec{Name: "Truth, prediction and error, step by step", Fields: t.Fields, Channels: t.Channels,
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
	if err := os.MkdirAll(filepath.Dir(o.picture(t.DataSet)), 0o777); err != nil {
		return set, err
	}
	spec.Channels, spec.PixelScale = spec.Channels[:1], 1
	return set, writeFile(o.picture(t.DataSet), func(w io.Writer) error { return report.Panels(w, spec) })
}

// made lists how the result came about.
func (p plan) made(o Options, r *Result) []report.Fact {
	facts := []report.Fact{
		{Name: "seed", Value: fmt.Sprint(o.Seed)},
		{Name: "engine", Value: o.Engine},
		{Name: "machine", Value: fmt.Sprintf("%s/%s, %d cores", runtime.GOOS, runtime.GOARCH, runtime.NumCPU())},
	}
	for _, part := range p.parts {
		facts = append(facts, report.Fact{Name: part.scenario, Value: fmt.Sprintf("%d trajectories of %d frames on %d x %d points; a step of the network is %d of the frames",
			part.trajectories, part.frames, part.grid[0], part.grid[1], part.stride)})
	}
	for _, s := range r.Stages {
		facts = append(facts, report.Fact{Name: s.Name, Value: fmt.Sprintf("%.0f s", s.Seconds)})
	}
	return facts
}
