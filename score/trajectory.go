package score

import (
	"fmt"
	"slices"

	"github.com/gowalrus/walrus/field"
)

// Trajectory is one trajectory's truth and what the model made of it.
type Trajectory struct {
	DataSet string
	Name    string   // for messages: file and number
	Fields  []string // one a channel
	// Channels are those to score; nil scores all. The components that only pad two-dimensional vectors have no score.
	Channels []int
	// Times, Axes and Lengths say when and where the rollout is, for pictures: the physical time of each of its steps, the
	// names of the axes and the lengths of the domain along them. Scores do not need them.
	Times   []float64
	Axes    []string
	Lengths []float64
	// Last is the last known frame before the rollout, (*N, C): what persistence repeats.
	Last field.Array
	// Truth and Prediction are the rollout, (steps, *N, C). The prediction of a rollout that stopped has fewer steps.
	Truth, Prediction field.Array
	// OneStep has single steps from known frames. Without any, the first step of the rollout is the one step.
	OneStep Steps
}

// Steps are independent predictions one step ahead, each from frames that are known: Before the last of them, (n, *N, C), Truth and
// Prediction the frames that follow, of the same shape.
type Steps struct{ Before, Truth, Prediction field.Array }

func (t Trajectory) channels() []int {
	if t.Channels != nil {
		return t.Channels
	}
	all := make([]int, len(t.Fields))
	for i := range all {
		all[i] = i
	}
	return all
}

// check verifies that all shapes agree and that the truth is finite.
func (t Trajectory) check() error {
	if len(t.Last.Shape) < 2 || t.Last.Axis(-1) != len(t.Fields) {
		return fmt.Errorf("last known frame has shape %v; expected space and %d channels", t.Last.Shape, len(t.Fields))
	}
	for _, c := range t.Channels {
		if c < 0 || c >= len(t.Fields) {
			return fmt.Errorf("channel %d asked for; there are %d", c, len(t.Fields))
		}
	}
	if len(t.channels()) == 0 {
		return fmt.Errorf("no channel to score")
	}
	for _, a := range []struct {
		name  string
		array field.Array
	}{
		{"last known frame", t.Last}, {"truth", t.Truth}, {"prediction", t.Prediction},
		{"one-step truth", t.OneStep.Truth}, {"one-step prediction", t.OneStep.Prediction}, {"frames before one step", t.OneStep.Before},
	} {
		if len(a.array.Data) != field.Volume(a.array.Shape) && len(a.array.Shape) > 0 {
			return fmt.Errorf("%s: %d values for shape %v", a.name, len(a.array.Data), a.array.Shape)
		}
	}
	if steps(t.Truth) == 0 && steps(t.OneStep.Truth) == 0 {
		return fmt.Errorf("neither a rollout nor single steps to score")
	}
	for _, a := range []struct {
		name  string
		array field.Array
	}{{"truth", t.Truth}, {"prediction", t.Prediction}, {"one-step truth", t.OneStep.Truth}} {
		if steps(a.array) > 0 && !slices.Equal(a.array.Shape[1:], t.Last.Shape) {
			return fmt.Errorf("%s has shape %v; expected steps and then %v", a.name, a.array.Shape, t.Last.Shape)
		}
	}
	if n := steps(t.Prediction); n > steps(t.Truth) {
		return fmt.Errorf("%d predicted steps, %d true ones; expected at most as many", n, steps(t.Truth))
	}
	one := t.OneStep
	if !slices.Equal(one.Truth.Shape, one.Prediction.Shape) || !slices.Equal(one.Truth.Shape, one.Before.Shape) {
		return fmt.Errorf("single steps have shapes %v (before), %v (truth) and %v (prediction); expected the same", one.Before.Shape, one.Truth.Shape, one.Prediction.Shape)
	}
	return t.checkFinite()
}

// checkFinite names the first value of the truth that no score can be computed from.
func (t Trajectory) checkFinite() error {
	scoredChannels := t.channels()
	for _, a := range []struct {
		name  string
		array field.Array
	}{{"last known frame", t.Last}, {"truth", t.Truth}, {"one-step truth", t.OneStep.Truth}, {"frames before one step", t.OneStep.Before}} {
		for i, v := range a.array.Data {
			if c := i % len(t.Fields); v-v != 0 && slices.Contains(scoredChannels, c) {
				step := i / field.Volume(t.Last.Shape)
				return fmt.Errorf("%s, field %s, step %d: %g; expected a finite number", a.name, t.Fields[c], step+1, v)
			}
		}
	}
	return nil
}

// steps is the extent of the first axis, 0 for the zero Array.
func steps(a field.Array) int {
	if len(a.Shape) == 0 {
		return 0
	}
	return a.Shape[0]
}
