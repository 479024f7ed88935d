package spectral

import (
	"math"
	"slices"
)

// diagonal is the linear part of a system whose mass matrix is the identity and whose linear operator multiplies each
// coefficient by a real rate: every constant-coefficient operator on a periodic domain.
type diagonal struct {
	workers int
	rates   []float64
	inverse []float64 // 1 / (1 - h rate)
}

func newDiagonal(rates []float64, workers int) diagonal {
	return diagonal{workers: workers, rates: rates, inverse: make([]float64, len(rates))}
}

// Mass implements System.
func (d *diagonal) Mass(dst, u []complex128) { copy(dst, u) }

// Linear implements System.
func (d *diagonal) Linear(dst, u []complex128) { d.scale(dst, u, d.rates) }

// Factor implements System.
func (d *diagonal) Factor(h float64) {
	for i, r := range d.rates {
		d.inverse[i] = 1 / (1 - h*r)
	}
}

// Solve implements System.
func (d *diagonal) Solve(dst, rhs []complex128) { d.scale(dst, rhs, d.inverse) }

func (d *diagonal) scale(dst, u []complex128, by []float64) {
	parallel(d.workers, len(u), func(_, low, high int) {
		for i := low; i < high; i++ {
			dst[i] = complex(by[i]*real(u[i]), by[i]*imag(u[i]))
		}
	})
}

// hyperviscosity returns damping rates of eighth order, -rate (k / kmax)^8, that keep a grid too coarse for the given
// diffusivity from filling its smallest scales with noise. kmax is the cut-off along the axis that resolves least. The
// rate there is what diffusion alone lacks to reach the given total; a grid fine enough gets none.
func hyperviscosity(k [][]float64, diffusivity, total float64) []float64 {
	cutoff := math.Inf(1)
	for _, component := range k {
		cutoff = min(cutoff, slices.Max(component))
	}
	cutoff *= cutoff
	rate := max(0, total-diffusivity*cutoff)
	damping := squared(k)
	for i, v := range damping {
		s := v / cutoff
		damping[i] = -rate * s * s * s * s
	}
	return damping
}
