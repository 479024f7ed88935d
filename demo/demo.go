package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/internal/atomicfile"
	"github.com/gowalrus/walrus/internal/progress"
	"github.com/gowalrus/walrus/report"
	"github.com/gowalrus/walrus/rollout"
	"github.com/gowalrus/walrus/score"
	"github.com/gowalrus/walrus/sim"
	"github.com/gowalrus/walrus/surrogate"
	"github.com/gowalrus/walrus/train"
	"github.com/gowalrus/walrus/well"
)

// Options choose where and how the demo runs.
type Options struct {
	Out     string    // folder of data, run and report
	Quick   bool      // a fraction of the work, without a bar to reach
	Seed    uint64    // fixes every random choice
	Engine  string    // what computes; empty for the default
	Workers int       // processor cores of the simulations
	Screen  io.Writer // gets the progress
	Program string    // name and version, for the report
}

func (o Options) dataFolder() string { return filepath.Join(o.Out, "data") }

// dataOf is the folder of one part's data.
func (o Options) dataOf(p part) string { return filepath.Join(o.dataFolder(), p.scenario) }

// runOf is the folder of one side's training.
func (o Options) runOf(s side) string { return filepath.Join(o.Out, "runs", s.folder) }

// picture is where the picture of a rollout is written.
func (o Options) picture(name string) string {
	return filepath.Join(o.Out, "pictures", name+".png")
}

// ReportFile is the page that the demo writes into its folder.
const ReportFile = "report.html"

// markFile tells a folder of the demo from any other; it holds the result.
const markFile = "demo.json"

// Errors are the median VRMSE of held-out trajectories, mean over fields.
type Errors struct {
	OneStep float64 `json:"one_step"` // over windows
	Rollout float64 `json:"rollout"`  // over trajectories of the mean over the rollout
	Finite  bool    `json:"finite"`   // every rollout stayed finite
}

// Known is what the carried weights are worth, as they are, on a scenario that they have learned.
type Known struct {
	DataSet     string `json:"data_set"`
	Model       Errors `json:"model"`
	Persistence Errors `json:"persistence"`
	Passed      bool   `json:"passed"`
}

// Transfer compares two trainings on a scenario that the carried weights never saw.
type Transfer struct {
	DataSet     string `json:"data_set"`
	Steps       int    `json:"steps"` // optimizer steps of each
	FineTuned   Errors `json:"fine_tuned"`
	Fresh       Errors `json:"fresh"`
	Persistence Errors `json:"persistence"`
	Passed      bool   `json:"passed"`
}

// Stage is how long one part of the demo took.
type Stage struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"`
}

// Result is what came out.
type Result struct {
	Known    Known    `json:"known"`
	Transfer Transfer `json:"transfer"`
	Stages   []Stage  `json:"stages"`
	Judged   bool     `json:"judged"` // false for a quick run

	known     predicted
	predicted [2]predicted    // of the sides
	learnt    [2][]validation // of the sides
}

// predicted is what one network made of the held-out trajectories of a data set.
type predicted struct {
	scores *score.Result
	shown  score.Forecast // the first rollout
}

// validation is what a network was worth after some steps of its training.
type validation struct {
	step  int
	score train.Score
}

// Passed reports whether both bars were reached, or none was to be judged.
func (r *Result) Passed() bool { return !r.Judged || r.Known.Passed && r.Transfer.Passed }

// Scores is the overview of what was scored, a table for each network.
func (r *Result) Scores() []report.Table {
	var list []report.Table
	add := func(network string, p predicted) {
		t := p.scores.Overview()
		t.Title = network + ": " + t.Title
		list = append(list, t)
	}
	add("walrus-nano as it is", r.known)
	for i, s := range sides {
		add(s.name, r.predicted[i])
	}
	return list
}

// Run simulates, predicts, trains, scores and reports. What an earlier demo left in the folder is made anew.
func Run(ctx context.Context, o Options) (*Result, error) {
	p := fullPlan()
	if o.Quick {
		p = quickPlan()
	}
	return p.run(ctx, o)
}

