package rollout

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/sample"
	"github.com/gowalrus/walrus/score"
	"github.com/gowalrus/walrus/surrogate"
	"github.com/gowalrus/walrus/well"
)

// Evaluation says what of a data set is predicted to be scored, and how.
type Evaluation struct {
	score.Protocol
	DataSet string // heads the tables; empty for the name that the files give
	Split   string // what was opened, for the tables
	Stride  int    // frames of the data between two steps; 0 for the smallest of the training
	History int    // frames that the network sees; 0 for as many as in training
	Grid    []int  // interpolate the data to this grid first; nil as in training
	// Earliest is the first frame that single steps, and rollouts from the start, may predict, where that is later than the history asks for: models with
	// different histories are compared on the same frames.
	Earliest int
	// Trajectories are those to roll out, in this order; nil for what the protocol selects.
	Trajectories []int
	// Mine is asked before every forecast whether to make it; nil for all. Processes share them by it, each taking its turn.
	Mine    func() bool
	Options // Steps, Jitter and Blocks are ignored: the last two follow from the model
}

// with fills in what follows from the model.
func (e Evaluation) with(s surrogate.Setting) Evaluation {
	e.Stride, e.History = cmp.Or(e.Stride, s.MinStride), cmp.Or(e.History, s.History)
	e.Jitter = s.Jitter
	return e
}

// Plan finds what of a data set is scored, and refuses what can not be. s is what the model's For gives for the data set.
func (e Evaluation) Plan(d *well.Dataset, s surrogate.Setting) (score.Plan, error) {
	e = e.with(s)
	if e.DataSet == "" {
		e.DataSet = d.Name()
	}
	e.Protocol = e.For(e.DataSet)
	p := score.Plan{DataSet: e.DataSet, Split: e.Split, History: e.History, Stride: e.Stride, Trajectories: d.Trajectories(), Members: e.Calls(), Draws: e.Members()}
	if err := e.Check(); err != nil {
		return p, err
	}
	p.Continued = continued(d, s, e.Grid)
	if e.History < 1 || e.Stride < 1 {
		return p, fmt.Errorf("rollout: history of %d frames with stride %d; expected at least 1 and 1", e.History, e.Stride)
	}
	if p.Members > 1 {
		p.Kind = "rollout"
		if e.StepEnsemble > 1 {
			p.Kind = "step"
		}
		if e.Members() > 1 && e.StepEnsemble > 1 {
			p.Kind = "rollout and step"
		}
	}
	files := d.Files()
	var shortest well.FileSummary // of those that hold a window: a run that ended early does not stop the rest
	for _, f := range files {
		windows := e.singleSteps(f.Steps)
		p.AllWindows += f.Trajectories * windows
		if windows == 0 {
			p.TooShort += f.Trajectories
		} else if shortest.Steps == 0 || f.Steps < shortest.Steps {
			shortest = f
		}
	}
	p.Trajectories -= p.TooShort
	p.Windows, p.Shortest = len(e.windows(p.AllWindows)), shortest.Steps
	if p.AllWindows == 0 {
		return p, fmt.Errorf("rollout: %s: trajectories of at most %d frames; one step after a history of %d frames with stride %d needs %d: choose a smaller stride or a shorter history",
			d.Name(), slices.MaxFunc(files, func(a, b well.FileSummary) int { return a.Steps - b.Steps }).Steps, e.History, e.Stride, e.History*e.Stride+1)
	}
	if !e.Rolls() {
		return p, nil
	}
	var err error
	history := e.History
	if e.Protocol.First == score.FromTheStart {
		history = e.earliest() / e.Stride
	}
	if p.First, p.Possible, err = e.Rollout(shortest.Steps, history, e.Stride); err != nil {
		return p, fmt.Errorf("%s: %w; --exclude leaves files out", shortest.Path, err)
	}
	if p.Steps = e.StepsToRoll(p.Possible); len(e.WindowsOf(p.Steps)) > 0 {
		p.Rollouts = len(e.rollouts(d))
	}
	p.LeftOut = e.Beyond(p.Possible)
	return p, nil
}

// continued lists how the files of a data set are continued for the network, each way once. A grid that does not fit at all is
// an error where it is read.
func continued(d *well.Dataset, s surrogate.Setting, grid []int) []string {
	var ways []string
	for _, f := range d.Files() {
		g, err := s.Geometry(d, f.Boundaries, grid)
		if err != nil {
			return nil
		}
		if how := g.Continued(); how != "" && !slices.Contains(ways, how) {
			ways = append(ways, how)
		}
	}
	return ways
}

