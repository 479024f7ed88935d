package volume

import "math"

// IsothermalMHD is the flow of a conducting gas of constant temperature: rho_t + div m = 0,
// m_t + div(m v - B B + rho a^2 + B^2 / 2) = 0, B_t - curl(v x B) = 0, with B in units where the Alfven speed is
// B / sqrt(rho). Conserved variables: density, momentum, magnetic field, always with three components. Reconstructed:
// density, velocity, magnetic field. The fluxes keep the total field; keeping it free of divergence is the solver's task
// (project).
type IsothermalMHD struct {
	Sound float64 // isothermal speed of sound a
}

// Rows of the state.
const (
	rowMomentum = 1
	rowMagnetic = 4
	rowsMHD     = 7
)

// Variables implements System.
func (IsothermalMHD) Variables() int { return rowsMHD }

// Materials implements System.
func (IsothermalMHD) Materials() int { return 0 }

// Mirror implements System. The wall is a perfect conductor: no field crosses it.
func (IsothermalMHD) Mirror(axis int) []float64 {
	return mirrorVectors(rowsMHD, rowMomentum+axis, rowMagnetic+axis)
}

// Primitive implements System.
func (g IsothermalMHD) Primitive(axis int, u, _, w [][]float64) float64 {
	copy(w[0], u[0])
	for k := range 3 {
		momentum, velocity := u[rowMomentum+k], w[rowMomentum+k]
		for i, m := range momentum {
			velocity[i] = m / u[0][i]
		}
		copy(w[rowMagnetic+k], u[rowMagnetic+k])
	}
	highest := 0.0
	normal, bn := w[rowMomentum+axis], w[rowMagnetic+axis]
	for i, density := range u[0] {
		bx, by, bz := u[rowMagnetic][i], u[rowMagnetic+1][i], u[rowMagnetic+2][i]
		speed := math.Abs(normal[i]) + g.fast(density, bn[i]*bn[i], bx*bx+by*by+bz*bz)
		highest = max(highest, speed)
	}
	return highest
}

// fast is the fast magnetosonic speed from the squares of the normal and the total field.
func (g IsothermalMHD) fast(density, normal2, total2 float64) float64 {
	a2, b2 := g.Sound*g.Sound, total2/density
	sum := a2 + b2
	return math.Sqrt(0.5 * (sum + math.Sqrt(max(0, sum*sum-4*a2*normal2/density))))
}

// mhdSide is the state on one side of a face in the frame of its normal, and its flux. Index 0 and 1 of the pairs are
// the two transverse directions.
type mhdSide struct {
	density, normal, outer float64
	velocity, field        [2]float64
	massFlux, normalFlux   float64
	momentumFlux           [2]float64
	fieldFlux              [2]float64
}

// newSide computes the flux of one side; bn is the face's normal field.
func (g IsothermalMHD) newSide(rows [][]float64, axis, i int, bn float64) mhdSide {
	s := mhdSide{density: rows[0][i], normal: rows[rowMomentum+axis][i]}
	square := 0.0
	for k := range 2 {
		across := (axis + 1 + k) % 3
		s.velocity[k], s.field[k] = rows[rowMomentum+across][i], rows[rowMagnetic+across][i]
		square += s.field[k] * s.field[k]
	}
	s.massFlux = s.density * s.normal
	s.normalFlux = s.massFlux*s.normal + s.density*g.Sound*g.Sound + 0.5*(square-bn*bn)
	for k := range 2 {
		s.momentumFlux[k] = s.massFlux*s.velocity[k] - bn*s.field[k]
		s.fieldFlux[k] = s.field[k]*s.normal - bn*s.velocity[k]
	}
	s.outer = g.fast(s.density, bn*bn, bn*bn+square)
	return s
}

