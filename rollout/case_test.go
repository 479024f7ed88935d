package rollout

import (
	"context"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/frame"
	"github.com/gowalrus/walrus/sample"
	"github.com/gowalrus/walrus/score"
	"github.com/gowalrus/walrus/surrogate"
	"github.com/gowalrus/walrus/well"
	"github.com/gowalrus/walrus/well/welltest"
)

// openLines is a data set whose fields change at a constant rate, which the recurrence predicts without error. The
// values are whole numbers, so that nothing is rounded.
func openLines(t *testing.T) *well.Dataset {
	t.Helper()
	path := filepath.Join(t.TempDir(), "lines.hdf5")
	welltest.Flow{
		Name: "lines", Grid: [2]int{64, 32}, Frames: 20, Trajectories: 2,
		Boundaries: []field.Sides{field.Both(field.Periodic), field.Both(field.Wall)},
		Variable:   []field.Field{{Name: "pressure"}, {Name: "velocity", Rank: field.Vector}},
		Constant:   []field.Field{{Name: "density"}},
		Value: func(trajectory, frame, channel, x, y int) float64 {
			return float64(frame*(1+channel+x%3) + 10*trajectory + y + channel)
		},
	}.Write(t, path)
	d, err := well.OpenDataset(path, "", well.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// truthOf is all of a case's truth: (steps, *grid, channels).
func truthOf(t *testing.T, c *Case) field.Array {
	t.Helper()
	out := field.Array{Shape: append([]int{0}, c.first.Shape[1:]...)}
	for frame, err := range c.Truth(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		out.Shape[0]++
		out.Data = append(out.Data, frame.Data...)
	}
	return out
}

func lineModel() surrogate.Setting {
	return surrogate.Setting{History: 2, MinStride: 1, Predictor: recurrence{}, Vocabulary: sample.ReleasedVocabulary(), Blocks: 2, Frame: frame.Options{Tokens: 16}}
}

func TestPredictionIsWrittenAsTheDataIs(t *testing.T) {
	ctx, d := context.Background(), openLines(t)
	c, err := ReadCase(ctx, d, lineModel(), Piece{Trajectory: 1, First: 4, Stride: 3, History: 3, Steps: 6})
	if err != nil {
		t.Fatal(err)
	}
	// Frames 4, 7, 10 are the history; 13, 16, 19 are known; three more are not.
	known := truthOf(t, c)
	if diff := cmp.Diff([]int{3, 64, 32, 4}, known.Shape); diff != "" || c.Known != 3 {
		t.Fatal(diff)
	}
	if diff := cmp.Diff([]float32{13, 16, 19, 22, 25, 28}, c.Times(6)); diff != "" {
		t.Error(diff)
	}
	result, err := Run(ctx, recurrence{push: 1e-3}, c.Start, Options{Steps: 6, Jitter: true, Ensemble: 2, Blocks: 2})
	if err != nil {
		t.Fatal(err)
	}
	result.Prediction, err = exact(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "prediction.hdf5")
	if err = c.Write(path, d, result); err != nil {
		t.Fatal(err)
	}
	written, err := well.OpenDataset(path, "", well.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer written.Close()
	want := strings.Fields("pressure pressure_spread velocity_x velocity_y velocity_spread_x velocity_spread_y")
	if diff := cmp.Diff(want, written.VariableChannels()); diff != "" {
		t.Fatal(diff)
	}
	got, err := written.Read(ctx, well.WindowSpec{Stride: 1, Steps: 3})
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(got.Frames.Data)/6; i++ {
		p := got.Frames.Data[6*i:][:6]
		if truth := known.Data[4*i:][:4]; p[0] != truth[0] || p[2] != truth[1] || p[3] != truth[2] {
			t.Fatalf("value %d: wrote %v, the truth is %v", i, p, truth)
		}
		if !(p[1] > 0) {
			t.Fatalf("value %d: spread %v, want more than 0", i, p[1])
		}
	}
	if diff := cmp.Diff(c.Window.Constant, got.Constant); diff != "" {
		t.Errorf("the constant field changed: %s", diff)
	}
	if diff := cmp.Diff(c.Window.Boundaries, got.Boundaries); diff != "" {
		t.Error(diff)
	}
}

// exact is the prediction without jitter.
func exact(ctx context.Context, c *Case) (field.Array, error) {
	result, err := Run(ctx, recurrence{}, c.Start, Options{Steps: 6})
	return result.Prediction, err
}

func TestResampledCaseHasTheWantedGrid(t *testing.T) {
	ctx, d := context.Background(), openLines(t)
	c, err := ReadCase(ctx, d, lineModel(), Piece{First: 0, Stride: 1, History: 2, Steps: 2, Grid: []int{32, 64}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{1, 2, 32, 64, 4}, c.Start.History.Shape); diff != "" {
		t.Fatal(diff)
	}
	axes := c.axes()
	if len(axes[0].Coordinates) != 32 || axes[0].Coordinates[0] != 0.5 || axes[0].Coordinates[31] != 62.5 || axes[1].Coordinates[0] != -0.25 {
		t.Errorf("coordinates x %v..., y %v...", axes[0].Coordinates[:2], axes[1].Coordinates[:2])
	}
}

func TestPerfectPredictorScoresZero(t *testing.T) {
	ctx, d := context.Background(), openLines(t)
	p := score.DefaultProtocol()
	p.First, p.Windows = 8, []score.Window{{First: 1, Last: 5}}
	e := Evaluation{Protocol: p, Stride: 2, History: 3}
	result, err := score.Evaluate(ctx, p, Forecasts(ctx, d, lineModel(), e))
	if err != nil {
		t.Fatal(err)
	}
	fields, counts := map[string]bool{}, map[string]int{score.OneStepName: 28, "1:5": 2} // 14 windows and a rollout of each trajectory
	for _, s := range result.Scores() {
		fields[s.Field] = true
		if s.Count != counts[s.Window] || s.Model.Median != 0 || !(s.Persistence.Median > 0) || math.IsInf(s.Persistence.Mean, 0) {
			t.Errorf("%+v: want %d windows or trajectories, no error, and persistence above it", s, counts[s.Window])
		}
	}
	if fields["velocity_z"] || !fields["velocity_y"] {
		t.Errorf("scored fields %v: velocity_z only pads", fields)
	}
}

func TestPiecesOutsideTheDataAreRefused(t *testing.T) {
	ctx, d := context.Background(), openLines(t)
	for name, c := range map[string]struct {
		piece Piece
		want  string
	}{
		"trajectory":   {Piece{Trajectory: 2, Steps: 1}, "counted from 0"},
		"late start":   {Piece{First: 20, Stride: 1, History: 1, Steps: 1}, "20 frames"},
		"long history": {Piece{Stride: 5, History: 5, Steps: 1}, "needs 21"},
		"no steps":     {Piece{Stride: 1, History: 2}, "at least 1"},
		"flat grid":    {Piece{Stride: 1, History: 2, Steps: 1, Grid: []int{32}}, "2 axes"},
	} {
		if _, err := ReadCase(ctx, d, lineModel(), c.piece); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one that says %q", name, err, c.want)
		}
	}
	p := score.DefaultProtocol()
	p.First = 3
	for _, err := range Forecasts(ctx, d, lineModel(), Evaluation{Protocol: p, Stride: 2, History: 3}) {
		if err == nil || !strings.Contains(err.Error(), "--first between 8 and 18, or --first -1") {
			t.Errorf("error %v, want one that names the frames from 8 to 18", err)
		}
	}
}

// Under the field "mask" predictions are 0, and so must be what they are compared with.
func TestTruthAndPersistenceAreZeroUnderAMask(t *testing.T) {
	path := filepath.Join(t.TempDir(), "obstacle.hdf5")
	welltest.Flow{
		Name: "obstacle", Grid: [2]int{16, 16}, Frames: 5, Trajectories: 1,
		Boundaries: []field.Sides{field.Both(field.Wall), field.Both(field.Open)},
		Variable:   []field.Field{{Name: "pressure"}}, Constant: []field.Field{{Name: sample.MaskName}},
		Value: func(_, frame, channel, x, _ int) float64 {
			if channel == 1 {
				return math.Floor(float64(x) / 8)
			}
			return float64(1 + frame)
		},
	}.Write(t, path)
	d, err := well.OpenDataset(path, "", well.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	c, err := ReadCase(context.Background(), d, lineModel(), Piece{Stride: 1, History: 2, Steps: 3})
	if err != nil {
		t.Fatal(err)
	}
	for name, check := range map[string]struct {
		frame field.Array
		value float32
	}{"truth": {truthOf(t, c).Index(1), 4}, "persistence": {c.Last(), 2}, "history": {c.Start.History.Index(0).Index(1), 2}} {
		for x, inside := range map[int]bool{7: false, 8: true} {
			want := check.value
			if inside && name != "history" {
				want = 0
			}
			if got := check.frame.Data[x*16]; got != want {
				t.Errorf("%s at x = %d: %v, want %v", name, x, got, want)
			}
		}
	}
}

// Data that are continued for the network (57 to 64 points, and 30 to 32) are predicted and scored on their own points, and the plan says it.
func TestContinuedDataAreScoredOnTheirOwnPoints(t *testing.T) {
	ctx, d, s := context.Background(), openLines(t), lineModel()
	s.Grid = []int{57, 30}
	if _, err := ReadCase(ctx, d, s, Piece{Steps: 1}); err == nil || !strings.Contains(err.Error(), "--pad auto") || !strings.Contains(err.Error(), "--resample 64x32") {
		t.Errorf("a grid that does not fit: error %v", err)
	}
	s.Frame.Pad = true
	c, err := ReadCase(ctx, d, s, Piece{Steps: 3})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{3, 57, 30, 4}, truthOf(t, c).Shape); diff != "" {
		t.Error(diff)
	}
	if size, padded := c.Start.Data.Geometry.Size(), c.Start.Data.Geometry.Padded(); size != [3]int{57, 30, 1} || padded[0] <= 64 || padded[1] <= 32 {
		t.Errorf("the network sees %v points padded to %v", size, padded)
	}
	if diff := cmp.Diff([][3]bool{{}, {true, false, false}, {false, true, false}, {false, false, true}, {}}, c.Start.Data.Geometry.Odd); diff != "" {
		t.Errorf("signs of pressure, velocity and density in mirror images: %s", diff)
	}
	p := score.DefaultProtocol()
	p.Windows = nil
	e := Evaluation{Protocol: p}
	plan, err := e.Plan(d, s)
	if err != nil {
		t.Fatal(err)
	}
	if text := plan.String(); !strings.Contains(text, "57x30 points continued to 64x32: x wrapped around by 3 + 4 points, and open to the network, y mirrored at the walls by 1 + 1 points") {
		t.Errorf("the plan says %q", text)
	}
}
