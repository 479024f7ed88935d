package spectral

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/gowalrus/walrus/internal/fft"
)

// channel discretises a strip that is periodic in x and bounded by walls in y: Fourier series in x, Legendre polynomials
// in y, Galerkin in the weak form. Products are taken at the points, nx evenly spaced in x and ny Gauss-Legendre in y;
// with 2/3 of as many modes the integrals of products of three fields are exact.
//
// Fields at the points are stored by y, then x. Coefficients are stored by wavenumber, then polynomial.
type channel struct {
	workers        int
	nx, ny         int
	waves          int       // wavenumbers kept: 0 .. waves-1
	k              []float64 // the wavenumbers
	degrees        int       // Legendre polynomials kept
	half           float64   // half the distance of the walls
	points         []float64 // of the quadrature, on [-1, 1]
	weights        []float64 // for integrals over physical y
	legendre       *polynomials
	zero           *polynomials
	clamped        *polynomials
	transforms     []*fft.Plan  // one a worker
	spectrum       []complex128 // of a field: row y point, column wavenumber
	neumannVectors []float64    // see poisson
	neumannValues  []float64
}

func newChannel(nx, ny int, length, height float64, workers int) *channel {
	workers = max(1, workers)
	c := &channel{workers: workers, nx: nx, ny: ny, waves: TwoThirds.highest(nx) + 1, degrees: (2*ny-1)/3 + 1, half: height / 2}
	c.points, c.weights = gaussLegendre(ny)
	c.legendre = newPolynomials(plain, c.degrees, c.points, c.weights, c.half)
	c.zero = newPolynomials(zeroAtWalls, c.degrees-2, c.points, c.weights, c.half)
	c.clamped = newPolynomials(clampedAtWalls, c.degrees-4, c.points, c.weights, c.half)
	for i := range c.weights {
		c.weights[i] *= c.half
	}
	for m := range c.waves {
		c.k = append(c.k, 2*math.Pi*float64(m)/length)
	}
	for range workers {
		c.transforms = append(c.transforms, fft.NewPlan(nx))
	}
	c.spectrum = make([]complex128, ny*c.waves)
	c.diagonaliseNeumann()
	return c
}

// size is the number of coefficients of one field; bases with fewer polynomials leave the rest zero.
func (c *channel) size() int { return c.waves * c.degrees }

// volume is the number of points.
func (c *channel) volume() int { return c.nx * c.ny }

// wave is the part of a field's coefficients that belongs to a wavenumber.
func (c *channel) wave(u []complex128, m int) []complex128 { return u[m*c.degrees : (m+1)*c.degrees] }

// symbol multiplies the mode of a wavenumber: 1, i k, -k^2, ...
type symbol func(k float64) complex128

func one(float64) complex128 { return 1 }

// alongX is the derivative in x.
func alongX(k float64) complex128 { return complex(0, k) }

// toPoints evaluates, at the points of the table, the field with the given coefficients in the basis whose values (or
// derivatives) it holds, after multiplying by the symbol.
func (c *channel) toPoints(dst []float64, u []complex128, t table, s symbol) {
	parallel(c.workers, c.waves, func(_, low, high int) {
		for m := low; m < high; m++ {
			factor, mode := s(c.k[m]), c.wave(u, m)[:t.n]
			for q := range (c.ny + 1) / 2 {
				even, odd := halves(t.row(q), mode)
				mirrored := even - odd
				c.spectrum[q*c.waves+m] = factor * (even + odd)
				if mirror := c.ny - 1 - q; mirror != q {
					c.spectrum[mirror*c.waves+m] = factor * complex(t.flip*real(mirrored), t.flip*imag(mirrored))
				}
			}
		}
	})
	parallel(c.workers, (c.ny+1)/2, func(worker, low, high int) {
		for q := low; q < high; q++ {
			mirror := c.ny - 1 - q
			c.transforms[worker].Lines(c.row(dst, q), c.row(dst, mirror), c.rowSpectrum(q), c.rowSpectrum(mirror))
		}
	})
}

// row is the part of a field at the points that lies at y point q, and rowSpectrum its coefficients.
func (c *channel) row(values []float64, q int) []float64 { return values[q*c.nx : (q+1)*c.nx] }
func (c *channel) rowSpectrum(q int) []complex128        { return c.spectrum[q*c.waves : (q+1)*c.waves] }

// transform replaces spectrum by the Fourier coefficients in x of a field at the points.
func (c *channel) transform(values []float64) {
	parallel(c.workers, (c.ny+1)/2, func(worker, low, high int) {
		for q := low; q < high; q++ {
			mirror := c.ny - 1 - q
			c.transforms[worker].Spectra(c.rowSpectrum(q), c.rowSpectrum(mirror), c.row(values, q), c.row(values, mirror))
		}
	})
	scale := 1 / float64(c.nx)
	for i, v := range c.spectrum {
		c.spectrum[i] = complex(scale*real(v), scale*imag(v))
	}
}

// halves sums the products of a row of a table and a mode, over the even and the odd polynomials.
func halves(row []float64, mode []complex128) (even, odd complex128) {
	var evenRe, evenIm, oddRe, oddIm float64
	mode = mode[:len(row)]
	j := 0
	for ; j+1 < len(row); j += 2 {
		evenRe += row[j] * real(mode[j])
		evenIm += row[j] * imag(mode[j])
		oddRe += row[j+1] * real(mode[j+1])
		oddIm += row[j+1] * imag(mode[j+1])
	}
	if j < len(row) {
		evenRe += row[j] * real(mode[j])
		evenIm += row[j] * imag(mode[j])
	}
	return complex(evenRe, evenIm), complex(oddRe, oddIm)
}