// Flux implements System with the HLLD solver for isothermal gas: two fast and two Alfven waves (Mignone, J. Comput. Phys.
// 225 (2007) 1427). Where fast and Alfven waves coincide it falls back on HLL.
func (g IsothermalMHD) Flux(axis int, left, right, _, f [][]float64) {
	clear(f[rowMagnetic+axis])
	for i := range f[0] {
		bn := 0.5 * (left[rowMagnetic+axis][i] + right[rowMagnetic+axis][i])
		l, r := g.newSide(left, axis, i, bn), g.newSide(right, axis, i, bn)
		slow := min(l.normal-l.outer, r.normal-r.outer)
		fast := max(l.normal+l.outer, r.normal+r.outer)
		l.outer, r.outer = slow, fast
		var out mhdSide
		switch {
		case slow >= 0:
			out = l
		case fast <= 0:
			out = r
		default:
			out = fan(l, r, bn)
		}
		f[0][i] = out.massFlux
		f[rowMomentum+axis][i] = out.normalFlux
		for k := range 2 {
			across := (axis + 1 + k) % 3
			f[rowMomentum+across][i] = out.momentumFlux[k]
			f[rowMagnetic+across][i] = out.fieldFlux[k]
		}
	}
}

// fan is the flux between the two fast waves.
func fan(l, r mhdSide, bn float64) mhdSide {
	slow, fast := l.outer, r.outer
	inverse := 1 / (fast - slow)
	hll := func(fl, fr, ul, ur float64) float64 { return (fast*fl - slow*fr + fast*slow*(ur-ul)) * inverse }
	out := mhdSide{
		massFlux:   hll(l.massFlux, r.massFlux, l.density, r.density),
		normalFlux: hll(l.normalFlux, r.normalFlux, l.massFlux, r.massFlux),
	}
	density := (fast*r.density - slow*l.density - r.massFlux + l.massFlux) * inverse
	middle := out.massFlux / density
	root := math.Sqrt(density)
	alfven := math.Abs(bn) / root
	slowAlfven, fastAlfven := middle-alfven, middle+alfven
	if width := 1e-8 * (fast - slow); slowAlfven-slow < width || fast-fastAlfven < width {
		for k := range 2 {
			out.momentumFlux[k] = hll(l.momentumFlux[k], r.momentumFlux[k], l.density*l.velocity[k], r.density*r.velocity[k])
			out.fieldFlux[k] = hll(l.fieldFlux[k], r.fieldFlux[k], l.field[k], r.field[k])
		}
		return out
	}
	sign := math.Copysign(root, bn)
	for k := range 2 {
		ml, fl := star(l, k, density, middle, bn, slowAlfven, fastAlfven)
		mr, fr := star(r, k, density, middle, bn, slowAlfven, fastAlfven)
		momentumL := l.momentumFlux[k] + slow*(ml-l.density*l.velocity[k])
		fieldL := l.fieldFlux[k] + slow*(fl-l.field[k])
		momentumR := r.momentumFlux[k] + fast*(mr-r.density*r.velocity[k])
		fieldR := r.fieldFlux[k] + fast*(fr-r.field[k])
		switch {
		case slowAlfven >= 0:
			out.momentumFlux[k], out.fieldFlux[k] = momentumL, fieldL
		case fastAlfven <= 0:
			out.momentumFlux[k], out.fieldFlux[k] = momentumR, fieldR
		default:
			m := 0.5*(ml+mr) + 0.5*sign*(fr-fl)
			b := 0.5*(fl+fr) + 0.5/sign*(mr-ml)
			// Both sides give the same flux here; their mean keeps the mirror symmetry to the last bit.
			out.momentumFlux[k] = 0.5 * (momentumL + slowAlfven*(m-ml) + momentumR + fastAlfven*(m-mr))
			out.fieldFlux[k] = 0.5 * (fieldL + slowAlfven*(b-fl) + fieldR + fastAlfven*(b-fr))
		}
	}
	return out
}

// star is the transverse momentum and field between a side's fast wave and its Alfven wave.
func star(s mhdSide, k int, density, middle, bn, slowAlfven, fastAlfven float64) (momentum, field float64) {
	inverse := 1 / ((s.outer - slowAlfven) * (s.outer - fastAlfven))
	momentum = density*s.velocity[k] - bn*s.field[k]*(middle-s.normal)*inverse
	relative := s.outer - s.normal
	return momentum, s.field[k] / density * (s.density*relative*relative - bn*bn) * inverse
}

// Admissible implements System.
func (IsothermalMHD) Admissible(u State, from, to int) int {
	for i := from; i < to; i++ {
		if !(u[0][i] > 0) {
			return i
		}
	}
	return firstNotFinite(u, from, to)
}
