package metric

import (
	"fmt"
	"math"
	"slices"

	"github.com/gowalrus/walrus/field"
)

// Curve scores every step of a rollout: prediction and truth are (T, *N, C), the result is [T][C].
func Curve(f Func, prediction, truth field.Array) ([][]float64, error) {
	if !slices.Equal(prediction.Shape, truth.Shape) || len(truth.Shape) < 2 {
		return nil, fmt.Errorf("metric: prediction of shape %v and truth of shape %v; expected the same (steps, points..., channels)",
			prediction.Shape, truth.Shape)
	}
	curve := make([][]float64, truth.Shape[0])
	for t := range curve {
		var err error
		if curve[t], err = f(prediction.Index(t), truth.Index(t)); err != nil {
			return nil, fmt.Errorf("step %d: %w", t, err)
		}
	}
	return curve, nil
}

// Interval is a half-open range of rollout steps, counted from 0: First <= step < End.
type Interval struct{ First, End int }

// LogarithmicWindows cuts a rollout of so many steps into at most five intervals whose lengths grow geometrically, as The Well's
// rollout reports do: edges 0 and int(e^v) for min(T, 5) values v even from 0 to ln T. Windows without a step are left out.
func LogarithmicWindows(steps int) []Interval {
	if steps < 1 {
		return nil
	}
	edges := min(steps, 5)
	var windows []Interval
	first := 0
	for i := range edges {
		end := 1 // e^0
		if i > 0 {
			v := math.Log(float64(steps)) * float64(i) / float64(edges-1)
			end = int(math.Exp(v))
			if i == edges-1 {
				end = steps // e^(ln T), without the rounding that could lose the last step
			}
		}
		if end > first {
			windows = append(windows, Interval{first, end})
			first = end
		}
	}
	return windows
}

// Over averages a curve [T][C] over the steps of an interval: one number a channel. Steps beyond the curve's end are left
// out; an interval without any step is an error.
func (w Interval) Over(curve [][]float64) ([]float64, error) {
	if w.First < 0 || w.First >= min(w.End, len(curve)) {
		return nil, fmt.Errorf("metric: steps %d to %d of a rollout of %d", w.First, w.End, len(curve))
	}
	return across(curve[w.First:min(w.End, len(curve))], Mean)
}

// MeanCurve averages the curves of several trajectories, [trajectory][T][C], to one, [T][C].
func MeanCurve(curves [][][]float64) ([][]float64, error) { return acrossCurves(curves, Mean) }

// MedianCurve is the median over trajectories at each step and channel: what the paper's tables rest on.
func MedianCurve(curves [][][]float64) ([][]float64, error) { return acrossCurves(curves, Median) }

func acrossCurves(curves [][][]float64, summary func([]float64) float64) ([][]float64, error) {
	if len(curves) == 0 {
		return nil, fmt.Errorf("metric: no trajectories to average")
	}
	steps := len(curves[0])
	out := make([][]float64, steps)
	rows := make([][]float64, len(curves))
	for t := range out {
		for i, curve := range curves {
			if len(curve) != steps {
				return nil, fmt.Errorf("metric: trajectory %d has %d steps and the first has %d; expected the same", i, len(curve), steps)
			}
			rows[i] = curve[t]
		}
		var err error
		if out[t], err = across(rows, summary); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// across summarises each column of rows.
func across(rows [][]float64, summary func([]float64) float64) ([]float64, error) {
	out := make([]float64, len(rows[0]))
	column := make([]float64, len(rows))
	for c := range out {
		for i, row := range rows {
			if len(row) != len(out) {
				return nil, fmt.Errorf("metric: %d channels beside %d; expected the same", len(row), len(out))
			}
			column[i] = row[c]
		}
		out[c] = summary(column)
	}
	return out, nil
}

// Mean is the arithmetic mean; NaN of nothing.
func Mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// Median is the middle value, or the mean of the two middle ones; NaN of nothing, and where a value is NaN.
func Median(values []float64) float64 {
	if len(values) == 0 || slices.ContainsFunc(values, math.IsNaN) {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	low, high := sorted[(len(sorted)-1)/2], sorted[len(sorted)/2]
	if low == high {
		return low // also where both are infinite
	}
	return low + (high-low)/2
}
