package report

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/base64"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gowalrus/walrus/field"
)

// column unpacks the values of one column of a field: the twin of the page's script.
func (f *Film) column(t *testing.T, field, column int) [][]float64 {
	t.Helper()
	v := f.view.Fields[field]
	for _, b := range f.blobs {
		if b.ID != v.Blobs[column] {
			continue
		}
		raw, err := io.ReadAll(flate.NewReader(base64.NewDecoder(base64.StdEncoding, strings.NewReader(b.Data))))
		if err != nil {
			t.Fatal(err)
		}
		n := 1
		for _, size := range f.view.Sizes {
			n *= size
		}
		s := v.Scales[min(column/2, len(v.Scales)-1)]
		var frames [][]float64
		for ; len(raw) > 0; raw = raw[n:] {
			values := make([]float64, n)
			for i := range n {
				raw[i] += predicted(raw[:n], i, f.view.Sizes[len(f.view.Sizes)-1])
				values[i] = s.Low + float64(raw[i])/levels*(s.High-s.Low)
				if raw[i] == notFiniteByte {
					values[i] = math.NaN()
				}
			}
			frames = append(frames, values)
		}
		return frames
	}
	t.Fatalf("no blob %s", v.Blobs[column])
	return nil
}

// noise is an array of random numbers, some steps of which are smooth.
func noise(seed uint64, shape ...int) field.Array {
	random := rand.New(rand.NewPCG(seed, 1))
	a := field.NewArray(shape...)
	for i := range a.Data {
		a.Data[i] = float32(random.NormFloat64() + 3*math.Sin(float64(i)/50))
	}
	return a
}

func TestFilmKeepsEveryValueToHalfALevel(t *testing.T) {
	for _, shape := range [][]int{{3, 7, 2}, {4, 9, 5, 1}, {2, 5, 4, 3, 2}, {1, 1, 1, 1}} {
		truth, prediction := noise(1, shape...), noise(2, shape...)
		names := []string{"a", "b"}[:shape[len(shape)-1]]
		film, err := NewFilm(context.Background(), FilmSpec{Fields: names}.WithArrays(truth, prediction))
		if err != nil {
			t.Fatalf("%v: %v", shape, err)
		}
		channels := len(names)
		for c := range names {
			for k, want := range []func(int) float64{
				func(i int) float64 { return float64(truth.Data[i]) },
				func(i int) float64 { return float64(prediction.Data[i]) },
				func(i int) float64 { return float64(prediction.Data[i] - truth.Data[i]) },
			} {
				s := film.view.Fields[c].Scales[k/2]
				frames := film.column(t, c, k)
				if len(frames) != shape[0] {
					t.Fatalf("%v: %d frames", shape, len(frames))
				}
				for step, values := range frames {
					for i, got := range values {
						v := min(max(want((step*len(values)+i)*channels+c), s.Low), s.High)
						if math.Abs(got-v) > 0.501*(s.High-s.Low)/levels {
							t.Fatalf("%v: channel %d, column %d, step %d, point %d: %g; expected %g within %g", shape, c, k, step, i, got, v, (s.High-s.Low)/levels/2)
						}
					}
				}
			}
		}
	}
}

func TestFilmMarksWhatIsNotFinite(t *testing.T) {
	truth, prediction := noise(1, 2, 6, 6, 1), noise(2, 2, 6, 6, 1)
	prediction.Data[36+7] = float32(math.Inf(1))
	film, err := NewFilm(context.Background(), FilmSpec{Fields: []string{"a"}}.WithArrays(truth, prediction))
	if err != nil {
		t.Fatal(err)
	}
	for k, want := range []bool{false, true, true} {
		for i, v := range film.column(t, 0, k)[1] {
			if math.IsNaN(v) != (want && i == 7) {
				t.Errorf("column %d, point %d: %g", k, i, v)
			}
		}
	}
}

