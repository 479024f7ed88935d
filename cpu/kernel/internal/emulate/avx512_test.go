//go:build emulate && linux && amd64 && cgo

package emulate

import (
	"math"
	"strings"
	"testing"
)

var (
	plain  = form{}
	two    = form{three: true}
	moved  = form{whole: true}
	stored = form{store: true}
)

// instructions are those of avx512.c with their meanings.
var instructions = []instruction{
	{"VMOVUPS", 1, 0, 0x10, 0, 4, 4, moved, anything, copied},
	{"VMOVUPS", 1, 0, 0x11, 0, 4, 4, stored, anything, copied},
	{"VMOVAPS", 1, 0, 0x28, 0, 4, 4, moved, anything, copied},
	{"VMOVAPS", 1, 0, 0x29, 0, 4, 4, stored, anything, copied},
	{"VMOVDQU32", 1, 2, 0x6F, 0, 4, 4, moved, anything, copied},
	{"VMOVDQU32", 1, 2, 0x7F, 0, 4, 4, stored, anything, copied},
	{"VMOVDQU64", 1, 2, 0x6F, 1, 8, 8, moved, anything, copied},
	{"VMOVDQU64", 1, 2, 0x7F, 1, 8, 8, stored, anything, copied},
	{"VMOVDQU8", 1, 3, 0x6F, 0, 1, 1, moved, anything, copied},
	{"VMOVDQU8", 1, 3, 0x7F, 0, 1, 1, stored, anything, copied},
	{"VMOVDQU16", 1, 3, 0x6F, 1, 2, 2, moved, anything, copied},
	{"VMOVDQU16", 1, 3, 0x7F, 1, 2, 2, stored, anything, copied},
	{"VBROADCASTSS", 2, 1, 0x18, 0, 4, 4, form{single: true, whole: true}, anything, places(func(_, n, _ int) int { return n })},

	{"VADDPS", 1, 0, 0x58, 0, 4, 4, two, numbers, floats(func(_, a, b float32) float32 { return a + b })},
	{"VSUBPS", 1, 0, 0x5C, 0, 4, 4, two, numbers, floats(func(_, a, b float32) float32 { return a - b })},
	{"VMULPS", 1, 0, 0x59, 0, 4, 4, two, numbers, floats(func(_, a, b float32) float32 { return a * b })},
	{"VDIVPS", 1, 0, 0x5E, 0, 4, 4, two, numbers, floats(func(_, a, b float32) float32 { return a / b })},
	{"VMINPS", 1, 0, 0x5D, 0, 4, 4, two, numbers, floats(func(_, a, b float32) float32 {
		if a < b {
			return a
		}
		return b
	})},
	{"VMAXPS", 1, 0, 0x5F, 0, 4, 4, two, numbers, floats(func(_, a, b float32) float32 {
		if a > b {
			return a
		}
		return b
	})},
	{"VSQRTPS", 1, 0, 0x51, 0, 4, 4, plain, numbers, floats(func(_, _, b float32) float32 { return float32(math.Sqrt(float64(b))) })},
	{"VCVTDQ2PS", 1, 0, 0x5B, 0, 4, 4, plain, anything, withImmediate(func(b uint32, _ int) uint32 { return math.Float32bits(float32(int32(b))) })},
	{"VFMADD213PS", 2, 1, 0xA8, 0, 4, 4, two, numbers, floats(func(to, a, b float32) float32 { return fused(a, to, b) })},
	{"VFMADD231PS", 2, 1, 0xB8, 0, 4, 4, two, numbers, floats(func(to, a, b float32) float32 { return fused(a, b, to) })},
	{"VFNMADD231PS", 2, 1, 0xBC, 0, 4, 4, two, numbers, floats(func(to, a, b float32) float32 { return fused(-a, b, to) })},
	{"VSCALEFPS", 2, 1, 0x2C, 0, 4, 4, two, numbers, floats(scaled)},
	{"VRNDSCALEPS", 3, 1, 0x08, 0, 4, 4, form{immediates: 256}, numbers, withImmediate(func(b uint32, immediate int) uint32 {
		return math.Float32bits(float32(rounded(math.Float32frombits(b), immediate)))
	})},
	{"VREDUCEPS", 3, 1, 0x56, 0, 4, 4, form{immediates: 256}, numbers, withImmediate(func(b uint32, immediate int) uint32 {
		return math.Float32bits(reduced(math.Float32frombits(b), immediate))
	})},

	{"VANDPS", 1, 0, 0x54, 0, 4, 4, two, anything, words(func(a, b uint32) uint32 { return a & b })},
	{"VORPS", 1, 0, 0x56, 0, 4, 4, two, anything, words(func(a, b uint32) uint32 { return a | b })},
	{"VXORPS", 1, 0, 0x57, 0, 4, 4, two, anything, words(func(a, b uint32) uint32 { return a ^ b })},
	{"VPANDD", 1, 1, 0xDB, 0, 4, 4, two, anything, words(func(a, b uint32) uint32 { return a & b })},
	{"VPORD", 1, 1, 0xEB, 0, 4, 4, two, anything, words(func(a, b uint32) uint32 { return a | b })},
	{"VPADDD", 1, 1, 0xFE, 0, 4, 4, two, anything, words(func(a, b uint32) uint32 { return a + b })},
	{"VPSUBD", 1, 1, 0xFA, 0, 4, 4, two, anything, words(func(a, b uint32) uint32 { return a - b })},
	{"VPSRLD", 1, 1, 0x72, 0, 4, 4, form{digit: 2, immediates: 40}, anything, withImmediate(func(b uint32, by int) uint32 { return b >> by })},
	{"VPSRAD", 1, 1, 0x72, 0, 4, 4, form{digit: 4, immediates: 40}, anything, withImmediate(func(b uint32, by int) uint32 { return uint32(int32(b) >> by) })},
	{"VPSLLD", 1, 1, 0x72, 0, 4, 4, form{digit: 6, immediates: 40}, anything, withImmediate(func(b uint32, by int) uint32 { return b << by })},

	{"VCMPPS", 1, 0, 0xC2, 0, 4, 4, form{three: true, toMask: true, immediates: 32}, numbers, bitsOf(func(a, b *vector, i, immediate int) bool {
		x, y := a.float(i), b.float(i)
		none := x != x || y != y
		return [16]bool{x == y, x < y, x <= y, none, x != y, !(x < y), !(x <= y), !none,
			x == y || none, !(x >= y), !(x > y), false, x != y && !none, x >= y, x > y, true}[immediate%16]
	})},
	{"VPTESTMB", 2, 1, 0x26, 0, 1, 1, form{three: true, toMask: true, whole: true}, anything, bitsOf(func(a, b *vector, i, _ int) bool { return a[i]&b[i] != 0 })},
	{"VPMOVM2B", 2, 2, 0x28, 0, 1, 1, form{fromMask: true, unmasked: true}, anything, func(to, _, b *vector, n, _ int) {
		for i := range n {
			to[i] = -(b[i/8] >> (i % 8) & 1)
		}
	}},
	{"VBLENDMPS", 2, 1, 0x65, 0, 4, 4, form{three: true, blend: true}, anything, copied},
	{"VPMOVZXWD", 2, 1, 0x33, 0, 4, 2, moved, anything, func(to, _, b *vector, n, _ int) {
		for i := range n {
			to.setWord(i, uint32(b.half(i)))
		}
	}},
	{"VPMOVDW", 2, 2, 0x33, 0, 4, 2, stored, anything, func(to, _, b *vector, n, _ int) {
		for i := range n {
			to.setHalf(i, uint16(b.word(i)))
		}
	}},

	{"VPERMILPS", 3, 1, 0x04, 0, 4, 4, form{immediates: 256}, anything, places(func(i, n, immediate int) int { return n + i&^3 + immediate>>(i%4*2)&3 })},
	{"VUNPCKLPS", 1, 0, 0x14, 0, 4, 4, two, anything, places(func(i, n, _ int) int { return i&^3 + i%4/2 + i%2*n })},
	{"VUNPCKHPS", 1, 0, 0x15, 0, 4, 4, two, anything, places(func(i, n, _ int) int { return i&^3 + i%4/2 + 2 + i%2*n })},
	{"VUNPCKLPD", 1, 1, 0x14, 1, 8, 8, two, anything, func(to, a, b *vector, n, _ int) {
		for i := 0; i < n; i += 2 {
			copy(to[8*i:8*i+8], a[8*i:])
			copy(to[8*i+8:8*i+16], b[8*i:])
		}
	}},
	{"VUNPCKHPD", 1, 1, 0x15, 1, 8, 8, two, anything, func(to, a, b *vector, n, _ int) {
		for i := 0; i < n; i += 2 {
			copy(to[8*i:8*i+8], a[8*i+8:])
			copy(to[8*i+8:8*i+16], b[8*i+8:])
		}
	}},
	{"VPERMPS", 2, 1, 0x16, 0, 4, 4, form{three: true, shortest: 1}, anything, func(to, a, b *vector, n, _ int) {
		for i := range n {
			to.setWord(i, b.word(int(a.word(i))%n))
		}
	}},
	{"VPERMW", 2, 1, 0x8D, 1, 2, 2, form{three: true, whole: true}, anything, func(to, a, b *vector, n, _ int) {
		for i := range n {
			to.setHalf(i, b.half(int(a.half(i))%n))
		}
	}},
	{"VPERMI2PS", 2, 1, 0x77, 0, 4, 4, two, anything, func(to, a, b *vector, n, _ int) {
		for i := range n {
			at := int(to.word(i)) % (2 * n)
			to.setWord(i, [2]*vector{a, b}[at/n].word(at%n))
		}
	}},
	{"VSHUFF32X4", 3, 1, 0x23, 0, 4, 4, form{three: true, shortest: 1, immediates: 256}, anything, places(func(i, n, immediate int) int {
		blocks := n / 4
		from := immediate >> (i / 4 * (blocks / 2)) % blocks
		return 4*from + i%4 + i/4/(blocks/2)*n
	})},

	{"VDPBF16PS", 2, 2, 0x52, 0, 4, 4, two, pairs, func(to, a, b *vector, n, _ int) {
		half := func(v *vector, i int) float32 { return math.Float32frombits(uint32(v.half(i)) << 16) }
		for i := range n {
			sum := exactly(half(a, 2*i+1), half(b, 2*i+1), to.float(i))
			to.setWord(i, math.Float32bits(exactly(half(a, 2*i), half(b, 2*i), sum)))
		}
	}},
	{"VCVTNEPS2BF16", 2, 2, 0x72, 0, 2, 4, plain, halfway, func(to, _, b *vector, n, _ int) {
		for i := range n {
			to.setHalf(i, brain(b.float(i)))
		}
	}},
	{"VCVTNE2PS2BF16", 2, 3, 0x72, 0, 2, 2, form{three: true, whole: true}, halfway, func(to, a, b *vector, n, _ int) {
		for i := range n / 2 {
			to.setHalf(i, brain(b.float(i)))
			to.setHalf(i+n/2, brain(a.float(i)))
		}
	}},
	{"VMOVNTDQ", 1, 1, 0xE7, 0, 4, 4, form{store: true, memory: true, unmasked: true}, anything, copied},
}

