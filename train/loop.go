package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/gowalrus/walrus/sample"
)

// Network is what a loop trains: weights and optimizer state behind one compiled step.
type Network interface {
	// Step averages the gradients of the batches and makes one optimizer step at the given learning rate. An error
	// leaves weights and optimizer state as they were.
	Step(ctx context.Context, batches []Draw, rate float64) (Outcome, error)
}

// Draw is one batch with the generator of its jitter, rolls and drop path.
type Draw struct {
	Batch  *sample.Batch
	Random *rand.Rand
}

// Outcome is what a step measured before it changed the weights.
type Outcome struct {
	Loss         float64   // 100 x the mean loss (Loss) of the normalised increment, mean over the batches
	Losses       []float64 // of each batch, or nil
	GradientNorm float64   // before clipping
	Samples      int       // seen by all processes, where several make the step; else 0
	Times        StepTimes
}

// StepTimes says what a process did in a step that several made.
type StepTimes struct {
	Computed  time.Duration // its part of the gradient
	Waited    time.Duration // for the slowest of the others
	Exchanged time.Duration // gradients and weights, and made the update
}

// State is where a run stands; with the network's own state it is all that a resumed run needs.
type State struct {
	Step    int     `json:"step"`    // optimizer steps done
	Samples int     `json:"samples"` // samples seen
	Sums    sums    `json:"sums"`    // of the steps since the last row of the log
	Seconds float64 `json:"seconds"` // spent in steps, over all sessions of the run
	// Due is what is still to be done at this step, in this order: what a run that was interrupted on the way makes up for.
	Due []Task `json:"due,omitempty"`
	// Error is the validation's error one step ahead when it was last measured, and Best the smallest that was saved; nil before
	// the first, and math.MaxFloat64 for none that is finite.
	Error *float64 `json:"error,omitempty"`
	Best  *float64 `json:"best,omitempty"`
}

// Task is one of the things that are due at the end of an epoch.
type Task struct {
	Kind  string `json:"kind"`            // OneStep, Rollout or saving
	Split string `json:"split,omitempty"` // of the data, for a score
}

// Kinds of tasks.
const (
	OneStep = "one step" // score single steps from known frames
	Rollout = "rollout"  // score predictions that are fed back
	saving  = "save"
)

// testSplit is scored after the last epoch.
const testSplit = "test"

// sums accumulate the row of the log that is not full yet.
type sums struct {
	Sets         []setSum `json:"sets,omitempty"` // by data set, in the order of their first batch
	Steps        int      `json:"steps"`
	Loss         float64  `json:"loss"`
	GradientNorm float64  `json:"gradient_norm"`
}

// setSum adds up the losses of one data set's batches.
type setSum struct {
	DataSet string  `json:"data_set"`
	Batches int     `json:"batches"`
	Loss    float64 `json:"loss"`
}

// with adds the losses of a step's batches. The sums before it stay as they are: a state that is returned after an error has them.
func (s sums) with(draws []Draw, losses []float64) sums {
	s.Sets = slices.Clone(s.Sets)
	for i, loss := range losses {
		name := draws[i].Batch.DataSet
		at := slices.IndexFunc(s.Sets, func(one setSum) bool { return one.DataSet == name })
		if at < 0 {
			at = len(s.Sets)
			s.Sets = append(s.Sets, setSum{DataSet: name})
		}
		s.Sets[at].Batches++
		s.Sets[at].Loss += loss
	}
	return s
}

// Score is the error of a network on one data set.
type Score struct {
	Task
	DataSet     string  `json:"data_set"`
	VRMSE       float64 `json:"vrmse"`       // median over windows or trajectories, mean over fields and steps
	Persistence float64 `json:"persistence"` // the same of "nothing changes"
	MAE         float64 `json:"mae"`         // mean absolute error, mean over windows, fields and steps
	Windows     int     `json:"windows"`     // or trajectories
	Steps       int     `json:"steps"`       // predicted in each
}

