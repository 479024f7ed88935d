package physics

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gowalrus/walrus/field"
)

// box is a cartesian domain on the unit spacing with the same boundary everywhere.
func box(b field.Boundary, sizes []int, quantities ...Quantity) Domain {
	d := Domain{Grid: Cartesian, Quantities: quantities}
	for i, n := range sizes {
		d.Axes = append(d.Axes, string(rune('x'+i)))
		d.Coordinates = append(d.Coordinates, line(n, 1))
		d.Boundaries = append(d.Boundaries, field.Both(b))
	}
	return d
}

// line is n points, step apart, that begin half a step above zero.
func line(n int, step float64) []float64 {
	points := make([]float64, n)
	for i := range points {
		points[i] = (float64(i) + 0.5) * step
	}
	return points
}

// quantities lays fields out side by side.
func quantities(dims int, fields ...field.Field) []Quantity {
	var list []Quantity
	next := 0
	for _, f := range fields {
		q := Quantity{Field: f}
		for range f.Rank.Components(dims) {
			q.Channels = append(q.Channels, next)
			next++
		}
		list = append(list, q)
	}
	return list
}

// frameOf fills a frame from a formula of the point's index along each axis.
func frameOf(sizes []int, channels int, value func(at []int, channel int) float64) field.Array {
	a := field.NewArray(append(slices.Clone(sizes), channels)...)
	at := make([]int, len(sizes))
	for i := range a.Data {
		rest := i / channels
		for axis := len(sizes) - 1; axis >= 0; axis-- {
			at[axis] = rest % sizes[axis]
			rest /= sizes[axis]
		}
		a.Data[i] = float32(value(at, i%channels))
	}
	return a
}

// start begins a record, and series finds a check in it.
func start(t *testing.T, d Domain, frame field.Array, steps int) *Record {
	t.Helper()
	r, err := Start(d, frame, steps)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *Record) series(t *testing.T, name string) Series {
	t.Helper()
	i := slices.IndexFunc(r.Checks, func(s Series) bool { return s.Name == name })
	if i < 0 {
		t.Fatalf("no check %q among %+v; left out: %v", name, r.Checks, r.LeftOut)
	}
	return r.Checks[i]
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s: %.9g; want %.9g within %g", what, got, want, tolerance)
	}
}

var (
	density  = field.Field{Name: "density"}
	pressure = field.Field{Name: "pressure"}
	velocity = field.Field{Name: "velocity", Rank: field.Vector}
	magnetic = field.Field{Name: "magnetic_field", Rank: field.Vector}
)

func TestTotalsAreTheIntegralsOfUniformFlow(t *testing.T) {
	sizes := []int{4, 6}
	d := box(field.Wall, sizes, quantities(2, density, velocity, magnetic)...)
	d.Coordinates = [][]float64{line(4, 0.5), line(6, 0.25)}
	// density 2, velocity (3, -1), magnetic field (1, 2) on an area of 2 x 1.5
	r := start(t, d, frameOf(sizes, 5, func(_ []int, c int) float64 { return []float64{2, 3, -1, 1, 2}[c] }), 1)
	const area = 3
	for name, want := range map[string]float64{
		"mass": 2 * area, "momentum x": 6 * area, "momentum y": -2 * area, "kinetic energy": 10 * area, "magnetic energy": 2.5 * area,
	} {
		s := r.series(t, name)
		near(t, name, s.Start, want, 1e-6)
		near(t, "scale of "+name, s.Scale, math.Abs(want), 1e-6)
		if wall := !strings.HasPrefix(name, "momentum"); s.Closed != wall {
			t.Errorf("%s closed: %v; walls keep mass and energy, and push", name, s.Closed)
		}
	}
	open := start(t, box(field.Open, sizes, quantities(2, density)...), field.NewArray(4, 6, 1), 1)
	if open.series(t, "mass").Closed {
		t.Error("mass is called closed in an open domain")
	}
}

