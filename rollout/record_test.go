package rollout

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/frame"
	"github.com/gowalrus/walrus/internal/hdf5"
	"github.com/gowalrus/walrus/network"
	"github.com/gowalrus/walrus/physics"
	"github.com/gowalrus/walrus/well"
)

// rough is the recurrence with a ripple of two points that grows from step to step, and values that are not finite from a step on.
type rough struct {
	ripple float32
	end    int
	calls  *int
}

func (r rough) Next(ctx context.Context, d network.Data, x, constants field.Array, rolls frame.Rolls) (field.Array, frame.Scales, error) {
	out, scales, err := recurrence{}.Next(ctx, d, x, constants, rolls)
	*r.calls++
	for i := range out.Data {
		point := i / x.Shape[4]
		sign := float32(1 - 2*((point/x.Shape[3]+point)%2)) // along both axes
		out.Data[i] += sign * r.ripple * float32(*r.calls)
		if *r.calls == r.end {
			out.Data[i] /= 0
		}
	}
	return out, scales, err
}

// recordLines rolls out the data of straight lines.
func recordLines(t *testing.T, p Predictor, ctx context.Context, r Recording, steps int) (Record, error) {
	t.Helper()
	d, s := openLines(t), lineModel()
	s.Predictor = p
	c, err := ReadCase(t.Context(), d, s, Piece{Trajectory: 1, First: 10, Steps: steps})
	if err != nil {
		t.Fatal(err)
	}
	return c.Record(ctx, d, Options{}, r)
}

func TestRecordKeepsFileScoresAndPictures(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p.hdf5")
	frame := int64(4 * 64 * 32 * 4)
	r, err := recordLines(t, recurrence{}, t.Context(), Recording{Path: path, Pictures: 10 * frame, Watch: func(w physics.Warning) {
		if w.Kind == physics.GridScale {
			t.Error(w) // straight lines grow, but do not get rough
		}
	}}, 12)
	if err != nil {
		t.Fatal(err)
	}
	if r.Steps != 12 || r.Known != 8 { // history 10, 11; the data ends with frame 19
		t.Errorf("%d steps, %d known, %v", r.Steps, r.Known, r.Warnings)
	}
	if r.Shown.Every != 3 || len(r.Shown.Steps) != 4 || r.Shown.Truth.Shape[0] != 3 || r.Shown.Prediction.Shape[0] != 4 {
		t.Errorf("shown every %d: %v, truth %v, prediction %v", r.Shown.Every, r.Shown.Steps, r.Shown.Truth.Shape, r.Shown.Prediction.Shape)
	}
	for _, s := range r.Scores.Scores() {
		if s.Model.Median != 0 {
			t.Errorf("%s %s: %g; the recurrence is exact", s.Field, s.Window, s.Model.Median)
		}
	}
	f, err := well.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.Steps() != 12 {
		t.Errorf("the file has %d frames", f.Steps())
	}
}

// attributes are the texts beside a file's root.
func attributes(t *testing.T, path string) map[string]string {
	t.Helper()
	f, err := hdf5.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := f.Attributes("/")
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, a := range all {
		if len(a.Text) == 1 {
			texts[a.Name] = a.Text[0]
		}
	}
	return texts
}

func TestARolloutThatEndsKeepsItsFramesAndMarksTheStep(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p.hdf5")
	var told []physics.Warning
	r, err := recordLines(t, rough{ripple: 10, end: 7, calls: new(int)}, t.Context(), Recording{Path: path, Watch: func(w physics.Warning) { told = append(told, w) }}, 12)
	var stopped *NonFiniteError
	if !errors.As(err, &stopped) || stopped.Step != 7 || r.Steps != 6 || r.Known != 6 || r.Scores == nil {
		t.Fatalf("error %v, record %+v; want six steps and the end at the seventh", err, r)
	}
	if len(told) != len(r.Warnings) || !slices.ContainsFunc(told, func(w physics.Warning) bool { return w.Kind == physics.GridScale && w.Step < 7 }) {
		t.Fatalf("warnings %v, recorded %v; want the grid scale among them", told, r.Warnings)
	}
	f, err := well.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.Steps() != 6 {
		t.Errorf("the file has %d frames; want 6", f.Steps())
	}
	texts := attributes(t, path)
	var warnings []physics.Warning
	var end NonFiniteError
	if err := errors.Join(json.Unmarshal([]byte(texts[WarningsAttribute]), &warnings), json.Unmarshal([]byte(texts[StoppedAttribute]), &end)); err != nil {
		t.Fatal(err)
	}
	if len(warnings) != len(told) || warnings[0] != told[0] || end != *stopped {
		t.Errorf("the file says %v and %+v; want %v and %+v", warnings, end, told, stopped)
	}
}

func TestARolloutThatIsStoppedAtOnceLeavesNoFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p.hdf5")
	r, err := recordLines(t, rough{end: 1, calls: new(int)}, t.Context(), Recording{Path: path}, 3)
	if !errors.As(err, new(*NonFiniteError)) || r.Steps != 0 {
		t.Errorf("error %v, %d steps", err, r.Steps)
	}
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 0 {
		t.Errorf("left behind: %v", entries)
	}
	ctx, cancel := context.WithCancel(t.Context())
	p := cancellable{recurrence{}}
	cancel()
	if _, err := recordLines(t, p, ctx, Recording{Path: path}, 3); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v; want that of the context", err)
	}
}

// A truth that is read in several parts is the same as one that is read at once.
func TestTruthIsTheSameInParts(t *testing.T) {
	d := openLines(t)
	c, err := ReadCase(t.Context(), d, lineModel(), Piece{First: 2, Stride: 2, Steps: 8})
	if err != nil {
		t.Fatal(err)
	}
	whole := truthOf(t, c)
	c.first = field.Array{Shape: append([]int{3}, c.first.Shape[1:]...), Data: c.first.Data[:3*64*32*4]} // as if only three had fitted
	if parts := truthOf(t, c); len(parts.Data) != len(whole.Data) || parts.Shape[0] != 7 {
		t.Errorf("parts %v; whole %v", parts.Shape, whole.Shape)
	} else {
		for i, v := range parts.Data {
			if v != whole.Data[i] {
				t.Fatalf("value %d: %g in parts, %g at once", i, v, whole.Data[i])
			}
		}
	}
	if !strings.HasSuffix(c.Origin(), "frames 2 to 18") {
		t.Error(c.Origin())
	}
}

// What an evaluation measures of a data set whose fields rise evenly: the totals of truth and prediction are the same, and grow.
func TestPhysicsReachesAnEvaluation(t *testing.T) {
	d := openLines(t)
	c, err := ReadCase(t.Context(), d, lineModel(), Piece{Steps: 3})
	if err != nil {
		t.Fatal(err)
	}
	domain := c.Domain()
	if len(domain.Quantities) != 2 || len(domain.Quantities[1].Channels) != 2 || !domain.Boundaries[0].Periodic() || len(domain.Coordinates[1]) != 32 {
		t.Errorf("%+v; want pressure and a velocity of two components on 64 x 32", domain)
	}
}
