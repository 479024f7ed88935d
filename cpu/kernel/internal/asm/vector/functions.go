package main

import (
	"math"

	"github.com/gowalrus/walrus/cpu/kernel/internal/asm/fit"
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

const (
	signBit  = 0x80000000
	restBits = 0x7fffffff
	infinity = 0x7f800000
)

// clampExp keeps the argument of an exponential where the result is neither exactly 0 nor infinite by more than its
// rounding; NaN stays.
func (e isa) clampExp(x vec) vec {
	return e.max(e.load(number(-104)), e.min(e.load(number(89)), x))
}

// reduce splits x = n ln(2) + r and returns n, r and e^r - 1.
func (e isa) reduce(x vec) (n, r, em1 vec) {
	n = e.round(e.mul(x, number(math.Log2E)), 0)
	r = e.copyOf(x)
	e.fnma(n, number(fit.Ln2High), r)
	e.fnma(n, number(fit.Ln2Low), r)
	q := e.polynomial(r, fit.Exp...)
	return n, r, e.fma(q, e.mul(r, r), r)
}

// power is x times 2^n for whole n in -150..128, with gradual underflow.
func (e isa) power(x, n vec) vec {
	if e.wide {
		d := e.vec()
		VSCALEFPS(n, x, d)
		return d
	}
	whole, half, rest := e.vec(), e.vec(), e.vec()
	VCVTPS2DQ(n, whole)
	VPSRAD(U8(1), whole, half)
	VPSUBD(half, whole, rest)
	for _, part := range []vec{half, rest} {
		VPADDD(word(127), part, part)
		VPSLLD(U8(23), part, part)
	}
	return e.mul(e.mul(x, half), rest)
}

// exp is e^x.
func (e isa) exp(x vec) vec {
	n, _, em1 := e.reduce(e.clampExp(x))
	return e.power(e.add(em1, number(1)), n)
}

// expm1 is e^x - 1 = 2 (s (e^r - 1) + (s - 1/2)) with s = 2^(n-1), which does not overflow before the result does.
func (e isa) expm1(x vec) vec {
	n, _, em1 := e.reduce(e.clampExp(x))
	s := e.power(e.load(number(1)), e.sub(n, number(1)))
	return e.mul(e.fma(em1, s, e.sub(s, number(0.5))), number(2))
}

// log is the natural logarithm: x = m 2^n with m in [sqrt(1/2), sqrt(2)).
func (e isa) log(x vec) vec {
	small := e.compare(less, x, number(math.Ldexp(1, -126))) // subnormal (or not positive): scaled first
	y := e.choose(small, e.mul(x, number(math.Ldexp(1, 23))), x)
	shift := e.choose(small, number(-23), e.zero())
	bits, n, m := e.vec(), e.vec(), e.vec()
	VPSUBD(word(math.Float32bits(float32(math.Sqrt(0.5)))), y, bits)
	VPSRAD(U8(23), bits, n)
	VPSLLD(U8(23), n, bits)
	VPSUBD(bits, y, m)
	VCVTDQ2PS(n, n)
	n = e.add(n, shift)
	f := e.sub(m, number(1))
	square := e.mul(f, f)
	p := e.mul(e.polynomial(f, fit.Log...), f)
	low := e.mul(p, square)
	low = e.fmaOf(n, number(fit.Ln2Low), low)
	low = e.fmaOf(square, number(-0.5), low)
	result := e.fmaOf(n, number(fit.Ln2High), e.add(f, low))
	result = e.choose(e.compare(equal, x, word(infinity)), word(infinity), result)
	result = e.choose(e.compare(equal, x, number(0)), word(infinity|signBit), result)
	return e.choose(e.compare(notAtLeast0, x, number(0)), word(0x7fc00000), result)
}

// log1p is log(u) plus the part of x that was lost in u = 1+x.
func (e isa) log1p(x vec) vec {
	u := e.add(x, number(1))
	log := e.log(u)
	lost := e.div(e.sub(x, e.sub(u, number(1))), u)
	finite := e.compare(less, e.and(log, word(restBits)), word(infinity))
	return e.add(log, e.choose(finite, lost, e.zero()))
}

// withSign gives v, which is not negative, the sign of x.
func (e isa) withSign(v, x vec) vec { return e.or(v, e.and(x, word(signBit))) }

// tanh is odd; 1 - 2/(e^2|x| + 1) away from 0.
func (e isa) tanh(x vec) vec {
	size := e.and(x, word(restBits))
	square := e.mul(x, x)
	near := e.fma(e.mul(e.polynomial(square, fit.Tanh...), square), x, x)
	large := e.add(e.exp(e.add(size, size)), number(1))
	far := e.sub(e.load(number(1)), e.div(e.load(number(2)), large))
	return e.choose(e.compare(less, size, number(0.625)), near, e.withSign(far, x))
}

// erf is odd; 1 - exp(-|x| q(|x|)) away from 0, and 1 beyond 4.
func (e isa) erf(x vec) vec {
	size := e.and(x, word(restBits))
	square := e.mul(x, x)
	near := e.fma(e.polynomial(square, fit.Erf...), x, x)
	bounded := e.min(e.load(number(4)), size)
	q := e.mul(e.polynomial(bounded, fit.Erfc...), bounded)
	far := e.sub(e.load(number(1)), e.exp(e.xor(q, word(signBit))))
	return e.choose(e.compare(less, size, number(0.93)), near, e.withSign(far, x))
}

// sigmoid is computed from e^-|x|, so that both tails keep their relative precision.
func (e isa) sigmoid(x vec) vec {
	small := e.exp(e.or(x, word(signBit)))
	above := e.div(e.load(number(1)), e.add(small, number(1)))
	return e.choose(e.compare(less, x, number(0)), e.mul(above, small), above)
}

// bounded keeps x where the tails of a sigmoid do not yet vanish, so that no infinity meets a zero; NaN stays.
func (e isa) boundedBelow(x vec) vec { return e.max(e.load(number(-104)), x) }

func (e isa) silu(x vec) vec {
	return e.mul(e.sigmoid(x), e.boundedBelow(x))
}

// normal is the distribution function of the standard normal law, precise in absolute terms.
func (e isa) normal(x vec) vec {
	return e.mul(e.add(e.erf(e.mul(x, number(math.Sqrt2/2))), number(1)), number(0.5))
}

func (e isa) gelu(x vec) vec { return e.mul(e.normal(x), e.boundedBelow(x)) }

// geluTanhArgument is twice the argument of tanh, since (1 + tanh(u))/2 = sigmoid(2u).
func (e isa) geluTanhArgument(x vec) vec {
	c := 2 * math.Sqrt(2/math.Pi)
	return e.mul(x, e.polynomial(e.mul(x, x), c, c*0.044715))
}

func (e isa) geluTanh(x vec) vec {
	x = e.boundedBelow(x)
	return e.mul(e.sigmoid(e.geluTanhArgument(x)), x)
}

// sign is x where it is ±0 or NaN.
func (e isa) sign(x vec) vec {
	one := e.withSign(e.load(number(1)), x)
	keep := e.compare(equal, x, number(0))
	odd := e.compare(unordered, x, number(0))
	return e.choose(odd, x, e.choose(keep, x, one))
}

// maxNaN is the larger of a and b, NaN when either is.
func (e isa) maxNaN(a vec, b vec) vec { return e.choose(e.compare(unordered, a, a), a, e.max(a, b)) }

// minNaN is the smaller of a and b, NaN when either is.
func (e isa) minNaN(a vec, b vec) vec { return e.choose(e.compare(unordered, a, a), a, e.min(a, b)) }