// windows lists the windows to predict one step from.
func (e Evaluation) windows(all int) []int {
	if e.RolloutsOnly {
		return nil
	}
	return e.Selection(all)
}

// rollouts lists the trajectories to roll out, of those that hold a window.
func (e Evaluation) rollouts(d *well.Dataset) []int {
	if e.Trajectories != nil {
		return e.Trajectories
	}
	var usable []int
	first := 0
	for _, f := range d.Files() {
		for i := range f.Trajectories {
			if e.singleSteps(f.Steps) > 0 {
				usable = append(usable, first+i)
			}
		}
		first += f.Trajectories
	}
	selected := e.Selection(len(usable))
	for i, at := range selected {
		selected[i] = usable[at]
	}
	return selected
}

// Forecasts predicts what is to be scored, one forecast at a time: single steps from all windows of the data, by file, trajectory and
// first frame, then the rollouts. Rollouts that become non-finite are kept as far as they went: the score counts the rest as
// infinitely wrong.
func Forecasts(ctx context.Context, d *well.Dataset, s surrogate.Setting, e Evaluation) score.Forecasts {
	return func(yield func(score.Forecast, error) bool) {
		e := e.with(s)
		p, err := e.Plan(d, s)
		if err != nil {
			yield(score.Forecast{}, err)
			return
		}
		for trajectory, starts := range e.starts(d, p) {
			for _, start := range starts {
				if !e.mine() {
					continue
				}
				f, err := e.singleStep(ctx, d, s, p, trajectory, start)
				if !yield(f, err) || err != nil {
					return
				}
			}
		}
		if p.Rollouts == 0 {
			return
		}
		for _, i := range e.rollouts(d) {
			if !e.mine() {
				continue
			}
			f, err := e.rollout(ctx, d, s, p, i)
			if !yield(f, err) || err != nil {
				return
			}
		}
	}
}

// mine says whether this process makes the next forecast.
func (e Evaluation) mine() bool { return e.Mine == nil || e.Mine() }

// TrajectoryForecasts are those of Forecasts that are of one trajectory.
func TrajectoryForecasts(ctx context.Context, d *well.Dataset, s surrogate.Setting, e Evaluation, trajectory int) score.Forecasts {
	return func(yield func(score.Forecast, error) bool) {
		e := e.with(s)
		p, err := e.Plan(d, s)
		if err != nil {
			yield(score.Forecast{}, err)
			return
		}
		for _, start := range e.starts(d, p)[trajectory] {
			f, err := e.singleStep(ctx, d, s, p, trajectory, start)
			if !yield(f, err) || err != nil {
				return
			}
		}
		if p.Rollouts > 0 && slices.Contains(e.rollouts(d), trajectory) {
			yield(e.rollout(ctx, d, s, p, trajectory))
		}
	}
}

// ScoredTrajectories lists the trajectories of which Forecasts predicts anything, and how many steps of each.
func ScoredTrajectories(d *well.Dataset, s surrogate.Setting, e Evaluation) (trajectories, work []int, err error) {
	e = e.with(s)
	p, err := e.Plan(d, s)
	if err != nil {
		return nil, nil, err
	}
	var rolled []int
	if p.Rollouts > 0 {
		rolled = e.rollouts(d)
	}
	for trajectory, starts := range e.starts(d, p) {
		steps := len(starts)
		if slices.Contains(rolled, trajectory) {
			steps += p.Steps
		}
		if steps > 0 {
			trajectories, work = append(trajectories, trajectory), append(work, steps*max(1, p.Draws))
		}
	}
	return trajectories, work, nil
}

// earliest is the first frame that a single step may predict.
func (e Evaluation) earliest() int { return max(e.History*e.Stride, e.Earliest) }

// singleSteps is how many single steps a trajectory of so many frames has.
func (e Evaluation) singleSteps(frames int) int { return max(0, frames-e.earliest()) }

