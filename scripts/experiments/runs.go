package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/gowalrus/walrus/internal/progress"
	"github.com/gowalrus/walrus/train"
)

// run is one training: a configuration of train as YAML, and at which steps it is scored.
type run struct {
	folder string
	yaml   string
	steps  []int // multiples of perEpoch, growing
}

// perEpoch are the steps of an epoch of all experiments, so that a run can be scored at few steps too.
const perEpoch = 10

// train trains up to each number of steps in turn and gives its scores. What an earlier attempt left is trained anew: a run is
// short, and half of one has no number.
func (l *lab) train(ctx context.Context, r run, scored func(step int, s train.Score, seconds float64) error) error {
	if err := os.RemoveAll(r.folder); err != nil {
		return err
	}
	bar := progress.New(os.Stderr, r.folder, 0, r.steps[len(r.steps)-1])
	defer bar.Close()
	for i, steps := range r.steps {
		if err := l.leg(ctx, r, steps, i > 0, bar, scored); err != nil {
			return fmt.Errorf("%s: %w", r.folder, err)
		}
	}
	return nil
}

// leg trains to a number of steps.
func (l *lab) leg(ctx context.Context, r run, steps int, resume bool, bar *progress.Bar, scored func(int, train.Score, float64) error) error {
	overrides := []string{fmt.Sprintf("schedule.epochs=%d", steps/perEpoch)}
	var c train.Config
	var err error
	if resume {
		c, err = train.ReadRunConfig(r.folder, overrides...)
	} else {
		c, err = train.ParseConfig([]byte(r.yaml), append(overrides, "out="+r.folder, "engine="+l.engine, fmt.Sprintf("schedule.steps_per_epoch=%d", perEpoch)))
	}
	if err != nil {
		return err
	}
	var scores []train.Score
	run, err := train.Open(c, resume, train.Observer{
		Progress: func(train.Progress) { bar.Advance(1, "") },
		Scored:   func(_ train.State, list []train.Score) { scores = append(scores, list...) },
	})
	if err != nil {
		return err
	}
	err = run.Train(ctx)
	seconds := run.State().Seconds
	if err = errors.Join(err, run.Close()); err != nil {
		return err
	}
	for _, s := range scores {
		if err := scored(steps, s, seconds); err != nil {
			return err
		}
	}
	return nil
}

// sets is the YAML of a list of data sets.
func sets(paths ...string) string {
	var b strings.Builder
	for _, p := range paths {
		fmt.Fprintf(&b, "\n  - {path: %q}", p)
	}
	return b.String()
}
