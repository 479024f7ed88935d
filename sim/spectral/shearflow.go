package spectral

import (
	"context"
	"math"
	"math/cmplx"
	"math/rand/v2"

	"github.com/gowalrus/walrus/sim/scenario"
)

const (
	shearInterval = 0.1 // time between frames
	// shearDamping is the damping rate at the cut-off when the viscosity alone does not resolve the flow: a few times
	// the vorticity of the initial shear layers.
	shearDamping = 20.0
)

// shearFlow solves two-dimensional incompressible flow with a passive tracer on the periodic box [0, 1) x [-1, 1),
//
//	du/dt + u.grad u = -grad p + lap u / Re,   div u = 0
//	ds/dt + u.grad s = lap s / (Re Sc)
//
// in units of the box's width and the jump of velocity across a shear layer. Re is the Reynolds number, Sc the Schmidt
// number. The flow starts as 2 or 4 layers of shear along x, stirred by rows of blobs of v on the layers, and the tracer
// as the velocity. The Well, shear_flow, after the Dedalus example of a 2-D shear flow.
func shearFlow() scenario.Scenario {
	return scenario.Scenario{
		Name:      "shear_flow",
		Title:     "Periodic shear layers that roll up and mix a tracer",
		Equations: "du/dt + u.grad u = -grad p + lap u / Re; div u = 0; ds/dt + u.grad s = lap s / (Re Sc)",
		Source:    "The Well, shear_flow; Dedalus example ivp_2d_shear_flow",
		Simplified: "layers of widths 0.1, 0.05 and 0.025 only, which roll up, but at least four cells wide; rows of blobs have random phases, a whole number of waves and weak waves beside them; the first frame is already divergence-free and has its pressure; " +
			"grids too coarse for the Reynolds number get hyperviscosity of order 8",
		GridType:        "cartesian",
		Axes:            []string{"x", "y"},
		Fields:          []scenario.Field{scalar("tracer"), scalar("pressure"), vector("velocity")},
		DefaultGrid:     []int{64, 128},
		PublishedGrid:   []int{256, 512},
		DefaultFrames:   200,
		PublishedFrames: 200,
		Seconds:         7,
		Parameters: []scenario.Parameter{
			{Name: "Reynolds", Doc: "Reynolds number", Values: []float64{1e4, 5e4, 1e5, 5e5}},
			{Name: "Schmidt", Doc: "Schmidt number: viscosity over the tracer's diffusivity", Values: []float64{0.1, 0.2, 0.5, 1, 2, 5, 10}},
		},
		LeastGrid: []int{16, 16},
		Domain: func(grid []int, _ map[string]float64) scenario.Domain {
			return periodicBox(grid, []float64{0, -1}, []float64{1, 1})
		},
		Run: runShearFlow,
	}
}

func runShearFlow(ctx context.Context, c scenario.Case, emit func(scenario.Frame) error) error {
	if err := requirePositive(c.Parameters, "Reynolds", "Schmidt"); err != nil {
		return err
	}
	viscosity := 1 / c.Parameters["Reynolds"]
	f := newFluid(c.Grid, []float64{1, 2}, viscosity, []float64{viscosity / c.Parameters["Schmidt"]}, shearDamping, c.Workers)
	u := make([]complex128, 3*f.fourier.Size())
	f.shearLayers(u, newRandom(c.Seed))
	pressure := make([]float64, f.fourier.Points())
	r := newRecorder(emit)
	return trajectory(ctx, c, shearInterval, NewStepper(f, len(u), c.Workers), u, r, func() {
		f.toPoints(u)
		f.pressure(pressure)
		r.set("tracer", 0, 1, f.scalars[0])
		r.set("pressure", 0, 1, pressure)
		r.set("velocity", 0, 2, f.velocity[0])
		r.set("velocity", 1, 2, f.velocity[1])
	})
}

// shearLayers draws an initial state: the number of layers, their steepness, and the waves that make the blobs. Two layers
// of steepness 10 under one wave of amplitude 0.1 are the state of the Dedalus example.
func (f *fluid) shearLayers(u []complex128, random *rand.Rand) {
	layers := pick(random, 2, 4)
	steepness := pick(random, 10., 20, 40)
	blobs := pick(random, 1, 2, 3)
	waves := make([][]complex128, layers) // on each layer: the blobs, and weak longer and shorter waves
	for i := range waves {
		for m := 1; m <= 4; m++ {
			amplitude, phase := 0.02, uniform(random, 0, 2*math.Pi)
			if m == blobs {
				amplitude = 0.1
			}
			waves[i] = append(waves[i], cmplx.Rect(amplitude, phase))
		}
	}
	nx, ny := f.fourier.shape[0], f.fourier.shape[1]
	steepness = min(steepness, float64(ny)/4) // a layer is at least four cells wide
	for j := range ny {
		y := -1 + 2*float64(j)/float64(ny)
		stream, rows := -0.5, make([]float64, layers)
		for k := range layers {
			center := -1 + (2*float64(k)+1)/float64(layers)
			sign := 1 - 2*float64(k%2)
			for image := -2.0; image <= 2; image++ { // neighbouring periods, so that wide layers match across the edge
				d := y - center - 2*image
				stream += sign / 2 * math.Tanh(steepness*d)
				rows[k] += math.Exp(-steepness * steepness * d * d)
			}
		}
		for i := range nx {
			x := float64(i) / float64(nx)
			cross := 0.0
			for k, r := range rows {
				for m, wave := range waves[k] {
					cross += r * real(wave*cmplx.Rect(1, 2*math.Pi*float64(m+1)*x))
				}
			}
			f.velocity[0][i*ny+j] = stream
			f.velocity[1][i*ny+j] = cross
			f.scalars[0][i*ny+j] = stream
		}
	}
	for i, values := range [][]float64{f.velocity[0], f.velocity[1], f.scalars[0]} {
		f.fourier.Forward(f.component(u, i), values)
	}
	f.project(u)
}
