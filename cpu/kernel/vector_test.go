package kernel

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// unaryCase gives the name, the range of test arguments and the allowed error of a function: in ULP, or absolute in
// units of max(1, |x|).
type unaryCase struct {
	op        Unary
	name      string
	low, high float64
	ulp       float64
	absolute  float64
}

var unaryCases = []unaryCase{
	{Neg, "neg", -1e3, 1e3, 0, 0}, {Abs, "abs", -1e3, 1e3, 0, 0}, {Sign, "sign", -2, 2, 0, 0}, {Square, "square", -1e3, 1e3, 0.5, 0},
	{Sqrt, "sqrt", 0, 1e6, 0.5, 0}, {Rsqrt, "rsqrt", 1e-6, 1e6, 2, 0}, {Reciprocal, "reciprocal", -1e3, 1e3, 0.5, 0},
	{Exp, "exp", -105, 90, 2, 0}, {Exp, "exp near 0", -1, 1, 2, 0}, {Expm1, "expm1", -20, 89, 3, 0}, {Expm1, "expm1 near 0", -1, 1, 3, 0},
	{Log, "log", 0, 1e6, 2, 0}, {Log, "log near 1", 0.5, 2, 2, 0}, {Log1p, "log1p", -1, 1e6, 3, 0}, {Log1p, "log1p near 0", -0.3, 0.4, 3, 0},
	{Tanh, "tanh", -12, 12, 3, 0}, {Tanh, "tanh near 0", -0.7, 0.7, 3, 0}, {Erf, "erf", -5, 5, 3, 0}, {Erf, "erf near 0", -1, 1, 3, 0},
	{Sigmoid, "sigmoid", -80, 90, 3, 0}, {Silu, "silu", -80, 90, 4, 0},
	{Gelu, "gelu", -10, 10, 0, 5e-7},
	{GeluTanh, "geluTanh", -10, 10, 0, 5e-7},
	{Floor, "floor", -1e3, 1e3, 0, 0}, {Ceil, "ceil", -1e3, 1e3, 0, 0}, {Round, "round", -1e3, 1e3, 0, 0},
	{Sin, "sin", -400, 400, 0.51, 0}, {Cos, "cos", -400, 400, 0.51, 0},
}

// special are arguments where functions have corners.
var special = []float32{0, float32(math.Copysign(0, -1)), 1, -1, float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()),
	math.SmallestNonzeroFloat32, 1e-40, -1e-40, 1.17549435e-38, 1e-20, -1e-20, 0.5, -0.5, 2, 88.7, -88, -100, 103, math.MaxFloat32, -math.MaxFloat32, 0.92999, 0.93001, 0.62499, 0.62501, 1e30, -1e30}

func TestUnaryFunctionsKeepTheirAccuracy(t *testing.T) {
	eachLevel(t, func(t *testing.T, s *Set) {
		r := random(t)
		for _, c := range unaryCases {
			n := 20000 + r.IntN(40)
			x, y := guarded[float32](t, n, true), guarded[float32](t, n, r.IntN(2) == 0)
			for i := range x {
				x[i] = float32(c.low + (c.high-c.low)*r.Float64())
			}
			copy(x, special)
			s.Unary(c.op, y, x)
			worst, at := 0.0, -1
			for i, v := range x {
				want := unaryPlain[c.op](float64(v))
				d := ulps(y[i], want)
				if c.absolute > 0 && d > 0 && !math.IsInf(d, 0) && !math.IsInf(want, 0) {
					d = math.Abs(float64(y[i])-want) / max(1, math.Abs(float64(v)))
				}
				if math.Abs(want) < 1e-36 && math.Abs(float64(y[i])-want) < 1e-40 { // products of subnormal factors
					d = 0
				}
				if d > worst || d != d {
					worst, at = d, i
				}
			}
			if at >= 0 && !(worst <= max(c.ulp, c.absolute)) {
				t.Errorf("%s(%g) = %g, expected %g: error %.3g, allowed %.3g", c.name, x[at], y[at], unaryPlain[c.op](float64(x[at])), worst, max(c.ulp, c.absolute))
			}
			t.Logf("%-14s worst error %.3g at %g", c.name, worst, x[max(at, 0)])
		}
	})
}

