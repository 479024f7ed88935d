//go:build unix

package kernel

import (
	"math"
	"math/rand/v2"
	"testing"

	"golang.org/x/sys/unix"
)

// fastest are the kernels and a pool for benchmarks.
func fastest(b *testing.B) (*Set, *Pool) {
	b.Helper()
	p := NewPool(0)
	b.Cleanup(p.Close)
	return Best(), p
}

// benchFlops times an operation of the given cost. Beside the rate by the clock it reports the rate of the best
// operation for each second of processor time and its share of the best peak, measured in the same way right after:
// other load of the machine disturbs these little.
func benchFlops(b *testing.B, s *Set, p *Pool, flops float64, operation func() error) {
	b.Helper()
	if err := operation(); err != nil {
		b.Fatal(err)
	}
	best := math.Inf(1)
	for b.Loop() {
		start := processorTime()
		if err := operation(); err != nil {
			b.Fatal(err)
		}
		best = min(best, processorTime()-start)
	}
	rate := flops / best
	b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
	peak := 0.0
	for range 50 {
		start := processorTime()
		done := s.peak(50000)
		peak = max(peak, done/(processorTime()-start))
	}
	b.ReportMetric(rate/1e9, "GFLOP/cpu-s")
	b.ReportMetric(100*rate/peak, "%peak")
}

