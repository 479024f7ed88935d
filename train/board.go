package train

import (
	"bytes"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/internal/tfevents"
	"github.com/gowalrus/walrus/report"
	"github.com/gowalrus/walrus/score"
)

// board writes what the logs have, and pictures, for TensorBoard. A nil board writes nothing.
type board struct {
	events *tfevents.Writer
	run    *Run
}

// shownForecast is a forecast of a validation that becomes a picture: of its last step, whose number Count is.
type shownForecast struct {
	task     Task
	forecast score.Forecast
}

// openBoard begins an event file, if one is wanted. A run that is resumed takes back what an earlier process wrote of later steps.
func (r *Run) openBoard() (*board, error) {
	if !r.config.TensorBoard {
		return nil, nil
	}
	events, err := tfevents.Create(r.config.Out)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	r.logs = append(r.logs, events)
	b := &board{events, r}
	if r.state.Step > 0 {
		if err := b.restart(r.state); err != nil {
			return nil, err
		}
	}
	log := r.loop.Log
	r.loop.Log = func(row Row) error {
		if err := log(row); err != nil {
			return err
		}
		return b.row(row)
	}
	r.loop.SetLosses = b.losses
	return b, nil
}

// restart takes back the steps that are to come. Where scores of the run's own step are still due, all of that step goes, and what the logs keep of
// it is written again.
func (b *board) restart(s State) error {
	if len(s.Due) == 0 {
		return b.events.Restart(s.Step + 1)
	}
	if err := b.events.Restart(s.Step); err != nil {
		return err
	}
	rows, err := ReadLog(b.run.config.Out)
	if err != nil {
		return err
	}
	if n := len(rows); n > 0 && rows[n-1].Step == s.Step {
		if err := b.row(rows[n-1]); err != nil {
			return err
		}
	}
	scored, err := ReadValidation(b.run.config.Out)
	if err != nil {
		return err
	}
	for _, row := range scored {
		if row.Step == s.Step && !slices.Contains(s.Due, row.Task) {
			if err := b.scores(s.Step, []Score{row.Score}); err != nil {
				return err
			}
		}
	}
	return nil
}

// row writes a row of the training log.
func (b *board) row(r Row) error {
	return b.events.Scalars(r.Step,
		tfevents.Scalar{Tag: "train/loss", Value: r.Loss}, tfevents.Scalar{Tag: "train/gradient_norm", Value: r.GradientNorm},
		tfevents.Scalar{Tag: "train/learning_rate", Value: r.Rate}, tfevents.Scalar{Tag: "train/epoch", Value: r.Epoch},
		tfevents.Scalar{Tag: "train/samples", Value: float64(r.Samples)}, tfevents.Scalar{Tag: "train/seconds", Value: r.Seconds})
}

// losses writes the mean loss of each data set.
func (b *board) losses(step int, losses map[string]float64) error {
	if len(losses) == 0 {
		return nil
	}
	var list []tfevents.Scalar
	for _, set := range slices.Sorted(maps.Keys(losses)) {
		list = append(list, tfevents.Scalar{Tag: "loss/" + set, Value: losses[set]})
	}
	return b.events.Scalars(step, list...)
}

// scores writes the scores of one validation and the pictures that it left.
func (b *board) scores(step int, list []Score) error {
	if b == nil {
		return nil
	}
	var scalars []tfevents.Scalar
	for _, s := range list {
		group := s.Split + " " + s.Kind + "/"
		scalars = append(scalars, tfevents.Scalar{Tag: group + s.DataSet + "/vrmse", Value: s.VRMSE},
			tfevents.Scalar{Tag: group + s.DataSet + "/persistence", Value: s.Persistence}, tfevents.Scalar{Tag: group + s.DataSet + "/mae", Value: s.MAE})
	}
	if err := b.events.Scalars(step, scalars...); err != nil {
		return err
	}
	shown := b.run.shown
	b.run.shown = nil
	for _, one := range shown {
		picture, err := one.picture()
		if err != nil || picture == nil {
			return err
		}
		if err := b.events.Picture(step, one.task.Split+" "+one.task.Kind+"/"+one.forecast.DataSet, picture); err != nil {
			return err
		}
	}
	return nil
}

// mostRows bounds the fields of a picture.
const mostRows = 6

// picture draws truth, prediction and error; nil where nothing was predicted.
func (s shownForecast) picture() ([]byte, error) {
	f := s.forecast
	if len(f.Prediction.Data) == 0 {
		return nil, nil
	}
	spec := report.PanelSpec{Title: f.Name, Fields: f.Fields, Channels: f.Channels, Truth: f.Truth, Prediction: f.Prediction, FirstStep: f.Count,
		Steps: []int{0}, Axes: f.Axes, Size: f.Lengths, PixelScale: 1}
	if len(spec.Channels) > mostRows {
		spec.Channels = spec.Channels[:mostRows]
	}
	var b bytes.Buffer
	if err := report.Panels(&b, spec); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// shown passes forecasts on and keeps the last step of the first one for a picture. Nothing of what is scored changes.
func (v *validator) shown(t Task, forecasts score.Forecasts) score.Forecasts {
	if v.show == nil {
		return forecasts
	}
	return func(yield func(score.Forecast, error) bool) {
		first := true
		for f, err := range forecasts {
			if !first || err != nil {
				if !yield(f, err) {
					return
				}
				continue
			}
			first = false
			kept := f
			if f.Stream != nil {
				f.Stream = keepLast(f.Stream, &kept)
			}
			if !yield(f, nil) {
				return
			}
			v.show(t, lastOf(kept))
		}
	}
}

// keepLast passes the steps of a forecast on and copies the last one that was predicted.
func keepLast(stream iter.Seq2[score.Step, error], kept *score.Forecast) iter.Seq2[score.Step, error] {
	kept.Stream, kept.Count = nil, 0
	return func(yield func(score.Step, error) bool) {
		number := 0
		for s, err := range stream {
			if number++; err == nil && len(s.Prediction.Data) > 0 {
				one := func(a field.Array) field.Array {
					return field.Array{Shape: append([]int{1}, a.Shape...), Data: slices.Clone(a.Data)}
				}
				kept.Truth, kept.Prediction, kept.Count = one(s.Truth), one(s.Prediction), number
			}
			if !yield(s, err) {
				return
			}
		}
	}
}

// lastOf keeps of a forecast the last step that was predicted; Count is its number, from 1.
func lastOf(f score.Forecast) score.Forecast {
	if len(f.Prediction.Shape) == 0 || f.Prediction.Shape[0] < 1 || f.Count > 0 {
		return f
	}
	f.Count = f.Prediction.Shape[0]
	one := func(a field.Array) field.Array {
		last := a.Index(f.Count - 1)
		return field.Array{Shape: append([]int{1}, last.Shape...), Data: slices.Clone(last.Data)}
	}
	f.Truth, f.Prediction = one(f.Truth), one(f.Prediction)
	return f
}
