package compare

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/gowalrus/walrus/internal/fault"
	"github.com/gowalrus/walrus/rollout"
	"github.com/gowalrus/walrus/score"
	"github.com/gowalrus/walrus/significance"
	"github.com/gowalrus/walrus/surrogate"
	"github.com/gowalrus/walrus/well"
)

// Options say what is compared, and where scores are kept.
type Options struct {
	rollout.Evaluation // protocol, grid, ensemble and seed; its data set, split, stride, history and trajectories follow from the data and the models
	Bootstrap          significance.Options
	Settings           []string // what else tells how models compute: engine, precision, tokens, transforms
	Epsilon            float64  // of the metrics that have one
	Folder             string   // of the scores that are kept
	// Workers predict trajectories side by side with one model's weights; 0 lets the first trajectory tell how many memory allows, as many as
	// there are processors at most.
	Workers int
	// Planned is told how many steps there are to predict, and how many of them are kept already; Stepped of each step, and Note of what goes on. They may be nil.
	Planned func(done, total int)
	Stepped func(steps int, note string)
	Note    func(line string)
}

// entry is a model on a data set.
type entry struct {
	entrant      Entrant
	data         Data
	set          int // place of data
	label        string
	setting      surrogate.Setting
	evaluation   rollout.Evaluation
	plan         score.Plan
	trajectories []int
	work         []int // steps, by place in trajectories
	id           identity
	parts        []*part // by place in trajectories; nil for one that is not known yet
}

// Run scores all models on all data sets, as far as that was not done before, and compares the first model with each of the others. Models are opened one at a time.
func Run(ctx context.Context, entrants []Entrant, data []Data, o Options) (*Comparison, error) {
	if len(entrants) < 2 || len(data) < 1 {
		return nil, fmt.Errorf("compare: %d models on %d data sets; expected at least two models and one data set", len(entrants), len(data))
	}
	if err := errors.Join(o.Bootstrap.Check(), o.Check()); err != nil {
		return nil, err
	}
	if o.Folder == "" {
		return nil, errors.New("compare: no folder for the scores")
	}
	entries, err := plan(entrants, data, o)
	if err != nil {
		return nil, err
	}
	kept := store{o.Folder}
	done, total := 0, 0
	for _, e := range entries {
		for i, trajectory := range e.trajectories {
			p, found, err := kept.read(e.id.key(), trajectory)
			if err != nil {
				return nil, err
			}
			total += e.work[i]
			if found {
				e.parts[i] = &p
				done += e.work[i]
			}
		}
	}
	if o.Planned != nil {
		o.Planned(done, total)
	}
	taken := int64(0) // by a trajectory of the hungriest model so far
	for _, entrant := range entrants {
		own := slices.DeleteFunc(slices.Clone(entries), func(e *entry) bool { return e.entrant.Name != entrant.Name || !slices.Contains(e.parts, nil) })
		if len(own) == 0 {
			continue
		}
		if err := predict(ctx, entrant, own, kept, o, &taken); err != nil {
			return nil, err
		}
	}
	return judge(entrants, entries, o)
}

// plan opens every model on every data set once to learn what is scored, so that all predict the same frames, and refuses what can not be compared.
func plan(entrants []Entrant, data []Data, o Options) ([]*entry, error) {
	var entries []*entry
	for i, d := range data {
		if slices.ContainsFunc(data[:i], func(other Data) bool { return other.Path == d.Path && other.Split == d.Split }) {
			return nil, fmt.Errorf("compare: the data %s is named twice", d.Path)
		}
	}
	for _, entrant := range entrants {
		m, err := entrant.Open()
		if err != nil {
			return nil, err
		}
		for i, d := range data {
			e := &entry{entrant: entrant, data: d, set: i}
			if err := e.look(m); err != nil {
				m.Close()
				return nil, fmt.Errorf("compare: %s on %s: %w", entrant.Name, d.Path, err)
			}
			entries = append(entries, e)
		}
		m.Close()
	}
	for i := range data {
		group := slices.DeleteFunc(slices.Clone(entries), func(e *entry) bool { return e.set != i })
		if err := align(group, o); err != nil {
			return nil, err
		}
	}
	labels(entries, data)
	return entries, nil
}

// look learns what a model does with the data.
func (e *entry) look(m Model) error {
	d, err := e.data.open()
	if err != nil {
		return err
	}
	defer d.Close()
	if err := m.Fits(d); err != nil {
		return err
	}
	e.label = d.Name()
	e.setting, err = m.For(d)
	e.setting.Predictor = nil // of a model that is closed soon
	return err
}

// align gives the models of a data set the same frames to predict.
func align(group []*entry, o Options) error {
	first := group[0]
	earliest := 0
	for _, e := range group {
		if e.setting.MinStride != first.setting.MinStride {
			return fmt.Errorf("compare: %s: %s takes every %d-th frame as a step, %s every %d-th; choose one with --stride", e.data.Path, first.entrant.Name, first.setting.MinStride, e.entrant.Name, e.setting.MinStride)
		}
		if o.Grid == nil && !slices.Equal(e.setting.Grid, first.setting.Grid) {
			return fmt.Errorf("compare: %s: %s interpolates the data to the grid %v, %s to %v (none: its own); choose one with --resample", e.data.Path, first.entrant.Name, first.setting.Grid, e.entrant.Name, e.setting.Grid)
		}
		earliest = max(earliest, e.setting.History*e.setting.MinStride)
	}
	for _, e := range group {
		e.evaluation = o.Evaluation
		e.evaluation.Earliest, e.evaluation.Stride, e.evaluation.History, e.evaluation.Progress = earliest, e.setting.MinStride, e.setting.History, nil
		e.evaluation.Split = strings.ReplaceAll(e.data.Split, ",", " + ")
		d, err := e.data.open()
		if err != nil {
			return err
		}
		err = e.measure(d, o)
		d.Close()
		if err != nil {
			return fmt.Errorf("compare: %s on %s: %w", e.entrant.Name, e.data.Path, err)
		}
		if !slices.Equal(e.trajectories, first.trajectories) || e.plan.First != first.plan.First || e.plan.Steps != first.plan.Steps || e.plan.Windows != first.plan.Windows {
			return fmt.Errorf("compare: %s: %s is scored on %d trajectories from frame %d over %d steps, %s on %d from %d over %d; choose --first and --windows that both allow",
				e.data.Path, first.entrant.Name, len(first.trajectories), first.plan.First, first.plan.Steps, e.entrant.Name, len(e.trajectories), e.plan.First, e.plan.Steps)
		}
	}
	return nil
}