func (p plan) run(ctx context.Context, o Options) (*Result, error) {
	if err := checkEngine(o); err != nil {
		return nil, err
	}
	if err := prepare(o); err != nil {
		return nil, err
	}
	r := &Result{Judged: p.bar}
	for _, stage := range []struct {
		name string
		do   func(context.Context, Options, *Result) error
	}{{"simulate", p.simulate}, {"known", p.foretell}, {"train", p.train}, {"predict", p.predict}, {"report", p.report}} {
		began := time.Now()
		if err := stage.do(ctx, o, r); err != nil {
			if cause := context.Cause(ctx); cause != nil && errors.Is(err, ctx.Err()) {
				err = cause // which signal it was
			}
			return nil, fmt.Errorf("demo: %s: %w", stage.name, err)
		}
		r.Stages = append(r.Stages, Stage{stage.name, time.Since(began).Seconds()})
	}
	return r, writeMark(o, r)
}

// checkEngine opens the engine once before the simulations, so that they are not made in vain.
func checkEngine(o Options) error {
	e, err := engine.Open(o.Engine)
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	e.Close()
	return nil
}

// prepare makes the folder, or clears one that an earlier demo made.
func prepare(o Options) error {
	entries, err := os.ReadDir(o.Out)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("demo: %w", err)
	}
	if len(entries) > 0 {
		if _, err := os.Stat(filepath.Join(o.Out, markFile)); err != nil {
			return fmt.Errorf("demo: %s is not empty and was not made by the demo; choose another folder with --out", o.Out)
		}
		for _, old := range []string{"data", "runs", "pictures", ReportFile} {
			if err := os.RemoveAll(filepath.Join(o.Out, old)); err != nil {
				return fmt.Errorf("demo: %w", err)
			}
		}
	}
	if err := os.MkdirAll(o.Out, 0o777); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	return writeMark(o, &Result{})
}

// writeMark writes the result for programs.
func writeMark(o Options, r *Result) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	return writeFile(filepath.Join(o.Out, markFile), func(w io.Writer) error {
		_, err := w.Write(append(text, '\n'))
		return err
	})
}

// writeFile writes a file that appears complete or not at all.
func writeFile(path string, write func(io.Writer) error) error {
	f, err := atomicfile.Create(path)
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	defer f.Discard()
	if err := write(f); err != nil {
		return fmt.Errorf("demo: %s: %w", path, err)
	}
	return f.Commit()
}

