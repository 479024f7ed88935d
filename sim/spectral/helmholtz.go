package spectral

import (
	"context"
	"fmt"
	"math"
	"math/cmplx"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/sim/scenario"
)

// The staircase problem's domain, as published.
const (
	stairLeft, stairRight = -8.0, 8.0
	stairBottom, stairTop = -0.5, 3.5
	framesPerPeriod       = 50
)

// helmholtzStaircase solves for the sound of a point source above a hard, right-angled staircase of period 1,
//
//	-(lap + omega^2) u = delta(x - x0),   du/dn = 0 on the surface,   U(t, x) = u(x) exp(-i omega t)
//
// with outgoing waves to the left, the right and above, in x from -8 to 8 and y from -0.5 to 3.5. Lengths are in periods
// of the staircase, the speed of sound is 1. The surface is y = |x| - 1/4 for |x| < 1/2, continued periodically; its
// corners trap waves. The frames are one period of the real and imaginary part of U; mask is 1 inside the wall, where
// the pressure is written as 0. Agocs and Barnett, arXiv 2310.12486; The Well, helmholtz_staircase.
func helmholtzStaircase() scenario.Scenario {
	mask := scalar("mask")
	mask.Constant = true
	return scenario.Scenario{
		Name:      "helmholtz_staircase",
		Title:     "Sound of a point source above a hard staircase that traps waves",
		Equations: "-(lap + omega^2) u = delta(x - x0); du/dn = 0 on the surface; U = u exp(-i omega t)",
		Source:    "Agocs and Barnett, arXiv 2310.12486; The Well, helmholtz_staircase",
		Simplified: "second-order finite volumes with absorbing layers and a direct solver, not boundary integrals over Floquet modes; " +
			"the source's height is given above the surface",
		GridType:        "cartesian",
		Axes:            []string{"x", "y"},
		Fields:          []scenario.Field{scalar("pressure_re"), scalar("pressure_im"), mask},
		DefaultGrid:     []int{256, 64},
		PublishedGrid:   []int{1024, 256},
		DefaultFrames:   50,
		PublishedFrames: 50,
		Seconds:         0.3,
		Parameters: []scenario.Parameter{
			{Name: "omega", Doc: "angular frequency", Values: []float64{0.06283032, 0.25123038, 0.43929689, 0.62675846, 0.81330465, 0.99856671,
				1.18207893, 1.36324313, 1.5412579, 1.71501267, 1.88295798, 2.04282969, 2.19133479, 2.32367294, 2.4331094, 2.5110908}},
			{Name: "source_x", Doc: "position of the source along x", Values: []float64{-0.4, -0.3, -0.2, -0.1, 0, 0.1, 0.2, 0.3, 0.4}},
			{Name: "source_height", Doc: "height of the source above the surface", Low: 0.05, High: 0.6},
		},
		LeastGrid: []int{32, 16},
		CheckGrid: func(grid []int) error {
			if columns, rows := layered(grid); columns*rows > mostBandValues/(rows+1) {
				return fmt.Errorf("the direct solver's matrix of %d cells would take %.0f GB; the most is %d GB",
					columns*rows, 16e-9*float64(columns*rows)*float64(rows+1), 16*mostBandValues/1_000_000_000)
			}
			return nil
		},
		Domain: func(grid []int, _ map[string]float64) scenario.Domain {
			w := newWaveField(grid, staircase)
			d := scenario.Domain{
				Coordinates: [][]float32{cells(grid[0], stairLeft, stairRight, true), cells(grid[1], stairBottom, stairTop, true)},
				Boundaries:  []field.Sides{field.Both(field.Open), {Low: field.Wall, High: field.Open}},
			}
			solid := scenario.BoundaryMask{Name: "staircase", Type: field.Wall}
			for _, m := range w.mask() {
				solid.Mask = append(solid.Mask, m > 0)
			}
			d.Masks = []scenario.BoundaryMask{solid}
			return d
		},
		Run: runHelmholtzStaircase,
	}
}