// Loop is one training run. The functions may be nil.
type Loop struct {
	Network      Network
	Batches      sample.Batches
	Schedule     Schedule
	Seed         uint64
	Accumulation int // batches a step
	// Number is the number in the run of one of them; nil for one after the other. Where several processes make a step each has
	// some of its batches.
	Number   func(step, batch int) int
	Prefetch int // batches read ahead
	// LookAhead hands the next step to the network before the outcome of one is waited for: where a device computes beside the host,
	// it need not wait for the host then.
	LookAhead    bool
	LogEvery     int           // steps that a row of the log averages over
	SaveEvery    time.Duration // wall-clock time between checkpoints
	ValidEvery   int           // epochs between validations one step ahead; 0 for none
	RolloutEvery int           // and by rollouts
	Split        string        // that they score
	Test         bool          // score the split test after the last epoch
	KeepEvery    int           // epochs between checkpoints that stay, as the last one does; 0 for no others
	KeepBest     bool          // keep the one of the smallest validation error

	// Save writes a checkpoint under the given names too, Note only the state of a run whose weights are saved.
	Save     func(ctx context.Context, s State, names []string) error
	Note     func(s State) error
	Validate func(ctx context.Context, t Task, full bool) ([]Score, error)
	Log      func(Row) error
	// SetLosses hears of the mean loss of each data set over the steps that a row of the log averages over.
	SetLosses func(step int, losses map[string]float64) error
	Scored    func(s State, scores []Score) error
	Progress  func(Progress)
	// Clock decides whether a checkpoint is due by what this process's clock says; nil for just that. Where several processes make
	// a step they have to agree.
	Clock func(overdue bool) bool
	// Made hears of every step that several processes made.
	Made func(step int, o Outcome)
}

// Row is one line of the training log.
type Row struct {
	Step         int     // the last of the steps averaged
	Epoch        float64 // with its fraction
	Samples      int
	Rate         float64 // learning rate of that step
	Loss         float64
	GradientNorm float64
	Seconds      float64 // spent in steps so far
}

// Progress is the state after one step, for the bar.
type Progress struct {
	Step, Steps int
	Loss        float64       // of this step
	Samples     int           // in this step
	Compile     time.Duration // spent so far on compiling, part of the time of the steps or before them
}

// rollStream separates the random numbers of the network from those of the sampler under one seed.
const rollStream = 0x6a69747465720000

// Names of checkpoints.
const (
	bestName  = "best"
	epochName = "epoch-%d"
)

// Run trains from a state to the end of the schedule and returns where it stopped. When ctx ends it saves and
// returns the context's error: nothing is lost. A loss that is not finite ends the run with an error, and the last
// checkpoint stays.
func (l *Loop) Run(ctx context.Context, s State) (State, error) {
	ahead := newLookahead(ctx, l, s.Step)
	defer ahead.Close()
	saves := saves{at: s.Step, last: time.Now()} // what a run begins with is on disk, unless it is new
	if s.Step == 0 && len(s.Due) == 0 {
		saves.at = -1
	}
	for s.Step < l.Schedule.Steps() || len(s.Due) > 0 {
		next, err := l.advance(ctx, ahead, s, &saves)
		s = next
		if err == nil {
			continue
		}
		if ctx.Err() != nil && !errors.As(err, &spoilt{}) {
			err = errors.Join(ctx.Err(), l.stop(s, saves))
		}
		return s, err
	}
	return s, nil
}

// saves remembers when the weights were last on disk.
type saves struct {
	at   int // step
	last time.Time
}

// stop leaves a state behind that a resumed run goes on from.
func (l *Loop) stop(s State, done saves) error {
	if done.at == s.Step {
		return l.note(s)
	}
	return l.save(context.Background(), s, nil)
}

// advance makes one step or does what is due after it. With an error the state is that of what was done: a step after which
// something was interrupted stays, and that is done when the run goes on.
func (l *Loop) advance(ctx context.Context, ahead *lookahead, s State, done *saves) (State, error) {
	if len(s.Due) == 0 {
		return l.step(ctx, ahead, s, done)
	}
	t := s.Due[0]
	if err := ctx.Err(); err != nil {
		return s, err
	}
	if t.Kind == saving {
		return l.saveDue(ctx, s, done)
	}
	next, err := l.validate(ctx, s, t)
	if err != nil {
		return s, err
	}
	if next.Due = s.Due[1:]; len(next.Due) == 0 && done.at == next.Step { // a test, whose state is saved as one that is to come
		return next, l.note(next)
	}
	return next, nil
}

