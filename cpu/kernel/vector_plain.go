package kernel

import "math"

// unaryPlain defines the elementwise functions: computed in float64, rounded once.
var unaryPlain = [unaryOps]func(x float64) float64{
	Neg:        func(x float64) float64 { return -x },
	Abs:        math.Abs,
	Sign:       signPlain,
	Square:     func(x float64) float64 { return x * x },
	Sqrt:       math.Sqrt,
	Rsqrt:      func(x float64) float64 { return 1 / math.Sqrt(x) },
	Reciprocal: func(x float64) float64 { return 1 / x },
	Exp:        math.Exp,
	Expm1:      math.Expm1,
	Log:        math.Log,
	Log1p:      math.Log1p,
	Tanh:       math.Tanh,
	Erf:        math.Erf,
	Sigmoid:    sigmoidPlain,
	Silu: func(x float64) float64 {
		if x < -1e3 { // -Inf*0 would be NaN; the limit is -0
			return math.Copysign(0, -1)
		}
		return x * sigmoidPlain(x)
	},
	Gelu: func(x float64) float64 {
		if x < -40 {
			return math.Copysign(0, -1)
		}
		return x * normalCDF(x)
	},
	GeluTanh: func(x float64) float64 {
		if x < -40 {
			return math.Copysign(0, -1)
		}
		return 0.5 * x * (1 + math.Tanh(geluInner(x)))
	},
	Floor: math.Floor,
	Ceil:  math.Ceil,
	Round: math.RoundToEven,
	Sin:   math.Sin,
	Cos:   math.Cos,
}

// geluCubic is the coefficient of x³ in the tanh approximation of GELU (Hendrycks and Gimpel, arXiv 1606.08415).
const geluCubic = 0.044715

// geluInner is the argument of tanh in the approximation of GELU.
func geluInner(x float64) float64 { return math.Sqrt(2/math.Pi) * (x + geluCubic*x*x*x) }

// normalCDF is the distribution function of the standard normal law.
func normalCDF(x float64) float64 { return 0.5 * math.Erfc(-x/math.Sqrt2) }

// sigmoidPlain is the logistic function.
func sigmoidPlain(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// signPlain keeps zeros and NaN.
func signPlain(x float64) float64 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return x
}

// binaryPlain defines the elementwise functions of two arguments.
var binaryPlain = [binaryOps]func(a, b float32) float32{
	Add: func(a, b float32) float32 { return a + b },
	Sub: func(a, b float32) float32 { return a - b },
	Mul: func(a, b float32) float32 { return a * b },
	Div: func(a, b float32) float32 { return a / b },
	Max: func(a, b float32) float32 { return max(a, b) },
	Min: func(a, b float32) float32 { return min(a, b) },
	Pow: func(a, b float32) float32 { return float32(math.Pow(float64(a), float64(b))) },
}

func mapPlain(dst, x []float32, f func(float64) float64) {
	for i := range dst {
		dst[i] = float32(f(float64(x[i])))
	}
}

func zipPlain(dst, a, b []float32, f func(a, b float32) float32) {
	for i := range dst {
		dst[i] = f(a[i], b[i])
	}
}

func zipScalarPlain(dst, a []float32, b float32, f func(a, b float32) float32) {
	for i := range dst {
		dst[i] = f(a[i], b)
	}
}

func scalarZipPlain(dst []float32, a float32, b []float32, f func(a, b float32) float32) {
	for i := range dst {
		dst[i] = f(a, b[i])
	}
}

func everySecondPlain(dst, src []float32) {
	for i := range dst {
		dst[i] = src[2*i]
	}
}

func toEverySecondPlain(dst, src []float32) {
	for i, v := range src {
		dst[2*i] = v
	}
}

// reducePlain defines the reductions: sums are accumulated in float64 and rounded once.
var reducePlain = [reductions]func(x []float32) float32{
	Sum:        func(x []float32) float32 { return sumPlain(x, func(v float64) float64 { return v }) },
	SumSquares: func(x []float32) float32 { return sumPlain(x, func(v float64) float64 { return v * v }) },
	MaxOf: func(x []float32) float32 {
		top := float32(math.Inf(-1))
		for _, v := range x {
			top = max(top, v)
		}
		return top
	},
	MinOf: func(x []float32) float32 {
		low := float32(math.Inf(1))
		for _, v := range x {
			low = min(low, v)
		}
		return low
	},
}

func sumPlain(x []float32, f func(float64) float64) float32 {
	sum := 0.0
	for _, v := range x {
		sum += f(float64(v))
	}
	return float32(sum)
}

func dotPlain(a, b []float32) float32 {
	sum := 0.0
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return float32(sum)
}
