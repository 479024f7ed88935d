package spectral

import "math"

// channelField is one field of a channelSystem: a basis and the symmetric matrices of each wavenumber.
type channelField struct {
	basis    *polynomials
	mass     []band // by wavenumber
	decay    []band // minus the linear operator
	factored []band
}

// channelSystem is the linear part of a problem between walls. The state holds the coefficients of the stream function
// (no slip, no net flow), then those of the other fields. It implements System but for Nonlinear and StepLimit.
type channelSystem struct {
	*channel
	fields []channelField
	filter []float64 // damping rate of each coefficient of a field, nil: none
}

// gramWeights gives the factors of the gram matrices of a field's basis at a wavenumber, in its mass and its decay matrix.
type gramWeights func(k float64) (mass, decay [3]float64)

// momentum is the stream function of a fluid: u = d psi/dy, v = -d psi/dx.
func momentum(viscosity float64) gramWeights {
	return func(k float64) (mass, decay [3]float64) {
		k2 := k * k
		return [3]float64{k2, 1, 0}, [3]float64{viscosity * k2 * k2, 2 * viscosity * k2, viscosity}
	}
}

// heat is a scalar that diffuses.
func heat(diffusivity float64) gramWeights {
	return func(k float64) (mass, decay [3]float64) {
		return [3]float64{1, 0, 0}, [3]float64{diffusivity * k * k, diffusivity, 0}
	}
}

// addField appends a field to the state.
func (c *channelSystem) addField(basis *polynomials, weights gramWeights) {
	f := channelField{basis: basis}
	for _, k := range c.k {
		mass, decay := make(band, basis.n), make(band, basis.n)
		m, d := weights(k)
		for i := range m {
			mass.addScaled(m[i], basis.gram[i])
			decay.addScaled(d[i], basis.gram[i])
		}
		f.mass, f.decay = append(f.mass, mass), append(f.decay, decay)
		f.factored = append(f.factored, make(band, basis.n))
	}
	c.fields = append(c.fields, f)
}

// part is the part of a state that holds field i.
func (c *channelSystem) part(u []complex128, i int) []complex128 {
	return u[i*c.size() : (i+1)*c.size()]
}

// each calls a function for every field and wavenumber, with the offset of its coefficients.
func (c *channelSystem) each(do func(f *channelField, m, offset int)) {
	parallel(c.workers, len(c.fields)*c.waves, func(_, low, high int) {
		for task := low; task < high; task++ {
			do(&c.fields[task/c.waves], task%c.waves, task*c.degrees)
		}
	})
}

// Mass implements System.
func (c *channelSystem) Mass(dst, u []complex128) {
	c.each(func(f *channelField, m, offset int) {
		f.mass[m].multiply(dst[offset:], u[offset:])
		clear(dst[offset+f.basis.n : offset+c.degrees])
	})
}

// Linear implements System.
func (c *channelSystem) Linear(dst, u []complex128) {
	c.each(func(f *channelField, m, offset int) {
		out := dst[offset : offset+c.degrees]
		f.decay[m].multiply(out, u[offset:])
		for i := range out[:f.basis.n] {
			out[i] = -out[i]
		}
		clear(out[f.basis.n:])
	})
}

// Factor implements System.
func (c *channelSystem) Factor(h float64) {
	c.each(func(f *channelField, m, _ int) {
		copy(f.factored[m], f.mass[m])
		f.factored[m].addScaled(h, f.decay[m])
		f.factored[m].factor()
	})
}

// Solve implements System.
func (c *channelSystem) Solve(dst, rhs []complex128) {
	copy(dst, rhs)
	c.each(func(f *channelField, m, offset int) {
		f.factored[m].solve(dst[offset:])
	})
}

// setFilter chooses damping rates of eighth order in wavenumber and degree for a grid too coarse for the diffusivity;
// total is the rate that the highest modes should have.
func (c *channelSystem) setFilter(diffusivity, total float64) {
	last := c.k[c.waves-1]
	alongX := max(0, total-diffusivity*last*last)
	finest := float64(c.degrees) / c.half // the wavenumber of the highest polynomial, mid-channel
	alongY := max(0, total-diffusivity*finest*finest)
	if alongX == 0 && alongY == 0 {
		return
	}
	c.filter = make([]float64, c.size())
	for m := range c.waves {
		for j := range c.degrees {
			x, y := float64(m)/float64(c.waves-1), float64(j)/float64(c.degrees-5)
			c.filter[m*c.degrees+j] = alongX*math.Pow(x, 8) + alongY*math.Pow(y, 8)
		}
	}
}

