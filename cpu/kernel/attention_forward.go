package kernel

import "math"

// unit is one batch entry and head of attention, as one task works on it.
type unit struct {
	*Attention
	*tiling
	batch, head, kvHead int
	k, v                keyed
}

// newUnit locates the keys and values of a head. many queries pass over them, or few.
func (s *Set) newUnit(arena *Arena, a *Attention, batch, head int, many bool) unit {
	u := unit{Attention: a, tiling: s.attentionTiling(a), batch: batch, head: head, kvHead: head / (a.Heads / a.kvHeads())}
	u.k = s.newKeyed(arena, u.tiling, a, &a.K, batch, u.kvHead, many)
	u.v = s.newKeyed(arena, u.tiling, a, &a.V, batch, u.kvHead, many)
	return u
}

// attentionTiling is how the products of attention are cut.
func (s *Set) attentionTiling(a *Attention) *tiling {
	if s.half != nil && a.Round && min(a.Queries, a.Keys, a.Dim) >= leastPairs {
		return s.half
	}
	return &s.full
}

// Attention computes a.Out, and a.LogSumExp if it is not nil, on the workers of p. A query that sees no key gets 0.
func (s *Set) Attention(p *Pool, a *Attention) error {
	if err := a.check(); err != nil {
		return err
	}
	units := a.Batch * a.Heads
	if units == 0 || a.Queries == 0 || a.Dim == 0 {
		return nil
	}
	width := s.attentionTiling(a).cols
	panels := ceilDiv(a.Queries, width)
	perTask := panels
	if wanted := p.Workers() * tasksPerHand; units < wanted {
		perTask = ceilDiv(panels, ceilDiv(wanted, units))
	}
	chunks := ceilDiv(panels, perTask)
	grain := max(1, min(serialWork/max(1, a.Queries*a.Keys*a.Dim), ceilDiv(units*chunks, p.Workers()*tasksPerHand)))
	p.RunRange(units*chunks, grain, func(from, to int) {
		arena := p.Borrow()
		defer p.Return(arena)
		for task := from; task < to; task++ {
			mark := arena.Mark()
			index := task / chunks
			first := task % chunks * perTask * width
			end := min(a.Queries, first+perTask*width)
			u := s.newUnit(arena, a, index/a.Heads, index%a.Heads, end-first > 2*width)
			s.attend(arena, &u, first, end)
			arena.Release(mark)
		}
	})
	return nil
}

// attend computes queries [first, end) of a unit, one panel of a tile's columns after the other, with the queries in
// the lanes of the vectors: scores, probabilities and output are held transposed, so that no sum runs across a vector
// and the probabilities are at once the packed operand of the second product. Scores are in units of log 2, because powers
// of 2 are cheaper than those of e.
func (s *Set) attend(arena *Arena, u *unit, first, end int) {
	lanes := u.cols
	if end-first <= lanes/2 && !u.pairs {
		lanes /= 2
	}
	queries, outputs := arena.Float32(u.Dim*lanes), arena.Float32(u.Dim*lanes)
	keyBlock := min(u.keyBlock(), max(1, u.Keys))
	scores := arena.Float32(keyBlock * lanes)
	var queryPairs, scorePairs []float32
	if u.pairs {
		queryPairs, scorePairs = arena.Float32(u.steps(u.Dim)*lanes), arena.Float32(u.steps(keyBlock)*lanes)
	}
	state := arena.Float32(3 * lanes)
	top, sum, factor := state[:lanes], state[lanes:2*lanes], state[2*lanes:]
	for query := first; query < end; query += lanes {
		n := min(lanes, end-query)
		s.loadLanes(queries, lanes, &u.Q, u.Q.at(u.batch, u.head, query), n, u.Dim)
		s.BinaryScalar(Mul, queries, queries, u.Scale*math.Log2E)
		q := s.paired(u.tiling, queryPairs, queries, lanes, u.Dim)
		s.Fill(top, float32(math.Inf(-1)))
		clear(sum)
		clear(outputs)
		keys := u.lastKey(query + n - 1)
		for key := 0; key < keys; key += keyBlock {
			rows := min(keyBlock, keys-key)
			block := scores[:rows*lanes]
			u.multiply(rows, lanes, u.steps(u.Dim), u.k.rows(key), at(q, 0), lanes, at(block, 0), lanes, false)
			u.adjust(block, lanes, lanes, query, n, key, rows)
			s.softmaxBlock(block, top, sum, factor)
			if key > 0 {
				s.scaleLanes(outputs, factor)
			}
			p := s.paired(u.tiling, scorePairs, block, lanes, rows)
			u.multiply(u.Dim, lanes, u.steps(rows), u.v.columns(key), at(p, 0), lanes, at(outputs, 0), lanes, true)
		}
		s.storeLanes(u, outputs, top, sum, factor, query, n)
	}
}

// loadLanes transposes n rows of dim elements that start at from into dst, [dim, lanes]; lanes without a row are zero.
func (s *Set) loadLanes(dst []float32, lanes int, t *Tokens, from, n, dim int) {
	if n < lanes {
		clear(dst)
	}
	s.transpose(dst, lanes, t.Data[from:], t.Token, n, dim)
}

// storeLanes divides the outputs of n queries by their sums and writes them and the log-sum-exp.
func (s *Set) storeLanes(u *unit, outputs, top, sum, factor []float32, query, n int) {
	for lane, v := range sum {
		factor[lane] = 0
		if v > 0 || v != v {
			factor[lane] = 1 / v
		}
	}
	s.scaleLanes(outputs, factor)
	s.transpose(u.Out.Data[u.Out.at(u.batch, u.head, query):], u.Out.Token, outputs, len(sum), u.Dim, n)
	if u.LogSumExp != nil {
		lse := u.LogSumExp[(u.batch*u.Heads+u.head)*u.Queries+query:][:n]
		for lane := range lse {
			lse[lane] = float32(math.Ln2 * (float64(top[lane]) + math.Log2(float64(sum[lane]))))
		}
	}
}

// adjust adds bias and hides keys in a block of scores, [rows, stride], in units of log 2, for n queries from query and the keys from key.
// Lanes n..lanes-1 belong to no query and are left alone.
func (u *unit) adjust(block []float32, stride, lanes, query, n, key, rows int) {
	hidden := float32(math.Inf(-1))
	if u.Bias.Bias != nil {
		for lane := range n {
			from := u.Bias.at(u.batch, u.head, query+lane, key)
			for row := range rows {
				block[row*stride+lane] += math.Log2E * u.Bias.Bias[from+row*u.Bias.Key]
			}
		}
	}
	if u.Mask.Mask != nil {
		for lane := range n {
			from := u.Mask.at(u.batch, u.head, query+lane, key)
			for row := range rows {
				if !u.Mask.Mask[from+row*u.Mask.Key] {
					block[row*stride+lane] = hidden
				}
			}
		}
	}
	if !u.Causal {
		return
	}
	for lane := range n {
		for row := max(0, u.lastKey(query+lane)-key); row < rows; row++ {
			block[row*stride+lane] = hidden
		}
	}
}