// Cells of uneven points are half the way to the neighbours: the integral of a linear function is exact but at the ends.
func TestCellsOfUnevenAxes(t *testing.T) {
	got := widths([]float64{0, 1, 3, 6})
	if want := []float64{1, 1.5, 2.5, 3}; !slices.Equal(got, want) {
		t.Errorf("widths %v; want %v", got, want)
	}
}

func TestVolumesOfSphereAndBall(t *testing.T) {
	for _, c := range []struct {
		axes  []string
		sizes []int
		want  float64
	}{
		{[]string{"theta", "phi"}, []int{200, 8}, 4 * math.Pi},
		{[]string{"r", "theta", "phi"}, []int{100, 100, 8}, 4 * math.Pi / 3},
	} {
		d := box(field.Open, c.sizes, quantities(len(c.sizes), density)...)
		d.Grid, d.Axes = "spherical", c.axes
		for i, name := range c.axes {
			d.Coordinates[i] = line(c.sizes[i], map[string]float64{"r": 1, "theta": math.Pi, "phi": 2 * math.Pi}[name]/float64(c.sizes[i]))
		}
		r := start(t, d, frameOf(c.sizes, 1, func([]int, int) float64 { return 1 }), 1)
		near(t, strings.Join(c.axes, " "), r.series(t, "mass").Start, c.want, 1e-3)
		if len(r.LeftOut) != 1 || r.LeftOut[0].Check != "spectra" {
			t.Errorf("%v: left out %v; want the spectra alone", c.axes, r.LeftOut)
		}
	}
}

func TestWhatAGridDoesNotAllowIsLeftOutWithAReason(t *testing.T) {
	sizes := []int{4, 4}
	frame := frameOf(sizes, 4, func(_ []int, c int) float64 { return float64(c - 1) }) // density -1
	polar := box(field.Open, sizes, quantities(2, density, pressure, velocity)...)
	polar.Grid, polar.Axes = "spherical", []string{"r", "theta"}
	uneven := box(field.Periodic, sizes, quantities(2, density, pressure, velocity)...)
	uneven.Coordinates[1] = []float64{0, 1, 3, 6}
	lost := box(field.Periodic, sizes, quantities(2, density, pressure, velocity)...)
	lost.Quantities[0].Lost = "the model sees its tanh alone"
	for _, c := range []struct {
		name   string
		domain Domain
		want   map[string]string
	}{
		{"polar", polar, map[string]string{"totals": "volume of a cell", "divergence of velocity": "scale factors", "positivity of density": "-1", "spectra": "scale factors", "positivity of pressure": "0"}},
		{"uneven", uneven, map[string]string{"divergence of velocity": "along y", "spectra": "along y", "positivity of density": "-1", "positivity of pressure": "0"}},
		{"lost", lost, map[string]string{"density": "tanh", "positivity of pressure": "0"}},
	} {
		r := start(t, c.domain, frame, 1)
		for _, o := range r.LeftOut {
			if want, expected := c.want[o.Check]; !expected || !strings.Contains(o.Reason, want) {
				t.Errorf("%s: left out %q for %q; want %q", c.name, o.Check, o.Reason, want)
			}
		}
		if len(r.LeftOut) != len(c.want) {
			t.Errorf("%s: left out %v; want %v", c.name, r.LeftOut, c.want)
		}
	}
}

