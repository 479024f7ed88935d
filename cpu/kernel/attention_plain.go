package kernel

import "math"

// scoresPlain returns the probabilities of one query in float64, and the log-sum-exp of its scores.
func (a *Attention) scoresPlain(batch, head, query int) ([]float64, float64) {
	p := make([]float64, a.Keys)
	top := math.Inf(-1)
	kvHead := head / (a.Heads / a.kvHeads())
	q := a.Q.Data[a.Q.at(batch, head, query):][:a.Dim]
	for key := range p {
		k := a.K.Data[a.K.at(batch, kvHead, key):][:a.Dim]
		for d := range q {
			p[key] += float64(q[d]) * float64(k[d])
		}
		p[key] *= float64(a.Scale)
		if a.Bias.Bias != nil {
			p[key] += float64(a.Bias.Bias[a.Bias.at(batch, head, query, key)])
		}
		if key >= a.lastKey(query) || a.Mask.Mask != nil && !a.Mask.Mask[a.Mask.at(batch, head, query, key)] {
			p[key] = math.Inf(-1)
		}
		top = max(top, p[key])
	}
	if math.IsInf(top, -1) { // nothing to see: zero output
		clear(p)
		return p, top
	}
	sum := 0.0
	for key := range p {
		p[key] = math.Exp(p[key] - top)
		sum += p[key]
	}
	for key := range p {
		p[key] /= sum
	}
	return p, top + math.Log(sum)
}

// AttentionPlain is the definition of Set.Attention: one query after the other, in float64. A query that sees no key has
// output 0 and log-sum-exp -Inf.
func AttentionPlain(a *Attention) error {
	if err := a.check(); err != nil {
		return err
	}
	a.eachQuery(func(batch, head, query int) {
		p, lse := a.scoresPlain(batch, head, query)
		out := a.Out.Data[a.Out.at(batch, head, query):][:a.Dim]
		kvHead := head / (a.Heads / a.kvHeads())
		for d := range out {
			sum := 0.0
			for key := range p {
				sum += p[key] * float64(a.V.Data[a.V.at(batch, kvHead, key)+d])
			}
			out[d] = float32(sum)
		}
		if a.LogSumExp != nil {
			a.LogSumExp[(batch*a.Heads+head)*a.Queries+query] = float32(lse)
		}
	})
	return nil
}

// eachQuery calls f for every query of every head and batch entry.
func (a *Attention) eachQuery(f func(batch, head, query int)) {
	for batch := range a.Batch {
		for head := range a.Heads {
			for query := range a.Queries {
				f(batch, head, query)
			}
		}
	}
}

// AttentionGradPlain is the definition of Set.AttentionGrad, in float64 from q, k, v and dOut alone.
func AttentionGradPlain(g *AttentionGrad) error {
	if err := g.check(); err != nil {
		return err
	}
	size := g.Batch * g.Heads * g.Keys * g.Dim
	dk, dv := make([]float64, size), make([]float64, size)
	g.eachQuery(func(batch, head, query int) {
		p, _ := g.scoresPlain(batch, head, query)
		kvHead := head / (g.Heads / g.kvHeads())
		dout := g.DOut.Data[g.DOut.at(batch, head, query):][:g.Dim]
		q := g.Q.Data[g.Q.at(batch, head, query):][:g.Dim]
		dp := make([]float64, g.Keys)
		mean := 0.0
		for key := range p {
			v := g.V.Data[g.V.at(batch, kvHead, key):][:g.Dim]
			for d := range dout {
				dp[key] += float64(dout[d]) * float64(v[d])
			}
			mean += p[key] * dp[key]
		}
		dq := make([]float64, g.Dim)
		for key := range p {
			ds := p[key] * (dp[key] - mean)
			if g.DBias.Bias != nil {
				g.DBias.Bias[g.DBias.at(batch, head, query, key)] += float32(ds)
			}
			ds *= float64(g.Scale)
			k := g.K.Data[g.K.at(batch, kvHead, key):][:g.Dim]
			row := ((batch*g.kvHeads()+kvHead)*g.Keys + key) * g.Dim
			for d := range k {
				dq[d] += ds * float64(k[d])
				dk[row+d] += ds * float64(q[d])
				dv[row+d] += p[key] * float64(dout[d])
			}
		}
		if g.DQ.Data != nil {
			storePlain(g.DQ.Data[g.DQ.at(batch, head, query):][:g.Dim], dq)
		}
	})
	for batch := range g.Batch {
		for head := range g.kvHeads() {
			for key := range g.Keys {
				row := ((batch*g.kvHeads()+head)*g.Keys + key) * g.Dim
				if g.DK.Data != nil {
					storePlain(g.DK.Data[g.DK.at(batch, head, key):][:g.Dim], dk[row:])
				}
				if g.DV.Data != nil {
					storePlain(g.DV.Data[g.DV.at(batch, head, key):][:g.Dim], dv[row:])
				}
			}
		}
	}
	return nil
}

func storePlain(dst []float32, src []float64) {
	for i := range dst {
		dst[i] = float32(src[i])
	}
}
