//go:build emulate && linux && amd64

// What each instruction of AVX-512 does with its elements. to is the destination, a the register of vvvv, b that or the memory of ModRM.rm.

#include "emulate.h"

#include <immintrin.h>
#include <math.h>
#include <string.h>

#define EACH for (int i = 0; i < v->count; i++)
#define ARITHMETIC(name, body) \
	static void name(struct lanes *v) { \
		EACH { body; } \
	}

ARITHMETIC(move_words, v->to.words[i] = v->b.words[i])
ARITHMETIC(move_longs, v->to.longs[i] = v->b.longs[i])
ARITHMETIC(move_halves, v->to.halves[i] = v->b.halves[i])
ARITHMETIC(move_bytes, v->to.bytes[i] = v->b.bytes[i])
ARITHMETIC(broadcast, v->to.words[i] = v->b.words[0])

ARITHMETIC(add, v->to.floats[i] = v->a.floats[i] + v->b.floats[i])
ARITHMETIC(subtract, v->to.floats[i] = v->a.floats[i] - v->b.floats[i])
ARITHMETIC(multiply, v->to.floats[i] = v->a.floats[i] * v->b.floats[i])
ARITHMETIC(divide, v->to.floats[i] = v->a.floats[i] / v->b.floats[i])
ARITHMETIC(minimum, v->to.floats[i] = v->a.floats[i] < v->b.floats[i] ? v->a.floats[i] : v->b.floats[i])
ARITHMETIC(maximum, v->to.floats[i] = v->a.floats[i] > v->b.floats[i] ? v->a.floats[i] : v->b.floats[i])
ARITHMETIC(root, v->to.floats[i] = _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(v->b.floats[i]))))
ARITHMETIC(from_integers, v->to.floats[i] = (float)v->b.integers[i])

ARITHMETIC(and, v->to.words[i] = v->a.words[i] & v->b.words[i])
ARITHMETIC(or, v->to.words[i] = v->a.words[i] | v->b.words[i])
ARITHMETIC(exclusive_or, v->to.words[i] = v->a.words[i] ^ v->b.words[i])
ARITHMETIC(add_integers, v->to.words[i] = v->a.words[i] + v->b.words[i])
ARITHMETIC(subtract_integers, v->to.words[i] = v->a.words[i] - v->b.words[i])
ARITHMETIC(shift_left, v->to.words[i] = v->immediate > 31 ? 0 : v->b.words[i] << v->immediate)
ARITHMETIC(shift_right, v->to.words[i] = v->immediate > 31 ? 0 : v->b.words[i] >> v->immediate)
ARITHMETIC(shift_signed, v->to.integers[i] = v->b.integers[i] >> (v->immediate > 31 ? 31 : v->immediate))

// Multiply-adds by the processor's own, which all machines with AVX2 that run these tests have.
#define FUSED __attribute__((target("fma"))) ARITHMETIC

FUSED(multiply_add_213, v->to.floats[i] = __builtin_fmaf(v->a.floats[i], v->to.floats[i], v->b.floats[i]))
FUSED(multiply_add_231, v->to.floats[i] = __builtin_fmaf(v->a.floats[i], v->b.floats[i], v->to.floats[i]))
FUSED(negative_multiply_add_231, v->to.floats[i] = __builtin_fmaf(-v->a.floats[i], v->b.floats[i], v->to.floats[i]))

static const float undefined = -NAN; // QNaN floating-point indefinite

// rounded is x with as many binary places as the high half of the immediate says, in the direction that its low bits say.
static double rounded(double x, uint8_t immediate) {
	int places = immediate >> 4;
	double scaled = ldexp(x, places);
	switch (immediate & 4 ? 0 : immediate & 3) {
	case 0: scaled = rint(scaled); break;
	case 1: scaled = floor(scaled); break;
	case 2: scaled = ceil(scaled); break;
	case 3: scaled = trunc(scaled); break;
	}
	return ldexp(scaled, -places);
}

ARITHMETIC(round_to_scale, v->to.floats[i] = (float)rounded(v->b.floats[i], v->immediate))

// What rounding leaves; of whole numbers it is -0 where the direction is down.
static float remainder_of(float x, uint8_t immediate) {
	if (isnan(x)) {
		return x + x;
	}
	if (isinf(x)) {
		return 0;
	}
	double left = x - rounded(x, immediate);
	return left == 0 ? ((immediate & 7) == 1 ? -0.f : 0.f) : (float)left;
}

