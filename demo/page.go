package demo

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/gowalrus/walrus/report"
	"github.com/gowalrus/walrus/score"
	"github.com/gowalrus/walrus/train"
)

// report writes the page: the scores, how the loss and the error behave, and the rollouts as animations.
func (p plan) report(ctx context.Context, o Options, r *Result) error {
	doc := report.Document{
		Title: "Walrus demo", Summary: p.summary(r), Scores: r.Scores.Overview(),
		ScoresNote: "VRMSE of trajectories that the network has not seen: 0 is perfect, 1 is as good as predicting the mean. Persistence repeats the last known frame.",
		Created:    time.Now(), Program: o.Program,
	}
	for _, v := range r.Verdicts {
		doc.Highlights = append(doc.Highlights, report.Highlight{
			Name: v.DataSet, Value: fmt.Sprintf("%.0f %%", 100*v.OneStep/v.OneStepPersistence), Note: "of the error of persistence, one step ahead",
		})
	}
	var err error
	if doc.Training, err = trainingFigures(o); err != nil {
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
	doc.Rollouts = []report.Figure{figure}
	for _, t := range r.shown {
		set, err := p.shownSet(ctx, t)
		if err != nil {
			return err
		}
		doc.DataSets = append(doc.DataSets, set)
	}
	doc.Made = p.made(o, r)
	config, err := os.ReadFile(filepath.Join(o.runFolder(), train.RunConfigFile))
	if err != nil {
		return err
	}
	doc.Config = string(config)
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

// trainingFigures are the curves of the training.
func trainingFigures(o Options) ([]report.Figure, error) {
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
	return []report.Figure{figure}, err
}

// shownSet is the part of the page about one data set: the rollout of a trajectory as an animation.
func (p plan) shownSet(ctx context.Context, t score.Trajectory) (report.DataSet, error) {
	set := report.DataSet{Name: t.DataSet, Text: "A held-out trajectory, predicted from its first frames."}
	if len(t.Prediction.Data) == 0 {
		set.Text += " The rollout became non-finite at once; there is nothing to show."
		return set, nil
	}
	spec := report.PanelSpec{Fields: t.Fields, Channels: t.Channels, Truth: t.Truth, Prediction: t.Prediction, FirstStep: 1}
	figure, err := report.AnimationFigure(ctx, spec, 0, "Truth, prediction and error, step by step.")
	set.Figures = []report.Figure{figure}
	return set, err
}

// made lists how the result came about.
func (p plan) made(o Options, r *Result) []report.Fact {
	facts := []report.Fact{
		{Name: "seed", Value: fmt.Sprint(o.Seed)},
		{Name: "engine", Value: o.Engine},
		{Name: "machine", Value: fmt.Sprintf("%s/%s, %d cores", runtime.GOOS, runtime.GOARCH, runtime.NumCPU())},
	}
	for _, part := range p.parts {
		facts = append(facts, report.Fact{Name: part.scenario, Value: fmt.Sprintf("%d trajectories of %d frames on %v, every %d. frame",
			part.trajectories, part.frames, part.grid, part.stride)})
	}
	for _, s := range r.Stages {
		facts = append(facts, report.Fact{Name: s.Name, Value: fmt.Sprintf("%.0f s", s.Seconds)})
	}
	return facts
}
