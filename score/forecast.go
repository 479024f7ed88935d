package score

import (
	"fmt"
	"iter"
	"slices"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/physics"
)

// Step is a step of a forecast: how it went and how the model predicted it, (*N, C). The prediction of a rollout that stopped before is the zero Array.
type Step struct{ Truth, Prediction field.Array }

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
	// Domain says where and what the channels are, for checks of the physics; nil for none.
	Domain *physics.Domain
	// Truth and Prediction are (steps, *N, C). The prediction of a rollout that stopped has fewer steps.
	Truth, Prediction field.Array
	// Stream gives the Count steps one at a time, in place of Truth and Prediction: a rollout need not fit into memory. It can be gone through
	// once, and holds no frame after the next is asked for.
	Stream iter.Seq2[Step, error]
	Count  int
	MayEnd bool // the stream may have fewer steps, and only those count: a rollout that its user stopped
}

// steps is how many there are to score.
func (f Forecast) steps() int {
	if f.Stream != nil {
		return f.Count
	}
	return steps(f.Truth)
}

// each goes through the steps, held or streamed.
func (f Forecast) each() iter.Seq2[Step, error] {
	if f.Stream != nil {
		return f.Stream
	}
	return func(yield func(Step, error) bool) {
		for i := range steps(f.Truth) {
			s := Step{Truth: f.Truth.Index(i)}
			if i < steps(f.Prediction) {
				s.Prediction = f.Prediction.Index(i)
			}
			if !yield(s, nil) {
				return
			}
		}
	}
}

// Held is the forecast with all its steps in memory, for pictures and for those who go through them twice.
func (f Forecast) Held() (Forecast, error) {
	if f.Stream == nil {
		return f, nil
	}
	shape := append([]int{f.Count}, f.Last.Shape...)
	f.Truth, f.Prediction = field.NewArray(shape...), field.NewArray(shape...)
	known, predicted := 0, 0
	for s, err := range f.Stream {
		if err != nil {
			return f, err
		}
		if err := f.checkStep(known, s); err != nil {
			return f, err
		}
		copy(f.Truth.Index(known).Data, s.Truth.Data)
		if known++; len(s.Prediction.Data) > 0 {
			copy(f.Prediction.Index(predicted).Data, s.Prediction.Data)
			predicted++
		}
	}
	if known != f.Count {
		return f, fmt.Errorf("%d steps; %d were announced", known, f.Count)
	}
	f.Prediction = field.Array{Shape: append([]int{predicted}, f.Last.Shape...), Data: f.Prediction.Data[:predicted*field.Volume(f.Last.Shape)]}
	f.Stream, f.Count = nil, 0
	return f, nil
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

// check verifies what is known before the first step.
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
	}{{"last known frame", f.Last}, {"truth", f.Truth}, {"prediction", f.Prediction}} {
		if len(a.array.Data) != field.Volume(a.array.Shape) && len(a.array.Shape) > 0 {
			return fmt.Errorf("%s: %d values for shape %v", a.name, len(a.array.Data), a.array.Shape)
		}
	}
	if want := append(append([]int{f.steps()}, f.Last.Shape[:len(f.Last.Shape)-1]...), 1); len(f.Hidden.Data) > 0 && !slices.Equal(f.Hidden.Shape, want) {
		return fmt.Errorf("hidden points of shape %v; expected %v", f.Hidden.Shape, want)
	}
	switch predicted, known := steps(f.Prediction), f.steps(); {
	case known == 0:
		return fmt.Errorf("no step to score")
	case predicted > known:
		return fmt.Errorf("%d predicted steps, %d true ones; expected at most as many", predicted, known)
	case f.OneStep && known != 1:
		return fmt.Errorf("a single step has %d true ones", known)
	}
	return f.checkFinite("last known frame", 0, f.Last)
}

// checkStep verifies the shapes of a step, counted from 0, and that its truth is finite.
func (f Forecast) checkStep(i int, s Step) error {
	if i >= f.steps() {
		return fmt.Errorf("step %d; %d were announced", i+1, f.steps())
	}
	for _, a := range []struct {
		name  string
		array field.Array
		may   bool
	}{{"truth", s.Truth, false}, {"prediction", s.Prediction, true}} {
		if missing := len(a.array.Shape) == 0; missing && a.may {
			continue
		}
		if !slices.Equal(a.array.Shape, f.Last.Shape) {
			return fmt.Errorf("%s of step %d has shape %v; expected %v", a.name, i+1, a.array.Shape, f.Last.Shape)
		}
	}
	return f.checkFinite("truth", i, s.Truth)
}

// checkFinite names the first value that no score can be computed from.
func (f Forecast) checkFinite(what string, step int, a field.Array) error {
	i := a.FirstNonFinite()
	if i < 0 {
		return nil
	}
	scored := make([]bool, len(f.Fields))
	for _, c := range f.channels() {
		scored[c] = true
	}
	for ; i < len(a.Data); i++ {
		if v := a.Data[i]; v-v != 0 && scored[i%len(f.Fields)] {
			return fmt.Errorf("%s, field %s, step %d: %g; expected a finite number", what, f.Fields[i%len(f.Fields)], step+1, v)
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