// simulate makes the data of both scenarios.
func (p plan) simulate(ctx context.Context, o Options, _ *Result) error {
	for _, part := range []part{p.known, p.unseen} {
		plan, err := part.simulation(o)
		if err != nil {
			return err
		}
		bar := progress.New(o.Screen, "simulate "+part.scenario, 0, part.frames*part.trajectories)
		plan.Progress = func(int, int) { bar.Advance(1, "") }
		err = sim.Generate(ctx, plan)
		bar.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// foretell predicts a known scenario with the carried weights as they are.
func (p plan) foretell(ctx context.Context, o Options, r *Result) (err error) {
	if r.known, err = p.predictions(ctx, o, p.weights, p.known, "walrus-nano"); err != nil {
		return err
	}
	r.Known.DataSet = p.known.scenario
	r.Known.Model, r.Known.Persistence = errorsOf(r.known.scores)
	r.Known.judge()
	return nil
}

// train trains both sides, one after the other, on the scenario that the weights never saw.
func (p plan) train(ctx context.Context, o Options, r *Result) error {
	for i, s := range sides {
		c, err := p.training(o, s)
		if err != nil {
			return err
		}
		if r.learnt[i], err = trainSide(ctx, o, c, s.name); err != nil {
			return err
		}
	}
	return nil
}

// trainSide trains one network and returns what it was worth on the way.
func trainSide(ctx context.Context, o Options, c train.Config, name string) (learnt []validation, err error) {
	bar := progress.New(o.Screen, "train "+name, 0, c.Schedule.Steps())
	defer bar.Close()
	var loss float64
	run, err := train.Open(c, false, train.Observer{
		Progress: func(s train.Progress) {
			const memory = 0.9
			if loss == 0 {
				loss = s.Loss
			}
			loss = memory*loss + (1-memory)*s.Loss
			bar.Advance(1, fmt.Sprintf("loss %.3g", loss))
		},
		Scored: func(s train.State, scores []train.Score) {
			learnt = append(learnt, validation{s.Step, scores[0]})
			bar.Print(fmt.Sprintf("step %d: one-step VRMSE %.4f (persistence %.4f)", s.Step, scores[0].VRMSE, scores[0].Persistence))
		},
	})
	if err != nil {
		return nil, err
	}
	return learnt, errors.Join(run.Train(ctx), run.Close())
}

// predict rolls out the held-out trajectories with both sides.
func (p plan) predict(ctx context.Context, o Options, r *Result) (err error) {
	for i, s := range sides {
		if r.predicted[i], err = p.predictions(ctx, o, o.runOf(s), p.unseen, s.name); err != nil {
			return err
		}
	}
	t := &r.Transfer
	t.DataSet, t.Steps = p.unseen.scenario, p.config.Schedule.Steps()
	t.FineTuned, t.Persistence = errorsOf(r.predicted[fineTuned].scores)
	t.Fresh, _ = errorsOf(r.predicted[fresh].scores)
	t.judge()
	return nil
}

// predictions rolls out and scores the held-out trajectories of a data set with some weights.
func (p plan) predictions(ctx context.Context, o Options, weights string, of part, name string) (found predicted, err error) {
	e, err := engine.Open(o.Engine)
	if err != nil {
		return found, err
	}
	defer e.Close()
	m, err := surrogate.Open(e, weights, surrogate.Options{Stride: of.stride})
	if err != nil {
		return found, err
	}
	defer m.Close()
	protocol := score.DefaultProtocol()
	protocol.First, protocol.Windows = score.FromTheStart, []score.Window{{First: 1, Last: p.steps}}
	d, err := well.OpenDataset(o.dataOf(of), protocol.Splits[0], well.Options{})
	if err != nil {
		return found, err
	}
	defer d.Close()
	setting, err := m.For(d)
	if err != nil {
		return found, err
	}
	evaluation := rollout.Evaluation{Protocol: protocol, Options: rollout.Options{Seed: o.Seed}}
	work, err := evaluation.Plan(d, setting)
	if err != nil {
		return found, err
	}
	bar := progress.New(o.Screen, "predict "+work.DataSet+" with "+name, 0, work.Work())
	defer bar.Close()
	evaluation.Progress = func() { bar.Advance(1, "") }
	found.scores, err = score.Evaluate(ctx, protocol, func(yield func(score.Forecast, error) bool) {
		for f, err := range rollout.Forecasts(ctx, d, setting, evaluation) {
			if err == nil && !f.OneStep && found.shown.DataSet == "" {
				if f, err = f.Held(); err == nil {
					found.shown = f
				}
			}
			if !yield(f, err) || err != nil {
				return
			}
		}
	})
	return found, err
}

// errorsOf are the errors of one data set, and those of persistence.
func errorsOf(scores *score.Result) (model, persistence Errors) {
	for _, s := range scores.Scores() {
		switch {
		case s.Field != score.AllFields:
		case s.Window == score.OneStepName:
			model.OneStep, persistence.OneStep = s.Model.Median, s.Persistence.Median
		default:
			model.Rollout, persistence.Rollout = s.Model.Median, s.Persistence.Median
			model.Finite = !math.IsInf(s.Model.Mean, 0) && !math.IsNaN(s.Model.Mean)
			persistence.Finite = true
		}
	}
	return model, persistence
}

// judge compares with the bar of a known scenario.
func (k *Known) judge() {
	k.Passed = k.Model.Finite && k.Model.OneStep <= oneStepBar*k.Persistence.OneStep && k.Model.Rollout < k.Persistence.Rollout
}

// judge says whether the pretrained weights won one step ahead, by a margin.
func (t *Transfer) judge() {
	t.Passed = t.FineTuned.Finite && t.FineTuned.OneStep <= transferBar*t.Fresh.OneStep && t.FineTuned.OneStep < t.Persistence.OneStep
}
