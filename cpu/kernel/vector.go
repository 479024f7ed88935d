package kernel

import "slices"

// Unary is an elementwise function of one argument.
type Unary uint8

// The elementwise functions. The error of each, in units in the last place (ULP) of float32, is measured by the tests
// against float64; functions without a figure are correctly rounded or exact.
const (
	Neg        Unary = iota // -x
	Abs                     // |x|
	Sign                    // -1, 0 or 1; ±0 and NaN are kept
	Square                  // x*x
	Sqrt                    // square root
	Rsqrt                   // 1/sqrt(x), at most 2 ULP
	Reciprocal              // 1/x
	Exp                     // e^x, at most 2 ULP
	Expm1                   // e^x - 1, at most 3 ULP
	Log                     // natural logarithm, at most 2 ULP
	Log1p                   // log(1+x), at most 3 ULP
	Tanh                    // at most 3 ULP
	Erf                     // at most 3 ULP
	Sigmoid                 // 1/(1+e^-x), at most 3 ULP
	Silu                    // x*sigmoid(x), at most 4 ULP, or 1e-40 where the result nearly underflows
	Gelu                    // x*(1+erf(x/sqrt 2))/2, absolute error at most 5e-7 max(1,|x|)
	GeluTanh                // tanh approximation of Gelu, absolute error at most 5e-7 max(1,|x|)
	Floor                   // largest whole number not above x
	Ceil                    // smallest whole number not below x
	Round                   // nearest whole number, halves to even
	Sin                     // sine of radians
	Cos                     // cosine of radians
	unaryOps   = iota
)

// Binary is an elementwise function of two arguments.
type Binary uint8

// The elementwise functions of two arguments. Max and Min return NaN when either argument is NaN.
const (
	Add       Binary = iota // a + b
	Sub                     // a - b
	Mul                     // a * b
	Div                     // a / b
	Max                     // the larger
	Min                     // the smaller
	Pow                     // a to the power b, as math.Pow
	binaryOps = iota
)

// Reduction folds a run of values into one.
type Reduction uint8

// The reductions. Sums are added in a fixed tree of partial sums: error grows like the logarithm of the length, and the
// result depends on the values and the level alone. Max and Min return NaN when any value is NaN.
const (
	Sum        Reduction = iota // sum of x
	SumSquares                  // sum of x*x
	MaxOf                       // largest value, -Inf when empty
	MinOf                       // smallest value, +Inf when empty
	reductions = iota
)

// Comparison is a relation of two numbers; every one but NotEqual is false for NaN.
type Comparison uint8

// The comparisons.
const (
	Equal Comparison = iota
	NotEqual
	Less
	LessEqual
	Greater
	GreaterEqual
)

// Unary computes dst[i] = op(x[i]) for every i below len(dst); dst may be x.
func (s *Set) Unary(op Unary, dst, x []float32) {
	if len(dst) > 0 {
		s.unary[op](dst, x[:len(dst)])
	}
}

// Binary computes dst[i] = op(a[i], b[i]); dst may be a or b. With dst == a it accumulates (row and column sums).
func (s *Set) Binary(op Binary, dst, a, b []float32) {
	if len(dst) > 0 {
		s.binary[op](dst, a[:len(dst)], b[:len(dst)])
	}
}

// BinaryScalar computes dst[i] = op(a[i], b); dst may be a.
func (s *Set) BinaryScalar(op Binary, dst, a []float32, b float32) {
	if len(dst) > 0 {
		s.binaryScalar[op](dst, a[:len(dst)], b)
	}
}

// ScalarBinary computes dst[i] = op(a, b[i]); dst may be b.
func (s *Set) ScalarBinary(op Binary, dst []float32, a float32, b []float32) {
	if len(dst) > 0 {
		s.scalarBinary[op](dst, a, b[:len(dst)])
	}
}