// processorTime is the processor time that this process has used, in seconds.
func processorTime() float64 {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return math.NaN()
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

func uniform(n int) []float32 {
	r := rand.New(rand.NewPCG(1, 2))
	x := make([]float32, n)
	for i := range x {
		x[i] = r.Float32() - 0.5
	}
	return x
}

func BenchmarkGEMM(b *testing.B) {
	for _, c := range []struct {
		name    string
		m, n, k int
		layout  string
	}{
		{"384up", 6336, 2688, 384, "NN"},
		{"384down", 6336, 384, 768, "NN"},
		{"1408up", 3168, 9856, 1408, "NN"},
		{"1408down", 3168, 1408, 2816, "NN"},
		{"1408upNT", 3168, 9856, 1408, "NT"},
		{"384dX", 6336, 384, 2688, "NT"},
		{"384dW", 384, 2688, 6336, "TN"},
		{"1408dW", 1408, 9856, 3168, "TN"},
		{"1024square", 1024, 1024, 1024, "NN"},
		{"96hidden", 6534, 672, 96, "NN"},
	} {
		b.Run(c.name+c.layout, func(b *testing.B) {
			s, p := fastest(b)
			g := &Gemm{M: c.m, N: c.n, K: c.k}
			g.A, g.B, g.C = RowMajor(uniform(c.m*c.k), c.k), RowMajor(uniform(c.k*c.n), c.n), RowMajor(make([]float32, c.m*c.n), c.n)
			if c.layout[0] == 'T' {
				g.A = ColMajor(g.A.Data, c.m)
			}
			if c.layout[1] == 'T' {
				g.B = ColMajor(g.B.Data, c.k)
			}
			benchFlops(b, s, p, 2*float64(c.m)*float64(c.n)*float64(c.k), func() error { return s.Gemm(p, g) })
		})
	}
}

func BenchmarkBatchedGEMM(b *testing.B) {
	s, p := fastest(b)
	const batch, m, n, k = 6336, 6, 6, 64
	g := &Gemm{Batch: []int{batch}, M: m, N: n, K: k,
		A: Matrix{Data: uniform(batch * m * k), RowStride: k, ColStride: 1, BatchStrides: []int{m * k}},
		B: Matrix{Data: uniform(batch * n * k), RowStride: 1, ColStride: k, BatchStrides: []int{n * k}},
		C: Matrix{Data: make([]float32, batch*m*n), RowStride: n, ColStride: 1, BatchStrides: []int{m * n}}}
	benchFlops(b, s, p, 2*batch*m*n*k, func() error { return s.Gemm(p, g) })
}

func BenchmarkHalfGEMM(b *testing.B) {
	s, p := fastest(b)
	m, n, k := 3168, 9856, 1408
	half := make([]BF16, k*n)
	s.ToBF16(half, uniform(k*n))
	g := &Gemm{M: m, N: n, K: k, A: RowMajor(uniform(m*k), k), B: Matrix{BF16: half, RowStride: n, ColStride: 1}, C: RowMajor(make([]float32, m*n), n)}
	benchFlops(b, s, p, 2*float64(m)*float64(n)*float64(k), func() error { return s.Gemm(p, g) })
}

func BenchmarkTile(b *testing.B) {
	s, p := fastest(b)
	const k, times = 384, 100
	rows, cols := s.full.rows, s.full.cols
	x, y, c := uniform(k*rows), uniform(k*cols), uniform(rows*cols)
	benchFlops(b, s, p, 2*float64(times*k*rows*cols), func() error {
		for range times {
			s.full.tile(rows, cols)(k, at(x, 0), 1, rows, at(y, 0), cols, at(c, 0), cols, cols, true)
		}
		return nil
	})
}

func BenchmarkStripOfPairs(b *testing.B) {
	s, p := fastest(b)
	if s.half == nil {
		b.Skip("these kernels multiply no pairs")
	}
	const steps, times = 192, 10
	rows, width := s.half.rows, s.half.cols
	cols := 16 * width
	x, y, c := make([]float32, rows*steps), make([]float32, steps*cols), make([]float32, rows*cols)
	s.pairsOf(x, uniform(2*len(x)))
	s.pairsOf(y, uniform(2*len(y)))
	benchFlops(b, s, p, 4*float64(times*steps*rows*cols), func() error {
		for range times {
			s.half.multiplyStrip(rows, cols, steps, panelA{at(x, 0), steps, 1}, at(y, 0), width, steps*width, at(c, 0), cols, true)
		}
		return nil
	})
}

func benchAttention(batch, heads, tokens, dim int) *Attention {
	n := batch * heads * tokens * dim
	layout := func(data []float32) Tokens {
		return Tokens{Data: data, Batch: tokens * heads * dim, Token: heads * dim, Head: dim}
	}
	return &Attention{Batch: batch, Heads: heads, Queries: tokens, Keys: tokens, Dim: dim, Scale: 0.125,
		Q: layout(uniform(n)), K: layout(uniform(n)), V: layout(uniform(n)), Out: layout(make([]float32, n)),
		LogSumExp: make([]float32, batch*heads*tokens)}
}

var attentionCases = []struct {
	name                      string
	batch, heads, tokens, dim int
}{
	{"space64", 2, 6, 1056, 64},
	{"space88", 1, 8, 1056, 88},
	{"long64", 1, 4, 4096, 64},
	{"time64", 1056, 6, 6, 64},
	{"time88", 1056, 16, 3, 88},
}

func BenchmarkAttention(b *testing.B) {
	for _, c := range attentionCases {
		b.Run(c.name, func(b *testing.B) {
			s, p := fastest(b)
			a := benchAttention(c.batch, c.heads, c.tokens, c.dim)
			benchFlops(b, s, p, 4*float64(c.batch*c.heads*c.dim)*float64(c.tokens*c.tokens), func() error { return s.Attention(p, a) })
		})
	}
}

func BenchmarkAttentionGrad(b *testing.B) {
	for _, c := range attentionCases {
		b.Run(c.name, func(b *testing.B) {
			s, p := fastest(b)
			a := benchAttention(c.batch, c.heads, c.tokens, c.dim)
			if err := s.Attention(p, a); err != nil {
				b.Fatal(err)
			}
			like := func(x Tokens) Tokens { x.Data = uniform(len(x.Data)); return x }
			g := &AttentionGrad{Attention: a, DOut: like(a.Q), DQ: like(a.Q), DK: like(a.Q), DV: like(a.Q)}
			benchFlops(b, s, p, 10*float64(c.batch*c.heads*c.dim)*float64(c.tokens*c.tokens), func() error { return s.AttentionGrad(p, g) })
		})
	}
}