func TestDivergenceOfKnownFlows(t *testing.T) {
	const n = 16
	wave := func(i int) float64 { return math.Sin(2 * math.Pi * float64(i) / n) }
	for _, c := range []struct {
		name     string
		boundary field.Boundary
		flow     func(x, y int) [2]float64
		want     float64
	}{
		{"shear", field.Periodic, func(x, y int) [2]float64 { return [2]float64{wave(y), wave(x)} }, 0},
		{"compression", field.Periodic, func(x, _ int) [2]float64 { return [2]float64{wave(x), 0} }, 1},
		{"stagnation point", field.Wall, func(x, y int) [2]float64 { return [2]float64{float64(x), -float64(y)} }, 0},
		{"source", field.Wall, func(x, y int) [2]float64 { return [2]float64{float64(x), float64(y)} }, math.Sqrt2},
		{"rest", field.Wall, func(int, int) [2]float64 { return [2]float64{} }, 0},
	} {
		d := box(c.boundary, []int{n, n}, quantities(2, velocity)...)
		r := start(t, d, frameOf([]int{n, n}, 2, func(at []int, component int) float64 { return c.flow(at[0], at[1])[component] }), 1)
		near(t, c.name, r.series(t, "divergence of velocity").Start, c.want, 1e-6)
	}
}

// Values inside an obstacle, and differences across its edge, must not reach any number.
func TestMaskedPointsDoNotCount(t *testing.T) {
	sizes := []int{8, 8}
	d := box(field.Wall, sizes, quantities(2, density, velocity)...)
	d.Hidden = make([]bool, 64)
	inside := func(at []int) bool { return at[0] >= 3 && at[0] < 5 && at[1] >= 3 && at[1] < 5 }
	value := func(at []int, c int) float64 {
		if inside(at) {
			return -1e6
		}
		return []float64{1, float64(at[0]), -float64(at[1])}[c]
	}
	for i := range d.Hidden {
		d.Hidden[i] = inside([]int{i / 8, i % 8})
	}
	r := start(t, d, frameOf(sizes, 3, value), 1)
	near(t, "mass", r.series(t, "mass").Start, 60, 1e-9)
	near(t, "divergence", r.series(t, "divergence of velocity").Start, 0, 1e-9)
	near(t, "smallest density", r.series(t, "smallest density").Start, 1, 0)
}

func TestPositivityCountsPointsAtOrBelowZero(t *testing.T) {
	sizes := []int{2, 4}
	r := start(t, box(field.Wall, sizes, quantities(2, density)...), frameOf(sizes, 1, func(at []int, _ int) float64 { return float64(1 + at[1]) }), 1)
	bad := frameOf(sizes, 1, func(at []int, _ int) float64 { return float64(at[1] - 1) }) // -1, 0, 1, 2
	if err := r.Add(1, bad, bad); err != nil {
		t.Fatal(err)
	}
	near(t, "smallest", r.series(t, "smallest density").Prediction[0], -1, 0)
	near(t, "share", r.series(t, "density not above zero").Prediction[0], 0.5, 0)
}

// A model may see the logarithm of a field: the physics is that of the field.
func TestTransformsAreUndone(t *testing.T) {
	sizes := []int{2, 2}
	d := box(field.Wall, sizes, quantities(2, density)...)
	d.Quantities[0].Undo = func(v float64) float64 { return math.Pow(10, v) }
	r := start(t, d, frameOf(sizes, 1, func([]int, int) float64 { return -2 }), 1)
	near(t, "mass", r.series(t, "mass").Start, 0.04, 1e-9)
}

func TestSpectrumOfAWaveIsItsVarianceInOneShell(t *testing.T) {
	sizes := []int{32, 16}
	d := box(field.Periodic, sizes, quantities(2, density)...) // 32 x 16: one wave along y is the second shell
	for _, c := range []struct{ x, y, shell int }{{3, 0, 3}, {0, 1, 2}, {0, 2, 4}, {3, 2, 5}} {
		wave := frameOf(sizes, 1, func(at []int, _ int) float64 {
			return 7 + 2*math.Cos(2*math.Pi*(float64(c.x*at[0])/32+float64(c.y*at[1])/16))
		})
		s := start(t, d, wave, 1).Spectra[0]
		for i, power := range s.Start {
			want := 0.0
			if i+1 == c.shell {
				want = 2 // half the square of the amplitude
			}
			near(t, "power", power, want, 1e-6)
			near(t, "wavenumber", s.Wavenumbers[i], 2*math.Pi*float64(i+1)/32, 1e-9)
		}
	}
}