// A grid and a rollout that are too large are reduced to means over cells, and the page's size stays within what was asked for.
func TestFilmStaysWithinItsBudget(t *testing.T) {
	for _, c := range []struct {
		shape  []int // of a frame
		steps  int
		budget int
	}{
		{[]int{150, 140, 3}, 300, 1 << 20}, {[]int{50, 40, 30, 2}, 40, 2 << 20}, {[]int{5000, 1}, 30, 1 << 16}, {[]int{8, 8, 1}, 7, 0},
	} {
		frame := field.NewArray(c.shape...)
		for i := range frame.Data {
			frame.Data[i] = float32(i % 7)
		}
		names := []string{"a", "b", "c"}[:c.shape[len(c.shape)-1]]
		seen := 0
		spec := FilmSpec{Fields: names, Steps: c.steps, Budget: c.budget, Frame: func(context.Context, int) (field.Array, field.Array, error) {
			return frame, frame, nil
		}, Watch: func(int, field.Array, field.Array) error { seen++; return nil }}
		film, err := NewFilm(context.Background(), spec)
		if err != nil {
			t.Fatal(err)
		}
		cells := field.Volume(film.view.Sizes)
		packed := cells * len(film.view.Labels) * 3 * len(names)
		if budget := max(c.budget, 3*len(names)*smallestVolume); c.budget > 0 && packed > budget {
			t.Errorf("%v x %d: %d bytes, want at most %d", c.shape, c.steps, packed, budget)
		}
		if c.budget == 0 && (len(film.view.Labels) != c.steps || cells != 64 || film.view.Note != "") {
			t.Errorf("a small rollout was cut to %d frames of %d cells: %s", len(film.view.Labels), cells, film.view.Note)
		}
		if c.budget > 0 && film.view.Note == "" {
			t.Errorf("%v x %d: the reduction is not told", c.shape, c.steps)
		}
		if seen != c.steps {
			t.Errorf("the watch saw %d of %d steps", seen, c.steps)
		}
	}
}

// The reduced values are means: the total over a grid that divides evenly stays.
func TestReductionKeepsTheMean(t *testing.T) {
	a := noise(3, 1, 512, 512, 1)
	film, err := NewFilm(context.Background(), FilmSpec{Fields: []string{"a"}}.WithArrays(a, field.Array{}))
	if err != nil {
		t.Fatal(err)
	}
	if film.view.Sizes[0] != 256 || len(film.view.Columns) != 1 {
		t.Fatalf("sizes %v, columns %v", film.view.Sizes, film.view.Columns)
	}
	sum, want := 0.0, 0.0
	for _, v := range film.column(t, 0, 0)[0] {
		sum += v / (256 * 256)
	}
	for _, v := range a.Data {
		want += float64(v) / (512 * 512)
	}
	if math.Abs(sum-want) > 1e-3 {
		t.Errorf("mean %g, want %g", sum, want)
	}
}

// A rotation with angular velocity w has curl 2 w everywhere and speed w r; in three dimensions too.
func TestSpeedAndVorticityOfARotation(t *testing.T) {
	const n, w = 9, 1.5
	g := grid{sizes: []int{n, n, n}, spacing: []float64{0.5, 0.25, 1}, periodic: make([]bool, 3)}
	velocity := field.NewArray(n, n, n, 3)
	plane := field.NewArray(n, n, 2)
	for i := range n {
		for j := range n {
			x, y := float64(i-4)*g.spacing[0], float64(j-4)*g.spacing[1]
			for k := range n {
				at := ((i*n+j)*n + k) * 3
				velocity.Data[at], velocity.Data[at+1] = float32(-w*y), float32(w*x)
			}
			plane.Data[(i*n+j)*2], plane.Data[(i*n+j)*2+1] = float32(-w*y), float32(w*x)
		}
	}
	v := Vector{Name: "velocity", Channels: []int{0, 1, 2}}
	speed, curl := make([]float32, n*n*n), make([]float32, n*n*n)
	quantity{channel: -1, vector: v}.of(velocity, g, speed)
	quantity{channel: -1, vector: v, curl: true}.of(velocity, g, curl)
	flat := make([]float32, n*n)
	v.Channels = v.Channels[:2]
	quantity{channel: -1, vector: v, curl: true}.of(plane, grid{g.sizes[:2], g.spacing[:2], g.periodic[:2]}, flat)
	for i := range curl {
		if math.Abs(float64(curl[i])-2*w) > 1e-5 || math.Abs(float64(flat[i/n])-2*w) > 1e-5 {
			t.Fatalf("point %d: curl %g and %g; expected %g", i, curl[i], flat[i/n], 2*w)
		}
	}
	if got, want := float64(speed[0]), w*math.Hypot(4*0.5, 4*0.25); math.Abs(got-want) > 1e-5 {
		t.Errorf("speed %g in the corner; expected %g", got, want)
	}
}

