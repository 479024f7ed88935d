package fft

import (
	"math"
	"math/cmplx"
)

// Plan transforms lines of n values, unnormalised. It has scratch memory of its own: one goroutine at a time uses it.
//
// The algorithm is Stockham's: one pass for each factor of n, from one buffer to another, which leaves the coefficients in order.
type Plan struct {
	n           int
	passes      []pass
	line, spare []complex128
}

// pass splits a transform of length radix * rest into radix transforms of length rest. Between them lie stride transforms side by side: the input is
// [radix, rest, stride], the output [rest, radix, stride].
type pass struct {
	radix, rest, stride int
	turns               []complex128 // e^(-2 pi i p j / (radix rest)), [p, j], p < rest, j < radix
	roots               []complex128 // e^(-2 pi i j / radix)
}

// NewPlan prepares transforms of n values, n at least 1. Factors of 4 and 2 are fast, a prime factor p costs p operations a value.
func NewPlan(n int) *Plan {
	p := &Plan{n: n, line: make([]complex128, n), spare: make([]complex128, n)}
	for rest, stride := n, 1; rest > 1; {
		radix := factor(rest)
		rest /= radix
		s := pass{radix: radix, rest: rest, stride: stride}
		for at := range rest {
			for j := range radix {
				s.turns = append(s.turns, root(at*j, radix*rest))
			}
		}
		for j := range radix {
			s.roots = append(s.roots, root(j, radix))
		}
		p.passes = append(p.passes, s)
		stride *= radix
	}
	return p
}

// factor is 4 where it divides n, else the smallest prime that does.
func factor(n int) int {
	if n%4 == 0 {
		return 4
	}
	for p := 2; p*p <= n; p++ {
		if n%p == 0 {
			return p
		}
	}
	return n
}

// root is e^(-2 pi i k / n).
func root(k, n int) complex128 { return cmplx.Rect(1, -2*math.Pi*float64(k)/float64(n)) }

// Forward replaces a line x by its coefficients, sum over j of x_j e^(-2 pi i j k / n).
func (p *Plan) Forward(x []complex128) {
	copy(x, p.transform(x))
}

// Inverse replaces coefficients c by the line sum over k of c_k e^(2 pi i j k / n): n times what Forward began with.
func (p *Plan) Inverse(c []complex128) {
	for k, v := range c {
		p.line[k] = swap(v)
	}
	for j, v := range p.transform(p.line) {
		c[j] = swap(v)
	}
}

// swap exchanges the parts of a number: the inverse transform is the transform between two of these.
func swap(v complex128) complex128 { return complex(imag(v), real(v)) }

// Spectra writes the coefficients of two real lines x and y to a and b, frequencies 0 to len(a)-1, which is at most n/2. Both come from one transform, of
// x + i y; a line without a partner is its own.
func (p *Plan) Spectra(a, b []complex128, x, y []float64) {
	for j, v := range x {
		p.line[j] = complex(v, y[j])
	}
	z := p.transform(p.line)
	for k := range a {
		u, v := z[k], z[(p.n-k)%p.n]
		a[k] = complex(0.5*(real(u)+real(v)), 0.5*(imag(u)-imag(v)))
		b[k] = complex(0.5*(imag(u)+imag(v)), 0.5*(real(v)-real(u)))
	}
}

// Lines writes the real lines of the coefficients a and b to x and y, n times what Spectra began with. Coefficients beyond len(a) count as zero, and so do the
// imaginary parts at the frequencies 0 and n/2, which no real line has.
func (p *Plan) Lines(x, y []float64, a, b []complex128) {
	clear(p.line)
	for k, u := range a {
		v := b[k]
		if k == 0 || 2*k == p.n {
			p.line[k] = complex(real(v), real(u)) // u + i v, swapped
			continue
		}
		p.line[k] = complex(imag(u)+real(v), real(u)-imag(v))
		p.line[p.n-k] = complex(real(v)-imag(u), real(u)+imag(v))
	}
	for j, v := range p.transform(p.line) {
		x[j], y[j] = imag(v), real(v)
	}
}

// transform returns the coefficients of x in one of the plan's buffers or x itself, which it overwrites.
func (p *Plan) transform(x []complex128) []complex128 {
	from, to := x, p.spare
	for i := range p.passes {
		switch s := &p.passes[i]; s.radix {
		case 2:
			s.by2(to, from)
		case 4:
			s.by4(to, from)
		default:
			s.byPrime(to, from)
		}
		from, to = to, from
	}
	return from
}

func (s *pass) by2(to, from []complex128) {
	half := s.rest * s.stride
	a, b := from[:half], from[half:2*half]
	for p := range s.rest {
		turn := s.turns[2*p+1]
		for i, out := p*s.stride, 2*p*s.stride; i < (p+1)*s.stride; i, out = i+1, out+1 {
			u, v := a[i], b[i]
			to[out] = u + v
			to[out+s.stride] = turn * (u - v)
		}
	}
}

func (s *pass) by4(to, from []complex128) {
	quarter := s.rest * s.stride
	a, b, c, d := from[:quarter], from[quarter:2*quarter], from[2*quarter:3*quarter], from[3*quarter:4*quarter]
	for p := range s.rest {
		turn1, turn2, turn3 := s.turns[4*p+1], s.turns[4*p+2], s.turns[4*p+3]
		for i, out := p*s.stride, 4*p*s.stride; i < (p+1)*s.stride; i, out = i+1, out+1 {
			even, odd := a[i]+c[i], b[i]+d[i]
			difference, turned := a[i]-c[i], b[i]-d[i]
			turned = complex(imag(turned), -real(turned)) // times -i
			to[out] = even + odd
			to[out+s.stride] = turn1 * (difference + turned)
			to[out+2*s.stride] = turn2 * (even - odd)
			to[out+3*s.stride] = turn3 * (difference - turned)
		}
	}
}

// byPrime takes an odd radix by the definition: coefficients j and radix-j share their work, and so do the values k and radix-k, whose factors are conjugate.
func (s *pass) byPrime(to, from []complex128) {
	size, half := s.rest*s.stride, s.radix/2
	for p := range s.rest {
		turns := s.turns[p*s.radix : (p+1)*s.radix]
		for i := p * s.stride; i < (p+1)*s.stride; i++ {
			out := i + (s.radix-1)*p*s.stride
			to[out] = from[i]
			for k := 1; k < s.radix; k++ {
				to[out] += from[i+k*size]
			}
			for j := 1; j <= half; j++ {
				even, odd, at := from[i], complex128(0), 0
				for k := 1; k <= half; k++ {
					if at += j; at >= s.radix {
						at -= s.radix
					}
					u, v, root := from[i+k*size], from[i+(s.radix-k)*size], s.roots[at]
					sum, difference := u+v, u-v
					even += complex(real(root)*real(sum), real(root)*imag(sum))
					odd += complex(-imag(root)*imag(difference), imag(root)*real(difference)) // times i
				}
				to[out+j*s.stride] = turns[j] * (even + odd)
				to[out+(s.radix-j)*s.stride] = turns[s.radix-j] * (even - odd)
			}
		}
	}
}
