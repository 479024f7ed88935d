package volume

import (
	"math"

	"github.com/gowalrus/walrus/internal/fft"
)

// sphere differentiates fields on an equiangular grid of the unit sphere: rows of colatitude theta = (j + 1/2) pi / rows,
// columns of longitude phi = 2 pi i / columns, an even number of them. A column and the one across the pole make a great
// circle, on which every field is periodic; so both directions are differentiated by Fourier series, and the poles are no
// boundary (Merilees, Atmosphere 11 (1973) 13; Fornberg, SIAM J. Sci. Comput. 16 (1995) 1071).
type sphere struct {
	rows, columns int
	workers       int
	sin, cos      []float64 // of the rows' colatitude
	zonal         []zonalPlan
	polar         []zonalPlan
}

// zonalPlan is a Fourier transform with its scratch memory, for one goroutine.
type zonalPlan struct {
	plan         *fft.Plan
	values       []float64
	coefficients []complex128
}

func newPlans(n, count int) []zonalPlan {
	plans := make([]zonalPlan, count)
	for i := range plans {
		plans[i] = zonalPlan{fft.NewPlan(n), make([]float64, n), make([]complex128, n/2+1)}
	}
	return plans
}

// apply multiplies the coefficients by factor(k), divided by n for the transform's normalisation.
func (p zonalPlan) apply(factor func(k int) complex128) {
	n := len(p.values)
	p.plan.Spectra(p.coefficients, p.coefficients, p.values, p.values)
	for k := range p.coefficients {
		p.coefficients[k] *= factor(k) / complex(float64(n), 0)
	}
	p.plan.Lines(p.values, p.values, p.coefficients, p.coefficients)
}

// newSphere plans the transforms.
func newSphere(rows, columns, workers int) *sphere {
	workers = max(1, workers)
	s := &sphere{rows: rows, columns: columns, workers: workers, sin: make([]float64, rows), cos: make([]float64, rows),
		zonal: newPlans(columns, workers), polar: newPlans(2*rows, workers)}
	for j := range rows {
		s.sin[j], s.cos[j] = math.Sincos(s.colatitude(j))
	}
	return s
}

func (s *sphere) colatitude(row int) float64 { return (float64(row) + 0.5) * math.Pi / float64(s.rows) }
func (s *sphere) longitude(column int) float64 {
	return 2 * math.Pi * float64(column) / float64(s.columns)
}

// derivative is the factor of d/dx for mode k of n points; the mode that a derivative can not represent gets 0.
func derivative(n int) func(k int) complex128 {
	return func(k int) complex128 {
		if 2*k == n {
			return 0
		}
		return complex(0, float64(k))
	}
}

// alongLongitude writes to out the field with its zonal modes multiplied by factor(row, mode).
func (s *sphere) alongLongitude(field, out []float64, factor func(row, k int) complex128) {
	parallel(s.workers, s.rows, func(slot, row int) {
		p := s.zonal[slot]
		copy(p.values, field[row*s.columns:(row+1)*s.columns])
		p.apply(func(k int) complex128 { return factor(row, k) })
		copy(out[row*s.columns:(row+1)*s.columns], p.values)
	})
}

// alongCircles writes to out the field with its modes along great circles through the poles multiplied by factor(mode).
// parity is +1 for a field that continues across the pole unchanged (a scalar), -1 for one that changes sign there (a
// vector's components, whose directions turn round). turns says that factor is a derivative, whose direction turns too.
func (s *sphere) alongCircles(field, out []float64, parity float64, turns bool, factor func(k int) complex128) {
	half := s.columns / 2
	back := parity
	if turns {
		back = -parity
	}
	parallel(s.workers, half, func(slot, column int) {
		p := s.polar[slot]
		last := 2*s.rows - 1
		for j := range s.rows {
			p.values[j] = field[j*s.columns+column]
			p.values[last-j] = parity * field[j*s.columns+column+half]
		}
		p.apply(factor)
		for j := range s.rows {
			out[j*s.columns+column] = p.values[j]
			out[j*s.columns+column+half] = back * p.values[last-j]
		}
	})
}

// byLongitude is d/dphi, byColatitude d/dtheta.
func (s *sphere) byLongitude(field, out []float64) {
	d := derivative(s.columns)
	s.alongLongitude(field, out, func(_, k int) complex128 { return d(k) })
}

func (s *sphere) byColatitude(field, out []float64, parity float64) {
	s.alongCircles(field, out, parity, true, derivative(2*s.rows))
}

// cutoff is the highest mode kept along great circles: two thirds of what the grid holds, so that products of two fields
// do not alias (Orszag's rule).
func (s *sphere) cutoff() float64 { return 2.0 / 3 * float64(s.rows) }

// zonalCutoff is the highest zonal mode kept in a row: as short a wave as elsewhere, though the columns crowd near the poles.
func (s *sphere) zonalCutoff(row int) float64 {
	return min(float64(s.columns)/3, max(2, math.Floor(s.cutoff()*s.sin[row])+1))
}

// smooth removes what lies beyond the cutoffs, and damps mode k by exp(-decay (k / cutoff)^4).
func (s *sphere) smooth(field []float64, parity, decay float64) {
	cutoff := s.cutoff()
	damp := func(k int, most float64) complex128 {
		if float64(k) > most {
			return 0
		}
		ratio := float64(k) / cutoff
		return complex(math.Exp(-decay*ratio*ratio*ratio*ratio), 0)
	}
	s.alongLongitude(field, field, func(row, k int) complex128 { return damp(k, s.zonalCutoff(row)) })
	s.alongCircles(field, field, parity, false, func(k int) complex128 { return damp(k, cutoff) })
}

// mean is the area-weighted mean of a field.
func (s *sphere) mean(field []float64) float64 {
	sum, weight := 0.0, 0.0
	for j, sin := range s.sin {
		for _, v := range field[j*s.columns : (j+1)*s.columns] {
			sum += sin * v
		}
		weight += sin * float64(s.columns)
	}
	return sum / weight
}
