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
	kinetic := pressure // holds momentum times velocity, then the pressure
	clear(kinetic)
	for k := 1; k <= e.Dims; k++ {
		momentum, velocity := u[k], w[k]
		for i, m := range momentum {
			v := m / density[i]
			velocity[i] = v
			kinetic[i] += m * v
		}
	}
	highest := 0.0
	normal := w[1+axis]
	for i := range pressure {
		p := (e.Gamma - 1) * (energy[i] - 0.5*kinetic[i])
		pressure[i] = p
		highest = max(highest, math.Abs(normal[i])+math.Sqrt(e.Gamma*p/density[i]))
	}
	return highest
}

// gasRows are the reconstructed variables on one side of the faces, in the frame of the face's normal.
type gasRows struct {
	density, normal, pressure []float64
	across, along             []float64 // the transverse velocities that there are, else nil
}

// rowsOf sorts n faces of one side.
func (e Euler) rowsOf(w [][]float64, axis, n int) gasRows {
	r := gasRows{density: w[0][:n], normal: w[1+axis][:n], pressure: w[e.Dims+1][:n]}
	if e.Dims > 1 {
		r.across = w[1+(axis+1)%e.Dims][:n]
	}
	if e.Dims > 2 {
		r.along = w[1+(axis+2)%e.Dims][:n]
	}
	return r
}

// square is the squared speed at face i.
func (r *gasRows) square(i int) float64 {
	s := r.normal[i] * r.normal[i]
	if r.across != nil {
		s += r.across[i] * r.across[i]
	}
	if r.along != nil {
		s += r.along[i] * r.along[i]
	}
	return s
}

// Flux implements System with the HLLC solver (Toro, Spruce and Speares, Shock Waves 4 (1994) 25) and the outer wave
// speeds of Einfeldt (SIAM J. Numer. Anal. 25 (1988) 294), with which it keeps density and pressure positive (Batten
// et al., SIAM J. Sci. Comput. 18 (1997) 1553).
func (e Euler) Flux(axis int, left, right, _, f [][]float64) {
	n := len(f[0])
	l, r := e.rowsOf(left, axis, n), e.rowsOf(right, axis, n)
	out := e.rowsOf(f, axis, n) // the flux of energy in the place of the pressure
	heat := 1 / (e.Gamma - 1)
	for i := range n {
		slow, middle, fast := e.waves(l.density[i], l.normal[i], l.pressure[i], r.density[i], r.normal[i], r.pressure[i])
		side, outer := &l, slow
		if middle < 0 {
			side, outer = &r, fast
		}
		rho, u, p := side.density[i], side.normal[i], side.pressure[i]
		energy := heat*p + 0.5*rho*side.square(i)
		mass := rho * u
		normal := mass*u + p
		power := u * (energy + p)
		if (middle >= 0) == (outer < 0) { // the face lies between the side's outer wave and the contact
			relative := outer - u
			star := rho * relative / (outer - middle)
			power += outer * (star*(energy/rho+(middle-u)*(middle+p/(rho*relative))) - energy)
			normal += outer * (star*middle - mass)
			mass += outer * (star - rho)
		}
		out.density[i], out.normal[i], out.pressure[i] = mass, normal, power
		if out.across != nil {
			out.across[i] = mass * side.across[i]
		}
		if out.along != nil {
			out.along[i] = mass * side.along[i]
		}
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
