package kernel

import (
	"errors"
	"fmt"
)

// Tokens is one operand of attention: [batch, token, head, dim] with a stride for each of the first three axes, in
// elements; the dims of a head follow each other. It describes BSHD and BHSD arrays and slices of a fused projection.
type Tokens struct {
	Data               []float32
	Batch, Token, Head int
}

// Broadcast is an array over [batch, head, query, key], with stride 0 for the axes it does not have.
type Broadcast struct {
	Bias                    []float32 // added to the scaled scores (-Inf hides a key); nil for none
	Mask                    []bool    // false hides a key; nil for none
	Batch, Head, Query, Key int       // strides
}

// Attention is scaled dot-product attention, out = softmax(scale q·kᵀ + bias) v, for each batch entry and head, without
// the matrix of scores: softmax is accumulated over blocks of keys (Dao et al., arXiv 2205.14135).
type Attention struct {
	Batch, Heads, Queries, Keys, Dim int
	KVHeads                          int     // heads of K and V; Heads is a multiple of it; 0 means Heads
	Scale                            float32 // usually 1/sqrt(Dim)
	Round                            bool    // operands of the products may be rounded to bfloat16, as Gemm.Round allows it
	Causal                           bool    // query i sees keys 0..i+Keys-Queries only
	Q, K, V, Out                     Tokens
	LogSumExp                        []float32 // [batch, head, query]: log of the sum of exponentials; output; nil if not wanted
	Bias, Mask                       Broadcast // Bias.Bias and Mask.Mask are used, each with its own strides
}

// AttentionGrad is the gradient of Attention: from DOut to DQ, DK and DV. The Attention must hold Out and LogSumExp as
// the forward pass wrote them. A gradient whose Data is nil is not computed.
type AttentionGrad struct {
	*Attention
	DOut, DQ, DK, DV Tokens
	DBias            Broadcast // if Bias is not nil, the gradient of the bias is added to it; needs strides as Bias has
}

// kvHeads is the number of heads of K and V.
func (a *Attention) kvHeads() int {
	if a.KVHeads == 0 {
		return a.Heads
	}
	return a.KVHeads
}

// check verifies extents and strides.
func (a *Attention) check() error {
	for _, n := range []int{a.Batch, a.Heads, a.Queries, a.Keys, a.Dim, a.KVHeads} {
		if n < 0 {
			return fmt.Errorf("kernel: attention: extents %d x %d x %d x %d x %d; expected none below 0", a.Batch, a.Heads, a.Queries, a.Keys, a.Dim)
		}
	}
	if a.Heads > 0 && (a.kvHeads() > a.Heads || a.Heads%a.kvHeads() != 0) {
		return fmt.Errorf("kernel: attention: %d heads are not a multiple of %d key heads", a.Heads, a.KVHeads)
	}
	for _, o := range []struct {
		name          string
		t             *Tokens
		tokens, heads int
	}{{"q", &a.Q, a.Queries, a.Heads}, {"k", &a.K, a.Keys, a.kvHeads()}, {"v", &a.V, a.Keys, a.kvHeads()}, {"out", &a.Out, a.Queries, a.Heads}} {
		if err := o.t.check(o.name, a.Batch, o.tokens, o.heads, a.Dim); err != nil {
			return err
		}
	}
	if n := a.Batch * a.Heads * a.Queries; a.LogSumExp != nil && len(a.LogSumExp) < n {
		return fmt.Errorf("kernel: attention: log-sum-exp has %d values; expected %d", len(a.LogSumExp), n)
	}
	if err := a.Bias.check("bias", len(a.Bias.Bias), a.Bias.Bias != nil, a); err != nil {
		return err
	}
	return a.Mask.check("mask", len(a.Mask.Mask), a.Mask.Mask != nil, a)
}

// check verifies that t holds its elements.
func (t *Tokens) check(name string, batch, tokens, heads, dim int) error {
	if t.Batch < 0 || t.Token < 0 || t.Head < 0 {
		return fmt.Errorf("kernel: attention: %s has strides %d, %d, %d; expected none below 0", name, t.Batch, t.Token, t.Head)
	}
	if batch == 0 || tokens == 0 || heads == 0 || dim == 0 {
		return nil
	}
	if end := (batch-1)*t.Batch + (tokens-1)*t.Token + (heads-1)*t.Head + dim; end > len(t.Data) {
		return fmt.Errorf("kernel: attention: %s reaches element %d, but has %d", name, end-1, len(t.Data))
	}
	return nil
}

// check verifies that a broadcast holds its elements.
func (b *Broadcast) check(name string, have int, used bool, a *Attention) error {
	if !used || a.Batch*a.Heads*a.Queries*a.Keys == 0 {
		return nil
	}
	if b.Batch < 0 || b.Head < 0 || b.Query < 0 || b.Key < 0 {
		return fmt.Errorf("kernel: attention: %s has a stride below 0", name)
	}
	if end := (a.Batch-1)*b.Batch + (a.Heads-1)*b.Head + (a.Queries-1)*b.Query + (a.Keys-1)*b.Key + 1; end > have {
		return fmt.Errorf("kernel: attention: %s reaches element %d, but has %d", name, end-1, have)
	}
	return nil
}

// check verifies the gradient's operands.
func (g *AttentionGrad) check() error {
	if g.Attention == nil {
		return errors.New("kernel: attention gradient: no forward pass given")
	}
	if err := g.Attention.check(); err != nil {
		return err
	}
	if g.LogSumExp == nil {
		return errors.New("kernel: attention gradient: needs the log-sum-exp of the forward pass")
	}
	for _, o := range []struct {
		name          string
		t             *Tokens
		tokens, heads int
		optional      bool
	}{{"dOut", &g.DOut, g.Queries, g.Heads, false}, {"dQ", &g.DQ, g.Queries, g.Heads, true},
		{"dK", &g.DK, g.Keys, g.kvHeads(), true}, {"dV", &g.DV, g.Keys, g.kvHeads(), true}} {
		if o.optional && o.t.Data == nil {
			continue
		}
		if err := o.t.check(o.name, g.Batch, o.tokens, o.heads, g.Dim); err != nil {
			return err
		}
	}
	return g.DBias.check("dBias", len(g.DBias.Bias), g.DBias.Bias != nil, g.Attention)
}

// at is the offset of a token's first dim.
func (t *Tokens) at(batch, head, token int) int { return batch*t.Batch + head*t.Head + token*t.Token }

// at is the offset of a score.
func (b *Broadcast) at(batch, head, query, key int) int {
	return batch*b.Batch + head*b.Head + query*b.Query + key*b.Key
}

// lastKey is one past the last key that a query sees.
func (a *Attention) lastKey(query int) int {
	if !a.Causal {
		return a.Keys
	}
	return max(0, min(a.Keys, query+1+a.Keys-a.Queries))
}
