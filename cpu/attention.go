package cpu

import (
	"fmt"

	"github.com/gowalrus/walrus/cpu/kernel"
)

// tokensOf returns l as an operand of attention; it is copied when the dims of a head do not follow each other.
func (p *program) tokensOf(l located) located {
	l = p.positive(l)
	if l.v.strides[3] != 1 && l.v.dims[3] != 1 {
		return p.copied(l)
	}
	return l
}

// tokens binds an operand to memory.
func (a attentionShape) tokens(x *execution, l located) kernel.Tokens {
	return kernel.Tokens{Data: x.float32s(l), Batch: l.v.strides[0], Token: l.v.strides[a.layout.SeqAxis()], Head: l.v.strides[a.layout.HeadsAxis()]}
}

// bind returns the kernel's description of the operation. operands are query, key, value and maybe bias.
func (a attentionShape) bind(x *execution, operands []located, out, state located) *kernel.Attention {
	q, k := operands[0].v.dims, operands[1].v.dims
	seq, heads := a.layout.SeqAxis(), a.layout.HeadsAxis()
	t := &kernel.Attention{Batch: q[0], Heads: q[heads], Queries: q[seq], Keys: k[seq], Dim: q[3], Scale: float32(a.scale), Round: a.round, Causal: a.causal,
		Q: a.tokens(x, operands[0]), K: a.tokens(x, operands[1]), V: a.tokens(x, operands[2]), Out: a.tokens(x, out), LogSumExp: x.float32s(state)}
	if a.bias {
		b := operands[3]
		t.Bias = kernel.Broadcast{Bias: x.float32s(b), Batch: b.v.strides[0], Head: b.v.strides[1], Query: b.v.strides[2], Key: b.v.strides[3]}
	}
	return t
}

// flops counts the two products of the forward pass.
func (a attentionShape) flops(operands []located) float64 {
	q := operands[0].v
	return 4 * float64(q.size()) * float64(operands[1].v.dims[a.layout.SeqAxis()])
}

func (a attentionShape) arrange(p *program, in []located) []located {
	operands := make([]located, len(in))
	for i, l := range in {
		if i == 3 && a.bias {
			operands[i] = p.positive(l)
		} else {
			operands[i] = p.tokensOf(l)
		}
	}
	return operands
}

func (p *program) lowerAttention(x *instr, in []located) {
	a := x.attr.(attentionShape)
	operands := a.arrange(p, in)
	out, state := p.destination(x.out[0]), p.fresh(x.out[1])
	p.addOpaque(&opaqueOp{kind: fmt.Sprintf("attention %v", operands[0].v.dims), reads: operands, out: []*storage{out.s, state.s}, flops: a.flops(operands),
		run: func(e *execution) error {
			return e.backend().kernels.Attention(e.backend().pool, a.bind(e, operands, out, state))
		}})
}

func (p *program) lowerAttentionGradient(x *instr, in []located) {
	a := x.attr.(attentionShape)
	n := len(in) - 3
	operands := a.arrange(p, in[:n])
	out, state, dOut := p.tokensOf(in[n]), p.dense(in[n+1]), p.tokensOf(in[n+2])
	var grads [3]located
	var storages []*storage
	for i := range grads {
		grads[i] = p.destination(x.out[i])
		storages = append(storages, grads[i].s)
	}
	reads := append(operands[:n:n], out, state, dOut)
	p.addOpaque(&opaqueOp{kind: fmt.Sprintf("attention gradient %v", operands[0].v.dims), reads: reads, out: storages, flops: 2.5 * a.flops(operands),
		run: func(e *execution) error {
			g := &kernel.AttentionGrad{Attention: a.bind(e, operands, out, state), DOut: a.tokens(e, dOut),
				DQ: a.tokens(e, grads[0]), DK: a.tokens(e, grads[1]), DV: a.tokens(e, grads[2])}
			return e.backend().kernels.AttentionGrad(e.backend().pool, g)
		}})
}
