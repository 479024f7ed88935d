package report

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gowalrus/walrus/field"
)

// ramp is a truth of the given shape whose value is the index along the first axis of space, and a prediction that is off by shift.
func ramp(shift float32, shape ...int) (truth, prediction field.Array) {
	truth, prediction = field.NewArray(shape...), field.NewArray(shape...)
	perStep := field.Volume(shape[1:])
	perX := field.Volume(shape[2:])
	for i := range truth.Data {
		truth.Data[i] = float32(i % perStep / perX)
		prediction.Data[i] = truth.Data[i] + shift
	}
	return truth, prediction
}

// render lays out a spec as Panels does and returns the layout with the decoded picture.
func render(t *testing.T, spec PanelSpec, positions ...int) (*layout, image.Image) {
	t.Helper()
	spec.Steps, spec.PixelScale = positions, 1
	var b bytes.Buffer
	if err := Panels(&b, spec); err != nil {
		t.Fatal(err)
	}
	picture, err := png.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	f, err := newFigure(spec, positions)
	if err != nil {
		t.Fatal(err)
	}
	l, err := newLayout(f, len(positions), 1)
	if err != nil {
		t.Fatal(err)
	}
	if got := picture.Bounds().Size(); got != image.Pt(l.width, l.height) {
		t.Fatalf("the picture is %v, the layout %d x %d", got, l.width, l.height)
	}
	return l, picture
}

func at(picture image.Image, x, y int) color.RGBA {
	return color.RGBAModel.Convert(picture.At(x, y)).(color.RGBA)
}

func TestFirstAxisRunsRightAndSecondUpwards(t *testing.T) {
	truth, _ := ramp(0, 1, 8, 4, 1)
	truth.Data[(0*4+0)*1] = 100 // x = 0, y = 0: the lower left corner
	l, picture := render(t, PanelSpec{Fields: []string{"density"}, Truth: truth}, 0)
	r, scale := l.panelAt(0, 0, 0), l.values[0]
	for _, c := range []struct {
		name  string
		x, y  int
		value float32
	}{
		{"lower left", r.Min.X + 1, r.Max.Y - 2, 100},
		{"upper left", r.Min.X + 1, r.Min.Y + 1, 0},
		{"lower right", r.Max.X - 2, r.Max.Y - 2, 7},
		{"upper right", r.Max.X - 2, r.Min.Y + 1, 7},
	} {
		if got, want := at(picture, c.x, c.y), scale.Color(c.value); got != want {
			t.Errorf("%s: %v, want %v (value %g)", c.name, got, want, c.value)
		}
	}
}

func TestTruthAndPredictionShareTheScale(t *testing.T) {
	truth, prediction := ramp(2, 3, 8, 8, 2)
	l, picture := render(t, PanelSpec{Fields: []string{"a", "b"}, Truth: truth, Prediction: prediction}, 0, 2)
	for row := range 2 {
		s := l.values[row]
		if s.Low != 0 || s.High != 7 || s.Below || !s.Above {
			t.Fatalf("row %d: scale %+v, want the truth's [0, 7] with values above", row, s)
		}
		for group := range 2 {
			// Truth 5 stands at x = 5, prediction 5 at x = 3: the same value, the same colour.
			cell := l.size.X / 8
			a, b := l.panelAt(row, group, 0).Min, l.panelAt(row, group, 1).Min
			first, second := at(picture, a.X+5*cell+2, a.Y+3), at(picture, b.X+3*cell+2, b.Y+3)
			if first != second || first != s.Color(5) {
				t.Errorf("row %d, step %d: truth 5 is %v, prediction 5 is %v, the scale says %v", row, group, first, second, s.Color(5))
			}
			e := l.panelAt(row, group, 2).Min
			if got, want := at(picture, e.X+9, e.Y+9), l.errors[row].Color(2); got != want {
				t.Errorf("row %d, step %d: error 2 is %v, want %v", row, group, got, want)
			}
		}
		if e := l.errors[row]; e.Low != -2 || e.High != 2 {
			t.Errorf("row %d: error scale [%g, %g], want ±2", row, e.Low, e.High)
		}
	}
}

func TestNotFiniteIsPaintedAndExplained(t *testing.T) {
	truth, prediction := ramp(0, 1, 600, 600, 1)
	prediction.Data[100*600+200] = nan // one cell of 360,000, in a picture that is smaller than the data
	l, picture := render(t, PanelSpec{Fields: []string{"a"}, Truth: truth, Prediction: prediction}, 0)
	count := map[int]int{}
	for panel := range 3 {
		r := l.panelAt(0, 0, panel)
		for y := r.Min.Y; y < r.Max.Y; y++ {
			for x := r.Min.X; x < r.Max.X; x++ {
				if at(picture, x, y) == NotFinite {
					count[panel]++
				}
			}
		}
	}
	if count[0] != 0 || count[1] == 0 || count[2] == 0 {
		t.Errorf("pixels of NotFinite in truth, prediction, error: %v, want none, some, some", count)
	}
	if !strings.Contains(l.note(), "magenta: not a finite number") {
		t.Errorf("the note %q does not explain magenta", l.note())
	}
}