func TestElementwiseKernelsHandleEveryLengthAndAlias(t *testing.T) {
	eachLevel(t, func(t *testing.T, s *Set) {
		r := random(t)
		for n := range 70 {
			a, b, c := normals(t, r, n), normals(t, r, n), normals(t, r, n)
			if n > 3 {
				a[r.IntN(n)], b[r.IntN(n)] = float32(math.NaN()), float32(math.NaN())
				b[r.IntN(n)] = 0
			}
			dst, want := normals(t, r, n), make([]float32, n)
			for op := range Binary(binaryOps) {
				zipPlain(want, a, b, binaryPlain[op])
				s.Binary(op, dst, a, b)
				closeTo(t, describe("binary", int(op), n), dst, want, 1e-6)
				copy(dst, a)
				s.Binary(op, dst, dst, b)
				closeTo(t, describe("binary in place", int(op), n), dst, want, 1e-6)
				zipScalarPlain(want, a, 1.7, binaryPlain[op])
				s.BinaryScalar(op, dst, a, 1.7)
				closeTo(t, describe("binary scalar", int(op), n), dst, want, 1e-6)
				scalarZipPlain(want, 0.3, b, binaryPlain[op])
				s.ScalarBinary(op, dst, 0.3, b)
				closeTo(t, describe("scalar binary", int(op), n), dst, want, 1e-6)
			}
			for op := range Unary(unaryOps) {
				copy(dst, c)
				s.Unary(op, dst, dst)
				mapPlain(want, c, unaryPlain[op])
				closeTo(t, describe("unary in place", int(op), n), dst, want, 3e-6)
			}
		}
	})
}

func TestReductionsOfEveryLength(t *testing.T) {
	eachLevel(t, func(t *testing.T, s *Set) {
		r := random(t)
		lengths := []int{4095, 4096, 4097, 100003}
		for n := range 140 {
			lengths = append(lengths, n)
		}
		for _, n := range lengths {
			x, y := normals(t, r, n), normals(t, r, n)
			for op := range Reduction(reductions) {
				got, want := s.Reduce(op, x), reducePlain[op](x)
				if d := math.Abs(float64(got) - float64(want)); d > 1e-6*math.Sqrt(float64(n+1))*max(1, math.Abs(float64(want))) && got != want {
					t.Errorf("reduction %d of %d values is %g, expected %g", op, n, got, want)
				}
				if n == 0 {
					continue
				}
				at := r.IntN(n)
				keep := x[at]
				x[at] = float32(math.NaN())
				if got := s.Reduce(op, x); got == got {
					t.Errorf("reduction %d of %d values with NaN at %d is %g", op, n, at, got)
				}
				x[at] = keep
			}
			if got, want := s.Dot(x, y), dotPlain(x, y); math.Abs(float64(got)-float64(want)) > 1e-6*float64(n+1) {
				t.Errorf("dot of %d values is %g, expected %g", n, got, want)
			}
		}
	})
}

func TestSoftmaxStepsMatchTheirDefinition(t *testing.T) {
	eachLevel(t, func(t *testing.T, s *Set) {
		r := random(t)
		for range 50 {
			lanes := s.full.cols / 2 * (1 + r.IntN(4))
			rows := r.IntN(40)
			block, top, sum, factor := normals(t, r, rows*lanes), normals(t, r, lanes), normals(t, r, lanes), normals(t, r, lanes)
			for i := range top {
				sum[i] = 1 + r.Float32()
				if r.IntN(3) == 0 {
					top[i], sum[i] = float32(math.Inf(-1)), 0
				}
			}
			for i := range block {
				if r.IntN(9) == 0 || i%lanes == 3 {
					block[i] = float32(math.Inf(-1))
				}
			}
			copies := func(all ...[]float32) (c [][]float32) {
				for _, x := range all {
					c = append(c, append([]float32(nil), x...))
				}
				return c
			}
			want := copies(block, top, sum, factor)
			softmaxBlockPlain(want[0], want[1], want[2], want[3])
			s.softmaxBlock(block, top, sum, factor)
			for i, got := range [][]float32{block, top, sum, factor} {
				closeTo(t, describe("softmax result", i, rows, lanes), got, want[i], 1e-5)
			}
			dp, delta := normals(t, r, rows*lanes), normals(t, r, lanes)
			copy(block, normals(t, r, rows*lanes))
			shift := normals(t, r, lanes)
			shift[lanes-1] = float32(math.Inf(1))
			want = copies(block, dp)
			gradBlockPlain(want[0], want[1], shift, delta, 0.3)
			s.gradBlock(block, dp, shift, delta, 0.3)
			closeTo(t, describe("probabilities", rows, lanes), block, want[0], 1e-5)
			closeTo(t, describe("gradient", rows, lanes), dp, want[1], 1e-5)
			scaleLanesPlain(want[0], delta)
			s.scaleLanes(block, delta)
			closeTo(t, describe("scaled", rows, lanes), block, want[0], 1e-5)
		}
	})
}