ARITHMETIC(reduce, v->to.floats[i] = remainder_of(v->b.floats[i], v->immediate))

// scaled is x 2^floor(by); with infinities as the manual's table for VSCALEFPS has it.
static float scaled(float x, float by) {
	if (isnan(x)) {
		return isinf(by) ? (by > 0 ? INFINITY : 0) : x + x;
	}
	if (isnan(by)) {
		return by + by;
	}
	if (isinf(by)) {
		if (by > 0 ? x == 0 : isinf(x)) {
			return undefined;
		}
		return by > 0 ? copysignf(INFINITY, x) : copysignf(0, x);
	}
	double power = fmin(fmax(floor(by), -400), 400); // beyond it every finite x overflows or vanishes
	return (float)ldexp(x, (int)power);
}

ARITHMETIC(scale, v->to.floats[i] = scaled(v->a.floats[i], v->b.floats[i]))

// compare has in outcomes, for each of the first 16 predicates, which order of a and b fulfils it: 1 less, 2 equal, 4 greater, 8 none. The
// other 16 differ in exceptions alone.
static void compare(struct lanes *v) {
	static const uint8_t outcomes[16] = {2, 1, 3, 8, 13, 14, 12, 7, 10, 9, 11, 0, 5, 6, 4, 15};
	v->to.longs[0] = 0;
	EACH {
		float a = v->a.floats[i], b = v->b.floats[i];
		int order = a < b ? 1 : a == b ? 2 : a > b ? 4 : 8;
		v->to.longs[0] |= (uint64_t)((outcomes[v->immediate & 15] & order) != 0) << i;
	}
}

static void test_bytes(struct lanes *v) {
	v->to.longs[0] = 0;
	EACH { v->to.longs[0] |= (uint64_t)((v->a.bytes[i] & v->b.bytes[i]) != 0) << i; }
}

ARITHMETIC(bits_to_bytes, v->to.bytes[i] = v->b.longs[0] >> i & 1 ? 0xFF : 0)
ARITHMETIC(widen, v->to.words[i] = v->b.halves[i])
ARITHMETIC(narrow, v->to.halves[i] = (uint16_t)v->b.words[i])

// The order of elements. Those of 128 bits are called blocks: the instructions below stay within them, but for the last four.
ARITHMETIC(permute_in_blocks, v->to.words[i] = v->b.words[(i & ~3) | (v->immediate >> (i & 3) * 2 & 3)])
ARITHMETIC(interleave_low, v->to.words[i] = (i & 1 ? &v->b : &v->a)->words[(i & ~3) + (i & 3) / 2])
ARITHMETIC(interleave_high, v->to.words[i] = (i & 1 ? &v->b : &v->a)->words[(i & ~3) + (i & 3) / 2 + 2])
ARITHMETIC(interleave_low_longs, v->to.longs[i] = (i & 1 ? &v->b : &v->a)->longs[i & ~1])
ARITHMETIC(interleave_high_longs, v->to.longs[i] = (i & 1 ? &v->b : &v->a)->longs[i | 1])
ARITHMETIC(permute, v->to.words[i] = v->b.words[v->a.words[i] & (v->count - 1)])
ARITHMETIC(permute_halves, v->to.halves[i] = v->b.halves[v->a.halves[i] & (v->count - 1)])

static void permute_two(struct lanes *v) {
	EACH {
		uint32_t index = v->to.words[i];
		v->to.words[i] = (index & v->count ? &v->b : &v->a)->words[index & (v->count - 1)];
	}
}

static void shuffle_blocks(struct lanes *v) {
	int blocks = v->count / 4, bits = blocks / 2;
	EACH {
		int block = i / 4, from = v->immediate >> block * bits & (blocks - 1);
		v->to.words[i] = (block < blocks / 2 ? &v->a : &v->b)->words[4 * from + (i & 3)];
	}
}

