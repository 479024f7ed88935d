package kernel

import "math"

// AttentionGrad computes the gradients that have Data, on the workers of p. It recomputes the probabilities block by
// block from LogSumExp; with delta = Σ_d dOut·Out per query, dS = P ∘ (dOut·Vᵀ - delta), dQ = scale dS·K,
// dK = scale dSᵀ·Q and dV = Pᵀ·dOut (Dao et al., arXiv 2205.14135, appendix B.4). One task does all queries of one
// head of keys, in order, so sums do not depend on the workers.
func (s *Set) AttentionGrad(p *Pool, g *AttentionGrad) error {
	if err := g.check(); err != nil {
		return err
	}
	units := g.Batch * g.kvHeads()
	if units == 0 || g.Dim == 0 {
		return nil
	}
	grain := max(1, min(serialWork/max(1, g.Queries*g.Keys*g.Dim), ceilDiv(units, p.Workers()*tasksPerHand)))
	if g.DBias.Bias != nil { // the bias may be shared by any of the units
		grain = units
	}
	p.RunRange(units, grain, func(from, to int) {
		arena := p.Borrow()
		defer p.Return(arena)
		for task := from; task < to; task++ {
			mark := arena.Mark()
			s.gradUnit(arena, g, task/g.kvHeads(), task%g.kvHeads())
			arena.Release(mark)
		}
	})
	return nil
}

// gradTiles is how many tiles of queries a panel of the gradient holds: enough to make the products with few keys long. From
// 3 to 9 tiles the time was the same.
const gradTiles = 4

// gradBuffers is the scratch of one unit of the gradient. A panel holds as many queries as there are lanes.
type gradBuffers struct {
	lanes        int       // of the present panel
	most         int       // lanes there is room for
	q, dOut, dQ  []float32 // [dim, lanes]
	p, dp        []float32 // [keys of a block, lanes]
	shift, delta []float32 // [lanes]

	qRight, dOutRight []float32 // q and dOut of the present panel as right operands over the dims: themselves, or pairs

	// As pairs, where the products are of pairs.
	qPairs, dOutPairs []float32 // of dims: [steps of dim, lanes]
	qRows, dOutRows   []float32 // of queries: [steps of queries, dim in whole tiles]
	keyPairs          []float32 // p or dp, pairs of queries: [keys of a block, steps of lanes]
	dpPairs           []float32 // of keys: [steps of keys, lanes]
}

// newGradBuffers sizes the scratch for the largest panel.
func (s *Set) newGradBuffers(arena *Arena, g *AttentionGrad) *gradBuffers {
	t := s.attentionTiling(g.Attention)
	most := min(gradTiles*t.cols, t.gradLanes(g.Queries))
	keys := min(t.keyBlock(), max(1, g.Keys))
	b := &gradBuffers{
		most: most,
		q:    arena.Float32(g.Dim * most), dOut: arena.Float32(g.Dim * most), dQ: arena.Float32(g.Dim * most),
		p: arena.Float32(keys * most), dp: arena.Float32(keys * most),
		shift: arena.Float32(most), delta: arena.Float32(most),
	}
	if t.pairs {
		b.qPairs, b.dOutPairs = arena.Float32(t.steps(g.Dim)*most), arena.Float32(t.steps(g.Dim)*most)
		b.qRows, b.dOutRows = arena.Float32(t.steps(most)*t.wholeCols(g.Dim)), arena.Float32(t.steps(most)*t.wholeCols(g.Dim))
		b.keyPairs, b.dpPairs = arena.Float32(keys*t.steps(most)), arena.Float32(t.steps(keys)*most)
	}
	return b
}

// gradLanes is the number of lanes for n queries, in whole half tiles; pairs need whole tiles.
func (t *tiling) gradLanes(n int) int {
	if t.pairs {
		return t.wholeCols(n)
	}
	return ceilDiv(n, t.cols/2) * (t.cols / 2)
}

// gradPanel gives the buffers of a panel of n queries: the last one of a head has no idle tiles.
func (t *tiling) gradPanel(b *gradBuffers, dim, n int) *gradBuffers {
	p := *b
	p.lanes = t.gradLanes(n)
	p.q, p.dOut, p.dQ = b.q[:dim*p.lanes], b.dOut[:dim*p.lanes], b.dQ[:dim*p.lanes]
	p.shift, p.delta = b.shift[:p.lanes], b.delta[:p.lanes]
	return &p
}

// gradUnit computes the gradients of one head of keys and the heads of queries that share it.
func (s *Set) gradUnit(arena *Arena, g *AttentionGrad, batch, kvHead int) {
	for _, t := range []*Tokens{&g.DK, &g.DV} {
		for key := 0; key < g.Keys && t.Data != nil; key++ {
			clear(t.Data[t.at(batch, kvHead, key):][:g.Dim])
		}
	}
	if g.Queries == 0 {
		return
	}
	buffers := s.newGradBuffers(arena, g)
	shared := g.Heads / g.kvHeads()
	u := s.newUnit(arena, g.Attention, batch, kvHead*shared, g.Queries > 2*s.full.cols)
	for head := kvHead * shared; head < (kvHead+1)*shared; head++ {
		u.head = head
		for query := 0; query < g.Queries; query += buffers.most {
			n := min(buffers.most, g.Queries-query)
			b := u.gradPanel(buffers, g.Dim, n)
			s.loadGradPanel(g, b, &u, query, n)
			keys := u.lastKey(query + n - 1)
			for key := 0; key < keys; key += u.keyBlock() {
				s.gradKeys(g, b, &u, query, n, key, min(u.keyBlock(), keys-key))
			}
			if g.DQ.Data != nil {
				s.transpose(g.DQ.Data[g.DQ.at(batch, head, query):], g.DQ.Token, b.dQ, b.lanes, g.Dim, n)
			}
		}
	}
}

