package sample

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/well"
	"github.com/gowalrus/walrus/well/welltest"
)

// body says where the moving body of these tests is: a square of 2 x 2 points that goes up one axis.
func body(frame, x, y int) bool { return x/2 == 1 && (y == frame%6 || y == (frame+1)%6) }

// movingBatch is the first batch of a flow past a body; hidden is what the file has under the mask.
func movingBatch(t *testing.T, grid []int, options Options, transforms map[string]Transform, hidden func() float64) *Batch {
	t.Helper()
	path := filepath.Join(t.TempDir(), "body.hdf5")
	values := rand.New(rand.NewPCG(1, 2))
	welltest.Flow{
		Name: "body", Grid: [2]int{6, 6}, Frames: 6, Trajectories: 1,
		Boundaries: []field.Sides{field.Both(field.Wall), field.Both(field.Open)},
		Variable:   []field.Field{{Name: "density"}, {Name: MaskName}, {Name: "velocity", Rank: field.Vector}},
		Constant:   []field.Field{{Name: "speed_of_sound"}},
		Value: func(_, frame, channel, x, y int) float64 {
			v := 1 + values.Float64() // drawn in the same order whatever is hidden
			switch inside := body(frame, x, y); {
			case channel == 4:
				return v
			case channel == 1 && inside:
				return 1
			case channel == 1:
				return 0
			case inside:
				return hidden()
			}
			return v
		},
	}.Write(t, path)
	d, err := well.OpenDataset(path, "", well.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	windows, err := d.Windows(4, 2, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	fields := WellFields(d)
	fields.Grid = grid
	s := mustSampler(t, options, Entry{Source: FromWell(d, windows, fields), Transforms: transforms, Batch: 1})
	b, err := s.Batch(context.Background(), 3)
	if err != nil {
		t.Fatal(err)
	}
	b.Origins = nil // they name the folder
	return b
}

// What a file has where a body is reaches nothing: not a batch, with it no loss, no scale and no score.
func TestValuesUnderAMovingMaskReachNothing(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for name, c := range map[string]struct {
		grid       []int
		options    Options
		transforms map[string]Transform
	}{
		"plain":       {},
		"resampled":   {grid: []int{9, 9}},
		"turned":      {options: Options{Rotation: SpaceRotation, Reflections: true, Seed: 2}},
		"transformed": {transforms: map[string]Transform{"density": Log10}},
	} {
		want := movingBatch(t, c.grid, c.options, c.transforms, func() float64 { return 0 })
		got := movingBatch(t, c.grid, c.options, c.transforms, func() float64 { return -1e6 * random.Float64() })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: hidden values change the batch: %s", name, diff)
		}
	}
}

// The mask is the last of the constant channels, with a frame for each of input and output, wherever the data is turned.
func TestAMovingMaskIsGivenWithEveryFrame(t *testing.T) {
	for _, rotation := range []Augmentation{NoRotation, PlaneRotation, SpaceRotation} {
		b := movingBatch(t, nil, Options{Rotation: rotation, Seed: 5}, nil, func() float64 { return 7 })
		if diff := cmp.Diff([]string{"density", "velocity_x", "velocity_y", "velocity_z", "speed_of_sound", "mask"}, b.Names); diff != "" || !b.Moving || b.Mask != 1 {
			t.Fatalf("%s: channels %s, mask %d, moving %v", rotation, diff, b.Mask, b.Moving)
		}
		if len(b.Constant.Shape) != len(b.Input.Shape) || b.Constant.Shape[1] != 6 {
			t.Fatalf("%s: constants of shape %v beside an input of %v", rotation, b.Constant.Shape, b.Input.Shape)
		}
		points := field.Volume(b.Input.Shape[2 : len(b.Input.Shape)-1])
		hidden := 0
		for frame := range 6 {
			fields := b.Input.Index(0)
			at := frame
			if frame >= 4 {
				fields, at = b.Output.Index(0), frame-4
			}
			for p := range points {
				inside := b.Constant.Index(0).Index(frame).Data[2*p+1] != 0
				if density := fields.Index(at).Data[4*p]; (density == 0) != inside {
					t.Errorf("%s: frame %d, point %d: density %v, mask %v", rotation, frame, p, density, inside)
				}
				if inside {
					hidden++
				}
			}
			if got, want := b.Constant.Index(0).Index(frame).Data[0], b.Constant.Index(0).Index(0).Data[0]; got != want {
				t.Errorf("%s: the constant field is %v in frame %d, %v in the first", rotation, got, frame, want)
			}
		}
		if hidden != 6*4 {
			t.Errorf("%s: %d points hidden in 6 frames, want 4 in each", rotation, hidden)
		}
	}
}

func TestAMovingMaskCanNotBeTransformed(t *testing.T) {
	fields := Fields{Variable: []field.Field{{Name: "density"}, {Name: MaskName}}, Axes: []string{"x", "y"}}
	_, err := NewLayout(fields, map[string]Transform{MaskName: ZerosLike}, ReleasedVocabulary())
	if err == nil || !strings.Contains(err.Error(), "where a body is") {
		t.Errorf("error %v", err)
	}
}