func TestAspectRatioOfTheDomainIsKept(t *testing.T) {
	for _, c := range []struct {
		name  string
		shape []int
		size  []float64
		ratio float64
	}{
		{"square cells", []int{1, 64, 128, 1}, nil, 0.5},
		{"wide", []int{1, 512, 128, 1}, nil, 4},
		{"square domain, oblong cells", []int{1, 64, 128, 1}, []float64{1, 1}, 1},
		{"three dimensions", []int{1, 32, 16, 64, 1}, nil, 2},
		{"a plane in three dimensions", []int{1, 32, 64, 1, 1}, nil, 0.5},
	} {
		truth, _ := ramp(0, c.shape...)
		l, _ := render(t, PanelSpec{Fields: []string{"a"}, Truth: truth, Size: c.size}, 0)
		if got := float64(l.size.X) / float64(l.size.Y); math.Abs(got/c.ratio-1) > 0.02 {
			t.Errorf("%s: panels are %v, ratio %.3f, want %.3f", c.name, l.size, got, c.ratio)
		}
	}
}

func TestThreeDimensionalDataShowsTheNamedMidPlane(t *testing.T) {
	truth := field.NewArray(1, 4, 4, 6, 1)
	for i := range truth.Data {
		truth.Data[i] = float32(i % 6) // the value is z
	}
	l, picture := render(t, PanelSpec{Fields: []string{"a"}, Truth: truth, Axes: []string{"x", "y", "depth"}}, 0)
	if l.values[0].Low != 3.0/2 || !strings.Contains(l.note(), "plane depth = 3 of 6") {
		t.Errorf("scale %+v and note %q, want the plane depth = 3 alone", l.values[0], l.note())
	}
	r := l.panelAt(0, 0, 0)
	if got, want := at(picture, r.Min.X+5, r.Min.Y+5), l.values[0].Color(3); got != want {
		t.Errorf("colour %v, want %v", got, want)
	}
}

func TestPictureTakesItsTheme(t *testing.T) {
	truth, _ := ramp(0, 1, 8, 8, 1)
	for _, theme := range []Theme{Light(), Dark()} {
		_, picture := render(t, PanelSpec{Fields: []string{"a"}, Truth: truth, Theme: theme}, 0)
		if got := at(picture, 0, 0); got != theme.Background {
			t.Errorf("%s: background %v, want %v", theme.Name, got, theme.Background)
		}
	}
}

func TestLongNamesAreCut(t *testing.T) {
	truth, _ := ramp(0, 1, 8, 8, 1)
	usual, _ := render(t, PanelSpec{Fields: []string{"density"}, Truth: truth}, 0)
	l, _ := render(t, PanelSpec{Fields: []string{strings.Repeat("density", 10_000)}, Truth: truth}, 0)
	if l.width > usual.width+longestLabel || l.height != usual.height {
		t.Errorf("a name of 70,000 letters makes the picture %d x %d, a short one %d x %d", l.width, l.height, usual.width, usual.height)
	}
}

func TestImpossiblePanelsAreErrors(t *testing.T) {
	truth, prediction := ramp(1, 2, 8, 8, 2)
	other, _ := ramp(0, 2, 8, 4, 2)
	short := field.Array{Shape: truth.Shape, Data: truth.Data[1:]}
	names := []string{"a", "b"}
	for name, c := range map[string]struct {
		spec PanelSpec
		want string
	}{
		"nothing":               {PanelSpec{}, "shape []"},
		"too many axes":         {PanelSpec{Fields: names, Truth: field.NewArray(1, 2, 2, 2, 2, 2)}, "6 axes"},
		"no steps":              {PanelSpec{Fields: names, Truth: field.NewArray(0, 8, 8, 2)}, "axis 0 is empty"},
		"missing values":        {PanelSpec{Fields: names, Truth: short}, "255 values"},
		"names":                 {PanelSpec{Fields: names[:1], Truth: truth}, "1 field names"},
		"another space":         {PanelSpec{Fields: names, Truth: truth, Prediction: other}, "prediction has shape [2 8 4 2]"},
		"a channel too many":    {PanelSpec{Fields: names, Truth: truth, Channels: []int{2}}, "channel 2"},
		"no channel":            {PanelSpec{Fields: names, Truth: truth, Channels: []int{}}, "no channel"},
		"a step too many":       {PanelSpec{Fields: names, Truth: truth, Prediction: prediction, Steps: []int{2}}, "position 2"},
		"times":                 {PanelSpec{Fields: names, Truth: truth, Times: []float64{0}}, "1 times for 2 steps"},
		"axis names":            {PanelSpec{Fields: names, Truth: truth, Axes: []string{"x"}}, "1 axis names"},
		"lengths of the domain": {PanelSpec{Fields: names, Truth: truth, Size: []float64{1}}, "1 domain lengths"},
		"an image too large":    {PanelSpec{Fields: names, Truth: truth, PanelPixels: 9_000}, "too large"},
		"panels too large":      {PanelSpec{Fields: names, Truth: truth, PanelPixels: 1 << 40}, "at most 10000"},
	} {
		var b bytes.Buffer
		err := Panels(&b, c.spec)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
		if b.Len() > 0 {
			t.Errorf("%s: %d bytes were written before the error", name, b.Len())
		}
	}
}