// staircase is the height of the hard surface.
func staircase(x float64) float64 { return math.Abs(x-math.Round(x)) - 0.25 }

func runHelmholtzStaircase(ctx context.Context, c scenario.Case, emit func(scenario.Frame) error) error {
	if err := requirePositive(c.Parameters, "omega", "source_height"); err != nil {
		return err
	}
	w := newWaveField(c.Grid, staircase)
	omega, x := c.Parameters["omega"], c.Parameters["source_x"]
	y := staircase(x) + c.Parameters["source_height"]
	if !(x > stairLeft && x < stairRight && y < stairTop) {
		return fmt.Errorf("the source (%v, %v) lies outside the domain, x in %v to %v, y up to %v", x, y, stairLeft, stairRight, stairTop)
	}
	u, err := w.solve(ctx, omega, x, y)
	if err != nil {
		return err
	}
	r := newRecorder(emit)
	r.setConstant("mask", w.mask())
	re, im := make([]float64, len(u)), make([]float64, len(u))
	for frame := range c.Frames {
		if err := ctx.Err(); err != nil {
			return err
		}
		turn := cmplx.Rect(1, -2*math.Pi*float64(frame)/framesPerPeriod)
		for i, v := range u {
			re[i], im[i] = real(turn*v), imag(turn*v)
		}
		r.set("pressure_re", 0, 1, re)
		r.set("pressure_im", 0, 1, im)
		if err := r.send(float64(frame) * 2 * math.Pi / (omega * framesPerPeriod)); err != nil {
			return fmt.Errorf("frame %d: %w", frame, err)
		}
	}
	return nil
}

// Absorbing layers: waves are damped by a factor exp(-absorption) on the way in, and as much on the way out.
const (
	absorbingCells = 24
	absorption     = 9.0
)

// mostBandValues bounds the matrix of the direct solver: 16 bytes each.
const mostBandValues = 1_000_000_000

// layered is the number of columns and rows of a grid with its absorbing layers.
func layered(grid []int) (columns, rows int) {
	return grid[0] + 2*absorbingCells, grid[1] + absorbingCells
}

// waveField discretises the space above a hard surface in finite volumes: cells that the surface cuts keep the part above
// it, faces their open part. Layers of cells beyond the domain, to the left, the right and above, absorb waves.
type waveField struct {
	nx, ny        int // cells of the domain
	columns, rows int // cells with the layers
	hx, hy        float64
	volume        []float64 // open share of each cell, by column, then row
	openX, openY  []float64 // open share of the face to the next column, to the next row
}

func newWaveField(grid []int, surface func(x float64) float64) *waveField {
	w := &waveField{nx: grid[0], ny: grid[1]}
	w.columns, w.rows = layered(grid)
	w.hx, w.hy = (stairRight-stairLeft)/float64(w.nx), (stairTop-stairBottom)/float64(w.ny)
	n := w.columns * w.rows
	w.volume, w.openX, w.openY = make([]float64, n), make([]float64, n), make([]float64, n)
	const samples = 64 // of the surface across a cell
	share := func(x, bottom float64) float64 {
		return min(1, max(0, (bottom+w.hy-surface(x))/w.hy))
	}
	for i := range w.columns {
		left := stairLeft + w.hx*float64(i-absorbingCells)
		for j := range w.rows {
			bottom := stairBottom + w.hy*float64(j)
			at := i*w.rows + j
			w.openX[at] = share(left+w.hx, bottom)
			for s := range samples {
				x := left + w.hx*(float64(s)+0.5)/samples
				w.volume[at] += share(x, bottom) / samples
				if surface(x) < bottom+w.hy {
					w.openY[at] += 1.0 / samples
				}
			}
			if w.volume[at] == 0 {
				w.openX[at], w.openY[at] = 0, 0
			}
		}
	}
	return w
}

