package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

// randomMatrix makes an operand of random layout for a batch: row major, column major or with both strides above 1.
func randomMatrix(t testing.TB, r *rand.Rand, rows, cols int, batch []int, layouts int) Matrix {
	t.Helper()
	m := Matrix{}
	var span int
	switch r.IntN(layouts) {
	case 0:
		m.RowStride, m.ColStride = cols+r.IntN(3), 1
		span = (rows-1)*m.RowStride + cols
	case 1:
		m.RowStride, m.ColStride = 1, rows+r.IntN(3)
		span = (cols-1)*m.ColStride + rows
	default:
		m.ColStride = 2
		m.RowStride = 2*cols + 1
		span = (rows-1)*m.RowStride + (cols-1)*2 + 1
	}
	if rows == 0 || cols == 0 {
		span = 0
	}
	m.BatchStrides = make([]int, len(batch))
	total := span
	for i := len(batch) - 1; i >= 0; i-- {
		m.BatchStrides[i] = total
		total *= batch[i]
	}
	m.Data = normals(t, r, total)
	return m
}

// clone copies the product with its own C.
func (g Gemm) clone() *Gemm {
	g.C.Data = append([]float32(nil), g.C.Data...)
	if g.Residual.Data != nil {
		g.Residual.Data = append([]float32(nil), g.Residual.Data...)
	}
	return &g
}

func randomExtent(r *rand.Rand, limit int) int {
	if r.IntN(20) == 0 {
		return r.IntN(2)
	}
	return 1 + r.IntN(limit)
}

func TestGemmIsTheProductOnRandomShapes(t *testing.T) {
	pool := NewPool(2)
	defer pool.Close()
	eachLevel(t, func(t *testing.T, s *Set) {
		r := random(t)
		for range 150 {
			var batch []int
			limit := 90
			switch r.IntN(3) {
			case 0:
				batch = []int{1 + r.IntN(4)}
			case 1:
				batch = []int{1 + r.IntN(5), 1 + r.IntN(3)}
				limit = 20
			}
			g := &Gemm{Batch: batch, M: randomExtent(r, limit), N: randomExtent(r, limit), K: randomExtent(r, limit)}
			if r.IntN(10) == 0 {
				g.K += 700
			}
			g.A = randomMatrix(t, r, g.M, g.K, batch, 3)
			g.B = randomMatrix(t, r, g.K, g.N, batch, 3)
			g.C = randomMatrix(t, r, g.M, g.N, batch, 3)
			g.Accumulate = r.IntN(2) == 0
			if r.IntN(3) == 0 {
				g.Bias = normals(t, r, g.N)
				g.Activation = Activation(r.IntN(5))
				g.Residual = randomMatrix(t, r, g.M, g.N, batch, 3)
			}
			want := g.clone()
			if err := GemmPlain(want); err != nil {
				t.Fatal(err)
			}
			if err := s.Gemm(pool, g); err != nil {
				t.Fatal(err)
			}
			closeTo(t, describe("gemm", g.M, g.N, g.K), g.C.Data, want.C.Data, 6e-6*math.Sqrt(float64(g.K+4)))
			if t.Failed() {
				t.Fatalf("batch %v A %d,%d B %d,%d C %d,%d accumulate %v", batch, g.A.RowStride, g.A.ColStride, g.B.RowStride, g.B.ColStride, g.C.RowStride, g.C.ColStride, g.Accumulate)
			}
		}
	})
}