// loadGradPanel transposes n queries and their output gradients into lanes and prepares delta and the shift, which is in units
// of log 2 as the scores are. Lanes
// without a query have shift +Inf, so that their probabilities are 0.
func (s *Set) loadGradPanel(g *AttentionGrad, b *gradBuffers, u *unit, query, n int) {
	s.loadLanes(b.q, b.lanes, &g.Q, g.Q.at(u.batch, u.head, query), n, g.Dim)
	s.BinaryScalar(Mul, b.q, b.q, g.Scale*math.Log2E)
	s.loadLanes(b.dOut, b.lanes, &g.DOut, g.DOut.at(u.batch, u.head, query), n, g.Dim)
	clear(b.dQ)
	s.Fill(b.shift, float32(math.Inf(1)))
	clear(b.delta)
	lse := g.LogSumExp[(u.batch*g.Heads+u.head)*g.Queries+query:][:n]
	for lane := range n {
		if !math.IsInf(float64(lse[lane]), -1) {
			b.shift[lane] = lse[lane] * math.Log2E
		}
		b.delta[lane] = s.Dot(g.DOut.Data[g.DOut.at(u.batch, u.head, query+lane):][:g.Dim], g.Out.Data[g.Out.at(u.batch, u.head, query+lane):][:g.Dim])
	}
	b.qRight = s.paired(u.tiling, b.qPairs, b.q, b.lanes, g.Dim)
	b.dOutRight = s.paired(u.tiling, b.dOutPairs, b.dOut, b.lanes, g.Dim)
	if u.pairs {
		width := u.wholeCols(g.Dim)
		s.pairColumns(b.qRows, width, u.steps(n), g.Q.Data[g.Q.at(u.batch, u.head, query):], g.Q.Token, n, g.Dim)
		s.pairColumns(b.dOutRows, width, u.steps(n), g.DOut.Data[g.DOut.at(u.batch, u.head, query):], g.DOut.Token, n, g.Dim)
	}
}

// addOverQueries adds x·rows to grad, for x, p or dp of a panel, and rows, the dOut or q of its n queries: pairs, or rows of tokens.
func (s *Set) addOverQueries(b *gradBuffers, u *unit, x, pairs []float32, tokens, grad *Tokens, query, n, key, keys int) {
	if grad.Data == nil {
		return
	}
	c := at(grad.Data, grad.at(u.batch, u.kvHead, key))
	if !u.pairs {
		u.multiply(keys, u.Dim, n, panelA{at(x, 0), b.lanes, 1}, at(tokens.Data, tokens.at(u.batch, u.head, query)), tokens.Token, c, grad.Token, true)
		return
	}
	s.toBF16(halves(b.keyPairs)[:len(x)], x)
	u.multiply(keys, u.Dim, u.steps(n), panelA{at(b.keyPairs, 0), b.lanes / 2, 1}, at(pairs, 0), u.wholeCols(u.Dim), c, grad.Token, true)
}

// gradKeys adds the part of keys [key, key+rows) for one panel of queries.
func (s *Set) gradKeys(g *AttentionGrad, b *gradBuffers, u *unit, query, n, key, rows int) {
	p, dp := b.p[:rows*b.lanes], b.dp[:rows*b.lanes]
	u.multiply(rows, b.lanes, u.steps(g.Dim), u.k.rows(key), at(b.qRight, 0), b.lanes, at(p, 0), b.lanes, false)
	u.adjust(p, b.lanes, b.lanes, query, n, key, rows)
	u.multiply(rows, b.lanes, u.steps(g.Dim), u.v.rows(key), at(b.dOutRight, 0), b.lanes, at(dp, 0), b.lanes, false)
	if g.DBias.Bias != nil {
		s.gradBlock(p, dp, b.shift, b.delta, 1)
		for lane := range n {
			to := g.DBias.at(u.batch, u.head, query+lane, key)
			for row := range rows {
				g.DBias.Bias[to+row*g.DBias.Key] += dp[row*b.lanes+lane]
			}
		}
		s.BinaryScalar(Mul, dp, dp, g.Scale)
	} else {
		s.gradBlock(p, dp, b.shift, b.delta, g.Scale)
	}
	s.addOverQueries(b, u, p, b.dOutRows, &g.DOut, &g.DV, query, n, key, rows)
	s.addOverQueries(b, u, dp, b.qRows, &g.Q, &g.DK, query, n, key, rows)
	if g.DQ.Data != nil {
		right := s.paired(u.tiling, b.dpPairs, dp, b.lanes, rows)
		u.multiply(g.Dim, b.lanes, u.steps(rows), u.k.columns(key), at(right, 0), b.lanes, at(b.dQ, 0), b.lanes, true)
	}
}
