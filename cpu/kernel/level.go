package kernel

import (
	"fmt"
	"slices"
)

// Level is an instruction-set level, in increasing order of width. A processor's architecture has some of them.
type Level uint8

const (
	Plain      Level = iota // portable Go
	NEON                    // 128-bit vectors of arm64
	AVX2                    // 256-bit vectors with FMA
	AVX512                  // 512-bit vectors: AVX-512 F, BW, DQ and VL
	AVX512BF16              // AVX512 and dot products of bfloat16 (VDPBF16PS), used where Gemm.B is bfloat16
	AMX                     // AVX512 and the matrix unit of Intel's processors (TDPBF16PS) in place of those
)

// String returns the name of the level as it is written in reports.
func (l Level) String() string {
	switch l {
	case Plain:
		return "plain"
	case NEON:
		return "neon"
	case AVX2:
		return "avx2"
	case AVX512:
		return "avx512"
	case AVX512BF16:
		return "avx512bf16"
	case AMX:
		return "amx"
	}
	return fmt.Sprintf("Level(%d)", uint8(l))
}

// ParseLevel is the inverse of Level.String; it knows the levels of all architectures.
func ParseLevel(name string) (Level, error) {
	for l := Plain; l <= AMX; l++ {
		if l.String() == name {
			return l, nil
		}
	}
	return Plain, fmt.Errorf("kernel: unknown instruction level %q; expected plain, neon, avx2, avx512, avx512bf16 or amx", name)
}

// Supported lists the levels that this processor and operating system can run, in increasing order.
func Supported() []Level { return slices.Clone(levels[:slices.Index(levels, Detect())+1]) }
