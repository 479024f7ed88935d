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
func (o Options) runFolder() string  { return filepath.Join(o.Out, "run") }

// picture is where the picture of a data set is written.
func (o Options) picture(dataSet string) string {
	return filepath.Join(o.Out, "pictures", dataSet+".png")
}

// ReportFile is the page that the demo writes into its folder.
const ReportFile = "report.html"

// markFile tells a folder of the demo from any other; it holds the result.
const markFile = "demo.json"

// Verdict compares one data set with the bar.
type Verdict struct {
	DataSet            string  `json:"data_set"`
	OneStep            float64 `json:"one_step"` // median VRMSE, mean over fields
	OneStepPersistence float64 `json:"one_step_persistence"`
	Rollout            float64 `json:"rollout"` // median over trajectories of the mean over the rollout
	RolloutPersistence float64 `json:"rollout_persistence"`
	Finite             bool    `json:"finite"` // every rollout stayed finite
	Passed             bool    `json:"passed"`
}

// Stage is how long one part of the demo took.
type Stage struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"`
}

// Result is what came out.
type Result struct {
	Verdicts []Verdict     `json:"verdicts"`
	Stages   []Stage       `json:"stages"`
	Judged   bool          `json:"judged"` // false for a quick run
	Scores   *score.Result `json:"-"`
	shown    []score.Forecast
	learnt   []validation
}

// validation is what the network was worth after some steps of its training.
type validation struct {
	step   int
	scores []train.Score
}

// Passed reports whether every data set reached the bar, or none was to be judged.
func (r *Result) Passed() bool {
	for _, v := range r.Verdicts {
		if r.Judged && !v.Passed {
			return false
		}
	}
	return true
}

// Run simulates, trains, predicts, scores and reports. What an earlier demo left in the folder is made anew.
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
	}{{"simulate", p.simulate}, {"train", p.train}, {"predict", p.predict}, {"report", p.report}} {
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
		for _, old := range []string{"data", "run", "pictures", ReportFile} {
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
	for i, part := range p.parts {
		plan, err := p.simulation(i, o)
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

// train trains the network on both data sets together.
func (p plan) train(ctx context.Context, o Options, r *Result) error {
	c := p.training(o)
	bar := progress.New(o.Screen, "train "+c.Model.Preset, 0, c.Schedule.Steps())
	defer bar.Close()
	var loss float64
	run, err := train.Open(c, false, train.Observer{
		Progress: func(s train.Progress) {
			const memory = 0.95
			if loss == 0 {
				loss = s.Loss
			}
			loss = memory*loss + (1-memory)*s.Loss
			bar.Advance(1, fmt.Sprintf("loss %.3g", loss))
		},
		Scored: func(s train.State, scores []train.Score) {
			r.learnt = append(r.learnt, validation{s.Step, scores})
			for _, score := range scores {
				bar.Print(fmt.Sprintf("step %d: %s: one-step VRMSE %.4f (persistence %.4f)", s.Step, score.DataSet, score.VRMSE, score.Persistence))
			}
		},
	})
	if err != nil {
		return err
	}
	return errors.Join(run.Train(ctx), run.Close())
}

// predict rolls out every held-out trajectory and scores it.
func (p plan) predict(ctx context.Context, o Options, r *Result) error {
	e, err := engine.Open(o.Engine)
	if err != nil {
		return err
	}
	defer e.Close()
	m, err := surrogate.Open(e, o.runFolder(), surrogate.Options{})
	if err != nil {
		return err
	}
	defer m.Close()
	protocol := score.DefaultProtocol()
	protocol.First, protocol.Windows = score.FromTheStart, []score.Window{{First: 1, Last: p.steps}}
	r.Scores, err = score.Evaluate(ctx, protocol, p.predictions(ctx, o, protocol, m, r))
	if err != nil {
		return err
	}
	r.Verdicts = verdicts(r.Scores)
	return nil
}

// predictions streams the forecasts of the held-out trajectories of all data sets and keeps the first rollout of each to show.
func (p plan) predictions(ctx context.Context, o Options, protocol score.Protocol, m *surrogate.Model, r *Result) score.Forecasts {
	return func(yield func(score.Forecast, error) bool) {
		for _, part := range p.parts {
			if !p.forecasts(ctx, o, protocol, m, r, filepath.Join(o.dataFolder(), part.scenario), yield) {
				return
			}
		}
	}
}

// forecasts streams those of one data set; false ends the stream.
func (p plan) forecasts(ctx context.Context, o Options, protocol score.Protocol, m *surrogate.Model, r *Result, path string, yield func(score.Forecast, error) bool) bool {
	fail := func(err error) bool {
		yield(score.Forecast{}, err)
		return false
	}
	d, err := well.OpenDataset(path, protocol.Splits[0], well.Options{})
	if err != nil {
		return fail(err)
	}
	defer d.Close()
	setting, err := m.For(d)
	if err != nil {
		return fail(err)
	}
	e := rollout.Evaluation{Protocol: protocol, Options: rollout.Options{Seed: o.Seed}}
	work, err := e.Plan(d, setting)
	if err != nil {
		return fail(err)
	}
	bar := progress.New(o.Screen, "predict "+work.DataSet, 0, work.Work())
	defer bar.Close()
	e.Progress = func() { bar.Advance(1, "") }
	first := true
	for f, err := range rollout.Forecasts(ctx, d, setting, e) {
		shown := first && !f.OneStep && err == nil
		if shown {
			first = false
			if f, err = f.Held(); err == nil {
				r.shown = append(r.shown, f)
			}
		}
		if !yield(f, err) || err != nil {
			return false
		}
	}
	return true
}

// verdicts compares every data set with the bar.
func verdicts(scores *score.Result) []Verdict {
	var list []Verdict
	for _, s := range scores.Scores() {
		if s.Field != score.AllFields {
			continue
		}
		if s.Window == score.OneStepName {
			list = append(list, Verdict{DataSet: s.DataSet, OneStep: s.Model.Median, OneStepPersistence: s.Persistence.Median})
			continue
		}
		v := &list[len(list)-1] // the windows of a data set follow its one step
		v.Rollout, v.RolloutPersistence = s.Model.Median, s.Persistence.Median
		v.Finite = !math.IsInf(s.Model.Mean, 0) && !math.IsNaN(s.Model.Mean)
		v.Passed = v.Finite && v.OneStep <= oneStepBar*v.OneStepPersistence && v.Rollout < rolloutBar*v.RolloutPersistence
	}
	return list
}