// saveDue saves if there is a reason to: a name to give, the end of the run or the clock.
func (l *Loop) saveDue(ctx context.Context, s State, done *saves) (State, error) {
	next := s
	next.Due = s.Due[1:]
	var names []string
	if l.KeepBest && (s.Best == nil || s.Error != nil && *s.Error < *s.Best) {
		names = append(names, bestName)
		none := math.MaxFloat64 // as released, the first is the best as long as nothing is known
		if next.Best = s.Error; next.Best == nil {
			next.Best = &none
		}
	}
	epochs, rest := s.Step/l.Schedule.EpochSteps, s.Step%l.Schedule.EpochSteps
	last := s.Step == l.Schedule.Steps()
	if last || l.KeepEvery > 0 && rest == 0 && epochs%l.KeepEvery == 0 {
		names = append(names, fmt.Sprintf(epochName, epochs))
	}
	if len(names) == 0 && !l.overdue(done) {
		return next, nil
	}
	if err := l.save(ctx, next, names); err != nil {
		return s, err
	}
	*done = saves{at: s.Step, last: time.Now()}
	return next, nil
}

// overdue tells whether the clock asks for a checkpoint.
func (l *Loop) overdue(done *saves) bool {
	overdue := l.SaveEvery > 0 && time.Since(done.last) >= l.SaveEvery
	if l.Clock != nil {
		return l.Clock(overdue)
	}
	return overdue
}

// log writes the mean over the steps since the last row.
func (l *Loop) log(s State, rate float64) (State, error) {
	n := float64(s.Sums.Steps)
	row := Row{
		Step: s.Step, Epoch: float64(s.Step) / float64(l.Schedule.EpochSteps), Samples: s.Samples, Rate: rate,
		Loss: s.Sums.Loss / n, GradientNorm: s.Sums.GradientNorm / n, Seconds: s.Seconds,
	}
	losses := map[string]float64{}
	for _, set := range s.Sums.Sets {
		losses[set.DataSet] = set.Loss / float64(set.Batches)
	}
	s.Sums = sums{}
	if l.Log != nil {
		if err := l.Log(row); err != nil {
			return s, fmt.Errorf("train: step %d: log: %w", s.Step, err)
		}
	}
	if l.SetLosses != nil {
		if err := l.SetLosses(s.Step, losses); err != nil {
			return s, fmt.Errorf("train: step %d: log: %w", s.Step, err)
		}
	}
	return s, nil
}

// due lists what is to be done after a step: at the end of an epoch the scores whose turn it is, and a checkpoint if there is a
// reason for one; at the end of the run all scores, and after the checkpoint those of the test.
func (l *Loop) due(step int) []Task {
	if step%l.Schedule.EpochSteps != 0 {
		return nil
	}
	epoch, last := step/l.Schedule.EpochSteps, step == l.Schedule.Steps()
	var list, test []Task
	for _, score := range []struct {
		kind  string
		every int
	}{{OneStep, l.ValidEvery}, {Rollout, l.RolloutEvery}} {
		if l.Validate == nil || score.every < 1 {
			continue
		}
		if last || epoch%score.every == 0 {
			list = append(list, Task{score.kind, l.Split})
		}
		if last && l.Test {
			test = append(test, Task{score.kind, testSplit})
		}
	}
	return append(append(list, Task{Kind: saving}), test...)
}

// validate scores the network.
func (l *Loop) validate(ctx context.Context, s State, t Task) (State, error) {
	if l.Validate == nil { // a resumed run that validates no more
		return s, nil
	}
	scores, err := l.Validate(ctx, t, s.Step == l.Schedule.Steps())
	if err != nil {
		return s, fmt.Errorf("train: step %d: validation: %w", s.Step, err)
	}
	if t.Kind == OneStep && t.Split == l.Split {
		mean := meanMAE(scores)
		s.Error = &mean
	}
	if l.Scored == nil {
		return s, nil
	}
	return s, l.Scored(s, scores)
}

// meanMAE is the validation's error: the mean absolute error, each data set counting the same. One that is not finite is the
// largest number, which is never the best and which JSON can hold.
func meanMAE(scores []Score) float64 {
	var sum float64
	for _, s := range scores {
		sum += s.MAE / float64(len(scores))
	}
	if math.IsNaN(sum) || sum > math.MaxFloat64 {
		return math.MaxFloat64
	}
	return sum
}

func (l *Loop) save(ctx context.Context, s State, names []string) error {
	if l.Save == nil {
		return nil
	}
	if err := l.Save(context.WithoutCancel(ctx), s, names); err != nil {
		return fmt.Errorf("train: step %d: checkpoint: %w", s.Step, err)
	}
	return nil
}

// note writes down the state of a run whose weights are saved.
func (l *Loop) note(s State) error {
	if l.Note == nil {
		return nil
	}
	if err := l.Note(s); err != nil {
		return fmt.Errorf("train: step %d: checkpoint: %w", s.Step, err)
	}
	return nil
}