// mask is 1 where a cell of the domain is mostly inside the wall.
func (w *waveField) mask() []float64 {
	m := make([]float64, w.nx*w.ny)
	for i := range m {
		if w.volume[(i/w.ny+absorbingCells)*w.rows+i%w.ny] < 0.5-1e-9 {
			m[i] = 1
		}
	}
	return m
}

// stretch is the complex stretching of a coordinate that turns outgoing waves into decaying ones inside a layer: depth is
// the number of cells from its inner edge, size the cells' width.
func stretch(depth, size, omega float64) complex128 {
	if depth <= 0 {
		return 1
	}
	s := depth / absorbingCells
	return complex(1, 3*absorption*s*s/(absorbingCells*size*omega))
}

// stretchX and stretchY take positions in cells from the lower left corner, layers included.
func (w *waveField) stretchX(position, omega float64) complex128 {
	return stretch(max(absorbingCells-position, position-float64(absorbingCells+w.nx)), w.hx, omega)
}

func (w *waveField) stretchY(position, omega float64) complex128 {
	return stretch(position-float64(w.ny), w.hy, omega)
}

// solve returns the field of a unit source at (x, y) in the cells of the domain, by column, then row; 0 inside the wall.
func (w *waveField) solve(ctx context.Context, omega, x, y float64) ([]complex128, error) {
	m := newComplexBand(w.columns*w.rows, w.rows)
	// The five-point operator slows a wave at angle a by omega^2 h^2 (cos^4 a + sin^4 a) / 24; its mean is made up for.
	inertia := omega * omega * (1 - omega*omega*(w.hx*w.hx+w.hy*w.hy)/32) * w.hx * w.hy
	for i := range w.columns {
		sx, sxNext := w.stretchX(float64(i)+0.5, omega), w.stretchX(float64(i)+1, omega)
		for j := range w.rows {
			at := i*w.rows + j
			sy, syNext := w.stretchY(float64(j)+0.5, omega), w.stretchY(float64(j)+1, omega)
			m.add(at, 0, sx*sy*complex(inertia*w.volume[at], 0))
			if w.volume[at] == 0 {
				m.add(at, 0, 1)
			}
			if i+1 < w.columns {
				m.couple(at, w.rows, sy/sxNext*complex(w.openX[at]*w.hy/w.hx, 0))
			}
			if j+1 < w.rows {
				m.couple(at, 1, sx/syNext*complex(w.openY[at]*w.hx/w.hy, 0))
			}
		}
	}
	u := make([]complex128, w.columns*w.rows)
	w.placeSource(u, x, y)
	if err := m.solve(ctx, u); err != nil {
		return nil, err
	}
	inside := make([]complex128, w.nx*w.ny)
	for i, m := range w.mask() {
		if m == 0 {
			inside[i] = u[(i/w.ny+absorbingCells)*w.rows+i%w.ny]
		}
	}
	return inside, nil
}

// placeSource spreads a source over the four cells around a point, those outside the wall, by bilinear weights. On a grid so
// coarse that all four lie in the wall, the source moves up to the first that does not.
func (w *waveField) placeSource(u []complex128, x, y float64) {
	px, py := (x-stairLeft)/w.hx+absorbingCells-0.5, (y-stairBottom)/w.hy-0.5
	i := int(math.Floor(px))
	total := 0.0
	weights := map[int]float64{}
	for ; total == 0 && int(py)+1 < w.rows; py++ {
		j := int(math.Floor(py))
		for di := range 2 {
			for dj := range 2 {
				at := (i+di)*w.rows + j + dj
				if w.volume[at] >= 0.5-1e-9 {
					weights[at] = (1 - math.Abs(px-float64(i+di))) * (1 - math.Abs(py-float64(j+dj)))
					total += weights[at]
				}
			}
		}
	}
	for at, v := range weights {
		u[at] = complex(-v/total, 0)
	}
}
