package main

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/rollout"
	"github.com/gowalrus/walrus/score"
	"github.com/gowalrus/walrus/surrogate"
	"github.com/gowalrus/walrus/well"
)

// model opens weights for the time of a call.
func (l *lab) model(weights string, o surrogate.Options, use func(m *surrogate.Model) error) error {
	e, err := engine.Open(l.engine)
	if err != nil {
		return err
	}
	defer e.Close()
	m, err := surrogate.Open(e, weights, o)
	if err != nil {
		return err
	}
	defer m.Close()
	return use(m)
}

// judge scores a model on split test of a data set. change alters how the model is used there; nil for as in training. seconds are the
// processor time of one prediction of one frame.
func judge(ctx context.Context, m *surrogate.Model, path string, change func(*surrogate.Setting), e rollout.Evaluation) (r *score.Result, seconds float64, err error) {
	d, err := m.OpenData(path, testSplit, well.Options{})
	if err != nil {
		return nil, 0, err
	}
	defer d.Close()
	s, err := m.For(d)
	if err != nil {
		return nil, 0, err
	}
	if change != nil {
		change(&s)
	}
	var clock stopwatch
	s.Predictor = timed{s.Predictor, &clock}
	if r, err = score.Evaluate(ctx, e.Protocol, rollout.Forecasts(ctx, d, s, e)); err != nil {
		return nil, 0, fmt.Errorf("%s: %w", path, err)
	}
	return r, clock.median(), nil
}

const testSplit = "test"

// oneStep scores single steps from so many windows of split test.
func oneStep(windows int) score.Protocol {
	p := score.DefaultProtocol()
	p.Windows, p.Sample = nil, windows
	return p
}

// overall finds the VRMSE over all fields of a window of steps, or one step ahead.
func overall(scores []score.Score, window string) (value, persistence float64, err error) {
	at := -1
	for i, s := range scores {
		if s.Metric == "VRMSE" && s.Window == window && (at < 0 || s.Field == score.AllFields) { // a data set of one field has no mean over them
			at = i
		}
	}
	if at < 0 {
		return 0, 0, fmt.Errorf("no VRMSE of %s among %d scores", window, len(scores))
	}
	return scores[at].Model.Median, scores[at].Persistence.Median, nil
}

// once measures what the table lacks. The rows are written when all are there, the one that the measurement is known by, done, at the end.
func (l *lab) once(done key, measure func() ([]row, error)) error {
	if l.results.has(done) {
		return nil
	}
	rows, err := measure()
	if err != nil {
		return err
	}
	at := slices.IndexFunc(rows, func(m row) bool { return m.key == done })
	if at < 0 {
		return fmt.Errorf("%+v: not among the %d numbers that were measured", done, len(rows))
	}
	rows[at], rows[len(rows)-1] = rows[len(rows)-1], rows[at]
	for _, m := range rows {
		if l.results.has(m.key) { // from an attempt that was cut off here
			continue
		}
		if err := l.results.add(m); err != nil {
			return err
		}
	}
	return nil
}

// ratio is a part of b: 1 where both are infinite, as after rollouts that both went astray.
func ratio(a, b float64) float64 {
	if math.IsInf(a, 1) && math.IsInf(b, 1) {
		return 1
	}
	return a / b
}
