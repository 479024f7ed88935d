package physics

import (
	"math"
	"testing"

	"github.com/gowalrus/walrus/field"
)

// swell is a smooth wave of 16 points; ripple adds one that alternates from point to point.
func swell(amplitude, ripple float64) field.Array {
	return frameOf([]int{32, 8}, 2, func(at []int, channel int) float64 {
		if channel == 1 {
			return 3 // a field at rest
		}
		return 5 + amplitude*math.Cos(2*math.Pi*float64(at[0])/16) + ripple*math.Cos(math.Pi*float64(at[0]))
	})
}

// watchOf watches what follows three frames of a swell.
func watchOf(t *testing.T, d Domain) *Watch {
	t.Helper()
	history := field.NewArray(3, 32, 8, 2)
	for i, amplitude := range []float64{1, 1.1, 0.9} {
		copy(history.Index(i).Data, swell(amplitude, 0).Data)
	}
	w, err := NewWatch(d, []string{"density", "tracer"}, []int{0, 1}, history)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestWatchNamesTheFieldAndTheStepThatGoAstray(t *testing.T) {
	d := box(field.Periodic, []int{32, 8}, quantities(2, density, field.Field{Name: "tracer"})...)
	for _, c := range []struct {
		name   string
		frames []field.Array
		want   []Warning // step and kind
	}{
		{"as before", []field.Array{swell(1, 0), swell(1.3, 0.02), swell(0.7, 0)}, nil},
		{"grid scale", []field.Array{swell(1, 0.05), swell(1, 0.4), swell(1, 0.8)}, []Warning{{Step: 2, Kind: GridScale}}},
		{"growth", []field.Array{swell(1.5, 0), swell(2, 0), swell(2.3, 0), swell(5, 0)}, []Warning{{Step: 3, Kind: Amplitude}}},
		{"decay", []field.Array{swell(0.5, 0), swell(0.4, 0)}, []Warning{{Step: 2, Kind: Amplitude}}},
	} {
		w := watchOf(t, d)
		var got []Warning
		for i, f := range c.frames {
			got = append(got, w.Look(i+1, f)...)
		}
		if len(got) != len(c.want) {
			t.Errorf("%s: warnings %v; want %v", c.name, got, c.want)
			continue
		}
		for i, warning := range got {
			if warning.Step != c.want[i].Step || warning.Kind != c.want[i].Kind || warning.Field != "density" {
				t.Errorf("%s: %v; want step %d, %s of density", c.name, warning, c.want[i].Step, c.want[i].Kind)
			}
		}
	}
}

// The closed form: (1 - cos k)^2 / 4 of a wave's variance along its axis, half of it as the other axis has none.
func TestShareAtTheGridScaleOfWaves(t *testing.T) {
	d := box(field.Periodic, []int{32, 8}, quantities(2, density, field.Field{Name: "tracer"})...)
	w := watchOf(t, d)
	for _, waves := range []int{1, 4, 8, 16} {
		k := 2 * math.Pi * float64(waves) / 32
		frame := frameOf([]int{32, 8}, 2, func(at []int, _ int) float64 { return math.Cos(k * float64(at[0])) })
		share := w.measure(frame)[0].share
		near(t, "share", share, math.Pow(1-math.Cos(k), 2)/8, 1e-6)
	}
}

func TestObstaclesAndWallsHaveNoBends(t *testing.T) {
	d := box(field.Wall, []int{32, 8}, quantities(2, density, field.Field{Name: "tracer"})...)
	d.Hidden = make([]bool, 32*8)
	for i := range d.Hidden {
		d.Hidden[i] = i/8 == 10
	}
	w := watchOf(t, d)
	linear := frameOf([]int{32, 8}, 2, func(at []int, _ int) float64 {
		if at[0] == 10 {
			return 1e9
		}
		return float64(at[0])
	})
	share := w.measure(linear)[0].share
	near(t, "share of a ramp beside an obstacle", share, 0, 1e-12)
}
