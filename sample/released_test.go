package sample

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/internal/released"
	"github.com/gowalrus/walrus/well"
)

// openReleased opens a data set of the released numbers and its windows of two input frames and one output frame.
func openReleased(t *testing.T, name string) WellSource {
	t.Helper()
	d, err := well.OpenDataset(filepath.Join(released.Folder(t), "data", name), "train", well.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	windows, err := d.Windows(2, 1, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	return FromWell(d, windows, WellFields(d))
}

// sides are boundaries as the release writes them: 0 wall, 1 open, 2 periodic.
func sides(codes [][2]int) (list []field.Sides) {
	for _, c := range codes {
		list = append(list, field.Sides{Low: field.Boundary(c[0]), High: field.Boundary(c[1])})
	}
	return list
}

func TestRotationsAreThoseOfTheRelease(t *testing.T) {
	var file struct {
		Sets []struct {
			DataSet   string `json:"data_set"`
			Rotations []struct {
				Axis       []int     `json:"permutation_new_axis_from_old"`
				Flip       []int     `json:"then_flipped_new_axes"`
				Grid       []int     `json:"grid"`
				Boundaries [][2]int  `json:"boundary_conditions"`
				Scored     []int     `json:"scored_channels"`
				Values     []float32 `json:"values"` // of the first input frame
			} `json:"rotations"`
		} `json:"sets"`
		NonCartesian []struct {
			DataSet   string `json:"data_set"`
			GridType  string `json:"grid_type"`
			Unchanged bool   `json:"unchanged_in_40_draws"`
		} `json:"non_cartesian"`
		Grids map[string]int `json:"grids_of_2d_16x12_in_240_draws"`
	}
	released.Read(t, "rotation.json", &file)
	for _, set := range file.Sets {
		source := openReleased(t, set.DataSet)
		vocabulary := ReleasedVocabulary()
		layout, err := NewLayout(source.Fields(), nil, vocabulary)
		if err != nil {
			t.Fatal(err)
		}
		allowed, err := SpaceRotation.rotations(layout, false)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, want := range set.Rotations {
			r := field.Rotation{Axis: want.Axis, Flip: make([]bool, len(want.Flip))}
			for i, f := range want.Flip {
				r.Flip[i] = f != 0
			}
			what := fmt.Sprintf("%s turned by %v", set.DataSet, r)
			if !slices.ContainsFunc(allowed, func(a field.Rotation) bool { return cmp.Equal(a, r) }) {
				t.Errorf("%s: not among the rotations that are drawn", what)
			}
			seen[r.String()] = true
			window, err := source.Read(context.Background(), 0, Random(0, 0))
			if err != nil {
				t.Fatal(err)
			}
			b, err := layout.Prepare(window)
			if err != nil {
				t.Fatal(err)
			}
			if err := layout.rotate(b, r, true); err != nil {
				t.Fatal(err)
			}
			if got := b.Input.Shape[2 : len(b.Input.Shape)-1]; !slices.Equal(got, want.Grid) {
				t.Errorf("%s: grid %v, want %v", what, got, want.Grid)
			}
			if diff := cmp.Diff(sides(want.Boundaries), b.Boundaries); diff != "" {
				t.Errorf("%s: boundaries %s", what, diff)
			}
			for c, scored := range want.Scored {
				if b.Padding[c] == (scored != 0) {
					t.Errorf("%s: %s only pads: %v, but is scored: %v", what, b.Names[c], b.Padding[c], scored)
				}
			}
			if diff := cmp.Diff(want.Values, b.Input.Index(0).Index(0).Data); diff != "" {
				t.Errorf("%s: values %s", what, diff)
			}
		}
		if len(seen) != len(allowed) {
			t.Errorf("%s: the release draws %d rotations, we %d", set.DataSet, len(seen), len(allowed))
		}
	}
	for _, set := range file.NonCartesian {
		source := openReleased(t, set.DataSet)
		layout, err := NewLayout(source.Fields(), nil, ReleasedVocabulary())
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range []Augmentation{NoRotation, PlaneRotation, SpaceRotation} {
			rotations, err := a.rotations(layout, true)
			if unchanged := len(rotations) == 1 && rotations[0].IsIdentity(); err != nil || unchanged != set.Unchanged {
				t.Errorf("%s: a grid that is %s is turned by %v (%v)", set.DataSet, set.GridType, rotations, err)
			}
		}
	}
	// How often a plane comes to lie in each of the planes of space.
	plane := flow2D("plane")
	plane.grid = []int{16, 12}
	s := mustSampler(t, Options{Seed: 1, Rotation: SpaceRotation}, Entry{Source: plane, Batch: 1})
	counts, draws := map[string]int{}, 0
	for _, n := range file.Grids {
		draws += n
	}
	for n := range draws {
		b, err := s.Batch(context.Background(), uint64(n))
		if err != nil {
			t.Fatal(err)
		}
		g := b.Input.Shape[2:5]
		counts[fmt.Sprintf("[%d, %d, %d]", g[0], g[1], g[2])]++
	}
	for grid, want := range file.Grids { // two binomial counts of 40: a standard deviation of 8 for their difference
		if got := counts[grid]; math.Abs(float64(got-want)) > 40 || got == 0 {
			t.Errorf("grid %s was drawn %d times in %d, by the release %d times", grid, got, draws, want)
		}
	}
	if len(counts) != len(file.Grids) {
		t.Errorf("grids %v, the release has %v", counts, file.Grids)
	}
}

// The release turns a batch with a probability and leaves the others alone.
func TestAShareOfTheBatchesIsLeftUnturned(t *testing.T) {
	const draws, turns = 2000, 24
	for _, share := range []float64{0, 0.6, 1} {
		cube := flow2D("cube")
		cube.fields.Axes, cube.grid, cube.sides = []string{"x", "y", "z"}, []int{2, 3, 4}, make([]field.Sides, 3)
		s := mustSampler(t, Options{Seed: 3, Rotation: SpaceRotation, Unturned: share}, Entry{Source: cube, Batch: 1})
		still := 0
		for n := range uint64(draws) {
			b, err := s.Batch(context.Background(), n)
			if err != nil {
				t.Fatal(err)
			}
			if slices.Equal(b.Input.Shape[2:5], cube.grid) {
				still++
			}
		}
		// A rotation that keeps three unequal axes in place is one of four among 24; six standard deviations.
		want := share + (1-share)*4/turns
		if got := float64(still) / draws; math.Abs(got-want) > 6*math.Sqrt(want*(1-want)/draws) {
			t.Errorf("with a share of %v, %v of the batches keep their axes in place, want %v", share, got, want)
		}
	}
}

func TestColumnsFromScratchAreThoseOfTheRelease(t *testing.T) {
	var file struct {
		Scratch struct {
			Order   []string       `json:"order_of_sets"`
			Columns map[string]int `json:"columns"`
		} `json:"columns_from_scratch_bc_only_override"`
	}
	released.Read(t, "layout.json", &file)
	v := NewEmptyVocabulary()
	for _, name := range file.Scratch.Order {
		names, err := ComponentNames(openReleased(t, name).Fields(), nil)
		if err != nil {
			t.Fatal(err)
		}
		v.Add(names...)
	}
	if diff := cmp.Diff(file.Scratch.Columns, v.Map()); diff != "" {
		t.Errorf("columns (-released +ours)\n%s", diff)
	}
}

// The release puts windows of different boundaries into one batch and gives the network those of the first: here the windows say
// which of them fit together.
func TestWindowsOfOtherBoundariesAreOfAnotherGroup(t *testing.T) {
	var file struct {
		Mixed struct {
			Windows int `json:"windows"`
			Batch   struct {
				Boundaries [][][2]int `json:"boundary_conditions_by_sample"`
			} `json:"batch_of_first_and_last_window"`
		} `json:"mixed_boundaries"`
	}
	released.Read(t, "layout.json", &file)
	source := openReleased(t, "layout_mixed_boundaries")
	if got := source.Windows(); got != file.Mixed.Windows {
		t.Fatalf("%d windows, want %d", got, file.Mixed.Windows)
	}
	last := source.Windows() - 1
	for i, window := range []int{0, last} {
		w, err := source.Read(context.Background(), window, Random(0, 0))
		if err != nil {
			t.Fatal(err)
		}
		if want := sides(file.Mixed.Batch.Boundaries[i])[:len(w.Boundaries)]; !slices.Equal(w.Boundaries, want) {
			t.Errorf("window %d has boundaries %v, want %v", window, w.Boundaries, want)
		}
	}
	same := slices.EqualFunc(file.Mixed.Batch.Boundaries[0], file.Mixed.Batch.Boundaries[1], func(a, b [2]int) bool { return a == b })
	if (source.Group(0) == source.Group(last)) != same || source.Group(0) != source.Group(1) {
		t.Errorf("groups %d, %d and %d of the windows 0, 1 and %d", source.Group(0), source.Group(1), source.Group(last), last)
	}
}