// On a periodic axis the difference reaches over the end.
func TestCurlWrapsWherePeriodic(t *testing.T) {
	const n = 32
	g := grid{sizes: []int{n, n}, spacing: []float64{1, 1}, periodic: []bool{true, true}}
	a, rolled := field.NewArray(n, n, 2), field.NewArray(n, n, 2)
	for i := range n {
		for j := range n {
			a.Data[(i*n+j)*2+1] = float32(math.Sin(2 * math.Pi * float64(i) / n))
			rolled.Data[((i+5)%n*n+j)*2+1] = a.Data[(i*n+j)*2+1]
		}
	}
	q := quantity{channel: -1, vector: Vector{Channels: []int{0, 1}}, curl: true}
	one, other := make([]float32, n*n), make([]float32, n*n)
	q.of(a, g, one)
	q.of(rolled, g, other)
	for i := range n {
		if one[i*n] != other[(i+5)%n*n] {
			t.Fatalf("row %d: %g, rolled %g", i, one[i*n], other[(i+5)%n*n])
		}
	}
}

func TestImpossibleFilmsAreErrors(t *testing.T) {
	two := noise(1, 2, 4, 4, 2)
	names := []string{"a", "b"}
	for name, c := range map[string]struct {
		spec FilmSpec
		want string
	}{
		"no steps":        {FilmSpec{Name: "n", Fields: names}, "no step"},
		"names":           {FilmSpec{Fields: names[:1]}.WithArrays(two, two), "1 names"},
		"channel":         {FilmSpec{Fields: names, Channels: []int{2}}.WithArrays(two, two), "channel 2"},
		"vector":          {FilmSpec{Fields: names, Vectors: []Vector{{"v", []int{0, 7}}}}.WithArrays(two, two), "channel 7"},
		"times":           {FilmSpec{Fields: names, Times: []float64{0}}.WithArrays(two, two), "1 times for 2"},
		"axes":            {FilmSpec{Fields: names, Axes: []string{"x"}}.WithArrays(two, two), "axes [x]"},
		"other truth":     {FilmSpec{Fields: names}.WithArrays(two, noise(1, 2, 4, 3, 2)), "prediction of shape"},
		"no axis":         {FilmSpec{Fields: names}.WithArrays(noise(1, 2, 2), field.Array{}), "expected 1 to 3 axes"},
		"nothing to show": {FilmSpec{Fields: names, Channels: []int{}}.WithArrays(two, two), "no channel"},
	} {
		if _, err := NewFilm(context.Background(), c.spec); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; expected %q", name, err, c.want)
		}
	}
}

func TestFilmsOfOnePageDoNotShareBlobs(t *testing.T) {
	film, err := NewFilm(context.Background(), FilmSpec{Name: "f", Fields: []string{"a"}}.WithArrays(noise(1, 2, 4, 4, 1), field.Array{}))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := HTML(&b, Document{Title: "t", Sections: []Section{{Name: "s", Films: []*Film{film, film}}}}); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), `<template data-blob="0-0">`); n != 2 { // each inside its own film
		t.Errorf("%d blobs, want 2", n)
	}
}
