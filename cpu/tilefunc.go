package cpu

import (
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/dtypes/float16"
	"github.com/gowalrus/walrus/cpu/kernel"
)

// tileFunc computes n elements of dst from the operands a, b and c, as many as the operation has. Operands may be dst
// itself.
type tileFunc func(dst, a, b, c unsafe.Pointer, n int)

// tileKey identifies an elementwise function: operation, type of its (last) operand and type of its result.
type tileKey struct {
	op      compute.OpType
	in, out dtypes.DType
}

// tileFuncs is the table of elementwise functions of a backend.
type tileFuncs struct {
	general map[tileKey]tileFunc
	// scalar holds float32 functions whose second (or, for scalarFirst, first) operand is a single number.
	scalar, scalarFirst map[compute.OpType]tileFunc
}

func (t *tileFuncs) find(op compute.OpType, in, out dtypes.DType) tileFunc {
	return t.general[tileKey{op, in, out}]
}

func newTileFuncs(s *kernel.Set) tileFuncs {
	t := tileFuncs{make(map[tileKey]tileFunc), make(map[compute.OpType]tileFunc), make(map[compute.OpType]tileFunc)}
	addIntegers[int8](&t, dtypes.Int8)
	addIntegers[int16](&t, dtypes.Int16)
	addIntegers[int32](&t, dtypes.Int32)
	addIntegers[int64](&t, dtypes.Int64)
	addIntegers[uint8](&t, dtypes.Uint8)
	addIntegers[uint16](&t, dtypes.Uint16)
	addIntegers[uint32](&t, dtypes.Uint32)
	addIntegers[uint64](&t, dtypes.Uint64)
	addFloats[float32](&t, dtypes.Float32)
	addFloats[float64](&t, dtypes.Float64)
	addBooleans(&t)
	addConversions(&t)
	addFloat32Kernels(&t, s)
	addHalf(&t, dtypes.BFloat16, bfloat16Codec(s))
	addHalf(&t, dtypes.Float16, float16Codec)
	return t
}

// slice views n elements at p.
func slice[T any](p unsafe.Pointer, n int) []T { return unsafe.Slice((*T)(p), n) }

func mapTile[In, Out any](f func(In) Out) tileFunc {
	return func(dst, a, _, _ unsafe.Pointer, n int) {
		y, x := slice[Out](dst, n), slice[In](a, n)
		for i := range y {
			y[i] = f(x[i])
		}
	}
}

func zipTile[In, Out any](f func(a, b In) Out) tileFunc {
	return func(dst, a, b, _ unsafe.Pointer, n int) {
		z, x, y := slice[Out](dst, n), slice[In](a, n), slice[In](b, n)
		for i := range z {
			z[i] = f(x[i], y[i])
		}
	}
}

func selectTile[T any](dst, cond, a, b unsafe.Pointer, n int) {
	z, c, x, y := slice[T](dst, n), slice[bool](cond, n), slice[T](a, n), slice[T](b, n)
	for i := range z {
		if c[i] {
			z[i] = x[i]
		} else {
			z[i] = y[i]
		}
	}
}

// binaryKernels are the operations on two arrays of float32 that package kernel has.
var binaryKernels = map[compute.OpType]kernel.Binary{
	compute.OpTypeAdd: kernel.Add, compute.OpTypeSub: kernel.Sub, compute.OpTypeMul: kernel.Mul, compute.OpTypeDiv: kernel.Div,
	compute.OpTypeMax: kernel.Max, compute.OpTypeMin: kernel.Min, compute.OpTypePow: kernel.Pow,
}

// addFloat32Kernels replaces the plain float32 functions by those of package kernel.
func addFloat32Kernels(t *tileFuncs, s *kernel.Set) {
	f32 := dtypes.Float32
	for op, k := range map[compute.OpType]kernel.Unary{
		compute.OpTypeNeg: kernel.Neg, compute.OpTypeAbs: kernel.Abs, compute.OpTypeSign: kernel.Sign, compute.OpTypeSqrt: kernel.Sqrt,
		compute.OpTypeRsqrt: kernel.Rsqrt, compute.OpTypeExp: kernel.Exp, compute.OpTypeExpm1: kernel.Expm1, compute.OpTypeLog: kernel.Log,
		compute.OpTypeLog1p: kernel.Log1p, compute.OpTypeTanh: kernel.Tanh, compute.OpTypeErf: kernel.Erf, compute.OpTypeLogistic: kernel.Sigmoid,
		compute.OpTypeFloor: kernel.Floor, compute.OpTypeCeil: kernel.Ceil, compute.OpTypeRound: kernel.Round,
		compute.OpTypeSin: kernel.Sin, compute.OpTypeCos: kernel.Cos,
	} {
		t.general[tileKey{op, f32, f32}] = func(dst, a, _, _ unsafe.Pointer, n int) {
			s.Unary(k, slice[float32](dst, n), slice[float32](a, n))
		}
	}
	for op, k := range binaryKernels {
		t.general[tileKey{op, f32, f32}] = func(dst, a, b, _ unsafe.Pointer, n int) {
			s.Binary(k, slice[float32](dst, n), slice[float32](a, n), slice[float32](b, n))
		}
		t.scalar[op] = func(dst, a, b, _ unsafe.Pointer, n int) {
			s.BinaryScalar(k, slice[float32](dst, n), slice[float32](a, n), *(*float32)(b))
		}
		t.scalarFirst[op] = func(dst, a, b, _ unsafe.Pointer, n int) {
			s.ScalarBinary(k, slice[float32](dst, n), *(*float32)(a), slice[float32](b, n))
		}
	}
	for op, k := range map[compute.OpType]kernel.Comparison{
		compute.OpTypeEqual: kernel.Equal, compute.OpTypeNotEqual: kernel.NotEqual, compute.OpTypeLessThan: kernel.Less,
		compute.OpTypeLessOrEqual: kernel.LessEqual, compute.OpTypeGreaterThan: kernel.Greater, compute.OpTypeGreaterOrEqual: kernel.GreaterEqual,
	} {
		t.general[tileKey{op, f32, dtypes.Bool}] = func(dst, a, b, _ unsafe.Pointer, n int) {
			s.Compare(k, slice[bool](dst, n), slice[float32](a, n), slice[float32](b, n))
		}
	}
	t.general[tileKey{compute.OpTypeWhere, f32, f32}] = func(dst, c, a, b unsafe.Pointer, n int) {
		s.Select(slice[float32](dst, n), slice[bool](c, n), slice[float32](a, n), slice[float32](b, n))
	}
}

