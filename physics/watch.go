package physics

import (
	"fmt"
	"math"

	"github.com/gowalrus/walrus/field"
)

// Limits of the watch.
const (
	// gridScaleFloor is the share of the variance at the grid scale below which nothing is said: a wave of 10 points has .009, noise .375.
	gridScaleFloor = 0.01
	// gridScaleFactor is how many times the history's largest share is too much.
	gridScaleFactor = 4
	// amplitudeFactor is how far beyond the history's range the root mean square may go.
	amplitudeFactor = 2
)

// WarningKind is what went astray.
type WarningKind string

const (
	GridScale WarningKind = "grid scale" // energy piles up at the wavelength of two points
	Amplitude WarningKind = "amplitude"  // the root mean square left the range of the history
)

// Warning says at which step of a rollout a field began to go astray.
type Warning struct {
	Step  int         `json:"step"` // counted from 1
	Field string      `json:"field"`
	Kind  WarningKind `json:"kind"`
	Value float64     `json:"value"`
	Limit float64     `json:"limit"` // that it went beyond
}

// String is the warning in a line.
func (w Warning) String() string {
	if w.Kind == GridScale {
		return fmt.Sprintf("step %d: %s: %.3g of the variance is at the grid scale; the limit that follows from the history is %.3g", w.Step, w.Field, w.Value, w.Limit)
	}
	beyond := "above"
	if w.Value < w.Limit {
		beyond = "below"
	}
	return fmt.Sprintf("step %d: %s: root mean square of %.3g about the history's mean, %s %.3g, which is %d times beyond the history's range", w.Step, w.Field, w.Value, beyond, w.Limit, amplitudeFactor)
}

// Watch compares the frames of a rollout with its history. It needs no truth.
type Watch struct {
	names    []string
	channels []int
	grid

	means   []float64 // of the history, by place in channels
	share   []float64 // limit of the share at the grid scale
	lowest  []float64 // limits of the root mean square about the mean
	highest []float64
	begun   map[string]bool // field and kind that were warned of
}

// NewWatch takes the measure of a history (frames, *N, C) on a domain. names are those of all channels, and channels those to watch.
func NewWatch(d Domain, names []string, channels []int, history field.Array) (*Watch, error) {
	if len(history.Shape) < 3 || history.Shape[0] < 1 {
		return nil, fmt.Errorf("physics: history of shape %v; expected (frames, points..., channels)", history.Shape)
	}
	if err := d.check(history.Shape[1:]); err != nil {
		return nil, err
	}
	w := &Watch{names: names, channels: channels, grid: newGrid(d, history.Shape[1:len(history.Shape)-1]), begun: map[string]bool{}}
	for _, c := range channels {
		var sum float64
		points := 0
		for t := range history.Shape[0] {
			w.visible(func(p int) {
				sum += float64(history.Index(t).Data[p*history.Axis(-1)+c])
				points++
			})
		}
		w.means = append(w.means, sum/math.Max(1, float64(points)))
		w.share, w.lowest, w.highest = append(w.share, gridScaleFloor/gridScaleFactor), append(w.lowest, math.Inf(1)), append(w.highest, 0)
	}
	for t := range history.Shape[0] {
		for i, m := range w.measure(history.Index(t)) {
			w.share[i], w.lowest[i], w.highest[i] = math.Max(w.share[i], m.share), math.Min(w.lowest[i], m.rms), math.Max(w.highest[i], m.rms)
		}
	}
	for i := range channels {
		if w.highest[i] == 0 {
			w.highest[i] = math.Inf(1) // at rest so far: nothing to compare with
		}
		w.share[i], w.lowest[i], w.highest[i] = w.share[i]*gridScaleFactor, w.lowest[i]/amplitudeFactor, w.highest[i]*amplitudeFactor
	}
	return w, nil
}

// Look gives the warnings that begin at a step, counted from 1, whose frame is (*N, C): each field and kind once a rollout.
func (w *Watch) Look(step int, frame field.Array) []Warning {
	var list []Warning
	for i, m := range w.measure(frame) {
		name := w.names[w.channels[i]]
		for _, warning := range []Warning{
			{step, name, GridScale, m.share, w.share[i]},
			{step, name, Amplitude, m.rms, w.highest[i]},
			{step, name, Amplitude, m.rms, w.lowest[i]},
		} {
			beyond := warning.Value > warning.Limit
			if warning.Kind == Amplitude && warning.Limit == w.lowest[i] {
				beyond = warning.Value < warning.Limit
			}
			if key := warning.Field + "\x00" + string(warning.Kind); beyond && !w.begun[key] {
				w.begun[key] = true
				list = append(list, warning)
			}
		}
	}
	return list
}

// visible visits the points outside obstacles.
func (w *Watch) visible(visit func(p int)) {
	for p := range w.points() {
		if !w.hidden(p) {
			visit(p)
		}
	}
}

// roughness is the root mean square of a channel about the history's mean, and the share of its variance at the grid scale.
type roughness struct{ rms, share float64 }

// measure is the roughness of every channel that is watched. The share at the grid scale is the mean square of x[i-1] - 2 x[i] + x[i+1] over 16, along
// all axes, over the variance: 1 for values that alternate along every axis, falling with the fourth power of the wavelength.
func (w *Watch) measure(frame field.Array) []roughness {
	channels := frame.Axis(-1)
	at := func(p int) []float32 { return frame.Data[p*channels : (p+1)*channels] }
	sum, square, bends := make([]float64, len(w.channels)), make([]float64, len(w.channels)), make([]float64, len(w.channels))
	points, differences := 0, 0
	w.visible(func(p int) {
		here := at(p)
		for i, c := range w.channels {
			v := float64(here[c]) - w.means[i]
			sum[i] += v
			square[i] += v * v
		}
		points++
		for axis := range w.sizes {
			low, high, whole := w.beside(p, axis)
			if !whole {
				continue
			}
			below, above := at(low), at(high)
			for i, c := range w.channels {
				bend := float64(below[c]) - 2*float64(here[c]) + float64(above[c])
				bends[i] += bend * bend / 16
			}
			differences++
		}
	})
	list := make([]roughness, len(w.channels))
	if points == 0 {
		return list
	}
	n := float64(points)
	for i := range list {
		if variance := square[i]/n - sum[i]*sum[i]/n/n; variance > 0 && differences > 0 {
			list[i].share = bends[i] / float64(differences) / variance
		}
		list[i].rms = math.Sqrt(square[i] / n)
	}
	return list
}
