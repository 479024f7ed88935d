package volume

// Limiter chooses the slope of a variable inside a cell from the differences to its two neighbours.
type Limiter uint8

const (
	// MonotonizedCentral is the steepest of the usual symmetric limiters that keeps face values between the cell
	// averages (van Leer 1977): min(2|a|, 2|b|, |a+b|/2). Second order at smooth places, sharp at contacts.
	MonotonizedCentral Limiter = iota
	// VanLeer is the harmonic mean 2ab/(a+b): smoother, a little more diffusive.
	VanLeer
	// FirstOrder has no slopes: Godunov's method. The positivity guard falls back on it.
	FirstOrder
)

// slopes fills s with limited differences of w per cell; the two end cells get zero.
func (l Limiter) slopes(w, s []float64) {
	last := len(w) - 1
	s[0], s[last] = 0, 0
	switch l {
	case FirstOrder:
		clear(s)
	case VanLeer:
		a := w[1] - w[0]
		for i := 1; i < last; i++ {
			b := w[i+1] - w[i]
			if a*b > 0 {
				s[i] = 2 * a * b / (a + b)
			} else {
				s[i] = 0
			}
			a = b
		}
	default:
		// Without branches: shocks and turbulence turn the signs too often for the processor to foresee.
		a := w[1] - w[0]
		w, s = w[:last+1], s[:last]
		for i := 1; i < len(s); i++ {
			b := w[i+1] - w[i]
			twiceA, twiceB, c := 2*a, 2*b, 0.5*(a+b)
			s[i] = max(min(twiceA, twiceB, c), 0) + min(max(twiceA, twiceB, c), 0)
			a = b
		}
	}
}