// Filter implements Filtered.
func (c *channelSystem) Filter(u []complex128, dt float64) {
	if c.filter == nil {
		return
	}
	c.each(func(_ *channelField, m, offset int) {
		for j := range c.degrees {
			u[offset+j] *= complex(math.Exp(-dt*c.filter[m*c.degrees+j]), 0)
		}
	})
}

// velocity evaluates the velocity at the points: the stream function's, plus a base flow along x given by y point.
func (c *channelSystem) velocity(u, v []float64, state []complex128, base []float64) {
	stream := c.part(state, 0)
	c.toPoints(u, stream, c.clamped.at[1], one)
	for q := range base {
		for i := range c.nx {
			u[q*c.nx+i] += base[q]
		}
	}
	c.toPoints(v, stream, c.clamped.at[0], func(k float64) complex128 { return complex(0, -k) })
}

// reynoldsStress writes the parts of -u u that addStress takes: the difference of its diagonal and its off-diagonal.
func reynoldsStress(difference, shear, u, v []float64) {
	for i, a := range u {
		b := v[i]
		difference[i] = b*b - a*a
		shear[i] = -a * b
	}
}

// reynoldsTensor returns the components of -u u.
func reynoldsTensor(u, v []float64) (xx, xy, yy []float64) {
	xx, xy, yy = make([]float64, len(u)), make([]float64, len(u)), make([]float64, len(u))
	for i, a := range u {
		b := v[i]
		xx[i], xy[i], yy[i] = -a*a, -a*b, -b*b
	}
	return xx, xy, yy
}

// crossing is the fastest rate at which the flow crosses cells, the cells of y being as narrow as the points are close.
func (c *channelSystem) crossing(u, v []float64) float64 {
	length := 2 * math.Pi / c.k[1]
	dx := length / float64(c.nx)
	fastest := 0.0
	for q := range c.ny {
		dy := math.Inf(1)
		if q > 0 {
			dy = c.half * (c.points[q] - c.points[q-1])
		}
		if q+1 < c.ny {
			dy = min(dy, c.half*(c.points[q+1]-c.points[q]))
		}
		for i := q * c.nx; i < (q+1)*c.nx; i++ {
			fastest = max(fastest, math.Abs(u[i])/dx+math.Abs(v[i])/dy)
		}
	}
	return fastest
}

// differentiate writes the derivatives of a field at the points, by way of its Legendre coefficients.
func (c *channelSystem) differentiate(alongAxisX, alongAxisY, values []float64) {
	coefficients := make([]complex128, c.size())
	c.transform(values)
	c.addIntegrals(coefficients, c.legendre.at[0], one)
	for i := range coefficients {
		coefficients[i] /= complex(c.legendre.gram[0][i%c.degrees][0], 0)
	}
	c.toPoints(alongAxisX, coefficients, c.legendre.at[0], alongX)
	c.toPoints(alongAxisY, coefficients, c.legendre.at[1], one)
}

// pressure returns the Legendre coefficients of the pressure of a flow under a stress T (Reynolds stress -u u included)
// and a body force: the potential of the gradient part of div T + force + viscosity lap u. Its mean gradient is not part
// of it. forceX and forceY are overwritten.
func (c *channelSystem) pressure(state []complex128, viscosity float64, txx, txy, tyy, forceX, forceY []float64) []complex128 {
	byX, byY := make([]float64, c.volume()), make([]float64, c.volume())
	c.differentiate(byX, byY, txx)
	add(forceX, byX)
	c.differentiate(byX, byY, txy)
	add(forceX, byY)
	add(forceY, byX)
	c.differentiate(byX, byY, tyy)
	add(forceY, byY)

	p := make([]complex128, c.size())
	basis := c.legendre
	c.transform(forceX)
	c.addIntegrals(p, basis.at[0], func(k float64) complex128 { return complex(0, -k) })
	c.transform(forceY)
	c.addIntegrals(p, basis.at[1], one)
	// lap u is a curl, so that against a gradient only the vorticity -psi'' at the walls counts
	for m, k := range c.k {
		stream, out := c.wave(c.part(state, 0), m), c.wave(p, m)
		var top, base complex128
		for j := range c.clamped.n {
			top += complex(c.clamped.top[2][j], 0) * stream[j]
			base += complex(c.clamped.base[2][j], 0) * stream[j]
		}
		for j := range out {
			out[j] -= complex(0, k*viscosity) * (top*complex(basis.top[0][j], 0) - base*complex(basis.base[0][j], 0))
		}
	}
	c.poisson(p)
	return p
}

func add(dst, values []float64) {
	for i, v := range values {
		dst[i] += v
	}
}
