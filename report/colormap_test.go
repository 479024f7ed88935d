package report

import (
	"image/color"
	"math"
	"testing"
)

// cielab converts sRGB to CIE L*a*b* (D65): another space than the one the maps are made in, so that a mistake there shows here.
func cielab(c color.RGBA) [3]float64 {
	linear := func(v uint8) float64 {
		x := float64(v) / 255
		if x <= 0.04045 {
			return x / 12.92
		}
		return math.Pow((x+0.055)/1.055, 2.4)
	}
	r, g, b := linear(c.R), linear(c.G), linear(c.B)
	f := func(t float64) float64 {
		if t > 216.0/24389 {
			return math.Cbrt(t)
		}
		return (24389.0/27*t + 16) / 116
	}
	x := f((0.4124564*r + 0.3575761*g + 0.1804375*b) / 0.95047)
	y := f(0.2126729*r + 0.7151522*g + 0.0721750*b)
	z := f((0.0193339*r + 0.1191920*g + 0.9503041*b) / 1.08883)
	return [3]float64{116*y - 16, 500 * (x - y), 200 * (y - z)}
}

func difference(a, b color.RGBA) float64 {
	p, q := cielab(a), cielab(b)
	return math.Hypot(math.Hypot(p[0]-q[0], p[1]-q[1]), p[2]-q[2])
}

func TestSequentialMapGetsLighterAllTheWay(t *testing.T) {
	m := Sequential()
	for i := range 32 {
		low, high := cielab(m.At((float64(i)+0.5)/33)), cielab(m.At((float64(i)+1.5)/33))
		if high[0] <= low[0] {
			t.Errorf("lightness falls from %.2f to %.2f between %d/33 and %d/33", low[0], high[0], i, i+1)
		}
	}
	if span := cielab(m.At(1))[0] - cielab(m.At(0))[0]; span < 70 {
		t.Errorf("lightness spans %.1f, want at least 70 of 100", span)
	}
}

func TestMapsAreUniform(t *testing.T) {
	for _, m := range []*Colormap{Sequential(), Signed(), ErrorMap()} {
		least, most := math.Inf(1), 0.0
		for i := range 16 {
			d := difference(m.At((float64(i)+0.5)/17), m.At((float64(i)+1.5)/17))
			least, most = min(least, d), max(most, d)
		}
		// CIELAB itself is uniform to about a factor of two; a rainbow map is off by a factor of ten.
		if most > 3*least {
			t.Errorf("%s: equal steps differ by %.1f to %.1f", m.Name(), least, most)
		}
	}
}

func TestDivergingMapsAreBalancedAroundALightMiddle(t *testing.T) {
	for _, m := range []*Colormap{Signed(), ErrorMap()} {
		low, middle, high := cielab(m.At(0)), cielab(m.At(0.5)), cielab(m.At(1))
		if middle[0] < 94 || math.Hypot(middle[1], middle[2]) > 4 {
			t.Errorf("%s: the middle is L*a*b* %.1f, want near white", m.Name(), middle)
		}
		if math.Abs(low[0]-high[0]) > 8 {
			t.Errorf("%s: the ends have lightness %.1f and %.1f, want the same", m.Name(), low[0], high[0])
		}
	}
}

func TestNotFiniteIsFarFromEveryMap(t *testing.T) {
	for _, m := range []*Colormap{Sequential(), Signed(), ErrorMap()} {
		for i := range m.Levels() {
			c := m.At((float64(i) + 0.5) / float64(m.Levels()))
			if d := difference(c, NotFinite); d < 40 {
				t.Fatalf("%s: colour %v is only %.1f from that of NaN", m.Name(), c, d)
			}
		}
		if got := m.At(math.NaN()); got != NotFinite {
			t.Errorf("%s: NaN is painted %v", m.Name(), got)
		}
	}
}

func TestPositionsOutsideAreClamped(t *testing.T) {
	m := Sequential().quantised(7)
	if m.Levels() != 7 {
		t.Fatalf("%d levels, want 7", m.Levels())
	}
	if m.At(-3) != m.At(0) || m.At(4) != m.At(1) || m.At(math.Inf(1)) != m.At(1) {
		t.Error("positions outside [0, 1] do not get the colours of the ends")
	}
}
