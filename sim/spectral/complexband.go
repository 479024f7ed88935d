package spectral

import (
	"context"
	"errors"
)

// complexBand is a complex symmetric band matrix: column k holds the entries (k, k), (k+1, k), ..., (k+width, k).
type complexBand struct {
	n, width int
	columns  []complex128
}

func newComplexBand(n, width int) *complexBand {
	return &complexBand{n: n, width: width, columns: make([]complex128, n*(width+1))}
}

func (m *complexBand) column(k int) []complex128 {
	return m.columns[k*(m.width+1) : (k+1)*(m.width+1)]
}

// add adds to the entry (k + below, k).
func (m *complexBand) add(k, below int, value complex128) { m.column(k)[below] += value }

// couple adds the exchange value (u_(k+below) - u_k) to row k and its opposite to row k + below.
func (m *complexBand) couple(k, below int, value complex128) {
	m.add(k, below, value)
	m.add(k, 0, -value)
	m.add(k+below, 0, -value)
}

// solve replaces the right-hand side u by the solution, and the matrix by its factors L D L^T (without pivoting: the
// absorbing layers keep the leading minors away from zero).
func (m *complexBand) solve(ctx context.Context, u []complex128) error {
	for k := range m.n {
		if k%256 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		pivot := m.column(k)
		if pivot[0] == 0 {
			return errors.New("the discrete Helmholtz operator is singular")
		}
		inverse := 1 / pivot[0]
		last := min(m.width, m.n-1-k)
		for j := 1; j <= last; j++ {
			if pivot[j] == 0 {
				continue
			}
			factor := inverse * pivot[j]
			fr, fi := real(factor), imag(factor)
			target := m.column(k + j)
			for i, v := range pivot[j : last+1] {
				target[i] -= complex(fr*real(v)-fi*imag(v), fr*imag(v)+fi*real(v))
			}
			u[k+j] -= factor * u[k]
		}
	}
	for k := m.n - 1; k >= 0; k-- {
		pivot := m.column(k)
		sum := u[k]
		for j := 1; j <= min(m.width, m.n-1-k); j++ {
			sum -= pivot[j] * u[k+j]
		}
		u[k] = sum / pivot[0]
	}
	return nil
}
