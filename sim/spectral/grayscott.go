package spectral

import (
	"context"
	"math"
	"math/rand/v2"

	"github.com/gowalrus/walrus/sim/scenario"
)

// Gray-Scott constants as published: diffusivities and the square domain.
const (
	diffusivityA  = 2e-5
	diffusivityB  = 1e-5
	grayScottHalf = 1.0 // the domain is [-1, 1) x [-1, 1)

	grayScottStep     = 2.5  // seconds; the reactions change by less than a half in it
	grayScottInterval = 20.0 // seconds between frames
)

// The published pairs of feed and kill rates: gliders, bubbles, maze, worms, spirals, spots.
var (
	feedRates = []float64{0.014, 0.098, 0.029, 0.058, 0.018, 0.030}
	killRates = []float64{0.054, 0.057, 0.057, 0.065, 0.051, 0.062}
)

// grayScott solves the reaction and diffusion of two species on a periodic square,
//
//	dA/dt = 2e-5 lap A - A B^2 + F (1 - A)
//	dB/dt = 1e-5 lap B + A B^2 - (F + k) B
//
// with concentrations and time (seconds) in the units of the rates, x and y in [-1, 1). F is the rate at which A is fed,
// k the extra rate at which B is removed. The pairs are the six of the public data. Pearson, Science 261 (1993) 189;
// The Well, gray_scott_reaction_diffusion.
func grayScott() scenario.Scenario {
	return scenario.Scenario{
		Name:      "gray_scott_reaction_diffusion",
		Title:     "Patterns of two reacting, diffusing species",
		Equations: "dA/dt = dA lap A - A B^2 + F (1 - A); dB/dt = dB lap B + A B^2 - (F + k) B",
		Source:    "Pearson, Science 261 (1993) 189; The Well, gray_scott_reaction_diffusion",
		Simplified: "frames every 20 s, not 10 s; third-order implicit-explicit Runge-Kutta with steps of 2.5 s, not ETDRK4 with 1 s; " +
			"our own random draws of the two kinds of initial states",
		GridType:        "cartesian",
		Axes:            []string{"x", "y"},
		Fields:          []scenario.Field{scalar("A"), scalar("B")},
		DefaultGrid:     []int{128, 128},
		PublishedGrid:   []int{128, 128},
		DefaultFrames:   101,
		PublishedFrames: 1001,
		Seconds:         4,
		Parameters: []scenario.Parameter{
			{Name: "F", Doc: "feed rate of A, 1/s", Values: feedRates},
			{Name: "k", Doc: "kill rate of B beyond F, 1/s; goes with F in the order of the list", Values: killRates, Follows: "F"},
		},
		LeastGrid: []int{16, 16},
		Domain: func(grid []int, _ map[string]float64) scenario.Domain {
			return periodicBox(grid, []float64{-grayScottHalf, -grayScottHalf}, []float64{grayScottHalf, grayScottHalf})
		},
		Run: runGrayScott,
	}
}

func runGrayScott(ctx context.Context, c scenario.Case, emit func(scenario.Frame) error) error {
	if err := requirePositive(c.Parameters, "F", "k"); err != nil {
		return err
	}
	g := newReaction(c.Grid, c.Parameters["F"], c.Parameters["k"], c.Workers)
	u := make([]complex128, 2*g.fourier.Size())
	g.randomState(u, newRandom(c.Seed))
	r := newRecorder(emit)
	return trajectory(ctx, c, grayScottInterval, NewStepper(g, len(u), c.Workers), u, r, func() {
		g.toPoints(u)
		r.set("A", 0, 1, g.a)
		r.set("B", 0, 1, g.b)
	})
}

// reaction is the Gray-Scott system; the state holds the coefficients of A, then of B.
type reaction struct {
	diagonal
	fourier *Fourier
	feed    float64
	a, b    []float64 // at the grid points
	product []float64 // A B^2
}

