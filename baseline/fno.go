package baseline

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gowalrus/walrus/model"
)

// The Fourier neural operator of Li et al., "Fourier neural operator for parametric partial differential equations", ICLR 2021
// (arXiv 2010.08895), as The Well's FNO takes it from neuraloperator 0.3.0: dense layers to and from a wider space, between
// them layers that multiply the lowest Fourier modes with a matrix of their own each (figure 2 of the paper).

// lifted is the number of channels between the two dense layers at either end.
const lifted = 256

// fno is the operator P (W_L + K_L) ... (W_1 + K_1) Q of the paper, with GELU between. x is [samples, points..., In].
func (n *net) fno(s *model.Scope, x *Node) *Node {
	x = n.twoLayers(s.In("lifting"), x)
	layers := s.In("fno_blocks")
	f := newFourier(x.Graph(), x.DType(), x.Shape().Dimensions[1:1+n.Dimensions], n.Modes)
	for i := range n.Depth {
		global := f.convolve(x, layers.Weight(fmt.Sprintf("convs.weight.%d", i)))
		global = Add(global, alongLast(layers.Weight(fmt.Sprintf("convs.bias.%d", i)), x.Rank()))
		x = Add(global, dense(layers.In(fmt.Sprintf("fno_skips.%d", i)), x))
		if i < n.Depth-1 {
			x = gelu(x)
		}
	}
	return n.twoLayers(s.In("projection"), x)
}

// twoLayers are two dense layers with GELU between.
func (n *net) twoLayers(s *model.Scope, x *Node) *Node {
	return dense(s.In("fcs.1"), gelu(dense(s.In("fcs.0"), x)))
}

// fno lists the weights.
func (l *list) fno() {
	c := l.config
	l.dense("lifting.fcs.0", c.In, lifted, true)
	l.dense("lifting.fcs.1", lifted, c.Width, true)
	modes := make([]int, 0, c.Dimensions+3)
	for range c.Dimensions - 1 {
		modes = append(modes, c.Modes)
	}
	modes = append(modes, c.Modes/2+1) // those below 0 along the last axis follow, since fields are real
	for i := range c.Depth {
		l.add(model.FreshNormal(fmt.Sprintf("fno_blocks.convs.weight.%d", i), spectralWidth(c.Width), append(modes[:c.Dimensions:c.Dimensions], c.Width, 2, c.Width)...))
		l.add(model.FreshNormal(fmt.Sprintf("fno_blocks.convs.bias.%d", i), spectralWidth(c.Width), c.Width))
		l.dense(fmt.Sprintf("fno_blocks.fno_skips.%d", i), c.Width, c.Width, false)
	}
	l.dense("projection.fcs.0", c.Width, lifted, true)
	l.dense("projection.fcs.1", lifted, c.Out, true)
}
