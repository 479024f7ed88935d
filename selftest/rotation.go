package selftest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/sample"
)

// rotationFile is rotation.json: what the random rotations make of a window.
type rotationFile struct {
	About json.RawMessage `json:"about"`
	Sets  []struct {
		DataSet   string          `json:"data_set"`
		Frame     string          `json:"frame"` // which frame the values are of: the first of the input
		Rotations []rotatedWindow `json:"rotations"`
	} `json:"sets"`
	NonCartesian []struct {
		DataSet   string `json:"data_set"`
		GridType  string `json:"grid_type"`
		Unchanged bool   `json:"unchanged_in_40_draws"`
	} `json:"non_cartesian"`
	// Grids are counts of torch's random numbers, each of the six about as often: the test of package sample looks at ours.
	Grids       map[string]int  `json:"grids_of_2d_16x12_in_240_draws"`
	Probability json.RawMessage `json:"probability"`
}

type rotatedWindow struct {
	Axis       []int     `json:"permutation_new_axis_from_old"`
	Flip       []int     `json:"then_flipped_new_axes"`
	Grid       []int     `json:"grid"`
	Boundaries [][2]int  `json:"boundary_conditions"`
	Scored     []int     `json:"scored_channels"`
	Values     []float32 `json:"values"`
	Constant   []float32 `json:"constant_values"`
}

// rotationDraws are so many that one of 24 rotations is missing with probability 1e-6; the seed is fixed.
const rotationDraws = 400

// rotation compares the windows that random rotations make with the released ones: each that we draw has to be one of those, and
// each of those has to be drawn.
func (r *runner) rotation(ctx context.Context, name string) ([]Result, error) {
	var file rotationFile
	if err := r.folder.whole(name, &file); err != nil {
		return nil, err
	}
	var results []Result
	for _, set := range file.Sets {
		g := newGroup(stemOf(name)+" "+set.DataSet, "rotations")
		drawn, err := r.rotations(ctx, set.DataSet, rotationDraws)
		if err != nil {
			return results, err
		}
		different := map[string]bool{} // a flip of an axis with one point may change nothing
		for _, want := range set.Rotations {
			where := fmt.Sprintf("axes %v, flips %v", want.Axis, want.Flip)
			key := rotationKey(want.Grid, want.Boundaries, want.Values)
			different[key] = true
			b, known := drawn[key]
			g.exact(where+": is drawn, grid, boundaries and values", known, true)
			if !known {
				continue
			}
			var scored []int
			for c := range want.Scored {
				scored = append(scored, 1)
				if c < len(b.Padding) && b.Padding[c] {
					scored[c] = 0
				}
			}
			g.exact(where+": scored channels", scored, want.Scored)
			if want.Constant != nil {
				g.numbers(where+": constants", b.Constant.Data, want.Constant)
			}
		}
		g.exact("how many there are", len(drawn), len(different))
		results = append(results, g.Result)
	}
	still := newGroup(stemOf(name), "other grids")
	for _, set := range file.NonCartesian {
		drawn, err := r.rotations(ctx, set.DataSet, 40)
		if err != nil {
			return results, err
		}
		still.exact(set.DataSet+" is unchanged", len(drawn) == 1, set.Unchanged)
	}
	return append(results, still.Result), nil
}

// rotations draws the first window of a data set often, and returns each of its rotations under its grid, boundaries and the
// values of its first frame.
func (r *runner) rotations(ctx context.Context, name string, draws int) (map[string]*sample.Batch, error) {
	d, err := r.data(name)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	steps := d.Files()[0].Steps
	windows, err := d.Windows(steps-1, 1, 1, 1) // a single one, with the first frame first
	if err != nil {
		return nil, err
	}
	fields := sample.WellFields(d)
	vocabulary := sample.ReleasedVocabulary()
	names, err := sample.ComponentNames(fields, nil)
	if err != nil {
		return nil, err
	}
	vocabulary.Add(names...)
	s, err := sample.New([]sample.Entry{{Source: sample.FromWell(d, windows, fields), Batch: 1}}, vocabulary, sample.Options{Seed: 1, Rotation: sample.SpaceRotation})
	if err != nil {
		return nil, err
	}
	drawn := map[string]*sample.Batch{}
	for n := range draws {
		b, err := s.Batch(ctx, uint64(n))
		if err != nil {
			return nil, err
		}
		var codes [][2]int
		for _, side := range b.Boundaries {
			codes = append(codes, [2]int{int(side.Low), int(side.High)})
		}
		grid := slices.Clone(b.Input.Shape[2 : len(b.Input.Shape)-1])
		for len(codes) < len(grid) {
			codes = append(codes, [2]int{int(field.Periodic), int(field.Periodic)})
		}
		drawn[rotationKey(grid, codes, b.Input.Index(0).Index(0).Data)] = b
	}
	return drawn, nil
}

// rotationKey tells apart what rotations make of a window.
func rotationKey(grid []int, boundaries [][2]int, values []float32) string {
	plain := make([]float32, len(values))
	for i, v := range values {
		plain[i] = v + 0 // without the sign of a zero that was flipped
	}
	return fmt.Sprint(grid, boundaries, plain)
}
