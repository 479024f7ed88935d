package spectral

import "math"

// fluid is incompressible flow on a periodic box in two or three dimensions, with passive scalars that it carries:
//
//	du/dt + u.grad u = -grad p + viscosity lap u,   div u = 0
//	ds/dt + u.grad s = diffusivity lap s
//
// The state holds the coefficients of the velocity's components, then those of the scalars. Products are taken at the
// grid points, dealiased by the 2/3 rule, in divergence form, so that means are conserved to round-off; the Leray
// projection P = 1 - k k/k^2 removes the pressure.
type fluid struct {
	diagonal
	fourier *Fourier
	k       [][]float64
	k2      []float64
	lengths []float64

	velocity [][]float64 // at the grid points, one slice a component
	scalars  [][]float64
	product  []float64
	spectrum []complex128
	speed    float64 // largest |u_i| / spacing_i, summed over the axes
}

// newFluid prepares a flow on a box of the given lengths. The damping beyond viscosity and diffusivities is
// hyperviscosity of the given rate at the cut-off, where the grid is too coarse (0: none).
func newFluid(grid []int, lengths []float64, viscosity float64, diffusivities []float64, damping float64, workers int) *fluid {
	f := NewFourier(grid, TwoThirds, workers)
	k := f.Wavenumbers(lengths)
	k2 := squared(k)
	var rates []float64
	add := func(diffusivity float64) {
		extra := hyperviscosity(k, diffusivity, damping)
		for i, v := range k2 {
			rates = append(rates, extra[i]-diffusivity*v)
		}
	}
	fl := &fluid{fourier: f, k: k, k2: k2, lengths: lengths,
		product: make([]float64, f.Points()), spectrum: make([]complex128, f.Size())}
	for range grid {
		add(viscosity)
		fl.velocity = append(fl.velocity, make([]float64, f.Points()))
	}
	for _, d := range diffusivities {
		add(d)
		fl.scalars = append(fl.scalars, make([]float64, f.Points()))
	}
	fl.diagonal = newDiagonal(rates, workers)
	return fl
}

// component is the part of a state that holds velocity component or scalar i.
func (f *fluid) component(u []complex128, i int) []complex128 {
	m := f.fourier.Size()
	return u[i*m : (i+1)*m]
}

// toPoints evaluates the state at the grid points and finds the fastest crossing of a cell.
func (f *fluid) toPoints(u []complex128) {
	dims := len(f.velocity)
	for i, v := range f.velocity {
		f.fourier.Inverse(v, f.component(u, i))
	}
	for i, s := range f.scalars {
		f.fourier.Inverse(s, f.component(u, dims+i))
	}
	f.speed = 0
	for i := range f.velocity[0] {
		crossing := 0.0
		for axis, v := range f.velocity {
			crossing += math.Abs(v[i]) * float64(f.fourier.shape[axis]) / f.lengths[axis]
		}
		f.speed = max(f.speed, crossing)
	}
}

// courant is the explicit stability limit in cells a step: the highest kept wavenumber is 2 pi / 3 a cell and the scheme
// is stable up to about 1.6 along the imaginary axis; the rest is room for slack.
const courant = 0.55

// StepLimit implements System.
func (f *fluid) StepLimit() float64 {
	if f.speed == 0 {
		return math.Inf(1)
	}
	return courant / f.speed
}

// Nonlinear implements System.
func (f *fluid) Nonlinear(dst, u []complex128) {
	f.toPoints(u)
	clear(dst)
	dims := len(f.velocity)
	last := f.velocity[dims-1]
	for i := range dims {
		for j := i; j < dims; j++ {
			a, b := f.velocity[i], f.velocity[j]
			switch {
			case i != j:
				f.multiply(func(n int) float64 { return a[n] * b[n] })
				subtractDerivative(f.component(dst, j), f.spectrum, f.k[i])
			case i == dims-1:
				continue
			default: // the pressure takes the last diagonal entry, so that it needs no transform
				f.multiply(func(n int) float64 { return a[n]*a[n] - last[n]*last[n] })
			}
			subtractDerivative(f.component(dst, i), f.spectrum, f.k[j])
		}
	}
	f.project(dst)
	for s, values := range f.scalars {
		for j, v := range f.velocity {
			f.multiply(func(n int) float64 { return values[n] * v[n] })
			subtractDerivative(f.component(dst, dims+s), f.spectrum, f.k[j])
		}
	}
}

// multiply transforms a product of fields into spectrum.
func (f *fluid) multiply(value func(n int) float64) {
	parallel(f.workers, len(f.product), func(_, low, high int) {
		for n := low; n < high; n++ {
			f.product[n] = value(n)
		}
	})
	f.fourier.Forward(f.spectrum, f.product)
}

// subtractDerivative subtracts the derivative of a field along an axis with wavenumbers k from dst.
func subtractDerivative(dst, spectrum []complex128, k []float64) {
	for i, k := range k {
		s := spectrum[i]
		dst[i] += complex(k*imag(s), -k*real(s))
	}
}

// project removes the part of the velocity in u that is a gradient; it leaves the mean alone.
func (f *fluid) project(u []complex128) {
	dims := len(f.velocity)
	for i, k2 := range f.k2 {
		if k2 == 0 {
			continue
		}
		var along complex128
		for axis := range dims {
			along += complex(f.k[axis][i], 0) * f.component(u, axis)[i]
		}
		along /= complex(k2, 0)
		for axis := range dims {
			f.component(u, axis)[i] -= along * complex(f.k[axis][i], 0)
		}
	}
}

// pressure writes the pressure of the flow whose velocity toPoints evaluated last to dst: lap p = -d_i d_j (u_i u_j), of
// zero mean.
func (f *fluid) pressure(dst []float64) {
	sum := make([]complex128, f.fourier.Size())
	for i, a := range f.velocity {
		for j, b := range f.velocity[:i+1] {
			weight := 2.0
			if i == j {
				weight = 1
			}
			f.multiply(func(n int) float64 { return weight * a[n] * b[n] })
			for m, s := range f.spectrum {
				if f.k2[m] > 0 {
					sum[m] -= s * complex(f.k[i][m]*f.k[j][m]/f.k2[m], 0)
				}
			}
		}
	}
	f.fourier.Inverse(dst, sum)
}