// nearest is the bfloat16 nearest to x, ties to even; what is smaller than normal numbers is 0, NaN becomes quiet.
static uint16_t nearest(float x) {
	uint32_t bits;
	memcpy(&bits, &x, sizeof bits);
	if (isnan(x)) {
		return bits >> 16 | 0x40;
	}
	if ((bits & 0x7F800000) == 0) {
		return bits >> 16 & 0x8000;
	}
	return (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
}

ARITHMETIC(to_bfloat16, v->to.halves[i] = nearest(v->b.floats[i]))

static void two_to_bfloat16(struct lanes *v) {
	int half = v->count / 2;
	EACH { v->to.halves[i] = nearest(i < half ? v->b.floats[i] : v->a.floats[i - half]); }
}

// dot_pairs adds the products of both halves of each pair of bfloat16, the upper first, with denormal operands and results as zeros.
__attribute__((target("fma"), noinline)) static void dot_flushed(struct lanes *v) {
	EACH {
		for (int upper = 1; upper >= 0; upper--) {
			uint32_t bits[2] = {(uint32_t)v->a.halves[2 * i + upper] << 16, (uint32_t)v->b.halves[2 * i + upper] << 16};
			float pair[2];
			memcpy(pair, bits, sizeof pair);
			v->to.floats[i] = __builtin_fmaf(pair[0], pair[1], v->to.floats[i]);
		}
	}
}

static void dot_pairs(struct lanes *v) {
	unsigned mxcsr = _mm_getcsr();
	_mm_setcsr(0x1F80 | 0x8040);
	dot_flushed(v);
	_mm_setcsr(mxcsr);
}

// Rows with what is the same in most. FLOAT_OR_WORD is on vectors of 32-bit elements.
#define FLOAT_OR_WORD(name, map, prefix, opcode, three, apply, flags) \
	{name, EVEX, map, prefix, opcode, 0, ANY, ANY, ANY, three, to_vector, apply, 4, 4, flags}
#define SHIFT(name, digit, apply) {name, EVEX, 1, 1, 0x72, 0, ANY, digit, ANY, true, to_vector, apply, 4, 4, IMMEDIATE}
#define LOAD(name, prefix, opcode, wide, size, apply) \
	{name, EVEX, 1, prefix, opcode, wide, ANY, ANY, ANY, false, to_vector, apply, size, size}
#define STORE(name, prefix, opcode, wide, size, apply) \
	{name, EVEX, 1, prefix, opcode, wide, ANY, ANY, ANY, false, to_operand, apply, size, size}

struct instruction avx512[] = {
    LOAD("VMOVUPS", 0, 0x10, 0, 4, move_words),
    STORE("VMOVUPS", 0, 0x11, 0, 4, move_words),
    LOAD("VMOVAPS", 0, 0x28, 0, 4, move_words),
    STORE("VMOVAPS", 0, 0x29, 0, 4, move_words),
    LOAD("VMOVDQU32", 2, 0x6F, 0, 4, move_words),
    STORE("VMOVDQU32", 2, 0x7F, 0, 4, move_words),
    LOAD("VMOVDQU64", 2, 0x6F, 1, 8, move_longs),
    STORE("VMOVDQU64", 2, 0x7F, 1, 8, move_longs),
    LOAD("VMOVDQU8", 3, 0x6F, 0, 1, move_bytes),
    STORE("VMOVDQU8", 3, 0x7F, 0, 1, move_bytes),
    LOAD("VMOVDQU16", 3, 0x6F, 1, 2, move_halves),
    STORE("VMOVDQU16", 3, 0x7F, 1, 2, move_halves),
    {"VMOVNTDQ", EVEX, 1, 1, 0xE7, 0, ANY, ANY, MEMORY, false, to_operand, move_words, 4, 4},
    FLOAT_OR_WORD("VBROADCASTSS", 2, 1, 0x18, false, broadcast, SINGLE),

    FLOAT_OR_WORD("VADDPS", 1, 0, 0x58, true, add, 0),
    FLOAT_OR_WORD("VSUBPS", 1, 0, 0x5C, true, subtract, 0),
    FLOAT_OR_WORD("VMULPS", 1, 0, 0x59, true, multiply, 0),
    FLOAT_OR_WORD("VDIVPS", 1, 0, 0x5E, true, divide, 0),
    FLOAT_OR_WORD("VMINPS", 1, 0, 0x5D, true, minimum, 0),
    FLOAT_OR_WORD("VMAXPS", 1, 0, 0x5F, true, maximum, 0),
    FLOAT_OR_WORD("VSQRTPS", 1, 0, 0x51, false, root, 0),
    FLOAT_OR_WORD("VCVTDQ2PS", 1, 0, 0x5B, false, from_integers, 0),
    FLOAT_OR_WORD("VFMADD213PS", 2, 1, 0xA8, true, multiply_add_213, 0),
    FLOAT_OR_WORD("VFMADD231PS", 2, 1, 0xB8, true, multiply_add_231, 0),
    FLOAT_OR_WORD("VFNMADD231PS", 2, 1, 0xBC, true, negative_multiply_add_231, 0),
    FLOAT_OR_WORD("VSCALEFPS", 2, 1, 0x2C, true, scale, 0),
    FLOAT_OR_WORD("VRNDSCALEPS", 3, 1, 0x08, false, round_to_scale, IMMEDIATE),
    FLOAT_OR_WORD("VREDUCEPS", 3, 1, 0x56, false, reduce, IMMEDIATE),

    FLOAT_OR_WORD("VANDPS", 1, 0, 0x54, true, and, 0),
    FLOAT_OR_WORD("VORPS", 1, 0, 0x56, true, or, 0),
    FLOAT_OR_WORD("VXORPS", 1, 0, 0x57, true, exclusive_or, 0),
    FLOAT_OR_WORD("VPANDD", 1, 1, 0xDB, true, and, 0),
    FLOAT_OR_WORD("VPORD", 1, 1, 0xEB, true, or, 0),
    FLOAT_OR_WORD("VPADDD", 1, 1, 0xFE, true, add_integers, 0),
    FLOAT_OR_WORD("VPSUBD", 1, 1, 0xFA, true, subtract_integers, 0),
    SHIFT("VPSRLD", 2, shift_right),
    SHIFT("VPSRAD", 4, shift_signed),
    SHIFT("VPSLLD", 6, shift_left),

    {"VCMPPS", EVEX, 1, 0, 0xC2, 0, ANY, ANY, ANY, true, to_mask, compare, 4, 4, IMMEDIATE},
    {"VPTESTMB", EVEX, 2, 1, 0x26, 0, ANY, ANY, ANY, true, to_mask, test_bytes, 1, 1},
    {"VPMOVM2B", EVEX, 2, 2, 0x28, 0, ANY, ANY, REGISTER, false, from_mask, bits_to_bytes, 1, 1},
    FLOAT_OR_WORD("VBLENDMPS", 2, 1, 0x65, true, move_words, BLENDING),
    {"VPMOVZXWD", EVEX, 2, 1, 0x33, 0, ANY, ANY, ANY, false, to_vector, widen, 4, 2},
    {"VPMOVDW", EVEX, 2, 2, 0x33, 0, ANY, ANY, ANY, false, to_operand, narrow, 4, 2},

    FLOAT_OR_WORD("VPERMILPS", 3, 1, 0x04, false, permute_in_blocks, IMMEDIATE | CROSSING),
    FLOAT_OR_WORD("VUNPCKLPS", 1, 0, 0x14, true, interleave_low, CROSSING),
    FLOAT_OR_WORD("VUNPCKHPS", 1, 0, 0x15, true, interleave_high, CROSSING),
    {"VUNPCKLPD", EVEX, 1, 1, 0x14, 1, ANY, ANY, ANY, true, to_vector, interleave_low_longs, 8, 8, CROSSING},
    {"VUNPCKHPD", EVEX, 1, 1, 0x15, 1, ANY, ANY, ANY, true, to_vector, interleave_high_longs, 8, 8, CROSSING},
    FLOAT_OR_WORD("VPERMPS", 2, 1, 0x16, true, permute, CROSSING),
    {"VPERMW", EVEX, 2, 1, 0x8D, 1, ANY, ANY, ANY, true, to_vector, permute_halves, 2, 2, CROSSING},
    FLOAT_OR_WORD("VPERMI2PS", 2, 1, 0x77, true, permute_two, CROSSING),
    FLOAT_OR_WORD("VSHUFF32X4", 3, 1, 0x23, true, shuffle_blocks, IMMEDIATE | CROSSING),

    FLOAT_OR_WORD("VDPBF16PS", 2, 2, 0x52, true, dot_pairs, 0),
    {"VCVTNEPS2BF16", EVEX, 2, 2, 0x72, 0, ANY, ANY, ANY, false, to_vector, to_bfloat16, 2, 4},
    {"VCVTNE2PS2BF16", EVEX, 2, 3, 0x72, 0, ANY, ANY, ANY, true, to_vector, two_to_bfloat16, 2, 2, CROSSING},
    {0},
};