// codec converts between a half-precision type and float32.
type codec struct {
	widen  func(dst []float32, src unsafe.Pointer)
	narrow func(dst unsafe.Pointer, src []float32)
}

func bfloat16Codec(s *kernel.Set) codec {
	return codec{
		widen:  func(dst []float32, src unsafe.Pointer) { s.FromBF16(dst, slice[kernel.BF16](src, len(dst))) },
		narrow: func(dst unsafe.Pointer, src []float32) { s.ToBF16(slice[kernel.BF16](dst, len(src)), src) },
	}
}

var float16Codec = codec{
	widen: func(dst []float32, src unsafe.Pointer) {
		for i, h := range slice[float16.Float16](src, len(dst)) {
			dst[i] = h.Float32()
		}
	},
	narrow: func(dst unsafe.Pointer, src []float32) {
		to := slice[float16.Float16](dst, len(src))
		for i, x := range src {
			to[i] = float16.FromFloat32(x)
		}
	},
}

// halfRun is the number of elements that half-precision functions widen at a time.
const halfRun = 256

// addHalf derives the functions of a half-precision type from those of float32: widen, compute, round.
func addHalf(t *tileFuncs, half dtypes.DType, c codec) {
	f32 := dtypes.Float32
	for key, f := range t.general {
		if key.in != f32 || key.op == compute.OpTypeConvertDType || key.op == compute.OpTypeWhere {
			continue
		}
		binary := key.out == dtypes.Bool && key.op != compute.OpTypeIsNaN && key.op != compute.OpTypeIsFinite || t.scalar[key.op] != nil ||
			key.op == compute.OpTypeRem || key.op == compute.OpTypeAtan2
		toBool := key.out == dtypes.Bool
		out := half
		if toBool {
			out = dtypes.Bool
		}
		t.general[tileKey{key.op, half, out}] = func(dst, a, b, _ unsafe.Pointer, n int) {
			var x, y [halfRun]float32
			for from := 0; from < n; from += halfRun {
				m := min(halfRun, n-from)
				c.widen(x[:m], unsafe.Add(a, 2*from))
				if binary {
					c.widen(y[:m], unsafe.Add(b, 2*from))
				}
				if toBool {
					f(unsafe.Add(dst, from), unsafe.Pointer(&x), unsafe.Pointer(&y), nil, m)
					continue
				}
				f(unsafe.Pointer(&x), unsafe.Pointer(&x), unsafe.Pointer(&y), nil, m)
				c.narrow(unsafe.Add(dst, 2*from), x[:m])
			}
		}
	}
	t.general[tileKey{compute.OpTypeWhere, half, half}] = selectTile[uint16]
	t.general[tileKey{compute.OpTypeConvertDType, half, f32}] = func(dst, a, _, _ unsafe.Pointer, n int) { c.widen(slice[float32](dst, n), a) }
	t.general[tileKey{compute.OpTypeConvertDType, f32, half}] = func(dst, a, _, _ unsafe.Pointer, n int) { c.narrow(dst, slice[float32](a, n)) }
	for _, other := range storableTypes {
		if other == f32 || other == half {
			continue
		}
		from, to := t.find(compute.OpTypeConvertDType, other, f32), t.find(compute.OpTypeConvertDType, f32, other)
		if from == nil || to == nil {
			continue
		}
		size := other.Size()
		t.general[tileKey{compute.OpTypeConvertDType, other, half}] = func(dst, a, _, _ unsafe.Pointer, n int) {
			var x [halfRun]float32
			for at := 0; at < n; at += halfRun {
				m := min(halfRun, n-at)
				from(unsafe.Pointer(&x), unsafe.Add(a, size*at), nil, nil, m)
				c.narrow(unsafe.Add(dst, 2*at), x[:m])
			}
		}
		t.general[tileKey{compute.OpTypeConvertDType, half, other}] = func(dst, a, _, _ unsafe.Pointer, n int) {
			var x [halfRun]float32
			for at := 0; at < n; at += halfRun {
				m := min(halfRun, n-at)
				c.widen(x[:m], unsafe.Add(a, 2*at))
				to(unsafe.Add(dst, size*at), unsafe.Pointer(&x), nil, nil, m)
			}
		}
	}
}

// storableTypes are the data types of buffers.
var storableTypes = []dtypes.DType{
	dtypes.Bool, dtypes.Int8, dtypes.Int16, dtypes.Int32, dtypes.Int64, dtypes.Uint8, dtypes.Uint16, dtypes.Uint32, dtypes.Uint64,
	dtypes.Float16, dtypes.BFloat16, dtypes.Float32, dtypes.Float64,
}