func TestComparisonsAndChoicesOfEveryLength(t *testing.T) {
	eachLevel(t, func(t *testing.T, s *Set) {
		r := random(t)
		relations := []func(a, b float32) bool{
			Equal:        func(a, b float32) bool { return a == b },
			NotEqual:     func(a, b float32) bool { return a != b },
			Less:         func(a, b float32) bool { return a < b },
			LessEqual:    func(a, b float32) bool { return a <= b },
			Greater:      func(a, b float32) bool { return a > b },
			GreaterEqual: func(a, b float32) bool { return a >= b },
		}
		for n := range 70 {
			a, b, dst := normals(t, r, n), normals(t, r, n), normals(t, r, n)
			cond := guarded[bool](t, n, n%2 == 0)
			for i := range a {
				switch r.IntN(5) {
				case 0:
					b[i] = a[i]
				case 1:
					a[i] = float32(math.NaN())
				}
			}
			for op, relation := range relations {
				s.Compare(Comparison(op), cond, a, b)
				for i := range cond {
					if want := relation(a[i], b[i]); cond[i] != want {
						t.Fatalf("comparison %d of %g and %g (%d of %d) is %v", op, a[i], b[i], i, n, cond[i])
					}
				}
				s.Select(dst, cond, a, b)
				for i := range dst {
					want := b[i]
					if cond[i] {
						want = a[i]
					}
					if math.Float32bits(dst[i]) != math.Float32bits(want) {
						t.Fatalf("choice %d of %d is %g, expected %g", i, n, dst[i], want)
					}
				}
			}
		}
	})
}

// TestRowKernelsAreThoseOfEveryRow compares operations on rows with a number each, and reductions of rows, with the plain
// definitions row by row.
func TestRowKernelsAreThoseOfEveryRow(t *testing.T) {
	eachLevel(t, func(t *testing.T, s *Set) {
		r := random(t)
		for length := 1; length <= 300; length += 1 + length/24 {
			rows := 1 + r.IntN(9)
			n := rows * length
			a, b := normals(t, r, n), normals(t, r, rows)
			a[r.IntN(n)] = float32(math.NaN())
			dst, want := normals(t, r, n), make([]float32, n)
			for op := range Binary(binaryOps) {
				for _, first := range []bool{false, true} {
					for row, number := range b {
						if line := want[row*length : (row+1)*length]; first {
							scalarZipPlain(line, number, a[row*length:], binaryPlain[op])
						} else {
							zipScalarPlain(line, a[row*length:], number, binaryPlain[op])
						}
					}
					s.BinaryRows(op, dst, a, b, length, first)
					sameNumbers(t, dst, want, "operation %d (number first: %v) on %d rows of %d", op, first, rows, length)
					copy(dst, a)
					s.BinaryRows(op, dst, dst, b, length, first)
					sameNumbers(t, dst, want, "operation %d (number first: %v) on %d rows of %d in place", op, first, rows, length)
				}
			}
			copy(a, normals(t, r, n))
			got := normals(t, r, rows)
			for op := range Reduction(reductions) {
				s.ReduceRows(op, got, a, length)
				for row := range rows {
					line := a[row*length : (row+1)*length]
					scale := float64(sumPlain(line, math.Abs)) + float64(reducePlain[SumSquares](line))
					if want := reducePlain[op](line); math.Abs(float64(got[row]-want)) > 1e-6*scale {
						t.Errorf("reduction %d of row %d of %d, length %d: %g, expected %g", op, row, rows, length, got[row], want)
					}
				}
			}
		}
	})
}

// sameNumbers compares values exactly, NaN with NaN.
func sameNumbers(t *testing.T, got, want []float32, format string, args ...any) {
	t.Helper()
	for i := range want {
		if got[i] != want[i] && (got[i] == got[i] || want[i] == want[i]) {
			t.Errorf("%s: element %d is %g, expected %g", fmt.Sprintf(format, args...), i, got[i], want[i])
			return
		}
	}
}

func TestEverySecondElement(t *testing.T) {
	eachLevel(t, func(t *testing.T, s *Set) {
		r := random(t)
		for n := 1; n < 70; n++ {
			wide, dense := normals(t, r, 2*n-1), normals(t, r, n)
			got, want := normals(t, r, n), make([]float32, n)
			everySecondPlain(want, wide)
			s.EverySecond(got, wide)
			sameNumbers(t, got, want, "%d elements taken", n)
			want = slices.Clone(wide)
			toEverySecondPlain(want, dense)
			s.ToEverySecond(wide, dense)
			sameNumbers(t, wide, want, "%d elements put", n)
		}
	})
}

func TestCopyRows(t *testing.T) {
	eachLevel(t, func(t *testing.T, s *Set) {
		r := random(t)
		for cols := 1; cols < 100; cols++ {
			rows, to, from := 1+r.IntN(7), cols+r.IntN(5), r.IntN(cols+5)
			dst, src := normals(t, r, (rows-1)*to+cols), normals(t, r, (rows-1)*from+cols)
			want := slices.Clone(dst)
			for row := range rows {
				copy(want[row*to:row*to+cols], src[row*from:])
			}
			s.CopyRows(dst, to, src, from, rows, cols)
			sameNumbers(t, dst, want, "%d rows of %d, strides %d and %d", rows, cols, to, from)
		}
	})
}
