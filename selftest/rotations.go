package selftest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/sample"
)

// rotationFile is rotation.json: every rotation that the release draws, of the first window of some data sets.
type rotationFile struct {
	Sets []struct {
		DataSet   string `json:"data_set"`
		Frame     string `json:"frame"`
		Rotations []struct {
			Axis       []int     `json:"permutation_new_axis_from_old"`
			Flip       []int     `json:"then_flipped_new_axes"`
			Grid       []int     `json:"grid"`
			Boundaries [][2]int  `json:"boundary_conditions"`
			Scored     []int     `json:"scored_channels"`
			Values     []float32 `json:"values"` // of the first input frame
			Constant   []float32 `json:"constant_values"`
		} `json:"rotations"`
	} `json:"sets"`
	NonCartesian []struct {
		DataSet   string `json:"data_set"`
		GridType  string `json:"grid_type"`
		Unchanged bool   `json:"unchanged_in_40_draws"`
	} `json:"non_cartesian"`
	Grids       map[string]float64 `json:"grids_of_2d_16x12_in_240_draws"` // how often a plane came to lie in each of space
	Probability string             `json:"probability"`
}

// rotations compares grids, boundaries, padding and values of turned windows.
func (r *runner) rotations(ctx context.Context, name string) ([]Result, error) {
	var file rotationFile
	if err := r.folder.whole(name, &file); err != nil {
		return nil, err
	}
	see := func(set string) (*seen, error) {
		s, refused, err := r.folder.see(ctx, set, dataInfo{}, sample.Samplewise, sample.ReleasedVocabulary().Map())
		if err == nil {
			err = refused
		}
		return s, err
	}
	turned, curvilinear, planes := newGroup(stemOf(name), "turned windows"), newGroup(stemOf(name), "curvilinear grids"), newGroup(stemOf(name), "planes")
	for _, set := range file.Sets {
		drawn := map[string]bool{}
		for _, want := range set.Rotations {
			rotation := field.Rotation{Axis: want.Axis, Flip: make([]bool, len(want.Flip))}
			for i, flip := range want.Flip {
				rotation.Flip[i] = flip != 0
			}
			drawn[rotation.String()] = true
			s, err := see(set.DataSet)
			if err != nil {
				return nil, fmt.Errorf("selftest: %s: %w", name, err)
			}
			if err := s.layout.Rotate(s.batch, rotation, true); err != nil {
				return nil, fmt.Errorf("selftest: %s: %s by %v: %w", name, set.DataSet, rotation, err)
			}
			where := func(what string) string { return fmt.Sprintf("%s by %v: %s", set.DataSet, rotation, what) }
			turned.exact(where("grid"), s.batch.Input.Shape[2:len(s.batch.Input.Shape)-1], want.Grid)
			turned.exact(where("boundaries"), boundaryCodes(s.batch.Boundaries, len(want.Boundaries)), want.Boundaries)
			scored := make([]int, len(s.batch.Padding))
			for i, pads := range s.batch.Padding {
				if !pads {
					scored[i] = 1
				}
			}
			turned.exact(where("scored channels"), scored, want.Scored)
			turned.numbers(where("values"), s.batch.Input.Index(0).Index(0).Data, want.Values)
			turned.numbers(where("constant values"), s.batch.Constant.Data, want.Constant)
		}
		ours, err := r.drawn(set.DataSet, see)
		if err != nil {
			return nil, err
		}
		turned.exact(set.DataSet+": rotations", ours, drawn)
	}
	for _, set := range file.NonCartesian {
		ours, err := r.drawn(set.DataSet, see)
		if err != nil {
			return nil, err
		}
		curvilinear.exact(fmt.Sprintf("%s, a grid that is %s, stays", set.DataSet, set.GridType), len(ours) == 1, set.Unchanged)
	}
	file.comparePlanes(planes)
	return []Result{turned.Result, curvilinear.Result, planes.Result}, nil
}

// drawn are the rotations that training may draw for a data set.
func (r *runner) drawn(set string, see func(string) (*seen, error)) (map[string]bool, error) {
	s, err := see(set)
	if err != nil {
		return nil, err
	}
	all, err := s.layout.Rotations(sample.SpaceRotation, false)
	names := map[string]bool{}
	for _, rotation := range all {
		names[rotation.String()] = true
	}
	return names, err
}

// comparePlanes compares where a plane of 16 x 12 points comes to lie: in the same places, each as often as its share of all
// rotations says, within six standard deviations of the draws.
func (file rotationFile) comparePlanes(g *group) {
	shares := map[string]float64{}
	all := field.Rotations(3, false)
	for _, rotation := range all {
		text, _ := json.Marshal(rotation.Sizes([]int{16, 12, 1})) // integers: can not fail
		shares[string(text)] += 1 / float64(len(all))
	}
	var draws float64
	counts := map[string]float64{}
	for key, n := range file.Grids {
		var grid []int
		if json.Unmarshal([]byte(key), &grid) == nil {
			text, _ := json.Marshal(grid)
			key = string(text)
		}
		counts[key] = n
		draws += n
	}
	g.exact("grids", slices.Sorted(maps.Keys(shares)), slices.Sorted(maps.Keys(counts)))
	for grid, n := range counts {
		share := shares[grid]
		g.add("draws of the grid "+grid, math.Abs(n-draws*share), 6*math.Sqrt(draws*share*(1-share)))
	}
}
