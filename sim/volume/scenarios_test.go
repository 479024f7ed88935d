package volume

import (
	"slices"
	"testing"

	"github.com/gowalrus/walrus/sim/scenario"
)

// tiny is a grid of about eight cells an axis, with the default grid's proportions.
func tiny(s scenario.Scenario) []int {
	grid := slices.Clone(s.DefaultGrid)
	least := slices.Min(grid)
	for i := range grid {
		grid[i] = grid[i] * 8 / least
	}
	return grid
}

func TestEveryScenarioRunsOnATinyGrid(t *testing.T) {
	for _, s := range Scenarios() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			grid, frames := tiny(s), 4
			parameters := map[string]float64{}
			for _, q := range s.Parameters {
				parameters[q.Name] = q.Low
				if len(q.Values) > 0 {
					parameters[q.Name] = q.Values[len(q.Values)-1]
				}
			}
			points := 1
			for _, n := range grid {
				points *= n
			}
			domain := s.Domain(grid, parameters)
			if len(domain.Coordinates) != len(grid) || len(domain.Boundaries) != len(grid) {
				t.Fatalf("coordinates of %d axes and boundaries of %d on a grid of %d", len(domain.Coordinates), len(domain.Boundaries), len(grid))
			}
			seen, last := 0, -1.0
			previous := map[string][]float32{}
			err := s.Run(t.Context(), scenario.Case{Grid: grid, Frames: frames, Parameters: parameters, Seed: 11, Workers: 2}, func(f scenario.Frame) error {
				if f.Time <= last {
					t.Errorf("frame %d at time %g after %g", seen, f.Time, last)
				}
				same := seen > 0
				for _, q := range s.Fields {
					if q.Constant && seen > 0 {
						continue
					}
					values := f.Values[q.Name]
					if want := points * q.Rank.Components(len(grid)); len(values) != want {
						t.Fatalf("field %s: %d values, want %d", q.Name, len(values), want)
					}
					for i, v := range values {
						if v-v != 0 || (q.Positive && v <= 0) {
							t.Fatalf("frame %d: %s[%d] = %v", seen, q.Name, i, v)
						}
					}
					same = same && (q.Constant || slices.Equal(values, previous[q.Name]))
					previous[q.Name] = slices.Clone(values)
				}
				if same {
					t.Errorf("frame %d repeats the one before", seen)
				}
				seen, last = seen+1, f.Time
				return nil
			})
			if err != nil || seen != frames {
				t.Fatalf("%d frames of %d, error %v", seen, frames, err)
			}
		})
	}
}