// Parseval: what lies in no shell are the corners beyond the largest wavenumber that both axes resolve.
func TestShellsAddUpToTheVarianceWithoutTheCorners(t *testing.T) {
	sizes := []int{12, 10}
	rng := rand.New(rand.NewPCG(3, 4))
	frame := frameOf(sizes, 2, func([]int, int) float64 { return rng.NormFloat64() })
	d := box(field.Periodic, sizes, quantities(2, velocity)...)
	s, reason := newSpectra(d, sizes)
	if reason != "" {
		t.Fatal(reason)
	}
	var variance float64
	for c := range 2 {
		var sum, square float64
		for i := c; i < len(frame.Data); i += 2 {
			v := float64(frame.Data[i])
			sum += v
			square += v * v
		}
		variance += square/120 - sum*sum/120/120
	}
	corners := 0
	for i := range s.shells { // all coefficients in shells of their own count: the definition
		if s.shells[i] < 0 && i > 0 {
			corners++
			s.shells[i] = int32(len(s.wavenumbers)) - 1
		}
	}
	if corners == 0 {
		t.Fatal("no coefficient lies beyond the last shell")
	}
	var total float64
	for _, p := range s.of(frame, &d.Quantities[0]) {
		total += p
	}
	near(t, "sum of all coefficients", total, variance, 1e-9)
}

func TestWindowsKeepThePowerOfNoise(t *testing.T) {
	d := box(field.Wall, []int{10, 7}, quantities(2, density)...)
	d.Boundaries[1] = field.Both(field.Periodic)
	var square float64
	w := hann(d, []int{10, 7})
	for _, v := range w {
		square += v * v
	}
	near(t, "mean square", square/70, 1, 1e-12)
	if w[0] != w[6] || w[0] >= w[4*7] {
		t.Errorf("windows %v; want none along the periodic axis and small ones at the walls", w)
	}
}

func TestLongRolloutsKeepSpectraOfSpreadSteps(t *testing.T) {
	sizes := []int{4, 4}
	frame := frameOf(sizes, 1, func(at []int, _ int) float64 { return float64(at[0]) })
	d := box(field.Periodic, sizes, quantities(2, density)...)
	for _, steps := range []int{1, 2, 64, 65, 1000} {
		r := start(t, d, frame, steps)
		for step := range steps {
			prediction := frame
			if step > steps/2 {
				prediction = field.Array{} // it stopped
			}
			if err := r.Add(step+1, frame, prediction); err != nil {
				t.Fatal(err)
			}
		}
		got := r.Spectra[0]
		if len(got.Steps) != min(steps, mostSpectra) || got.Steps[0] != 1 || got.Steps[len(got.Steps)-1] != steps || len(got.Truth) != len(got.Steps) {
			t.Errorf("%d steps: spectra of %v", steps, got.Steps)
		}
		if s := r.Checks[0]; len(s.Truth) != steps || len(s.Prediction) != steps/2+1-max(0, steps/2+1-steps) {
			t.Errorf("%d steps: %d numbers of the truth, %d of the prediction", steps, len(s.Truth), len(s.Prediction))
		}
	}
}

func TestDomainsThatDoNotFitAreErrors(t *testing.T) {
	good := box(field.Wall, []int{4, 4}, quantities(2, density)...)
	for want, change := range map[string]func(d *Domain){
		"axis x has 3 positions": func(d *Domain) { d.Coordinates = [][]float64{line(3, 1), line(4, 1)} },
		"mask of 2 points":       func(d *Domain) { d.Hidden = make([]bool, 2) },
		"density in channel 5":   func(d *Domain) { d.Quantities = []Quantity{{Field: density, Channels: []int{5}}} },
		"boundaries of 1":        func(d *Domain) { d.Boundaries = d.Boundaries[:1] },
	} {
		d := good
		change(&d)
		if _, err := Start(d, field.NewArray(4, 4, 1), 1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v; want one with %q", err, want)
		}
	}
}