// scaled is a 2^floor(b), which an infinite b takes to infinity or zero even where a is no number.
func scaled(_, a, b float32) float32 {
	switch infinite := math.IsInf(float64(b), 0); {
	case infinite && a != a:
		return max(b, 0)
	case infinite || b != b:
		return float32(float64(a) * math.Exp2(float64(b)))
	}
	return float32(float64(a) * math.Exp2(math.Floor(max(-1000, min(1000, float64(b))))))
}

// reduced is what rounding leaves of x: zero of infinity, and -0 where nothing is left of rounding down.
func reduced(x float32, immediate int) float32 {
	left := float64(x) - rounded(x, immediate)
	switch {
	case math.IsInf(float64(x), 0):
		return 0
	case left == 0 && immediate&7 == 1:
		return float32(math.Copysign(0, -1))
	}
	return float32(left)
}

// TestInstructionsMeanWhatTheManualSays runs each on random registers, masks, lengths and places in memory.
func TestInstructionsMeanWhatTheManualSays(t *testing.T) {
	r := random(t)
	tested := map[string]bool{}
	for _, in := range instructions {
		tested[in.name] = true
		t.Run(in.name, func(t *testing.T) {
			for range 100 {
				if !draw(&in, r).isRight(t) {
					return
				}
			}
		})
	}
	for name := range Counts() {
		if strings.HasPrefix(name, "V") && !tested[name] {
			t.Errorf("%s is emulated and not tested", name)
		}
	}
}
