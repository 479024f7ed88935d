package volume

import "github.com/gowalrus/walrus/field"

const (
	ghosts       = 2 // cells that MUSCL needs beyond each end of a pencil
	bundleCells  = 1024
	bundleLeast  = 8 // neighbouring pencils share cache lines
	bundleLimits = 64
)

// bundle is the scratch memory of one goroutine: several pencils of cells with their ghosts, laid end to end. Faces
// between the last ghost of one pencil and the first of the next are computed and ignored.
type bundle struct {
	starts          []int // memory offset of the first cell of each pencil
	conserved       [][]float64
	material        [][]float64
	primitive       [][]float64
	slope           []float64
	left, right     [][]float64
	flux            [][]float64
	variables, mats int
}

// pencilsPerBundle balances cache use: enough pencils to share cache lines, few enough to stay in the fast cache.
func pencilsPerBundle(n int) int {
	return max(bundleLeast, min(bundleLimits, bundleCells/(n+2*ghosts)))
}

// newBundle allocates for the longest axis of a grid.
func newBundle(system System, g Grid) *bundle {
	length := 0
	for _, n := range g.Points {
		length = max(length, pencilsPerBundle(n)*(n+2*ghosts))
	}
	v, m := system.Variables(), system.Materials()
	rows := func(count int) [][]float64 { return NewState(count, length) }
	return &bundle{conserved: rows(v), material: rows(m), primitive: rows(v), slope: make([]float64, length),
		left: rows(v), right: rows(v), flux: rows(v), variables: v, mats: m}
}

// cut shortens rows to a length, into the array kept by the caller.
func cut(rows [][]float64, from, to int) [][]float64 {
	out := make([][]float64, len(rows))
	for i, r := range rows {
		out[i] = r[from:to]
	}
	return out
}

// sweep adds the flux differences along one axis to the rate of change. first says that rate holds nothing yet.
// It returns the highest signal speed along the axis.
func (s *Solver) sweep(axis int, u, rate State, limiter Limiter, first bool) float64 {
	n, stride := s.Grid.Points[axis], s.Grid.stride(axis)
	pencils := s.Grid.Cells() / n
	per := pencilsPerBundle(n)
	bundles := (pencils + per - 1) / per
	speeds := make([]float64, bundles)
	parallel(s.Workers, bundles, func(slot, task int) {
		b := s.scratch[slot]
		b.starts = b.starts[:0]
		for p := task * per; p < min(pencils, (task+1)*per); p++ {
			b.starts = append(b.starts, p/stride*n*stride+p%stride)
		}
		speeds[task] = s.sweepBundle(b, axis, u, rate, limiter, first)
	})
	highest := 0.0
	for _, v := range speeds {
		highest = max(highest, v)
	}
	return highest
}

// sweepBundle does sweep for the pencils that start at b.starts.
func (s *Solver) sweepBundle(b *bundle, axis int, u, rate State, limiter Limiter, first bool) float64 {
	n, stride := s.Grid.Points[axis], s.Grid.stride(axis)
	length := len(b.starts) * (n + 2*ghosts)
	mirror := s.System.Mirror(axis)
	for v := range b.variables {
		gather(u[v], b.conserved[v][:length], b.starts, n, stride)
		fillGhosts(b.conserved[v][:length], n, s.Boundaries[axis], mirror[v])
	}
	for m := range b.mats {
		gather(s.Material[m], b.material[m][:length], b.starts, n, stride)
		fillGhosts(b.material[m][:length], n, s.Boundaries[axis], 1)
	}
	material := cut(b.material, 0, length)
	speed := s.System.Primitive(axis, cut(b.conserved, 0, length), material, cut(b.primitive, 0, length))
	for v := range b.variables {
		w, slope := b.primitive[v][:length], b.slope[:length]
		limiter.slopes(w, slope)
		left, right := b.left[v][:length], b.right[v][:length]
		for i := range w[:length-1] {
			left[i] = w[i] + 0.5*slope[i]
			right[i] = w[i+1] - 0.5*slope[i+1]
		}
	}
	// Face i lies between the cells i and i+1; the first two and last two cells of the bundle are ghosts.
	s.System.Flux(axis, cut(b.left, 0, length-1), cut(b.right, 0, length-1), material, cut(b.flux, 0, length-1))
	scale := -1 / s.Grid.Spacing[axis]
	for v := range b.variables {
		scatter(b.flux[v][:length], rate[v], b.starts, n, stride, scale, first)
	}
	return speed
}

// gather copies pencils from a variable into a row, leaving room for ghosts.
func gather(q, row []float64, starts []int, n, stride int) {
	width := n + 2*ghosts
	if stride == 1 {
		for b, start := range starts {
			copy(row[b*width+ghosts:b*width+ghosts+n], q[start:start+n])
		}
		return
	}
	for i := range n {
		at := i + ghosts
		for _, start := range starts {
			row[at] = q[start+i*stride]
			at += width
		}
	}
}

// scatter turns face fluxes into rates of change and stores or adds them.
func scatter(flux, rate []float64, starts []int, n, stride int, scale float64, first bool) {
	width := n + 2*ghosts
	if stride == 1 {
		for b, start := range starts {
			out, f := rate[start:start+n], flux[b*width+ghosts-1:b*width+ghosts+n]
			if first {
				for i := range out {
					out[i] = scale * (f[i+1] - f[i])
				}
				continue
			}
			for i := range out {
				out[i] += scale * (f[i+1] - f[i])
			}
		}
		return
	}
	for i := range n {
		at := i + ghosts
		for _, start := range starts {
			d := scale * (flux[at] - flux[at-1])
			if first {
				rate[start+i*stride] = d
			} else {
				rate[start+i*stride] += d
			}
			at += width
		}
	}
}

// fillGhosts sets the ghost cells of each pencil in a row. sign is what a mirror does to the variable.
func fillGhosts(row []float64, n int, sides field.Sides, sign float64) {
	width := n + 2*ghosts
	for base := ghosts; base < len(row); base += width {
		cells := row[base : base+n]
		for g := 1; g <= ghosts; g++ {
			near, far := min(g, n)-1, max(n-g, 0) // the g-th cell from the low and from the high side
			row[base-g] = ghost(cells, sides.Low, 0, near, far, sign)
			row[base+n-1+g] = ghost(cells, sides.High, n-1, far, near, sign)
		}
	}
}

// ghost is the value beyond a side, given three cells: the one at the side, the mirror image of the ghost, and where
// the ghost lies when the axis is periodic.
func ghost(cells []float64, b field.Boundary, edge, image, wrapped int, sign float64) float64 {
	switch b {
	case field.Periodic:
		return cells[wrapped]
	case field.Wall:
		return sign * cells[image]
	default:
		return cells[edge]
	}
}