// measure finds what of the data is scored, and what the scores depend on.
func (e *entry) measure(d *well.Dataset, o Options) error {
	var err error
	if e.plan, err = e.evaluation.Plan(d, e.setting); err != nil {
		return err
	}
	if e.trajectories, e.work, err = rollout.ScoredTrajectories(d, e.setting, e.evaluation); err != nil {
		return err
	}
	e.parts = make([]*part, len(e.trajectories))
	e.id = identity{
		Version: scoresVersion, Weights: e.entrant.Identity, DataSet: d.Name(), Split: e.data.Split, First: e.plan.First, Steps: e.plan.Steps, Windows: e.plan.Windows,
		Rollouts: e.plan.Rollouts, Sample: o.Sample, Epsilon: o.Epsilon, Earliest: e.evaluation.Earliest, History: e.evaluation.History, Stride: e.evaluation.Stride,
		Grid: o.Grid, Members: e.plan.Members, Kind: e.plan.Kind, Jitter: e.setting.Jitter, Seed: o.Seed, Settings: o.Settings,
	}
	for _, m := range o.Metrics {
		e.id.Metrics = append(e.id.Metrics, m.Names...)
	}
	e.id.Data, err = dataIdentity(d)
	return err
}

// labels names data sets by what their files say, or by their paths where two say the same.
func labels(entries []*entry, data []Data) {
	count := map[string]int{}
	for i := range data {
		count[entries[i].label]++ // the entries of the first model
	}
	for _, e := range entries {
		if count[e.label] > 1 {
			e.label = e.data.Path
			if e.data.Split != "" {
				e.label += " (" + e.data.Split + ")"
			}
		}
	}
}

// job is a trajectory to predict.
type job struct {
	*entry
	dataset *well.Dataset
	at      int // place in trajectories
}

// predict computes what is missing of a model, trajectory by trajectory, and keeps each as soon as it is done. taken is the memory that one trajectory took
// at most: the peak of the process does not rise again for a model that needs no more than those before.
func predict(ctx context.Context, entrant Entrant, entries []*entry, kept store, o Options, taken *int64) error {
	m, err := entrant.Open()
	if err != nil {
		return err
	}
	defer m.Close()
	var jobs []job
	for _, e := range entries {
		d, err := e.data.open()
		if err != nil {
			return err
		}
		defer d.Close()
		if e.setting, err = m.For(d); err != nil {
			return err
		}
		about := map[string]string{"model": entrant.Name, "weights": entrant.Path, "data": e.data.Path, "plan": e.plan.String()}
		if err := kept.describe(e.id, about); err != nil {
			return err
		}
		for i, p := range e.parts {
			if p == nil {
				jobs = append(jobs, job{e, d, i})
			}
		}
	}
	workers := o.Workers
	if workers == 0 {
		before := memoryInUse()
		if err := jobs[0].run(ctx, kept, o); err != nil {
			return err
		}
		jobs = jobs[1:]
		*taken = max(*taken, memoryInUse()-before)
		workers = workersFor(*taken, memoryFree(), runtime.GOMAXPROCS(0))
		if o.Note != nil && len(jobs) > 1 {
			o.Note(fmt.Sprintf("%s: %d trajectories at a time", entrant.Name, min(workers, len(jobs))))
		}
	}
	return sideBySide(ctx, jobs, workers, func(ctx context.Context, j job) error { return j.run(ctx, kept, o) })
}

// sideBySide runs jobs by several workers. The first error ends all.
func sideBySide(ctx context.Context, jobs []job, workers int, run func(context.Context, job) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	queue := make(chan job)
	var group sync.WaitGroup
	for range min(workers, len(jobs)) {
		group.Go(func() {
			for j := range queue {
				if err := fault.Catch(func() error { return run(ctx, j) }); err != nil {
					cancel(err)
				}
			}
		})
	}
	for _, j := range jobs {
		if ctx.Err() != nil {
			break
		}
		select {
		case queue <- j:
		case <-ctx.Done():
		}
	}
	close(queue)
	group.Wait()
	return context.Cause(ctx)
}

// run predicts and scores one trajectory and keeps the scores.
func (j job) run(ctx context.Context, kept store, o Options) error {
	e := j.evaluation
	e.DataSet = j.label
	if o.Stepped != nil {
		e.Progress = func() { o.Stepped(1, j.entrant.Name+" on "+j.label) }
	}
	trajectory := j.trajectories[j.at]
	result, err := score.Evaluate(ctx, e.Protocol, rollout.TrajectoryForecasts(ctx, j.dataset, j.setting, e, trajectory))
	if err != nil {
		return fmt.Errorf("compare: %s: %w", j.entrant.Name, err)
	}
	p := partOf(trajectory, result)
	if err := kept.write(j.id.key(), p); err != nil {
		return err
	}
	j.parts[j.at] = &p
	return nil
}