func TestAnimationShowsEveryStepInExactColours(t *testing.T) {
	truth, prediction := ramp(1, 5, 16, 16, 2)
	for i := range prediction.Data[:16*16*2] {
		prediction.Data[i] = nan
	}
	spec := PanelSpec{Title: "test", Fields: []string{"a", "b"}, Truth: truth, Prediction: prediction, FirstStep: 1}
	var b bytes.Buffer
	if err := Animation(context.Background(), &b, spec, 10); err != nil {
		t.Fatal(err)
	}
	movie, err := gif.DecodeAll(&b)
	if err != nil {
		t.Fatal(err)
	}
	if len(movie.Image) != 5 || movie.LoopCount != 0 || movie.Delay[0] != 10 {
		t.Errorf("%d frames, loop count %d, delay %d; want 5, 0 (for ever), 10", len(movie.Image), movie.LoopCount, movie.Delay[0])
	}
	m, err := newMovie(spec, 10, 1)
	if err != nil {
		t.Fatal(err)
	}
	m.PanelPixels = gifPanel
	l, err := newLayout(m.figure, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	l.limitColours()
	point := l.panelAt(1, 0, 1).Min.Add(image.Pt(3*l.size.X/16+2, 2))
	if got := at(movie.Image[0], point.X, point.Y); got != NotFinite {
		t.Errorf("step 1: NaN is painted %v", got)
	}
	// From the second frame on only the part that changes is stored; the prediction at x = 3 is 4 there.
	for i, frame := range movie.Image[1:] {
		if got, want := at(frame, point.X, point.Y), l.values[1].Color(4); got != want {
			t.Errorf("step %d: %v, want %v", i+2, got, want)
		}
		if frame.Bounds() != l.changing() {
			t.Errorf("step %d: the frame covers %v, want %v", i+2, frame.Bounds(), l.changing())
		}
	}
}

func TestAnimationShowsTheStepsThatBothHave(t *testing.T) {
	truth, prediction := ramp(1, 5, 8, 8, 1)
	prediction, err := field.Array{Data: prediction.Data[:3*64]}.Reshape(3, 8, 8, 1)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := Animation(context.Background(), &b, PanelSpec{Fields: []string{"a"}, Truth: truth, Prediction: prediction}, 0); err != nil {
		t.Fatal(err)
	}
	movie, err := gif.DecodeAll(&b)
	if err != nil {
		t.Fatal(err)
	}
	if len(movie.Image) != 3 {
		t.Errorf("%d frames, want 3", len(movie.Image))
	}
}

func TestLongRolloutsAreThinned(t *testing.T) {
	truth, _ := ramp(0, 2*maxFrames+1, 2, 2, 1)
	m, err := newMovie(PanelSpec{Fields: []string{"a"}, Truth: truth}, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	frames := 0
	if err := m.play(context.Background(), func(*image.RGBA, bool, bool) error { frames++; return nil }); err != nil {
		t.Fatal(err)
	}
	if frames > maxFrames || frames < maxFrames/2 {
		t.Errorf("%d frames of %d steps, want at most %d", frames, truth.Shape[0], maxFrames)
	}
}

func TestAnimationStopsWhenAsked(t *testing.T) {
	truth, _ := ramp(0, 5, 8, 8, 1)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var b bytes.Buffer
	if err := Animation(ctx, &b, PanelSpec{Fields: []string{"a"}, Truth: truth}, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
	for _, speed := range []float64{-1, math.NaN(), 1e6} {
		if err := Animation(context.Background(), &b, PanelSpec{Fields: []string{"a"}, Truth: truth}, speed); err == nil {
			t.Errorf("%g frames per second were accepted", speed)
		}
	}
}

func TestVideoIsWrittenOrExplained(t *testing.T) {
	truth, prediction := ramp(1, 3, 9, 7, 1)
	path := filepath.Join(t.TempDir(), "-rollout.mp4")
	err := Video(context.Background(), path, PanelSpec{Fields: []string{"a"}, Truth: truth, Prediction: prediction}, 0)
	if !HaveVideo() {
		if err == nil || !strings.Contains(err.Error(), "ffmpeg") {
			t.Errorf("without ffmpeg: error %v, want one that names it", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(content) < 8 || string(content[4:8]) != "ftyp" {
		t.Errorf("%d bytes that are not an MP4", len(content))
	}
}

func TestLabelsBearTheNumbersOfTheirFrames(t *testing.T) {
	for want, spec := range map[string]PanelSpec{
		"step 3 of 4, t = 0.5": {FirstStep: 2, Times: []float64{0, 0.5, 1}},
		"step 12 of 24":        {Numbers: []int{0, 12, 24}},
	} {
		f := &figure{PanelSpec: spec, steps: 3}
		if got := f.label(1, true); got != want {
			t.Errorf("label %q, want %q", got, want)
		}
	}
}
