package report

import (
	"image/color"
	"math"
	"sync"
)

// Colormap turns a position in [0, 1] into a colour, in steps that look equal (uniform in the OKLab space).
type Colormap struct {
	name   string
	levels []color.RGBA
}

// Name says which map it is: "sequential", "signed" or "error".
func (m *Colormap) Name() string { return m.name }

// Levels is the number of different colours.
func (m *Colormap) Levels() int { return len(m.levels) }

// At returns the colour at t; t is clamped to [0, 1]. NaN gives NotFinite.
func (m *Colormap) At(t float64) color.RGBA {
	if math.IsNaN(t) {
		return NotFinite
	}
	i := int(min(max(t, 0), 1) * float64(len(m.levels)))
	return m.levels[min(i, len(m.levels)-1)]
}

// quantised returns the same map with n colours, for formats with a small palette.
func (m *Colormap) quantised(n int) *Colormap {
	levels := make([]color.RGBA, n)
	for i := range levels {
		levels[i] = m.At((float64(i) + 0.5) / float64(n))
	}
	return &Colormap{m.name, levels}
}

// NotFinite is the colour of NaN and infinities: magenta, which no colour map comes near.
var NotFinite = color.RGBA{0xff, 0x00, 0xd4, 0xff}

// fullLevels is the number of colours of a map where the format does not limit it.
const fullLevels = 256

// Sequential is the map for values of one sign: dark indigo over teal to light yellow, lightness rising all the way.
func Sequential() *Colormap { return sequential() }

// Signed is the diverging map for fields that change sign: blue below zero, near white at zero, red above.
func Signed() *Colormap { return signed() }

// ErrorMap is the diverging map for errors: purple below zero, near white at zero, green above. Its hues differ from those of
// Signed, so that an error is never taken for a field.
func ErrorMap() *Colormap { return errorMap() }

var (
	sequential = sync.OnceValue(func() *Colormap {
		return newColormap("sequential", []lch{
			{0.24, 0.100, 292}, {0.38, 0.125, 274}, {0.50, 0.105, 240}, {0.61, 0.100, 196},
			{0.72, 0.130, 164}, {0.83, 0.165, 130}, {0.95, 0.150, 106},
		})
	})
	signed = sync.OnceValue(func() *Colormap {
		return newColormap("signed", []lch{
			{0.34, 0.110, 258}, {0.52, 0.140, 255}, {0.76, 0.085, 243}, {0.965, 0, 0},
			{0.76, 0.105, 45}, {0.56, 0.165, 30}, {0.36, 0.130, 22},
		})
	})
	errorMap = sync.OnceValue(func() *Colormap {
		return newColormap("error", []lch{
			{0.34, 0.130, 308}, {0.54, 0.140, 310}, {0.77, 0.075, 312}, {0.965, 0, 0},
			{0.77, 0.105, 152}, {0.55, 0.115, 150}, {0.35, 0.080, 152},
		})
	})
)

// lch is a colour in OKLab's cylindrical form: lightness 0..1, chroma, hue in degrees.
type lch struct{ lightness, chroma, hue float64 }

// lab is a colour in the OKLab space (Ottosson 2020), in which the Euclidean distance is close to the perceived one.
type lab [3]float64

func (c lch) lab() lab {
	sin, cos := math.Sincos(c.hue * math.Pi / 180)
	return lab{c.lightness, c.chroma * cos, c.chroma * sin}
}

// newColormap runs a smooth curve through the knots and places the levels at equal distances along it.
func newColormap(name string, knots []lch) *Colormap {
	points := make([]lab, len(knots))
	for i, k := range knots {
		points[i] = k.lab()
	}
	const fine = 4096
	curve := make([]lab, fine+1)
	length := make([]float64, fine+1)
	for i := range curve {
		curve[i] = catmullRom(points, float64(i)/fine*float64(len(points)-1))
		if i > 0 {
			length[i] = length[i-1] + distance(curve[i-1], curve[i])
		}
	}
	levels := make([]color.RGBA, fullLevels)
	at := 0
	for i := range levels {
		want := length[fine] * float64(i) / float64(len(levels)-1)
		for at < fine && length[at] < want {
			at++
		}
		levels[i] = curve[at].rgba()
	}
	return &Colormap{name, levels}
}

// catmullRom is the cubic through the points at the integers, with the secant of the neighbours as slope (Catmull and Rom 1974).
func catmullRom(points []lab, t float64) lab {
	i := min(int(t), len(points)-2)
	u := t - float64(i)
	a, b, c, d := points[max(i-1, 0)], points[i], points[i+1], points[min(i+2, len(points)-1)]
	var p lab
	for k := range p {
		m0, m1 := (c[k]-a[k])/2, (d[k]-b[k])/2
		p[k] = b[k] + u*(m0+u*(3*(c[k]-b[k])-2*m0-m1+u*(2*(b[k]-c[k])+m0+m1)))
	}
	return p
}

func distance(a, b lab) float64 {
	return math.Sqrt((a[0]-b[0])*(a[0]-b[0]) + (a[1]-b[1])*(a[1]-b[1]) + (a[2]-b[2])*(a[2]-b[2]))
}

// rgba converts to sRGB with the matrices of Ottosson (2020), clipped to the gamut.
func (c lab) rgba() color.RGBA {
	cube := func(x float64) float64 { return x * x * x }
	l := cube(c[0] + 0.3963377774*c[1] + 0.2158037573*c[2])
	m := cube(c[0] - 0.1055613458*c[1] - 0.0638541728*c[2])
	s := cube(c[0] - 0.0894841775*c[1] - 1.2914855480*c[2])
	return color.RGBA{
		encodeSRGB(4.0767416621*l - 3.3077115913*m + 0.2309699292*s),
		encodeSRGB(-1.2684380046*l + 2.6097574011*m - 0.3413193965*s),
		encodeSRGB(-0.0041960863*l - 0.7034186147*m + 1.7076147010*s),
		0xff,
	}
}

// encodeSRGB applies the sRGB transfer function (IEC 61966-2-1) to a linear intensity.
func encodeSRGB(x float64) uint8 {
	x = min(max(x, 0), 1)
	if x <= 0.0031308 {
		x *= 12.92
	} else {
		x = 1.055*math.Pow(x, 1/2.4) - 0.055
	}
	return uint8(math.Round(255 * x))
}
