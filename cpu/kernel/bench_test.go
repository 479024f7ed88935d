package kernel

import (
	"math/rand/v2"
	"testing"
	"time"
)

// fastest are the kernels and a pool for benchmarks.
func fastest(b *testing.B) (*Set, *Pool) {
	b.Helper()
	p := NewPool(0)
	b.Cleanup(p.Close)
	return Best(), p
}

// reportFlops adds the rate of one operation of the given cost and its share of the peak measured now.
func reportFlops(b *testing.B, s *Set, p *Pool, flops float64) {
	b.Helper()
	rate := flops * float64(b.N) / b.Elapsed().Seconds()
	b.StopTimer()
	b.ReportMetric(rate/1e9, "GFLOP/s")
	b.ReportMetric(100*rate/s.MeasurePeak(p, 20*time.Millisecond), "%peak")
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
			for b.Loop() {
				if err := s.Gemm(p, g); err != nil {
					b.Fatal(err)
				}
			}
			reportFlops(b, s, p, 2*float64(c.m)*float64(c.n)*float64(c.k))
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
	for b.Loop() {
		if err := s.Gemm(p, g); err != nil {
			b.Fatal(err)
		}
	}
	reportFlops(b, s, p, 2*batch*m*n*k)
}

func BenchmarkHalfGEMM(b *testing.B) {
	s, p := fastest(b)
	m, n, k := 3168, 9856, 1408
	half := make([]BF16, k*n)
	s.ToBF16(half, uniform(k*n))
	g := &Gemm{M: m, N: n, K: k, A: RowMajor(uniform(m*k), k), B: Matrix{BF16: half, RowStride: n, ColStride: 1}, C: RowMajor(make([]float32, m*n), n)}
	for b.Loop() {
		if err := s.Gemm(p, g); err != nil {
			b.Fatal(err)
		}
	}
	reportFlops(b, s, p, 2*float64(m)*float64(n)*float64(k))
}

func BenchmarkTile(b *testing.B) {
	s, _ := fastest(b)
	p := NewPool(1)
	k := 384
	x, y, c := uniform(k*s.tileRows), uniform(k*s.tileCols), uniform(s.tileRows*s.tileCols)
	for b.Loop() {
		s.tiles[s.tileRows-1][1](k, at(x, 0), 1, s.tileRows, at(y, 0), s.tileCols, at(c, 0), s.tileCols, s.tileCols, true)
	}
	reportFlops(b, s, p, 2*float64(k*s.tileRows*s.tileCols))
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
			for b.Loop() {
				if err := s.Attention(p, a); err != nil {
					b.Fatal(err)
				}
			}
			reportFlops(b, s, p, 4*float64(c.batch*c.heads*c.dim)*float64(c.tokens*c.tokens))
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
			for b.Loop() {
				if err := s.AttentionGrad(p, g); err != nil {
					b.Fatal(err)
				}
			}
			reportFlops(b, s, p, 10*float64(c.batch*c.heads*c.dim)*float64(c.tokens*c.tokens))
		})
	}
}
