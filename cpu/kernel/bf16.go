package kernel

import "math"

// BF16 is a number in the bfloat16 format: the upper half of a float32.
type BF16 uint16

// Float32 is the exact value of b.
func (b BF16) Float32() float32 { return math.Float32frombits(uint32(b) << 16) }

// ToBF16 rounds to the nearest bfloat16, ties to even; a NaN stays a (quiet) NaN.
func ToBF16(x float32) BF16 {
	bits := math.Float32bits(x)
	if x != x {
		return BF16(bits>>16 | 0x40)
	}
	return BF16((bits + 0x7fff + bits>>16&1) >> 16)
}

// FromBF16 converts src to float32 for len(dst) elements.
func (s *Set) FromBF16(dst []float32, src []BF16) {
	if len(dst) > 0 {
		s.fromBF16(dst, src[:len(dst)])
	}
}

// ToBF16 converts src to bfloat16, rounding to nearest even, for len(dst) elements.
func (s *Set) ToBF16(dst []BF16, src []float32) {
	if len(dst) > 0 {
		s.toBF16(dst, src[:len(dst)])
	}
}

func fromBF16Plain(dst []float32, src []BF16) {
	for i := range dst {
		dst[i] = src[i].Float32()
	}
}

func toBF16Plain(dst []BF16, src []float32) {
	for i := range dst {
		dst[i] = ToBF16(src[i])
	}
}

// pairRowsPlain rounds two rows to bfloat16 and sets dst[i] to the pair (low[i], high[i]), the second in the upper half: a
// step of the packed operand of a product of pairs. Rows have at least the elements of dst.
func pairRowsPlain(dst []uint32, low, high []float32) {
	for i := range dst {
		dst[i] = uint32(ToBF16(low[i])) | uint32(ToBF16(high[i]))<<16
	}
}
