package kernel

import (
	"math"
	"testing"
)

// rounded replaces values by their nearest bfloat16.
func rounded(x []float32) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = ToBF16(v).Float32()
	}
	return y
}

func TestGemmWithHalfWeightsIsTheProductOfTheirValues(t *testing.T) {
	pool := NewPool(2)
	defer pool.Close()
	check := func(t *testing.T, s *Set) {
		r := random(t)
		for range 20 {
			g := &Gemm{M: 1 + r.IntN(70), N: 1 + r.IntN(100), K: 1 + r.IntN(900)}
			g.A, g.B, g.C = randomMatrix(t, r, g.M, g.K, nil, 3), randomMatrix(t, r, g.K, g.N, nil, 3), randomMatrix(t, r, g.M, g.N, nil, 1)
			half := guarded[BF16](t, len(g.B.Data), true)
			s.ToBF16(half, g.B.Data)
			g.B.Data, g.B.BF16 = nil, half
			want := g.clone()
			if s.usesPairs(g) { // activations are rounded too
				want.A.Data = rounded(g.A.Data)
			}
			if err := GemmPlain(want); err != nil {
				t.Fatal(err)
			}
			if err := s.Gemm(pool, g); err != nil {
				t.Fatal(err)
			}
			closeTo(t, describe("bf16", g.M, g.N, g.K), g.C.Data, want.C.Data, 6e-6*math.Sqrt(float64(g.K+4)))
		}
	}
	eachLevel(t, check)
	eachTilingOfPairs(t, check)
}

func TestGemmThatMayRoundIsTheProductOfRoundedOperands(t *testing.T) {
	pool := NewPool(3)
	defer pool.Close()
	eachTilingOfPairs(t, func(t *testing.T, s *Set) {
		r := random(t)
		for range 25 {
			var batch []int
			if r.IntN(3) == 0 {
				batch = []int{1 + r.IntN(4)}
			}
			g := &Gemm{Batch: batch, M: randomExtent(r, 90), N: randomExtent(r, 90), K: randomExtent(r, 90), Round: true}
			if r.IntN(4) == 0 {
				g.K += 700
			}
			if r.IntN(8) == 0 {
				g.M += 400
			}
			g.A, g.B, g.C = randomMatrix(t, r, g.M, g.K, batch, 3), randomMatrix(t, r, g.K, g.N, batch, 3), randomMatrix(t, r, g.M, g.N, batch, 3)
			g.Accumulate = r.IntN(2) == 0
			if r.IntN(3) == 0 {
				g.Bias, g.Residual = normals(t, r, g.N), randomMatrix(t, r, g.M, g.N, batch, 3)
			}
			want := g.clone()
			if s.usesPairs(g) {
				want.A.Data, want.B.Data = rounded(g.A.Data), rounded(g.B.Data)
			} else if min(g.M, g.N, g.K) >= leastPairs {
				t.Fatalf("%d x %d x %d is not rounded", g.M, g.N, g.K)
			}
			if err := GemmPlain(want); err != nil {
				t.Fatal(err)
			}
			if len(batch) == 0 && r.IntN(2) == 0 { // the operands come in rows of patches
				a, b := g.A, g.B
				g.A = Matrix{Gather: func(dst []float32, _, row, col int) { gatherRow(dst, &a, row, col) }}
				g.B = Matrix{Gather: func(dst []float32, _, row, col int) { gatherRow(dst, &b, row, col) }}
			}
			if err := s.Gemm(pool, g); err != nil {
				t.Fatal(err)
			}
			closeTo(t, describe("rounded", g.M, g.N, g.K), g.C.Data, want.C.Data, 6e-6*math.Sqrt(float64(g.K+4)))
			if t.Failed() {
				t.Fatalf("batch %v A %d,%d B %d,%d C %d,%d accumulate %v", batch, g.A.RowStride, g.A.ColStride, g.B.RowStride, g.B.ColStride, g.C.RowStride, g.C.ColStride, g.Accumulate)
			}
		}
	})
}

