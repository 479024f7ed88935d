package score

import (
	"fmt"
	"slices"

	"github.com/gowalrus/walrus/field"
)

// Forecast is a stretch of a trajectory, as it went and as the model predicted it from the frames before: a rollout, or a single step.
type Forecast struct {
	DataSet string   // heads the tables
	Name    string   // for messages: file, trajectory and frames
	Fields  []string // one a channel
	// Trajectory counts from 0 over all files of the data set; First is the frame of the data that the first step is.
	Trajectory, First int
	// OneStep tells a single step from known frames from a rollout that happens to have one step.
	OneStep bool
	// Channels are those to score; nil scores all. The components that only pad two-dimensional vectors have no score.
	Channels []int
	// Dimensions is what the spectral error takes the number of axes for, where that is more than the grid has: the release works on
	// cartesian data of two dimensions as on one of three, with a last axis of one point.
	Dimensions int
	// Times, Axes and Lengths say when and where a rollout is, for pictures: the physical time of each of its steps, the
	// names of the axes and the lengths of the domain along them. Scores do not need them.
	Times   []float64
	Axes    []string
	Lengths []float64
	// Hidden is not zero at the points that say nothing at a step, where a body that moves is then: (steps, *N, 1), empty for
	// none. There prediction, persistence and truth all count as 0, as the fields are under a mask that does not move.
	Hidden field.Array
	// Last is the last known frame, (*N, C): what persistence repeats.
	Last field.Array
	// Truth and Prediction are (steps, *N, C). The prediction of a rollout that stopped has fewer steps.
	Truth, Prediction field.Array
}

func (f Forecast) channels() []int {
	if f.Channels != nil {
		return f.Channels
	}
	all := make([]int, len(f.Fields))
	for i := range all {
		all[i] = i
	}
	return all
}

// check verifies that all shapes agree and that the truth is finite.
func (f Forecast) check() error {
	if len(f.Last.Shape) < 2 || f.Last.Axis(-1) != len(f.Fields) {
		return fmt.Errorf("last known frame has shape %v; expected space and %d channels", f.Last.Shape, len(f.Fields))
	}
	for _, c := range f.Channels {
		if c < 0 || c >= len(f.Fields) {
			return fmt.Errorf("channel %d asked for; there are %d", c, len(f.Fields))
		}
	}
	if len(f.channels()) == 0 {
		return fmt.Errorf("no channel to score")
	}
	for _, a := range []struct {
		name  string
		array field.Array
		whole bool
	}{{"last known frame", f.Last, true}, {"truth", f.Truth, false}, {"prediction", f.Prediction, false}} {
		if len(a.array.Data) != field.Volume(a.array.Shape) && len(a.array.Shape) > 0 {
			return fmt.Errorf("%s: %d values for shape %v", a.name, len(a.array.Data), a.array.Shape)
		}
		if !a.whole && steps(a.array) > 0 && !slices.Equal(a.array.Shape[1:], f.Last.Shape) {
			return fmt.Errorf("%s has shape %v; expected steps and then %v", a.name, a.array.Shape, f.Last.Shape)
		}
	}
	if want := append(append([]int{steps(f.Truth)}, f.Last.Shape[:len(f.Last.Shape)-1]...), 1); len(f.Hidden.Data) > 0 && !slices.Equal(f.Hidden.Shape, want) {
		return fmt.Errorf("hidden points of shape %v; expected %v", f.Hidden.Shape, want)
	}
	switch predicted, known := steps(f.Prediction), steps(f.Truth); {
	case known == 0:
		return fmt.Errorf("no step to score")
	case predicted > known:
		return fmt.Errorf("%d predicted steps, %d true ones; expected at most as many", predicted, known)
	case f.OneStep && known != 1:
		return fmt.Errorf("a single step has %d true ones", known)
	}
	return f.checkFinite()
}

// checkFinite names the first value of the truth that no score can be computed from.
func (f Forecast) checkFinite() error {
	scoredChannels := f.channels()
	for _, a := range []struct {
		name  string
		array field.Array
	}{{"last known frame", f.Last}, {"truth", f.Truth}} {
		for i, v := range a.array.Data {
			if c := i % len(f.Fields); v-v != 0 && slices.Contains(scoredChannels, c) {
				step := i / field.Volume(f.Last.Shape)
				return fmt.Errorf("%s, field %s, step %d: %g; expected a finite number", a.name, f.Fields[c], step+1, v)
			}
		}
	}
	return nil
}

// frame is a frame as metrics see it at a step: 0 where it is hidden, with as many axes as Dimensions says.
func (f Forecast) frame(a field.Array, step int) field.Array {
	if len(f.Hidden.Data) > 0 {
		a = a.Clone()
		channels := a.Axis(-1)
		for p, hidden := range f.Hidden.Index(step).Data {
			if hidden != 0 {
				clear(a.Data[p*channels:][:channels])
			}
		}
	}
	if missing := f.Dimensions - (len(a.Shape) - 1); missing > 0 {
		shape := slices.Clone(a.Shape)
		for range missing {
			shape = slices.Insert(shape, len(shape)-1, 1)
		}
		a.Shape = shape
	}
	return a
}

// steps is the extent of the first axis, 0 for the zero Array.
func steps(a field.Array) int {
	if len(a.Shape) == 0 {
		return 0
	}
	return a.Shape[0]
}