// addIntegrals adds to dst the integrals over y of spectrum, times the symbol, against the polynomials in the table.
func (c *channel) addIntegrals(dst []complex128, t table, s symbol) {
	parallel(c.workers, c.waves, func(_, low, high int) {
		for m := low; m < high; m++ {
			factor, mode := s(c.k[m]), c.wave(dst, m)[:t.n]
			for q := range (c.ny + 1) / 2 {
				value := factor * complex(c.weights[q], 0) * c.spectrum[q*c.waves+m]
				even, odd := value, value
				if mirror := c.ny - 1 - q; mirror != q {
					mirrored := factor * complex(t.flip*c.weights[q], 0) * c.spectrum[mirror*c.waves+m]
					even, odd = value+mirrored, value-mirrored
				}
				addHalves(mode, t.row(q), even, odd)
			}
		}
	})
}

// addHalves adds a row of a table to a mode, times one factor for the even polynomials and another for the odd.
func addHalves(mode []complex128, row []float64, even, odd complex128) {
	evenRe, evenIm, oddRe, oddIm := real(even), imag(even), real(odd), imag(odd)
	mode = mode[:len(row)]
	j := 0
	for ; j+1 < len(row); j += 2 {
		mode[j] += complex(row[j]*evenRe, row[j]*evenIm)
		mode[j+1] += complex(row[j+1]*oddRe, row[j+1]*oddIm)
	}
	if j < len(row) {
		mode[j] += complex(row[j]*evenRe, row[j]*evenIm)
	}
}

// addFlux adds the weak form of -div (u f) to dst for a scalar in a basis: the integrals of u f . grad of the polynomials.
// product is scratch.
func (c *channel) addFlux(dst []complex128, basis *polynomials, f, u, v, product []float64) {
	multiply(c.workers, product, f, u)
	c.transform(product)
	c.addIntegrals(dst, basis.at[0], func(k float64) complex128 { return complex(0, -k) })
	multiply(c.workers, product, f, v)
	c.transform(product)
	c.addIntegrals(dst, basis.at[1], one)
}

// addStress adds the weak form of div T to dst, the coefficients of the stream function: the integrals of -T : grad w with
// w = (phi', -i k phi) e^(ikx). difference is T_xx - T_yy, shear is T_xy.
func (c *channel) addStress(dst []complex128, difference, shear []float64) {
	c.transform(difference)
	c.addIntegrals(dst, c.clamped.at[1], alongX)
	c.transform(shear)
	c.addIntegrals(dst, c.clamped.at[2], func(float64) complex128 { return -1 })
	c.addIntegrals(dst, c.clamped.at[0], func(k float64) complex128 { return complex(-k*k, 0) })
}

// addForce adds the weak form of a body force to dst, the coefficients of the stream function. A nil component is zero.
func (c *channel) addForce(dst []complex128, x, y []float64) {
	if x != nil {
		c.transform(x)
		c.addIntegrals(dst, c.clamped.at[1], one)
	}
	if y != nil {
		c.transform(y)
		c.addIntegrals(dst, c.clamped.at[0], alongX)
	}
}

func multiply(workers int, dst, a, b []float64) {
	parallel(workers, len(dst), func(_, low, high int) {
		for i := low; i < high; i++ {
			dst[i] = a[i] * b[i]
		}
	})
}

// diagonaliseNeumann finds the polynomials, mass-orthonormal, that diagonalise the second derivative with natural boundary
// conditions, so that poisson is a pair of small matrix products for each wavenumber.
func (c *channel) diagonaliseNeumann() {
	n := c.degrees
	norms := make([]float64, n)
	for j := range norms {
		norms[j] = math.Sqrt(c.legendre.gram[0][j][0])
	}
	stiffness := mat.NewSymDense(n, nil)
	for i := range n {
		for j := i; j < n; j++ {
			sum := 0.0
			for q, w := range c.weights {
				sum += w * c.legendre.at[1].row(q)[i] * c.legendre.at[1].row(q)[j]
			}
			stiffness.SetSym(i, j, sum/(norms[i]*norms[j]))
		}
	}
	var eigen mat.EigenSym
	eigen.Factorize(stiffness, true)
	c.neumannValues = eigen.Values(nil)
	var vectors mat.Dense
	eigen.VectorsTo(&vectors)
	c.neumannVectors = make([]float64, n*n)
	for i := range n {
		for j := range n {
			c.neumannVectors[i*n+j] = vectors.At(i, j) / norms[i]
		}
	}
}

// poisson replaces p, the integrals of a vector field against the gradients of the Legendre polynomials, by the Legendre
// coefficients of the potential whose gradient is the field's gradient part, of zero mean.
func (c *channel) poisson(p []complex128) {
	n := c.degrees
	work := make([]complex128, n)
	for m, k := range c.k {
		mode := c.wave(p, m)
		for e := range n {
			var sum complex128
			for i, v := range mode {
				sum += complex(c.neumannVectors[i*n+e], 0) * v
			}
			work[e] = 0
			if m > 0 || e > 0 { // the constant is free
				work[e] = sum / complex(c.neumannValues[e]+k*k, 0)
			}
		}
		for i := range mode {
			mode[i] = 0
			for e, v := range work {
				mode[i] += complex(c.neumannVectors[i*n+e], 0) * v
			}
		}
	}
}
