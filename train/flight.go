package train

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"
)

// flight is a step on its way: handed to the network, its outcome not asked for yet.
type flight struct {
	draws   []Draw
	samples int
	rate    float64
	began   time.Time
	outcome func() (Outcome, error)
	err     error // instead, of a step that could not begin and changed nothing
}

// spoilt is an error after which the weights are not those of the state that it comes with, and must not be saved as such.
type spoilt struct{ error }

// Unwrap returns what went wrong.
func (s spoilt) Unwrap() error { return s.error }

// step makes the step after a state, and says what is due then. With LookAhead the step after it is on its way before the
// outcome is waited for, unless the weights between the two are to be saved or scored.
func (l *Loop) step(ctx context.Context, ahead *lookahead, s State, done *saves) (State, error) {
	f := ahead.flying
	if ahead.flying = nil; f == nil {
		f = l.begin(ctx, ahead, s.Step)
	}
	if f.err != nil {
		return s, f.err
	}
	due := l.due(s.Step + 1)
	if len(due) == 0 && l.overdue(done) {
		due = []Task{{Kind: saving}}
	}
	if l.LookAhead && len(due) == 0 {
		ahead.flying = l.begin(ctx, ahead, s.Step+1)
	}
	next, err := l.finish(ahead, s, f)
	if err != nil {
		return s, spoilt{err}
	}
	next.Due = due
	return next, nil
}

// begin hands the step after a number of steps to the network.
func (l *Loop) begin(ctx context.Context, ahead *lookahead, number int) *flight {
	next, err := ahead.next(ctx)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return &flight{err: err}
	}
	f := &flight{draws: next.draws, samples: next.samples, rate: l.Schedule.At(number), began: time.Now()}
	f.outcome, f.err = next.step(ctx, f.rate)
	return f
}

// finish waits for a step, and counts it.
func (l *Loop) finish(ahead *lookahead, s State, f *flight) (State, error) {
	outcome, err := f.outcome()
	if err != nil {
		return s, err
	}
	if math.IsNaN(outcome.Loss) || math.IsInf(outcome.Loss, 0) {
		var origins []string // of all data sets that the step mixes
		for _, d := range f.draws {
			origins = append(origins, fmt.Sprintf("%s (%s)", d.Batch.DataSet, strings.Join(d.Batch.Origins, "; ")))
		}
		return s, fmt.Errorf("train: step %d: the loss is %v on %s; go on from the last checkpoint with a lower rate: walrus train --resume RUN --set schedule.learning_rate=RATE",
			s.Step+1, outcome.Loss, strings.Join(origins, ", "))
	}
	s.Step++
	samples := or(outcome.Samples, f.samples)
	s.Samples += samples
	s.Seconds += ahead.took(f.began).Seconds()
	s.Sums.Steps++
	s.Sums.Loss += outcome.Loss
	s.Sums.GradientNorm += outcome.GradientNorm
	s.Sums = s.Sums.with(f.draws, outcome.Losses)
	if l.Made != nil {
		l.Made(s.Step, outcome)
	}
	if l.Progress != nil {
		l.Progress(Progress{Step: s.Step, Steps: l.Schedule.Steps(), Loss: outcome.Loss, Samples: samples})
	}
	if s.Step%max(1, l.LogEvery) == 0 || s.Step == l.Schedule.Steps() {
		return l.log(s, f.rate)
	}
	return s, nil
}