// gatherRow copies a piece of a row of m.
func gatherRow(dst []float32, m *Matrix, row, col int) {
	for i := range dst {
		dst[i] = m.Data[row*m.RowStride+(col+i)*m.ColStride]
	}
}

func TestRoundedGemmIsTheSameBitsForAnyNumberOfWorkers(t *testing.T) {
	eachTilingOfPairs(t, func(t *testing.T, s *Set) {
		r := random(t)
		g := &Gemm{M: 131, N: 203, K: 517, Round: true}
		g.A, g.B, g.C = randomMatrix(t, r, g.M, g.K, nil, 2), randomMatrix(t, r, g.K, g.N, nil, 2), randomMatrix(t, r, g.M, g.N, nil, 1)
		var first []float32
		for _, workers := range []int{1, 2, 7} {
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
	})
}

// Operands that are bfloat16 already lose nothing, so what is left is the rounding of scaled queries, of probabilities and of their
// gradients: half a unit in the last of 8 bits each.
func TestRoundedAttentionIsCloseToTheDefinition(t *testing.T) {
	pool := NewPool(2)
	defer pool.Close()
	eachTilingOfPairs(t, func(t *testing.T, s *Set) {
		r := random(t)
		for i := range 8 {
			a := randomAttention(t, r)
			for i == 0 && min(a.Queries, a.Keys, a.Dim) < leastPairs { // one at least is large enough
				a = randomAttention(t, r)
			}
			a.Round, a.Scale = true, float32(1/math.Sqrt(float64(a.Dim)))
			for _, x := range []*Tokens{&a.Q, &a.K, &a.V} {
				x.Data = rounded(x.Data)
			}
			if large := min(a.Queries, a.Keys, a.Dim) >= leastPairs; s.attentionTiling(a).pairs != large {
				t.Fatalf("%d queries, %d keys, %d dims: pairs %v", a.Queries, a.Keys, a.Dim, !large)
			}
			want := *a
			want.Out, want.LogSumExp = cloneTokens(a.Out), append([]float32(nil), a.LogSumExp...)
			if err := AttentionPlain(&want); err != nil {
				t.Fatal(err)
			}
			if err := s.Attention(pool, a); err != nil {
				t.Fatal(err)
			}
			what := describe("attention", a.Batch, a.Heads, a.Queries, a.Keys, a.Dim)
			closeTo(t, what+" lse", a.LogSumExp, want.LogSumExp, 0x1p-6)
			g := &AttentionGrad{Attention: &want, DOut: randomTokens(t, r, a.Batch, a.Queries, a.Heads, a.Dim),
				DQ: randomTokens(t, r, a.Batch, a.Queries, a.Heads, a.Dim),
				DK: randomTokens(t, r, a.Batch, a.Keys, a.kvHeads(), a.Dim), DV: randomTokens(t, r, a.Batch, a.Keys, a.kvHeads(), a.Dim)}
			exact := *g
			exact.DQ, exact.DK, exact.DV = cloneTokens(g.DQ), cloneTokens(g.DK), cloneTokens(g.DV)
			if err := AttentionGradPlain(&exact); err != nil {
				t.Fatal(err)
			}
			g.Attention = a
			if err := s.AttentionGrad(pool, g); err != nil {
				t.Fatal(err)
			}
			for _, x := range []struct {
				name      string
				got, want []float32
			}{{"out", a.Out.Data, want.Out.Data}, {"dq", g.DQ.Data, exact.DQ.Data}, {"dk", g.DK.Data, exact.DK.Data}, {"dv", g.DV.Data, exact.DV.Data}} {
				if e := relativeError(x.got, x.want); e > 0x1p-6 {
					t.Errorf("%s %s: error %.3g of the norm, allowed %.3g", what, x.name, e, 0x1p-6)
				}
			}
		}
	})
}

// relativeError is the norm of the difference over that of want.
func relativeError(got, want []float32) float64 {
	var difference, norm float64
	for i, w := range want {
		d := float64(got[i]) - float64(w)
		difference += d * d
		norm += float64(w) * float64(w)
	}
	return math.Sqrt(difference / max(norm, 1e-6*float64(len(want))))
}
