package checkpoint

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// DType is the type of a stored element. Whatever it is, values are handed out as float32.
type DType uint8

const (
	Float32 DType = iota
	Float64
	Float16
	BFloat16
	Int64
	Int32
	Int16
	Int8
	Uint8
	Bool
)

// dtypes says for each DType its size in bytes, its name in safetensors, and its storage class in PyTorch.
var dtypes = [...]struct {
	size          int
	name, storage string
}{
	Float32:  {4, "F32", "FloatStorage"},
	Float64:  {8, "F64", "DoubleStorage"},
	Float16:  {2, "F16", "HalfStorage"},
	BFloat16: {2, "BF16", "BFloat16Storage"},
	Int64:    {8, "I64", "LongStorage"},
	Int32:    {4, "I32", "IntStorage"},
	Int16:    {2, "I16", "ShortStorage"},
	Int8:     {1, "I8", "CharStorage"},
	Uint8:    {1, "U8", "ByteStorage"},
	Bool:     {1, "BOOL", "BoolStorage"},
}

// Size is the number of bytes of one element.
func (d DType) Size() int { return dtypes[d].size }

// String is the name that safetensors uses: "F32", "BF16", "I64".
func (d DType) String() string {
	if int(d) < len(dtypes) {
		return dtypes[d].name
	}
	return fmt.Sprintf("DType(%d)", uint8(d))
}

// dtypeNamed finds the type with the given safetensors name.
func dtypeNamed(name string) (DType, bool) {
	for d := range dtypes {
		if dtypes[d].name == name {
			return DType(d), true
		}
	}
	return 0, false
}

// dtypeOfStorage finds the type of a PyTorch storage class such as "FloatStorage".
func dtypeOfStorage(class string) (DType, bool) {
	for d := range dtypes {
		if dtypes[d].storage == class {
			return DType(d), true
		}
	}
	return 0, false
}

// decode turns len(dst) little-endian elements of src into float32. A number that float32 can not hold (a float64 beyond
// its range, an integer that would be rounded) is an error: it would silently become another number.
func (d DType) decode(dst []float32, src []byte) error {
	switch d {
	case Float32:
		for i := range dst {
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
		}
	case Float64:
		for i := range dst {
			wide := math.Float64frombits(binary.LittleEndian.Uint64(src[8*i:]))
			dst[i] = float32(wide)
			if math.IsInf(float64(dst[i]), 0) && !math.IsInf(wide, 0) {
				return fmt.Errorf("value %g is beyond the range of float32", wide)
			}
		}
	case Float16:
		for i := range dst {
			dst[i] = halfToFloat32(binary.LittleEndian.Uint16(src[2*i:]))
		}
	case BFloat16:
		for i := range dst {
			dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(src[2*i:])) << 16)
		}
	default:
		for i := range dst {
			whole := d.integer(src[i*d.Size():])
			dst[i] = float32(whole)
			if int64(dst[i]) != whole {
				return fmt.Errorf("integer %d is not a float32", whole)
			}
		}
	}
	return nil
}

// integer reads the first element of src, which holds elements of an integer type.
func (d DType) integer(src []byte) int64 {
	switch d {
	case Int64:
		return int64(binary.LittleEndian.Uint64(src))
	case Int32:
		return int64(int32(binary.LittleEndian.Uint32(src)))
	case Int16:
		return int64(int16(binary.LittleEndian.Uint16(src)))
	case Int8:
		return int64(int8(src[0]))
	case Bool:
		if src[0] != 0 {
			return 1
		}
		return 0
	}
	return int64(src[0])
}

// halfToFloat32 widens an IEEE 754 binary16 number; every one of them is a float32.
func halfToFloat32(half uint16) float32 {
	sign := uint32(half>>15) << 31
	exponent := uint32(half>>10) & 0x1f
	fraction := uint32(half) & 0x3ff
	switch exponent {
	case 0: // zero or subnormal: fraction * 2^-24, exact in float32
		magnitude := float32(fraction) * (1.0 / (1 << 24))
		return math.Float32frombits(sign | math.Float32bits(magnitude))
	case 0x1f: // infinity or not a number; the payload is kept
		return math.Float32frombits(sign | 0xff<<23 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent-15+127)<<23 | fraction<<13)
}

// writable are the types that files are written in, by the names that users give them.
var writable = map[string]DType{"float32": Float32, "float16": Float16, "bfloat16": BFloat16}

// WritableNames lists the names that ParseDType takes.
func WritableNames() string {
	return strings.Join(slices.Sorted(maps.Keys(writable)), ", ")
}

// ParseDType finds a type that files are written in: float32, float16 or bfloat16.
func ParseDType(name string) (DType, error) {
	d, known := writable[name]
	if !known {
		return Float32, fmt.Errorf("checkpoint: type %q; expected one of %s", name, WritableNames())
	}
	return d, nil
}

// writable reports whether files are written in the type.
func (d DType) writable() bool {
	return slices.Contains(slices.Collect(maps.Values(writable)), d)
}

// encode rounds numbers to elements of a writable type, which fill dst. A finite number that would become infinite is an error.
func (d DType) encode(dst []byte, src []float32) error {
	for i, x := range src {
		var half uint16
		var beyond bool
		switch d {
		case Float16:
			half = float32ToHalf(x)
			beyond = half&0x7fff == 0x7c00
		case BFloat16:
			half = float32ToBFloat(x)
			beyond = half&0x7fff == 0x7f80
		default:
			binary.LittleEndian.PutUint32(dst[4*i:], math.Float32bits(x))
			continue
		}
		if beyond && !math.IsInf(float64(x), 0) {
			return fmt.Errorf("value %g is beyond the range of %v", x, d)
		}
		binary.LittleEndian.PutUint16(dst[2*i:], half)
	}
	return nil
}

// float32ToHalf rounds to the nearest IEEE 754 binary16 number, of two that are equally near to the one whose last bit is 0.
func float32ToHalf(x float32) uint16 {
	bits := math.Float32bits(x)
	sign := uint16(bits>>16) & 0x8000
	size := bits & 0x7fffffff
	const (
		infinity = 0xff << 23
		least    = (127 - 14) << 23 // the smallest normal half, 2^-14
		dropped  = 23 - 10          // bits of the fraction that a half lacks
	)
	switch {
	case size > infinity: // not a number stays one
		return sign | 0x7e00 | uint16(size>>dropped)&0x3ff
	case size < least: // subnormal: a multiple of 2^-24
		return sign | uint16(math.RoundToEven(float64(math.Float32frombits(size))*(1<<24)))
	}
	half := nearestEven(size, dropped) - (127-15)<<10
	return sign | uint16(min(half, 0x7c00))
}

// float32ToBFloat rounds to the nearest bfloat16 number, the upper half of a float32.
func float32ToBFloat(x float32) uint16 {
	bits := math.Float32bits(x)
	if x != x { // rounding could carry the fraction away
		return uint16(bits>>16) | 0x40
	}
	return uint16(nearestEven(bits, 16))
}

// nearestEven is bits without the last n, rounded. A carry runs into the exponent, as it shall.
func nearestEven(bits uint32, n int) uint32 {
	odd := bits >> n & 1
	return (bits + odd + 1<<(n-1) - 1) >> n
}
