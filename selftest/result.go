package selftest

import (
	"fmt"
	"math"
	"slices"

	"github.com/gowalrus/walrus/field"
)

// Result is one comparison: the largest error of a group of numbers against what is allowed.
type Result struct {
	Case    string  `json:"case"`
	What    string  `json:"what"`    // what was compared, for example "output" or "gradients"
	Error   float64 `json:"error"`   // the worst one, by its share of what is allowed
	Allowed float64 `json:"allowed"` // for that one
	Worst   string  `json:"worst"`   // where it is: tensor and element
	Passed  bool    `json:"passed"`
}

// tolerance is the multiple of the golden numbers' own noise that an engine may be away from them.
const tolerance = 10

// relativeNoise is the noise of float32 arithmetic through the network relative to the largest value, for numbers whose
// manifest has no figure of its own.
const relativeNoise = 2e-6

// usualNoise is the upper quartile of the noise figures of a case. The figure of one tensor is its largest error in a single
// run: that of a scalar, or of weights of which none happened to have a gradient near zero, may be small by luck.
func usualNoise(figures []float64) float64 {
	if len(figures) == 0 {
		return 0
	}
	slices.Sort(figures)
	return figures[len(figures)*3/4]
}

// group collects comparisons and keeps the worst.
type group struct{ Result }

func newGroup(name, what string) *group {
	return &group{Result{Case: name, What: what, Passed: true, Allowed: math.Inf(1)}}
}

// add takes one error into the group.
func (g *group) add(where string, err, allowed float64) {
	share := func(err, allowed float64) float64 {
		if err == 0 {
			return 0
		}
		return err / allowed
	}
	bad := !(err <= allowed) // NaN is bad
	if math.IsInf(g.Allowed, 1) || bad && g.Passed || bad == !g.Passed && share(err, allowed) > share(g.Error, g.Allowed) {
		g.Error, g.Allowed, g.Worst = err, allowed, where
	}
	g.Passed = g.Passed && !bad
}

// compare adds the largest difference of two arrays.
func (g *group) compare(name string, got, want field.Array, allowed float64) error {
	if !slices.Equal(extended(got.Shape), extended(want.Shape)) {
		return fmt.Errorf("selftest: %s: the golden %s has shape %v; expected %v", g.Case, name, want.Shape, got.Shape)
	}
	worst, at := 0.0, 0
	for i, v := range got.Data {
		d := math.Abs(float64(v) - float64(want.Data[i]))
		if d > worst || math.IsNaN(d) {
			worst, at = d, i
			if math.IsNaN(d) {
				break
			}
		}
	}
	g.add(fmt.Sprintf("%s%v", name, position(want.Shape, at)), worst, allowed)
	return nil
}

// extended drops the axes with one point: the reference keeps some that this program does not have.
func extended(shape []int) []int {
	return slices.DeleteFunc(slices.Clone(shape), func(n int) bool { return n == 1 })
}

// position is the multi-index of a flat index.
func position(shape []int, at int) []int {
	out := make([]int, len(shape))
	for i := len(shape) - 1; i >= 0; i-- {
		out[i] = at % shape[i]
		at /= shape[i]
	}
	return out
}

// absMax is the largest absolute value.
func absMax(a field.Array) float64 {
	m := 0.0
	for _, v := range a.Data {
		m = max(m, math.Abs(float64(v)))
	}
	return m
}