// BinaryRows computes dst[r, i] = op(a[r, i], b[r]), or op(b[r], a[r, i]) if first is set, for rows of the given length; dst
// may be a. It is BinaryScalar or ScalarBinary for each row, without a call for each.
func (s *Set) BinaryRows(op Binary, dst, a, b []float32, length int, first bool) {
	if len(b) == 0 || length == 0 {
		return
	}
	n := len(b) * length
	dst, a = dst[:n], a[:n]
	order := 0
	if first {
		order = 1
	}
	if f := s.rowBinary[op][order]; f != nil {
		f(dst, a, b, length)
		return
	}
	for r, number := range b {
		if at := r * length; first {
			s.ScalarBinary(op, dst[at:at+length], number, a[at:])
		} else {
			s.BinaryScalar(op, dst[at:at+length], a[at:], number)
		}
	}
}

// ShortRow is the length up to which rows are done in one call: longer ones gain nothing by it, and need partial sums side
// by side.
const ShortRow = 256

// ReduceRows folds every row of x, of the given length, into an element of dst.
func (s *Set) ReduceRows(op Reduction, dst, x []float32, length int) {
	if f := s.reduceRows[op]; f != nil && length > 0 && length <= ShortRow && len(dst) > 0 {
		f(dst, x[:len(dst)*length], length)
		return
	}
	for r := range dst {
		dst[r] = s.Reduce(op, x[r*length:(r+1)*length])
	}
}

// sumRun is the length of the runs that are summed in float32; their sums are added in float64.
const sumRun = 4096

// Reduce folds x into one number.
func (s *Set) Reduce(op Reduction, x []float32) float32 {
	if op == MaxOf || op == MinOf || len(x) <= sumRun {
		return s.reduce[op](x)
	}
	total := 0.0
	for run := range slices.Chunk(x, sumRun) {
		total += float64(s.reduce[op](run))
	}
	return float32(total)
}

// Dot is the sum of a[i]*b[i] over i below len(a).
func (s *Set) Dot(a, b []float32) float32 {
	b = b[:len(a)]
	if len(a) <= sumRun {
		return s.dot(a, b)
	}
	total := 0.0
	for from := 0; from < len(a); from += sumRun {
		end := min(len(a), from+sumRun)
		total += float64(s.dot(a[from:end], b[from:end]))
	}
	return float32(total)
}

// Fill sets every element of dst.
func (s *Set) Fill(dst []float32, value float32) {
	for i := range dst {
		dst[i] = value
	}
}

// EverySecond sets dst[i] = src[2i]. It reads no element of src beyond the last of those.
func (s *Set) EverySecond(dst, src []float32) {
	if n := len(dst); n > 0 {
		s.second(dst, src[:2*n-1])
	}
}

// ToEverySecond sets dst[2i] = src[i] and leaves the elements between them alone: others may write those at the same time.
func (s *Set) ToEverySecond(dst, src []float32) {
	if n := len(src); n > 0 {
		s.toSecond(dst[:2*n-1], src)
	}
}

// CopyRows copies rows of cols elements: dst[r*dstStride+i] = src[r*srcStride+i].
func (s *Set) CopyRows(dst []float32, dstStride int, src []float32, srcStride, rows, cols int) {
	if rows <= 0 || cols <= 0 {
		return
	}
	dst, src = dst[:(rows-1)*dstStride+cols], src[:(rows-1)*srcStride+cols]
	for col := 0; col < cols; col += s.full.cols {
		n := min(s.full.cols, cols-col)
		vectors := 0
		if 2*n > s.full.cols {
			vectors = 1
		}
		s.packStrip[vectors](&dst[col], dstStride, &src[col], srcStride, rows, n)
	}
}

// Compare sets dst[i] = a[i] op b[i].
func (s *Set) Compare(op Comparison, dst []bool, a, b []float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	switch op {
	case Greater:
		op, a, b = Less, b, a
	case GreaterEqual:
		op, a, b = LessEqual, b, a
	}
	s.compare(op, dst, a, b)
}

// Select sets dst[i] = a[i] where cond[i], else b[i]; dst may be a or b.
func (s *Set) Select(dst []float32, cond []bool, a, b []float32) {
	n := len(dst)
	s.choose(dst, cond[:n], a[:n], b[:n])
}
