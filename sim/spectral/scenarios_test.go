package spectral

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/sim/scenario"
)

// tiny is a grid on which each scenario takes a fraction of a second.
func tiny(s scenario.Scenario) []int {
	if s.PublishedGrid[0] > s.PublishedGrid[1] {
		return []int{32, 16}
	}
	return []int{32, 32}
}

func TestEveryScenarioGivesFiniteFramesThatDiffer(t *testing.T) {
	for _, s := range Scenarios() {
		for _, last := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/%t", s.Name, last), func(t *testing.T) {
				t.Parallel()
				c := scenario.Case{Grid: tiny(s), Frames: 4, Parameters: choices(s, last), Seed: 1, Workers: 1}
				checkDescription(t, s, c)
				frames := simulate(t, s, c)
				if len(frames) != c.Frames {
					t.Fatalf("%d frames, want %d", len(frames), c.Frames)
				}
				for i, f := range frames {
					checkFrame(t, s, c, i, f)
					if i > 0 && f.Time <= frames[i-1].Time {
						t.Errorf("frame %d: time %v after %v", i, f.Time, frames[i-1].Time)
					}
					for _, q := range s.Fields {
						if i > 0 && !q.Constant && slices.Equal(f.Values[q.Name], frames[i-1].Values[q.Name]) {
							t.Errorf("frame %d: %s is that of frame %d", i, q.Name, i-1)
						}
					}
				}
			})
		}
	}
}

func checkDescription(t *testing.T, s scenario.Scenario, c scenario.Case) {
	t.Helper()
	if s.Title == "" || s.Equations == "" || s.Source == "" || s.GridType == "" || len(s.Axes) != 2 {
		t.Errorf("incomplete description: %+v", s)
	}
	d := s.Domain(c.Grid, c.Parameters)
	for axis, n := range c.Grid {
		if len(d.Coordinates[axis]) != n || !slices.IsSorted(d.Coordinates[axis]) {
			t.Errorf("axis %d: coordinates %v", axis, d.Coordinates[axis])
		}
	}
	if len(d.Boundaries) != 2 {
		t.Errorf("boundaries %v", d.Boundaries)
	}
}

func checkFrame(t *testing.T, s scenario.Scenario, c scenario.Case, index int, f scenario.Frame) {
	t.Helper()
	for _, q := range s.Fields {
		values := f.Values[q.Name]
		if q.Constant && index > 0 {
			if values != nil {
				t.Errorf("frame %d: the constant %s is given again", index, q.Name)
			}
			continue
		}
		if want := field.Volume(c.Grid) * q.Rank.Components(2); len(values) != want {
			t.Fatalf("frame %d: %s has %d values, want %d", index, q.Name, len(values), want)
		}
		for i, v := range values {
			if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) || q.Positive && v <= 0 {
				t.Fatalf("frame %d: %s is %v at %d", index, q.Name, v, i)
			}
		}
	}
}

func TestResultsDependOnTheSeedAndNotOnTheWorkers(t *testing.T) {
	for _, s := range Scenarios() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			run := func(seed uint64, workers int) []scenario.Frame {
				return simulate(t, s, scenario.Case{Grid: tiny(s), Frames: 2, Parameters: choices(s, false), Seed: seed, Workers: workers})
			}
			one, three, other := run(1, 1), run(1, 3), run(2, 1)
			for _, q := range s.Fields {
				if q.Constant {
					continue
				}
				a, b, c := one[1].Values[q.Name], three[1].Values[q.Name], other[1].Values[q.Name]
				if !slices.Equal(a, b) {
					t.Errorf("%s: 1 and 3 workers differ by %.3g (VRMSE)", q.Name, vrmse(a, b))
				}
				if s.Name != "helmholtz_staircase" && slices.Equal(a, c) { // nothing is random there
					t.Errorf("%s: seeds 1 and 2 give the same", q.Name)
				}
			}
		})
	}
}

func TestImpossibleParametersAreRefused(t *testing.T) {
	for _, s := range Scenarios() {
		for _, q := range s.Parameters {
			if q.Name == "alpha" || q.Name == "source_x" { // may have either sign
				continue
			}
			for _, bad := range []float64{0, -1, math.NaN(), math.Inf(1)} {
				p := choices(s, false)
				p[q.Name] = bad
				err := s.Run(context.Background(), scenario.Case{Grid: tiny(s), Frames: 2, Parameters: p, Workers: 1},
					func(scenario.Frame) error { return nil })
				if err == nil || !strings.Contains(err.Error(), q.Name) {
					t.Errorf("%s: %s = %v gives error %v", s.Name, q.Name, bad, err)
				}
			}
		}
	}
}

func TestSourceOutsideTheDomainIsRefused(t *testing.T) {
	s := helmholtzStaircase()
	for name, bad := range map[string]float64{"source_x": 9, "source_height": 5} {
		p := choices(s, false)
		p[name] = bad
		err := s.Run(context.Background(), scenario.Case{Grid: tiny(s), Frames: 2, Parameters: p, Workers: 1},
			func(scenario.Frame) error { return nil })
		if err == nil || !strings.Contains(err.Error(), "outside the domain") {
			t.Errorf("%s = %v gives error %v", name, bad, err)
		}
	}
}
