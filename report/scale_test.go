package report

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var nan, inf = float32(math.NaN()), float32(math.Inf(1))

func TestValueScaleFollowsTheTruth(t *testing.T) {
	for _, c := range []struct {
		name      string
		truth     []float32
		low, high float64
		colours   string
	}{
		{"positive", []float32{1, 2, 5}, 1, 5, "sequential"},
		{"both signs", []float32{-2, 1, 4}, -4, 4, "signed"},
		{"a little undershoot", []float32{-0.01, 1}, -0.01, 1, "sequential"},
		{"not finite is left out", []float32{1, nan, 3, inf, -inf}, 1, 3, "sequential"},
		{"constant", []float32{4, 4}, 2, 6, "sequential"},
		{"all zero", []float32{0, 0}, -0.5, 0.5, "sequential"},
		{"nothing finite", []float32{nan}, 0, 1, "sequential"},
		{"nothing", nil, 0, 1, "sequential"},
	} {
		s := ValueScale(c.truth)
		if math.Abs(s.Low-c.low) > 1e-6 || math.Abs(s.High-c.high) > 1e-6 || s.Map.Name() != c.colours {
			t.Errorf("%s: [%g, %g] %s, want [%g, %g] %s", c.name, s.Low, s.High, s.Map.Name(), c.low, c.high, c.colours)
		}
	}
}

func TestErrorScaleIsSymmetricAndBoundedByTheTruth(t *testing.T) {
	for _, c := range []struct {
		name         string
		span         float64
		errors       []float32
		bound        float64
		below, above bool
	}{
		{"small errors", 10, []float32{-0.5, 0.25}, 0.5, false, false},
		{"an explosion", 10, []float32{-2, 1e9}, 10, false, true},
		{"both ways", 10, []float32{-20, 30}, 10, true, true},
		{"a perfect prediction", 10, []float32{0, 0}, 10, false, false},
		{"a constant truth", 0, []float32{-3, 1}, 3, false, false},
		{"nothing at all", 0, []float32{nan}, 1, false, false},
	} {
		s := ErrorScale(c.span, c.errors)
		if s.Low != -c.bound || s.High != c.bound || s.Below != c.below || s.Above != c.above {
			t.Errorf("%s: %+v, want ±%g, below %v, above %v", c.name, s, c.bound, c.below, c.above)
		}
	}
}

func TestTicksAreRoundAndInside(t *testing.T) {
	for _, c := range []struct {
		low, high, least float64
		n                int
		want             string
	}{
		{0, 1, 0, 6, "0 0.2 0.4 0.6 0.8 1.0"},
		{-3e-5, 3e-5, 0, 6, "−2e−5 0 2e−5"},
		{1e6, 3e6, 0, 5, "1.0e6 1.5e6 2.0e6 2.5e6 3.0e6"},
		{0.8, 20.2, 1, 5, "5 10 15 20"},
		{0.4, 3.2, 1, 8, "1 2 3"},
		{5, 5, 0, 6, ""},
		{math.NaN(), 1, 0, 6, ""},
	} {
		var labels []string
		for _, tick := range niceTicks(c.low, c.high, c.least, c.n) {
			labels = append(labels, tick.label)
		}
		if diff := cmp.Diff(c.want, strings.Join(labels, " ")); diff != "" {
			t.Errorf("[%g, %g] with at most %d: (-want +got)\n%s", c.low, c.high, c.n, diff)
		}
	}
}

func TestTicksOfAnyRange(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		low := random.NormFloat64() * math.Pow(10, random.Float64()*20-10)
		high := low + math.Abs(random.NormFloat64())*math.Pow(10, random.Float64()*20-10)
		n := 2 + random.IntN(8)
		if high-low < 1e-6*max(math.Abs(low), math.Abs(high)) {
			continue // a field that is constant to float32 round-off
		}
		ticks := niceTicks(low, high, 0, n)
		slack := 1e-6 * (high - low)
		if len(ticks) == 0 || len(ticks) > n {
			t.Errorf("[%g, %g]: %d ticks, want 1 to %d", low, high, len(ticks), n)
		}
		for i, tick := range ticks {
			if tick.value < low-slack || tick.value > high+slack {
				t.Errorf("[%g, %g]: tick at %g", low, high, tick.value)
			}
			if i > 0 && tick.label == ticks[i-1].label {
				t.Errorf("[%g, %g]: two ticks are labelled %s", low, high, tick.label)
			}
		}
	}
}
