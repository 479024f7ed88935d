package spectral

import "math"

// bandwidth is how far from the diagonal the Galerkin matrices of the Legendre bases reach.
const bandwidth = 4

// band is a symmetric band matrix: row i holds the entries (i, i), (i, i-1), ..., (i, i-bandwidth).
type band [][bandwidth + 1]float64

// addScaled adds factor times other.
func (b band) addScaled(factor float64, other band) {
	for i := range b {
		for d := range b[i] {
			b[i][d] += factor * other[i][d]
		}
	}
}

// multiply writes b u to dst.
func (b band) multiply(dst, u []complex128) {
	for i := range b {
		re, im := b[i][0]*real(u[i]), b[i][0]*imag(u[i])
		for d := 1; d <= bandwidth; d++ {
			if j := i - d; j >= 0 {
				re += b[i][d] * real(u[j])
				im += b[i][d] * imag(u[j])
			}
			if j := i + d; j < len(b) {
				re += b[j][d] * real(u[j])
				im += b[j][d] * imag(u[j])
			}
		}
		dst[i] = complex(re, im)
	}
}

// factor replaces a positive definite matrix by its Cholesky factor L, with the diagonal inverted.
func (b band) factor() {
	for i := range b {
		for d := min(i, bandwidth); d >= 0; d-- {
			j := i - d
			sum := b[i][d]
			for k := max(0, i-bandwidth); k < j; k++ {
				sum -= b[i][i-k] * b[j][j-k]
			}
			if d > 0 {
				b[i][d] = sum * b[j][0]
			} else {
				b[i][0] = 1 / math.Sqrt(sum)
			}
		}
	}
}

// solve replaces u by the solution of L L^T x = u, where b is the result of factor.
func (b band) solve(u []complex128) {
	for i := range b {
		re, im := real(u[i]), imag(u[i])
		for d := 1; d <= min(i, bandwidth); d++ {
			re -= b[i][d] * real(u[i-d])
			im -= b[i][d] * imag(u[i-d])
		}
		u[i] = complex(re*b[i][0], im*b[i][0])
	}
	for i := len(b) - 1; i >= 0; i-- {
		re, im := real(u[i]), imag(u[i])
		for d := 1; d <= min(len(b)-1-i, bandwidth); d++ {
			re -= b[i+d][d] * real(u[i+d])
			im -= b[i+d][d] * imag(u[i+d])
		}
		u[i] = complex(re*b[i][0], im*b[i][0])
	}
}
