package spectral

import (
	"math"
	"math/rand/v2"
)

// newRandom returns the generator of a trajectory.
func newRandom(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15)) }

// pick draws one of the values.
func pick[T any](random *rand.Rand, values ...T) T { return values[random.IntN(len(values))] }

// uniform draws from [low, high).
func uniform(random *rand.Rand, low, high float64) float64 { return low + (high-low)*random.Float64() }

// RandomField fills dst with the coefficients of a smooth random field of zero mean and unit variance. The amplitude
// function gives the standard deviation of a mode, up to a common factor, from its frequencies along the axes; modes
// with a frequency above highest are left out. The field depends on the generator only, not on the grid, as long as the
// grid resolves the modes.
func (f *Fourier) RandomField(dst []complex128, random *rand.Rand, highest int, amplitude func(m []int) float64) {
	clear(dst)
	dims := len(f.modes)
	m := make([]int, dims)
	for i := range m {
		m[i] = -highest
	}
	variance := 0.0
	for more := true; more; more = nextVector(m, highest) {
		if !upperHalf(m) {
			continue
		}
		a := amplitude(m)
		value := complex(a*random.NormFloat64(), a*random.NormFloat64())
		at, ok := f.index(m)
		if !ok {
			continue
		}
		dst[at] = value
		variance += 2 * (real(value)*real(value) + imag(value)*imag(value))
		if m[dims-1] == 0 { // the conjugate partner is stored too
			mirrored, _ := f.index(negated(m))
			dst[mirrored] = complex(real(value), -imag(value))
		}
	}
	if variance == 0 {
		return
	}
	norm := complex(1/math.Sqrt(variance), 0)
	for i := range dst {
		dst[i] *= norm
	}
}

// nextVector counts through all vectors with entries in [-highest, highest]; false after the last.
func nextVector(m []int, highest int) bool {
	for i := len(m) - 1; i >= 0; i-- {
		if m[i] < highest {
			m[i]++
			return true
		}
		m[i] = -highest
	}
	return false
}

// upperHalf chooses one of m and -m: the last non-zero entry is positive.
func upperHalf(m []int) bool {
	for i := len(m) - 1; i >= 0; i-- {
		if m[i] != 0 {
			return m[i] > 0
		}
	}
	return false
}

func negated(m []int) []int {
	n := make([]int, len(m))
	for i, v := range m {
		n[i] = -v
	}
	return n
}

// index is the position of the mode with frequencies m among the coefficients; false where it is not kept.
func (f *Fourier) index(m []int) (int, bool) {
	at := 0
	for axis, n := range f.shape {
		v := m[axis]
		if highest := f.keep.highest(n); v > highest || -v > highest {
			return 0, false
		}
		if v < 0 {
			v += n
		}
		at = at*f.modes[axis] + v
	}
	return at, true
}
