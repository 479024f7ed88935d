package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gowalrus/walrus/internal/progress"
	"github.com/gowalrus/walrus/train"
)

// run is one training: a configuration of train as YAML, and at which steps it is scored.
type run struct {
	folder string
	yaml   string
	steps  []int              // multiples of perEpoch, growing
	timed  func(step float64) // is told the processor seconds of one step; may be nil
}

// perEpoch are the steps of an epoch of all experiments, so that a run can be scored at few steps too.
const perEpoch = 10

// train trains up to each number of steps in turn and gives its scores, with the processor time of all steps so far. What an earlier attempt left is trained anew: a run is
// short, and half of one has no number.
func (l *lab) train(ctx context.Context, r run, scored func(step int, s train.Score, seconds float64)) error {
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
func (l *lab) leg(ctx context.Context, r run, steps int, resume bool, bar *progress.Bar, scored func(int, train.Score, float64)) error {
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
	clock := stopwatch{}
	run, err := train.Open(c, resume, train.Observer{
		Progress: func(train.Progress) { clock.lap(); bar.Advance(1, "") },
		Scored:   func(_ train.State, list []train.Score) { scores = append(scores, list...) },
	})
	if err != nil {
		return err
	}
	clock.start()
	err = run.Train(ctx)
	seconds := clock.median() * float64(steps)
	if r.timed != nil {
		r.timed(clock.median())
	}
	if err = errors.Join(err, run.Close()); err != nil {
		return err
	}
	for _, s := range scores {
		scored(steps, s, seconds)
	}
	return nil
}

// smallModel is the YAML of a network that is small enough to be trained in a minute.
const smallModel = "model: {hidden: 64, intermediate: 16, heads: 4, blocks: 2, vocabulary: data, tokens: 8}"

// scored trains, and gives a row like m for each score; of the score's own data set where m names none. The run's folder is removed.
func (l *lab) scored(ctx context.Context, r run, m row) ([]row, error) {
	var measured []row
	err := l.train(ctx, r, func(step int, s train.Score, seconds float64) {
		n := m
		n.dataSet = cmp.Or(m.dataSet, s.DataSet)
		n.at, n.split, n.value, n.persistence, n.seconds = float64(step), s.Split, s.VRMSE, s.Persistence, seconds
		measured = append(measured, n)
	})
	if err != nil {
		return nil, err
	}
	return measured, os.RemoveAll(r.folder)
}

// pace is the learning rate, its epochs of warm-up and cool-down, and where it differs.
type pace struct {
	rate             float64
	warmup, cooldown int
	blocks           float64 // learning rate of the space-time blocks; 0 for that of all
}

// settings is the YAML of everything that all experiments have in common: the squared error, because there is no time to leave the median
// behind, and batches of 2. data is YAML of the section of that name.
func settings(model, data string, seed uint64, p pace, validation string) string {
	groups := ""
	if p.blocks > 0 && p.blocks != p.rate {
		groups = fmt.Sprintf(`, groups: [{match: ["blocks.*"], learning_rate: %g}]`, p.blocks)
	}
	return fmt.Sprintf(`%s
seed: %d
loss: mse
data: {batch: 2, max_stride: 1, rotation: none, %s}
optimizer: {beta2: 0.98%s}
schedule: {learning_rate: %g, warmup_epochs: %d, cooldown_epochs: %d, continuous: true}
checkpoint: {best: false, every: 0}
validation: %s
`, model, seed, data, groups, p.rate, p.warmup, p.cooldown, validation)
}

// small is the pace of small networks, which have one rate in all arms.
func small(cooldown int) pace { return pace{rate: smallRate, warmup: 2, cooldown: cooldown} }

// smallRate is the learning rate of small networks. Of 1.5e-3 and 4e-3 on sound, neither was better by more than 2 percent.
const smallRate = 2e-3

// What a run is scored on at its end, where that is one step ahead.
const (
	scoredOnTest = "{every: 100000, windows: 32, full_at_end: false, test: false, split: test}"
	notScored    = "{every: 0}"
)

// steps are numbers of steps below the limit, or the limit.
func (l *lab) steps(list ...int) []int {
	var capped []int
	for _, n := range list {
		if n = l.atMost(n); !slices.Contains(capped, n) {
			capped = append(capped, n)
		}
	}
	return capped
}

// atMost is a number of steps, or the limit of all.
func (l *lab) atMost(n int) int {
	if l.cap > 0 {
		return min(n, l.cap)
	}
	return n
}

// last is where the weights of a run lie.
func last(folder string) string { return filepath.Join(folder, "last") }

// sets is the YAML of a list of data sets.
func sets(paths ...string) string {
	var b strings.Builder
	for _, p := range paths {
		fmt.Fprintf(&b, "\n  - {path: %q}", p)
	}
	return b.String()
}