func TestGemmIsTheSameBitsForAnyNumberOfWorkers(t *testing.T) {
	eachLevel(t, func(t *testing.T, s *Set) {
		r := random(t)
		g := &Gemm{M: 131, N: 203, K: 517}
		g.A, g.B, g.C = randomMatrix(t, r, g.M, g.K, nil, 1), randomMatrix(t, r, g.K, g.N, nil, 1), randomMatrix(t, r, g.M, g.N, nil, 1)
		var first []float32
		for _, workers := range []int{1, 2, 3, 7} {
			p := NewPool(workers)
			again := g.clone()
			if err := s.Gemm(p, again); err != nil {
				t.Fatal(err)
			}
			p.Close()
			if first == nil {
				first = again.C.Data
			}
			sameBits(t, describe("workers", workers), again.C.Data, first)
		}
		// The same product as one of a batch of rows.
		p := NewPool(2)
		defer p.Close()
		last := *g.clone()
		last.M = 3
		last.A.Data = g.A.Data[5*g.A.RowStride:]
		last.C.Data = make([]float32, 3*last.C.RowStride)
		if err := s.Gemm(p, &last); err != nil {
			t.Fatal(err)
		}
		for i := range 3 {
			sameBits(t, describe("row", 5+i), last.C.Data[i*last.C.RowStride:][:g.N], first[(5+i)*g.C.RowStride:][:g.N])
		}
	})
}

func TestGemmGathersPatchesAndHandsRowsOver(t *testing.T) {
	pool := NewPool(2)
	defer pool.Close()
	eachLevel(t, func(t *testing.T, s *Set) {
		r := random(t)
		for range 10 {
			g := &Gemm{M: 1 + r.IntN(70), N: 1 + r.IntN(100), K: 1 + r.IntN(900)}
			g.A, g.B, g.C = randomMatrix(t, r, g.M, g.K, nil, 1), randomMatrix(t, r, g.K, g.N, nil, 1), randomMatrix(t, r, g.M, g.N, nil, 1)
			want := g.clone()
			if err := s.Gemm(pool, want); err != nil {
				t.Fatal(err)
			}
			got := g.clone()
			a, b := g.A, g.B
			got.A = Matrix{Gather: func(dst []float32, _, row, col int) { copy(dst, a.Data[row*a.RowStride+col:]) }}
			got.B = Matrix{Gather: func(dst []float32, _, row, col int) { copy(dst, b.Data[row*b.RowStride+col:]) }}
			got.C.Data = nil
			sum := make([]float32, g.M*g.N)
			got.ConsumeRows = 1 + r.IntN(9)
			got.Consume = func(_, row, col, rows int, values []float32, stride int) {
				for i := range rows {
					for j := range min(stride, g.N-col) {
						sum[(row+i)*g.N+col+j] += values[i*stride+j]
					}
				}
			}
			if err := s.Gemm(pool, got); err != nil {
				t.Fatal(err)
			}
			for i := range g.M {
				sameBits(t, describe("consumed", g.M, g.N, g.K), sum[i*g.N:(i+1)*g.N], want.C.Data[i*g.C.RowStride:][:g.N])
			}
		}
	})
}

func TestGemmRejectsShortOperands(t *testing.T) {
	s, pool := Best(), NewPool(1)
	ok := func() *Gemm {
		return &Gemm{M: 2, N: 3, K: 4, A: RowMajor(make([]float32, 8), 4), B: RowMajor(make([]float32, 12), 3), C: RowMajor(make([]float32, 6), 3)}
	}
	if err := s.Gemm(pool, ok()); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Gemm){
		"short A":          func(g *Gemm) { g.A.Data = g.A.Data[:7] },
		"short B":          func(g *Gemm) { g.B.RowStride = 4 },
		"short C":          func(g *Gemm) { g.C.Data = nil },
		"negative stride":  func(g *Gemm) { g.A.RowStride = -4 },
		"negative extent":  func(g *Gemm) { g.M = -1 },
		"batch strides":    func(g *Gemm) { g.A.BatchStrides = []int{3} },
		"short bias":       func(g *Gemm) { g.Bias = make([]float32, 2) },
		"half activations": func(g *Gemm) { g.A.BF16 = make([]BF16, 8) },
		"two kinds of B":   func(g *Gemm) { g.B.BF16 = make([]BF16, 12) },
		"huge stride":      func(g *Gemm) { g.A.RowStride = math.MaxInt },
	} {
		g := ok()
		spoil(g)
		if err := s.Gemm(pool, g); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
