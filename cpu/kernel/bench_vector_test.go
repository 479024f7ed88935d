//go:build unix

package kernel

import "testing"

// tileLength is the length that the backend gives to elementwise kernels: three of them fit the first-level cache.
const tileLength = 2048

// reportBytes adds the traffic of one operation.
func reportBytes(b *testing.B, bytes int) {
	b.Helper()
	b.ReportMetric(float64(bytes)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GB/s")
}

func BenchmarkUnary(b *testing.B) {
	for _, c := range []struct {
		name string
		op   Unary
	}{{"neg", Neg}, {"sqrt", Sqrt}, {"rsqrt", Rsqrt}, {"exp", Exp}, {"expm1", Expm1}, {"log", Log}, {"log1p", Log1p}, {"tanh", Tanh}, {"erf", Erf},
		{"sigmoid", Sigmoid}, {"silu", Silu}, {"gelu", Gelu}, {"geluTanh", GeluTanh}} {
		b.Run(c.name, func(b *testing.B) {
			s, _ := fastest(b)
			x, y := uniform(tileLength), make([]float32, tileLength)
			for b.Loop() {
				s.Unary(c.op, y, x)
			}
			reportBytes(b, 8*tileLength)
		})
	}
}

func BenchmarkElementwise(b *testing.B) {
	x, y, z := uniform(tileLength), uniform(tileLength), make([]float32, tileLength)
	half := make([]BF16, tileLength)
	for _, c := range []struct {
		name  string
		bytes int
		run   func(s *Set)
	}{
		{"add", 12, func(s *Set) { s.Binary(Add, z, x, y) }},
		{"mulScalar", 8, func(s *Set) { s.BinaryScalar(Mul, z, x, 2) }},
		{"max", 12, func(s *Set) { s.Binary(Max, z, x, y) }},
		{"div", 12, func(s *Set) { s.Binary(Div, z, x, y) }},
		{"sum", 4, func(s *Set) { s.Reduce(Sum, x) }},
		{"sumSquares", 4, func(s *Set) { s.Reduce(SumSquares, x) }},
		{"maxOf", 4, func(s *Set) { s.Reduce(MaxOf, x) }},
		{"dot", 8, func(s *Set) { s.Dot(x, y) }},
		{"everySecond", 4, func(s *Set) { s.EverySecond(z[:tileLength/2], x) }},
		{"toEverySecond", 4, func(s *Set) { s.ToEverySecond(z, x[:tileLength/2]) }},
		{"mulRows24", 8, func(s *Set) { s.BinaryRows(Mul, z[:24*85], x, y[:85], 24, false) }},
		{"sumRows24", 4, func(s *Set) { s.ReduceRows(Sum, z[:85], x, 24) }},
		{"toBF16", 6, func(s *Set) { s.ToBF16(half, x) }},
		{"fromBF16", 6, func(s *Set) { s.FromBF16(z, half) }},
		{"pairRows", 12, func(s *Set) { s.pairRows(words(z), x, y) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			s, _ := fastest(b)
			for b.Loop() {
				c.run(s)
			}
			reportBytes(b, c.bytes*tileLength)
		})
	}
}

func BenchmarkCopyStrided(b *testing.B) {
	for _, c := range []struct {
		name     string
		shape    []int
		dst, src []int
	}{
		{"contiguous", []int{1 << 22}, []int{1}, []int{1}},
		{"transpose", []int{8, 384, 1056}, []int{384 * 1056, 1056, 1}, []int{384 * 1056, 1, 384}},
		{"heads", []int{8, 6, 1056, 64}, []int{384 * 1056, 1056 * 64, 64, 1}, []int{384 * 1056, 64, 384, 1}},
		{"repeat", []int{1056, 384, 8}, []int{384 * 8, 8, 1}, []int{384, 1, 0}},
	} {
		b.Run(c.name, func(b *testing.B) {
			s, p := fastest(b)
			n := 1
			for _, extent := range c.shape {
				n *= extent
			}
			dst, src := make([]float32, n), uniform(n)
			for b.Loop() {
				if err := CopyStrided(s, p, c.shape, dst, c.dst, src, c.src); err != nil {
					b.Fatal(err)
				}
			}
			reportBytes(b, 8*n)
		})
	}
}
