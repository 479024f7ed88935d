package main

import (
	"math"

	"github.com/gowalrus/walrus/cpu/kernel/internal/asm/fit"
)

const (
	signBit  = 0x80000000
	restBits = 0x7fffffff
	infinity = 0x7f800000
	quietNaN = 0x7fc00000
)

// choose is yes where all bits of m are 1, no where all are 0.
func (k *kernel) choose(m, yes, no vector) vector {
	d := k.copyOf(m)
	k.do(bsl, d, yes, no)
	return d
}

// polynomial is Σ c[i] x^i.
func (k *kernel) polynomial(x vector, c ...float64) vector {
	sum := k.number(c[len(c)-1])
	for i := len(c) - 2; i >= 0; i-- {
		next := k.fresh(bitsOf(c[i]))
		k.do(fmla, next, sum, x)
		sum = next
	}
	return sum
}

// clampExp keeps the argument of an exponential where the result is neither exactly 0 nor infinite by more than its
// rounding; NaN stays.
func (k *kernel) clampExp(x vector) vector {
	return k.of(fmax, k.of(fmin, x, k.number(89)), k.number(-104))
}

// reduce splits x = n ln(2) + r and returns n and e^r - 1.
func (k *kernel) reduce(x vector) (n, em1 vector) {
	n = k.of(frintn, k.of(fmul, x, k.number(math.Log2E)))
	r := k.copyOf(x)
	k.do(fmls, r, n, k.number(fit.Ln2High))
	k.do(fmls, r, n, k.number(fit.Ln2Low))
	em1 = k.copyOf(r)
	k.do(fmla, em1, k.polynomial(r, fit.Exp...), k.of(fmul, r, r))
	return n, em1
}

// power is x times 2^n for whole n in -150..128, with gradual underflow: two factors, since 2^n may be out of range.
func (k *kernel) power(x, n vector) vector {
	whole := k.of(fcvtzs, n)
	half := k.of(sshr(1), whole)
	for _, part := range []vector{half, k.of(sub, whole, half)} {
		x = k.of(fmul, x, k.of(shl(23), k.of(add, part, k.word(127))))
	}
	return x
}

// exp is e^x.
func (k *kernel) exp(x vector) vector {
	n, em1 := k.reduce(k.clampExp(x))
	return k.power(k.of(fadd, em1, k.number(1)), n)
}

// expm1 is e^x - 1 = 2 (s (e^r - 1) + (s - 1/2)) with s = 2^(n-1), which does not overflow before the result does.
func (k *kernel) expm1(x vector) vector {
	n, em1 := k.reduce(k.clampExp(x))
	s := k.power(k.number(1), k.of(fsub, n, k.number(1)))
	half := k.of(fsub, s, k.number(0.5))
	k.do(fmla, half, em1, s)
	return k.of(fadd, half, half)
}

// log is the natural logarithm: x = m 2^n with m in [sqrt(1/2), sqrt(2)).
func (k *kernel) log(x vector) vector {
	small := k.of(fcmgt, k.number(math.Ldexp(1, -126)), x) // subnormal (or not positive): scaled first
	y := k.choose(small, k.of(fmul, x, k.number(math.Ldexp(1, 23))), x)
	shift := k.of(and, small, k.number(-23))
	whole := k.of(sshr(23), k.of(sub, y, k.number(math.Sqrt(0.5))))
	f := k.of(fsub, k.of(sub, y, k.of(shl(23), whole)), k.number(1))
	n := k.of(fadd, k.of(scvtf, whole), shift)
	square := k.of(fmul, f, f)
	low := k.of(fmul, k.of(fmul, k.polynomial(f, fit.Log...), f), square)
	k.do(fmla, low, n, k.number(fit.Ln2Low))
	k.do(fmls, low, square, k.number(0.5))
	result := k.of(fadd, f, low)
	k.do(fmla, result, n, k.number(fit.Ln2High))
	result = k.choose(k.of(fcmeq, x, k.word(infinity)), k.word(infinity), result)
	result = k.choose(k.of(fcmeq, x, k.word(0)), k.word(infinity|signBit), result)
	return k.choose(k.of(fcmge, x, k.word(0)), result, k.word(quietNaN))
}

