package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

// randomTokens makes [batch, tokens, heads, dim] in one of the two usual orders, with a gap between rows.
func randomTokens(t testing.TB, r *rand.Rand, batch, tokens, heads, dim int) Tokens {
	t.Helper()
	gap := r.IntN(3)
	x := Tokens{}
	if r.IntN(2) == 0 {
		x.Head, x.Token = dim, heads*dim+gap
		x.Batch = tokens * x.Token
	} else {
		x.Token = dim + gap
		x.Head = tokens * x.Token
		x.Batch = heads * x.Head
	}
	n := 0
	if batch*tokens*heads > 0 {
		n = (batch-1)*x.Batch + (tokens-1)*x.Token + (heads-1)*x.Head + dim
	}
	x.Data = normals(t, r, n)
	return x
}

func randomAttention(t testing.TB, r *rand.Rand) *Attention {
	t.Helper()
	a := &Attention{Batch: 1 + r.IntN(2), Heads: 1 + r.IntN(4), Queries: 1 + r.IntN(150), Keys: 1 + r.IntN(300), Dim: 1 + r.IntN(90), Scale: 0.3}
	if r.IntN(3) == 0 {
		a.Queries = 1 + r.IntN(12)
		a.Keys = a.Queries
	}
	if a.Heads%2 == 0 && r.IntN(2) == 0 {
		a.KVHeads = a.Heads / 2
	}
	a.Causal = r.IntN(4) == 0
	a.Q = randomTokens(t, r, a.Batch, a.Queries, a.Heads, a.Dim)
	a.K = randomTokens(t, r, a.Batch, a.Keys, a.kvHeads(), a.Dim)
	a.V = randomTokens(t, r, a.Batch, a.Keys, a.kvHeads(), a.Dim)
	a.Out = randomTokens(t, r, a.Batch, a.Queries, a.Heads, a.Dim)
	a.LogSumExp = normals(t, r, a.Batch*a.Heads*a.Queries)
	if r.IntN(3) == 0 {
		a.Bias = Broadcast{Head: a.Queries * a.Keys, Query: a.Keys, Key: 1}
		a.Bias.Bias = normals(t, r, a.Heads*a.Queries*a.Keys)
	}
	if r.IntN(3) == 0 {
		a.Mask = Broadcast{Batch: a.Keys, Key: 1, Mask: make([]bool, a.Batch*a.Keys)}
		for i := range a.Mask.Mask {
			a.Mask.Mask[i] = r.IntN(5) > 0
		}
	}
	return a
}

func cloneTokens(x Tokens) Tokens {
	x.Data = append([]float32(nil), x.Data...)
	return x
}

func TestAttentionIsTheSoftmaxAverage(t *testing.T) {
	pool := NewPool(2)
	defer pool.Close()
	eachLevel(t, func(t *testing.T, s *Set) {
		r := random(t)
		for range 40 {
			a := randomAttention(t, r)
			want := *a
			want.Out = cloneTokens(a.Out)
			want.LogSumExp = append([]float32(nil), a.LogSumExp...)
			if err := AttentionPlain(&want); err != nil {
				t.Fatal(err)
			}
			if err := s.Attention(pool, a); err != nil {
				t.Fatal(err)
			}
			what := describe("attention", a.Batch, a.Heads, a.Queries, a.Keys, a.Dim)
			closeTo(t, what+" out", a.Out.Data, want.Out.Data, 1e-5)
			closeTo(t, what+" lse", a.LogSumExp, want.LogSumExp, 1e-5)
		}
	})
}

func TestAttentionGradIsTheGradient(t *testing.T) {
	pool := NewPool(2)
	defer pool.Close()
	eachLevel(t, func(t *testing.T, s *Set) {
		r := random(t)
		for range 25 {
			a := randomAttention(t, r)
			if err := AttentionPlain(a); err != nil {
				t.Fatal(err)
			}
			g := &AttentionGrad{Attention: a,
				DOut: randomTokens(t, r, a.Batch, a.Queries, a.Heads, a.Dim),
				DQ:   randomTokens(t, r, a.Batch, a.Queries, a.Heads, a.Dim),
				DK:   randomTokens(t, r, a.Batch, a.Keys, a.kvHeads(), a.Dim),
				DV:   randomTokens(t, r, a.Batch, a.Keys, a.kvHeads(), a.Dim),
			}
			if a.Bias.Bias != nil {
				g.DBias = a.Bias
				g.DBias.Bias = make([]float32, len(a.Bias.Bias))
			}
			want := *g
			want.DQ, want.DK, want.DV = cloneTokens(g.DQ), cloneTokens(g.DK), cloneTokens(g.DV)
			want.DBias.Bias = append([]float32(nil), g.DBias.Bias...)
			if err := AttentionGradPlain(&want); err != nil {
				t.Fatal(err)
			}
			if err := s.AttentionGrad(pool, g); err != nil {
				t.Fatal(err)
			}
			what := describe("gradient", a.Batch, a.Heads, a.Queries, a.Keys, a.Dim)
			closeTo(t, what+" dq", g.DQ.Data, want.DQ.Data, 1e-4)
			closeTo(t, what+" dk", g.DK.Data, want.DK.Data, 1e-4)
			closeTo(t, what+" dv", g.DV.Data, want.DV.Data, 1e-4)
			closeTo(t, what+" dbias", g.DBias.Bias, want.DBias.Bias, 1e-4)
		}
	})
}

func TestAttentionIsTheSameBitsForAnyNumberOfWorkers(t *testing.T) {
	eachLevel(t, func(t *testing.T, s *Set) {
		r := random(t)
		a := &Attention{Batch: 1, Heads: 3, Queries: 170, Keys: 300, Dim: 24, Scale: float32(1 / math.Sqrt(24))}
		a.Q, a.K, a.V = randomTokens(t, r, 1, 170, 3, 24), randomTokens(t, r, 1, 300, 3, 24), randomTokens(t, r, 1, 300, 3, 24)
		a.Out = Tokens{Data: make([]float32, 170*72), Token: 72, Head: 24}
		var first []float32
		for _, workers := range []int{1, 2, 5} {
			p := NewPool(workers)
			if err := s.Attention(p, a); err != nil {
				t.Fatal(err)
			}
			p.Close()
			if first == nil {
				first = append(first, a.Out.Data...)
			}
			sameBits(t, describe("workers", workers), a.Out.Data, first)
		}
	})
}

func TestAttentionRejectsShortOperands(t *testing.T) {
	a := &Attention{Batch: 1, Heads: 2, Queries: 3, Keys: 3, Dim: 4}
	full := Tokens{Data: make([]float32, 24), Token: 8, Head: 4}
	for name, spoil := range map[string]func(*Attention){
		"short k":         func(a *Attention) { a.K.Data = a.K.Data[:23] },
		"negative stride": func(a *Attention) { a.Q.Token = -8 },
		"odd heads":       func(a *Attention) { a.Heads, a.KVHeads = 3, 2 },
		"short lse":       func(a *Attention) { a.LogSumExp = make([]float32, 5) },
		"short bias":      func(a *Attention) { a.Bias = Broadcast{Bias: make([]float32, 8), Query: 3, Key: 1} },
		"short mask":      func(a *Attention) { a.Mask = Broadcast{Mask: make([]bool, 2), Key: 1} },
	} {
		b := *a
		b.Q, b.K, b.V, b.Out = full, full, full, full
		if err := Best().Attention(NewPool(1), &b); err != nil {
			t.Fatal(err)
		}
		spoil(&b)
		if err := Best().Attention(NewPool(1), &b); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
