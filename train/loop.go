package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
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
	Loss         float64 // 100 x mean absolute error of the normalised increment, mean over the batches
	GradientNorm float64 // before clipping
}

// State is where a run stands; with the network's own state it is all that a resumed run needs.
type State struct {
	Step    int     `json:"step"`    // optimizer steps done
	Samples int     `json:"samples"` // samples seen
	Sums    sums    `json:"sums"`    // of the steps since the last row of the log
	Seconds float64 `json:"seconds"` // spent in steps, over all sessions of the run
	// Unscored says that the network is due to be scored at this step: the run was interrupted while it was.
	Unscored bool `json:"unscored,omitempty"`
}

// sums accumulate the row of the log that is not full yet.
type sums struct {
	Steps        int     `json:"steps"`
	Loss         float64 `json:"loss"`
	GradientNorm float64 `json:"gradient_norm"`
}

// Score is the one-step error of a network on one data set.
type Score struct {
	DataSet     string  `json:"data_set"`
	VRMSE       float64 `json:"vrmse"`       // median over windows, mean over fields
	Persistence float64 `json:"persistence"` // the same of "nothing changes"
	Windows     int     `json:"windows"`
}

// Loop is one training run. The functions may be nil.
type Loop struct {
	Network      Network
	Batches      sample.Batches
	Schedule     Schedule
	Seed         uint64
	Accumulation int           // batches a step
	Prefetch     int           // batches read ahead
	LogEvery     int           // steps that a row of the log averages over
	SaveEvery    time.Duration // wall-clock time between checkpoints
	ValidEvery   int           // epochs between validations; 0 for none

	Save     func(ctx context.Context, s State) error
	Validate func(ctx context.Context) ([]Score, error)
	Log      func(Row) error
	Scored   func(s State, scores []Score) error
	Progress func(Progress)
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

// Run trains from a state to the end of the schedule and returns where it stopped. When ctx ends it saves and
// returns the context's error: nothing is lost. A loss that is not finite ends the run with an error, and the last
// checkpoint stays.
func (l *Loop) Run(ctx context.Context, s State) (State, error) {
	ahead := newLookahead(ctx, l, s.Step)
	defer ahead.Close()
	saved := time.Now()
	for s.Step < l.Schedule.Steps() || s.Unscored {
		next, err := l.advance(ctx, ahead, s)
		s = next
		if err != nil {
			if ctx.Err() != nil {
				err = errors.Join(ctx.Err(), l.save(context.WithoutCancel(ctx), s))
			}
			return s, err
		}
		if last := s.Step == l.Schedule.Steps(); last || l.SaveEvery > 0 && time.Since(saved) >= l.SaveEvery {
			if err = l.save(ctx, s); err != nil {
				return s, err
			}
			saved = time.Now()
		}
	}
	return s, nil
}

// advance makes one step and scores the network if that is due. With an error the state is that of what was done: a step
// whose scoring was interrupted stays, and is scored when the run goes on.
func (l *Loop) advance(ctx context.Context, ahead *lookahead, s State) (State, error) {
	if !s.Unscored {
		next, err := l.step(ctx, ahead, s)
		if err != nil {
			return s, err
		}
		s = next
		s.Unscored = l.isDue(s)
	}
	if s.Unscored {
		if err := l.validate(ctx, s); err != nil {
			return s, err
		}
		s.Unscored = false
	}
	return s, nil
}

// step makes one optimizer step from the next batches of the stream.
func (l *Loop) step(ctx context.Context, ahead *lookahead, s State) (State, error) {
	next, err := ahead.next(ctx)
	if err != nil {
		return s, err
	}
	if err := ctx.Err(); err != nil {
		return s, err
	}
	rate := l.Schedule.At(s.Step)
	began := time.Now()
	outcome, err := next.step(ctx, rate)
	if err != nil {
		return s, err
	}
	if math.IsNaN(outcome.Loss) || math.IsInf(outcome.Loss, 0) {
		return s, fmt.Errorf("train: step %d: the loss is %v on %s (%v); lower schedule.learning_rate and go on from the last checkpoint with --resume",
			s.Step+1, outcome.Loss, next.draws[0].Batch.DataSet, next.draws[0].Batch.Origins)
	}
	s.Step++
	s.Samples += next.samples
	s.Seconds += time.Since(began).Seconds()
	s.Sums.Steps++
	s.Sums.Loss += outcome.Loss
	s.Sums.GradientNorm += outcome.GradientNorm
	if l.Progress != nil {
		l.Progress(Progress{Step: s.Step, Steps: l.Schedule.Steps(), Loss: outcome.Loss, Samples: next.samples})
	}
	if s.Step%max(1, l.LogEvery) == 0 || s.Step == l.Schedule.Steps() {
		return l.log(s, rate)
	}
	return s, nil
}

// log writes the mean over the steps since the last row.
func (l *Loop) log(s State, rate float64) (State, error) {
	n := float64(s.Sums.Steps)
	row := Row{
		Step: s.Step, Epoch: float64(s.Step) / float64(l.Schedule.EpochSteps), Samples: s.Samples, Rate: rate,
		Loss: s.Sums.Loss / n, GradientNorm: s.Sums.GradientNorm / n, Seconds: s.Seconds,
	}
	s.Sums = sums{}
	if l.Log == nil {
		return s, nil
	}
	if err := l.Log(row); err != nil {
		return s, fmt.Errorf("train: step %d: log: %w", s.Step, err)
	}
	return s, nil
}

// isDue tells whether the network is to be scored: at the end of every so many epochs and at the end of the run.
func (l *Loop) isDue(s State) bool {
	if l.Validate == nil || l.ValidEvery < 1 {
		return false
	}
	return s.Step%(l.ValidEvery*l.Schedule.EpochSteps) == 0 || s.Step == l.Schedule.Steps()
}

// validate scores the network.
func (l *Loop) validate(ctx context.Context, s State) error {
	if l.Validate == nil {
		return nil
	}
	scores, err := l.Validate(ctx)
	if err != nil {
		return fmt.Errorf("train: step %d: validation: %w", s.Step, err)
	}
	if l.Scored == nil {
		return nil
	}
	return l.Scored(s, scores)
}

func (l *Loop) save(ctx context.Context, s State) error {
	if l.Save == nil {
		return nil
	}
	if err := l.Save(ctx, s); err != nil {
		return fmt.Errorf("train: step %d: checkpoint: %w", s.Step, err)
	}
	return nil
}