// log1p is log(u) plus the part of x that was lost in u = 1+x.
func (k *kernel) log1p(x vector) vector {
	u := k.of(fadd, x, k.number(1))
	log := k.log(u)
	lost := k.of(fdiv, k.of(fsub, x, k.of(fsub, u, k.number(1))), u)
	finite := k.of(fcmgt, k.word(infinity), k.of(fabs, log))
	return k.of(fadd, log, k.of(and, finite, lost))
}

// withSign gives v, which is not negative, the sign of x.
func (k *kernel) withSign(v, x vector) vector {
	return k.of(orr, v, k.of(and, x, k.word(signBit)))
}

// tanh is odd; 1 - 2/(e^2|x| + 1) away from 0.
func (k *kernel) tanh(x vector) vector {
	size, square := k.of(fabs, x), k.of(fmul, x, x)
	near := k.copyOf(x)
	k.do(fmla, near, k.of(fmul, k.polynomial(square, fit.Tanh...), square), x)
	large := k.of(fadd, k.exp(k.of(fadd, size, size)), k.number(1))
	far := k.of(fsub, k.number(1), k.of(fdiv, k.number(2), large))
	return k.choose(k.of(fcmgt, k.number(0.625), size), near, k.withSign(far, x))
}

// erf is odd; 1 - exp(-|x| q(|x|)) away from 0, and 1 beyond 4.
func (k *kernel) erf(x vector) vector {
	size := k.of(fabs, x)
	near := k.copyOf(x)
	k.do(fmla, near, k.polynomial(k.of(fmul, x, x), fit.Erf...), x)
	bounded := k.of(fmin, size, k.number(4))
	q := k.of(fmul, k.polynomial(bounded, fit.Erfc...), bounded)
	far := k.of(fsub, k.number(1), k.exp(k.of(fneg, q)))
	return k.choose(k.of(fcmgt, k.number(0.93), size), near, k.withSign(far, x))
}

// sigmoid is computed from e^-|x|, so that both tails keep their relative precision.
func (k *kernel) sigmoid(x vector) vector {
	small := k.exp(k.of(fneg, k.of(fabs, x)))
	above := k.of(fdiv, k.number(1), k.of(fadd, small, k.number(1)))
	return k.choose(k.of(fcmgt, k.word(0), x), k.of(fmul, above, small), above)
}

// boundedBelow keeps x where the tails of a sigmoid do not yet vanish, so that no infinity meets a zero; NaN stays.
func (k *kernel) boundedBelow(x vector) vector { return k.of(fmax, x, k.number(-104)) }

func (k *kernel) silu(x vector) vector { return k.of(fmul, k.sigmoid(x), k.boundedBelow(x)) }

// gelu is x times the distribution function of the standard normal law, which is precise in absolute terms.
func (k *kernel) gelu(x vector) vector {
	normal := k.of(fmul, k.of(fadd, k.erf(k.of(fmul, x, k.number(math.Sqrt2/2))), k.number(1)), k.number(0.5))
	return k.of(fmul, normal, k.boundedBelow(x))
}

// geluTanh has twice the argument of tanh in a sigmoid, since (1 + tanh(u))/2 = sigmoid(2u).
func (k *kernel) geluTanh(x vector) vector {
	x = k.boundedBelow(x)
	c := 2 * math.Sqrt(2/math.Pi)
	twice := k.of(fmul, x, k.polynomial(k.of(fmul, x, x), c, c*0.044715))
	return k.of(fmul, k.sigmoid(twice), x)
}

// sign is x where it is ±0 or NaN.
func (k *kernel) sign(x vector) vector {
	away := k.of(fcmgt, k.of(fabs, x), k.word(0))
	return k.choose(away, k.withSign(k.number(1), x), x)
}
