package volume

import "math"

// Euler is the flow of an ideal gas without viscosity: rho_t + div m = 0, m_t + div(m v + p) = 0,
// E_t + div((E + p) v) = 0, with p = (gamma - 1) (E - rho v^2 / 2). Conserved variables: density, momentum (one
// component an axis), energy density. Reconstructed: density, velocity, pressure.
type Euler struct {
	Dims  int
	Gamma float64 // ratio of specific heats, above 1
}

// Variables implements System.
func (e Euler) Variables() int { return e.Dims + 2 }

// Materials implements System.
func (e Euler) Materials() int { return 0 }

// Mirror implements System.
func (e Euler) Mirror(axis int) []float64 { return mirrorVectors(e.Variables(), 1+axis) }

// mirrorVectors is +1 for each of count variables and -1 for the negated ones.
func mirrorVectors(count int, negated ...int) []float64 {
	signs := make([]float64, count)
	for i := range signs {
		signs[i] = 1
	}
	for _, i := range negated {
		signs[i] = -1
	}
	return signs
}

// Primitive implements System.
func (e Euler) Primitive(axis int, u, _, w [][]float64) float64 {
	density, energy, pressure := u[0], u[e.Dims+1], w[e.Dims+1]
	copy(w[0], density)
	inverse := pressure // holds 1/density, then the pressure
	for i, d := range density {
		inverse[i] = 1 / d
	}
	for k := 1; k <= e.Dims; k++ {
		momentum, velocity := u[k], w[k]
		for i, m := range momentum {
			velocity[i] = m * inverse[i]
		}
	}
	highest := 0.0
	normal := w[1+axis]
	for i := range pressure {
		kinetic := 0.0
		for k := 1; k <= e.Dims; k++ {
			kinetic += u[k][i] * w[k][i]
		}
		oneOver := inverse[i]
		p := (e.Gamma - 1) * (energy[i] - 0.5*kinetic)
		pressure[i] = p
		if speed := math.Abs(normal[i]) + math.Sqrt(e.Gamma*p*oneOver); speed > highest {
			highest = speed
		}
	}
	return highest
}

// Flux implements System with the HLLC solver (Toro, Spruce and Speares, Shock Waves 4 (1994) 25) and the outer wave
// speeds of Einfeldt (SIAM J. Numer. Anal. 25 (1988) 294), with which it keeps density and pressure positive (Batten
// et al., SIAM J. Sci. Comput. 18 (1997) 1553).
func (e Euler) Flux(axis int, left, right, _, f [][]float64) {
	n, last := 1+axis, e.Dims+1
	for i := range f[0] {
		rl, ul, pl := left[0][i], left[n][i], left[last][i]
		rr, ur, pr := right[0][i], right[n][i], right[last][i]
		squareL, squareR := 0.0, 0.0
		for k := 1; k <= e.Dims; k++ {
			squareL += left[k][i] * left[k][i]
			squareR += right[k][i] * right[k][i]
		}
		slow, middle, fast := e.waves(rl, ul, pl, rr, ur, pr)
		side, r, u, p, square, outer := left, rl, ul, pl, squareL, slow
		if middle < 0 {
			side, r, u, p, square, outer = right, rr, ur, pr, squareR, fast
		}
		energy := p/(e.Gamma-1) + 0.5*r*square
		mass := r * u
		normal := mass*u + p
		power := u * (energy + p)
		if (middle >= 0 && outer < 0) || (middle < 0 && outer > 0) { // between the outer waves
			star := r * (outer - u) / (outer - middle)
			starEnergy := star * (energy/r + (middle-u)*(middle+p/(r*(outer-u))))
			power += outer * (starEnergy - energy)
			normal += outer * (star*middle - mass)
			mass += outer * (star - r)
		}
		f[0][i] = mass
		for k := 1; k <= e.Dims; k++ {
			f[k][i] = mass * side[k][i]
		}
		f[n][i] = normal
		f[last][i] = power
	}
}

// waves estimates the speeds of the left wave, the contact and the right wave of a Riemann problem.
func (e Euler) waves(rl, ul, pl, rr, ur, pr float64) (slow, middle, fast float64) {
	cl2, cr2 := e.Gamma*pl/rl, e.Gamma*pr/rr
	wl, wr := math.Sqrt(rl), math.Sqrt(rr)
	inverse := 1 / (wl + wr)
	mean := (wl*ul + wr*ur) * inverse
	jump := (ur - ul) * inverse
	d := math.Sqrt((wl*cl2+wr*cr2)*inverse + 0.5*wl*wr*jump*jump)
	slow = min(mean-d, ul-math.Sqrt(cl2))
	fast = max(mean+d, ur+math.Sqrt(cr2))
	ml, mr := rl*(slow-ul), rr*(fast-ur)
	middle = (pr - pl + ml*ul - mr*ur) / (ml - mr)
	return slow, middle, fast
}

// Admissible implements System.
func (e Euler) Admissible(u State, from, to int) int {
	for i := from; i < to; i++ {
		kinetic := 0.0
		for k := 1; k <= e.Dims; k++ {
			kinetic += u[k][i] * u[k][i]
		}
		density := u[0][i]
		internal := u[e.Dims+1][i] - 0.5*kinetic/density
		if !(density > 0) || !(internal > 0) || math.IsInf(density, 1) || math.IsInf(internal, 1) {
			return i
		}
	}
	return -1
}

// Set stores a cell's state given as density, velocity and pressure.
func (e Euler) Set(u State, cell int, density float64, velocity []float64, pressure float64) {
	u[0][cell] = density
	kinetic := 0.0
	for k, v := range velocity[:e.Dims] {
		u[1+k][cell] = density * v
		kinetic += v * v
	}
	u[e.Dims+1][cell] = pressure/(e.Gamma-1) + 0.5*density*kinetic
}

// Pressure is the pressure in a cell.
func (e Euler) Pressure(u State, cell int) float64 {
	kinetic := 0.0
	for k := 1; k <= e.Dims; k++ {
		kinetic += u[k][cell] * u[k][cell]
	}
	return (e.Gamma - 1) * (u[e.Dims+1][cell] - 0.5*kinetic/u[0][cell])
}