func newReaction(grid []int, feed, kill float64, workers int) *reaction {
	f := NewFourier(grid, Full, workers)
	k2 := squared(f.Wavenumbers([]float64{2 * grayScottHalf, 2 * grayScottHalf}))
	rates := make([]float64, 2*f.Size())
	for i, v := range k2 {
		rates[i] = -diffusivityA*v - feed
		rates[f.Size()+i] = -diffusivityB*v - feed - kill
	}
	n := f.Points()
	return &reaction{
		diagonal: newDiagonal(rates, workers), fourier: f, feed: feed,
		a: make([]float64, n), b: make([]float64, n), product: make([]float64, n),
	}
}

func (g *reaction) toPoints(u []complex128) {
	m := g.fourier.Size()
	g.fourier.Inverse(g.a, u[:m])
	g.fourier.Inverse(g.b, u[m:])
}

// Nonlinear implements System.
func (g *reaction) Nonlinear(dst, u []complex128) {
	g.toPoints(u)
	parallel(g.workers, len(g.a), func(_, low, high int) {
		for i := low; i < high; i++ {
			g.product[i] = g.a[i] * g.b[i] * g.b[i]
		}
	})
	m := g.fourier.Size()
	gain, loss := dst[m:], dst[:m]
	g.fourier.Forward(gain, g.product)
	for i, v := range gain {
		loss[i] = -v
	}
	loss[0] += complex(g.feed, 0)
}

// StepLimit implements System.
func (g *reaction) StepLimit() float64 { return grayScottStep }

// randomState draws one of the two kinds of initial states of the public data: clusters of Gaussian spots of B, or a
// random Fourier series. Where there is B there is less A, about the
// values of the patterns; elsewhere A = 1, B = 0 is at rest.
func (g *reaction) randomState(u []complex128, random *rand.Rand) {
	if pick(random, true, false) {
		g.gaussianSpots(random)
	} else {
		g.fourierSeries(u[:g.fourier.Size()], random)
	}
	for i, b := range g.b {
		g.a[i] = 1 - 0.55*b
		g.b[i] = 0.35 * b
	}
	m := g.fourier.Size()
	g.fourier.Forward(u[:m], g.a)
	g.fourier.Forward(u[m:], g.b)
}

// gaussianSpots fills b with 10 to 40 Gaussian spots, in clusters, of height at most 1.
func (g *reaction) gaussianSpots(random *rand.Rand) {
	clear(g.b)
	for range 5 + random.IntN(6) {
		x, y := uniform(random, -1, 1), uniform(random, -1, 1)
		for range 2 + random.IntN(3) {
			g.addSpot(x+0.15*random.NormFloat64(), y+0.15*random.NormFloat64(), uniform(random, 0.03, 0.08))
		}
	}
	for i, b := range g.b {
		g.b[i] = 1 - math.Exp(-b)
	}
}

// addSpot adds a Gaussian of height 2 and the given width to b, at the nearest periodic image.
func (g *reaction) addSpot(x, y, width float64) {
	nx, ny := g.fourier.shape[0], g.fourier.shape[1]
	period := 2 * grayScottHalf
	for i := range nx {
		dx := math.Remainder(-grayScottHalf+period*float64(i)/float64(nx)-x, period)
		for j := range ny {
			dy := math.Remainder(-grayScottHalf+period*float64(j)/float64(ny)-y, period)
			g.b[i*ny+j] += 2 * math.Exp(-(dx*dx+dy*dy)/(2*width*width))
		}
	}
}

// fourierSeries fills b with a random series of wavelengths down to an eighth of the domain, lifted so that a third of the
// domain holds B. coefficients is scratch.
func (g *reaction) fourierSeries(coefficients []complex128, random *rand.Rand) {
	g.fourier.RandomField(coefficients, random, 8, func(m []int) float64 {
		return math.Exp(-float64(m[0]*m[0]+m[1]*m[1]) / 32)
	})
	g.fourier.Inverse(g.b, coefficients)
	for i, v := range g.b {
		g.b[i] = (1 + math.Tanh(3*(v-0.5))) / 2
	}
}