// starts lists by trajectory the first frames of the windows to predict one step from, in their order.
func (e Evaluation) starts(d *well.Dataset, p score.Plan) [][]int {
	windows := slices.Clone(e.windows(p.AllWindows))
	slices.Sort(windows)
	list := make([][]int, 0, d.Trajectories())
	at, before := 0, 0
	for _, file := range d.Files() {
		for range file.Trajectories {
			count := e.singleSteps(file.Steps)
			var own []int
			for ; at < len(windows) && windows[at] < before+count; at++ {
				own = append(own, windows[at]-before+e.earliest()-e.History*e.Stride)
			}
			before += count
			list = append(list, own)
		}
	}
	return list
}

// forecast is what a case and its prediction are to the score.
func (e Evaluation) forecast(d *well.Dataset, c *Case, p score.Plan, trajectory, first int) score.Forecast {
	f := score.Forecast{
		DataSet: p.DataSet, Name: c.Origin(), Trajectory: trajectory, First: first, Fields: c.Start.Names, Channels: Unpadded(c.Layout),
		Last: c.Last(), Hidden: c.Hidden(),
	}
	if d.GridType() == well.Cartesian {
		f.Dimensions = 3 // as the network sees it
	}
	return f
}

// steps predicts a case beside its truth, one step at a time. A rollout that becomes non-finite goes on without predictions.
func (e Evaluation) steps(ctx context.Context, c *Case, seed uint64) iter.Seq2[score.Step, error] {
	o := e.Options
	o.Steps, o.Seed = c.Steps, seed
	return func(yield func(score.Step, error) bool) {
		next, stop := iter.Pull2(c.Truth(ctx))
		defer stop()
		give := func(prediction field.Array, err error) bool {
			if err != nil {
				yield(score.Step{}, fmt.Errorf("%s: %w", c.Origin(), err))
				return false
			}
			truth, err, more := next()
			return more && yield(score.Step{Truth: truth, Prediction: prediction}, err) && err == nil
		}
		for frame, err := range c.Frames(ctx, o) {
			if errors.As(err, new(*NonFiniteError)) {
				break
			}
			var prediction field.Array
			if err == nil {
				prediction = frame.Mean.Index(0)
			}
			if !give(prediction, err) {
				return
			}
		}
		for give(field.Array{}, nil) {
		}
	}
}

// singleStep predicts the frame after a window that starts at a frame of a trajectory.
func (e Evaluation) singleStep(ctx context.Context, d *well.Dataset, s surrogate.Setting, p score.Plan, trajectory, start int) (score.Forecast, error) {
	c, err := ReadCase(ctx, d, s, Piece{Trajectory: trajectory, First: start, Stride: e.Stride, History: e.History, Steps: 1, Grid: e.Grid})
	if err != nil {
		return score.Forecast{}, err
	}
	const singleSteps = 1 << 63 // random streams of their own
	seed := sample.Random(memberSeed(e.Seed, trajectory), singleSteps+uint64(start)).Uint64()
	f := e.forecast(d, c, p, trajectory, start+e.History*e.Stride)
	f.OneStep, f.Stream, f.Count = true, e.steps(ctx, c, seed), c.Known
	return f.Held()
}

// rollout predicts one trajectory from frame p.First on.
func (e Evaluation) rollout(ctx context.Context, d *well.Dataset, s surrogate.Setting, p score.Plan, trajectory int) (score.Forecast, error) {
	c, err := ReadCase(ctx, d, s, Piece{
		Trajectory: trajectory, First: p.First - e.History*e.Stride, Stride: e.Stride, History: e.History, Steps: p.Steps, Grid: e.Grid,
	})
	if err != nil {
		return score.Forecast{}, err
	}
	f := e.forecast(d, c, p, trajectory, p.First)
	f.Stream, f.Count = e.steps(ctx, c, memberSeed(e.Seed, trajectory)), c.Known
	if e.Physics {
		f.Domain = c.Domain()
	}
	f.Axes, f.Lengths = d.Axes(), d.Lengths(c.Window)
	for _, time := range c.Times(p.Steps) {
		f.Times = append(f.Times, float64(time))
	}
	return f, nil
}

// memberSeed gives every trajectory random numbers of its own.
func memberSeed(seed uint64, trajectory int) uint64 {
	return sample.Random(seed, uint64(trajectory)).Uint64()
}

// Unpadded lists the variable channels that are not padding.
func Unpadded(l *sample.Layout) []int {
	var channels []int
	for i, pads := range l.Padding {
		if !pads {
			channels = append(channels, i)
		}
	}
	return channels
}
