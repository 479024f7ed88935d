package cpu

import (
	"math"
	"math/bits"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

type integer interface {
	int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64
}

type number interface {
	integer | float32 | float64
}

// addNumbers adds what integers and floating-point numbers have in common.
func addNumbers[T number](t *tileFuncs, d dtypes.DType) {
	put := func(op compute.OpType, f tileFunc) { t.general[tileKey{op, d, d}] = f }
	put(compute.OpTypeNeg, mapTile(func(x T) T { return -x }))
	put(compute.OpTypeAbs, mapTile(func(x T) T {
		if x < 0 {
			return -x
		}
		return x + 0 // turns -0 into 0
	}))
	put(compute.OpTypeSign, mapTile(func(x T) T {
		switch {
		case x > 0:
			return 1
		case x < 0:
			var zero T
			return zero - 1
		}
		return x
	}))
	put(compute.OpTypeAdd, zipTile(func(a, b T) T { return a + b }))
	put(compute.OpTypeSub, zipTile(func(a, b T) T { return a - b }))
	put(compute.OpTypeMul, zipTile(func(a, b T) T { return a * b }))
	put(compute.OpTypeMax, zipTile(func(a, b T) T { return max(a, b) }))
	put(compute.OpTypeMin, zipTile(func(a, b T) T { return min(a, b) }))
	put(compute.OpTypeWhere, selectTile[T])
	compare := func(op compute.OpType, f func(a, b T) bool) { t.general[tileKey{op, d, dtypes.Bool}] = zipTile(f) }
	compare(compute.OpTypeEqual, func(a, b T) bool { return a == b })
	compare(compute.OpTypeNotEqual, func(a, b T) bool { return a != b })
	compare(compute.OpTypeLessThan, func(a, b T) bool { return a < b })
	compare(compute.OpTypeLessOrEqual, func(a, b T) bool { return a <= b })
	compare(compute.OpTypeGreaterThan, func(a, b T) bool { return a > b })
	compare(compute.OpTypeGreaterOrEqual, func(a, b T) bool { return a >= b })
}

func addIntegers[T integer](t *tileFuncs, d dtypes.DType) {
	addNumbers[T](t, d)
	put := func(op compute.OpType, f tileFunc) { t.general[tileKey{op, d, d}] = f }
	width := 8 * d.Size()
	mask := uint64(math.MaxUint64) >> (64 - width)
	put(compute.OpTypeDiv, zipTile(func(a, b T) T {
		if b == 0 {
			return b - 1 // all bits set, as in XLA
		}
		return a / b
	}))
	put(compute.OpTypeRem, zipTile(func(a, b T) T {
		if b == 0 {
			return a
		}
		return a % b
	}))
	put(compute.OpTypePow, zipTile(integerPower[T]))
	put(compute.OpTypeBitwiseAnd, zipTile(func(a, b T) T { return a & b }))
	put(compute.OpTypeBitwiseOr, zipTile(func(a, b T) T { return a | b }))
	put(compute.OpTypeBitwiseXor, zipTile(func(a, b T) T { return a ^ b }))
	put(compute.OpTypeBitwiseNot, mapTile(func(x T) T { return ^x }))
	put(compute.OpTypeBitCount, mapTile(func(x T) T { return T(bits.OnesCount64(uint64(x) & mask)) }))
	put(compute.OpTypeClz, mapTile(func(x T) T { return T(bits.LeadingZeros64(uint64(x)&mask) - (64 - width)) }))
	put(compute.OpTypeShiftLeft, zipTile(func(a, b T) T { return a << (uint64(b) & mask) }))
	put(compute.OpTypeShiftRightArithmetic, zipTile(func(a, b T) T {
		if d.IsUnsigned() { // the top bit is the sign here as well
			shift := 64 - width
			return T(int64(uint64(a)<<shift) >> min(63, uint64(shift)+uint64(b)&mask))
		}
		return a >> (uint64(b) & mask)
	}))
	put(compute.OpTypeShiftRightLogical, zipTile(func(a, b T) T { return T((uint64(a) & mask) >> (uint64(b) & mask)) }))
}

// integerPower is a to the power b by repeated squaring; a negative power is 0 except for 1 and -1.
func integerPower[T integer](a, b T) T {
	if b < 0 {
		switch {
		case a == 1:
			return 1
		case a+1 == 0:
			if b&1 == 0 {
				return 1
			}
			return a
		}
		return 0
	}
	y := T(1)
	for ; b != 0; b >>= 1 {
		if b&1 != 0 {
			y *= a
		}
		a *= a
	}
	return y
}

func addFloats[T float32 | float64](t *tileFuncs, d dtypes.DType) {
	addNumbers[T](t, d)
	put := func(op compute.OpType, f tileFunc) { t.general[tileKey{op, d, d}] = f }
	for op, f := range map[compute.OpType]func(float64) float64{
		compute.OpTypeSqrt: math.Sqrt, compute.OpTypeExp: math.Exp, compute.OpTypeExpm1: math.Expm1, compute.OpTypeLog: math.Log,
		compute.OpTypeLog1p: math.Log1p, compute.OpTypeTanh: math.Tanh, compute.OpTypeErf: math.Erf, compute.OpTypeFloor: math.Floor,
		compute.OpTypeCeil: math.Ceil, compute.OpTypeRound: math.RoundToEven, compute.OpTypeSin: math.Sin, compute.OpTypeCos: math.Cos,
		compute.OpTypeRsqrt:    func(x float64) float64 { return 1 / math.Sqrt(x) },
		compute.OpTypeLogistic: func(x float64) float64 { return 1 / (1 + math.Exp(-x)) },
	} {
		put(op, mapTile(func(x T) T { return T(f(float64(x))) }))
	}
	put(compute.OpTypeDiv, zipTile(func(a, b T) T { return a / b }))
	put(compute.OpTypeRem, zipTile(func(a, b T) T { return T(math.Mod(float64(a), float64(b))) }))
	put(compute.OpTypePow, zipTile(func(a, b T) T { return T(math.Pow(float64(a), float64(b))) }))
	put(compute.OpTypeAtan2, zipTile(func(a, b T) T { return T(math.Atan2(float64(a), float64(b))) }))
	t.general[tileKey{compute.OpTypeIsNaN, d, dtypes.Bool}] = mapTile(func(x T) bool { return x != x })
	t.general[tileKey{compute.OpTypeIsFinite, d, dtypes.Bool}] = mapTile(func(x T) bool { return x-x == 0 })
}

func addBooleans(t *tileFuncs) {
	put := func(op compute.OpType, f tileFunc) { t.general[tileKey{op, dtypes.Bool, dtypes.Bool}] = f }
	put(compute.OpTypeLogicalAnd, zipTile(func(a, b bool) bool { return a && b }))
	put(compute.OpTypeLogicalOr, zipTile(func(a, b bool) bool { return a || b }))
	put(compute.OpTypeLogicalXor, zipTile(func(a, b bool) bool { return a != b }))
	put(compute.OpTypeLogicalNot, mapTile(func(x bool) bool { return !x }))
	put(compute.OpTypeEqual, zipTile(func(a, b bool) bool { return a == b }))
	put(compute.OpTypeNotEqual, zipTile(func(a, b bool) bool { return a != b }))
	put(compute.OpTypeWhere, selectTile[bool])
}

// addConversions adds all conversions between types other than half precision.
func addConversions(t *tileFuncs) {
	addConversionsFrom[int8](t, dtypes.Int8)
	addConversionsFrom[int16](t, dtypes.Int16)
	addConversionsFrom[int32](t, dtypes.Int32)
	addConversionsFrom[int64](t, dtypes.Int64)
	addConversionsFrom[uint8](t, dtypes.Uint8)
	addConversionsFrom[uint16](t, dtypes.Uint16)
	addConversionsFrom[uint32](t, dtypes.Uint32)
	addConversionsFrom[uint64](t, dtypes.Uint64)
	addConversionsFrom[float32](t, dtypes.Float32)
	addConversionsFrom[float64](t, dtypes.Float64)
}

func addConversionsFrom[From number](t *tileFuncs, from dtypes.DType) {
	addConversion[From, int8](t, from, dtypes.Int8)
	addConversion[From, int16](t, from, dtypes.Int16)
	addConversion[From, int32](t, from, dtypes.Int32)
	addConversion[From, int64](t, from, dtypes.Int64)
	addConversion[From, uint8](t, from, dtypes.Uint8)
	addConversion[From, uint16](t, from, dtypes.Uint16)
	addConversion[From, uint32](t, from, dtypes.Uint32)
	addConversion[From, uint64](t, from, dtypes.Uint64)
	addConversion[From, float32](t, from, dtypes.Float32)
	addConversion[From, float64](t, from, dtypes.Float64)
	op := compute.OpTypeConvertDType
	t.general[tileKey{op, from, dtypes.Bool}] = mapTile(func(x From) bool { return x != 0 })
	t.general[tileKey{op, dtypes.Bool, from}] = mapTile(func(x bool) From {
		if x {
			return 1
		}
		return 0
	})
}

func addConversion[From, To number](t *tileFuncs, from, to dtypes.DType) {
	if from != to {
		t.general[tileKey{compute.OpTypeConvertDType, from, to}] = func(dst, a, _, _ unsafe.Pointer, n int) {
			y, x := slice[To](dst, n), slice[From](a, n)
			for i := range y {
				y[i] = To(x[i])
			}
		}
	}
}
