package baseline

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gowalrus/walrus/model"
)

// The U-Net of ConvNeXt blocks of The Well's benchmark (UNetConvNext; Ohana et al., arXiv 2412.00568): the blocks of Liu et
// al., "A ConvNet for the 2020s", CVPR 2022 (arXiv 2201.03545, figure 4), in place of a U-Net's pairs of convolutions.

const (
	depthwiseExtent = 7    // of the kernel of a block
	expansion       = 4    // of the channels between the two dense layers
	normEpsilon     = 1e-6 // of both norms
	layerScale      = 1e-6 // what a fresh block's branch is multiplied with
)

// cnextUNet has one block in the neck, Depth in every other stage. x is [samples, points..., In].
func (n *net) cnextUNet(s *model.Scope, x *Node) *Node {
	x = convolution(s.In("in_proj"), x)
	var down []*Node
	for i := range halvings {
		stage := s.In(fmt.Sprintf("encoder.%d", i))
		down = append(down, x)
		x = halve(stage.In("resample.block.1"), unitNorm(stage.In("resample.block.0"), n.blocks(stage, x, n.Depth)))
	}
	x = n.blocks(s.In("neck"), x, 1)
	for i := range halvings {
		stage := s.In(fmt.Sprintf("decoder.%d", i))
		if i > 0 {
			x = convolution(stage.In("skip_proj"), Concatenate([]*Node{x, down[halvings-i]}, -1))
		}
		x = double(stage.In("resample.block.1"), unitNorm(stage.In("resample.block.0"), n.blocks(stage, x, n.Depth)))
	}
	return convolution(s.In("out_proj"), x)
}

func (n *net) blocks(s *model.Scope, x *Node, count int) *Node {
	for i := range count {
		x = n.convNeXt(s.In(fmt.Sprintf("blocks.%d", i)), x)
	}
	return x
}

// convNeXt mixes space by a depthwise convolution, then channels by two dense layers, beside a residual path.
func (n *net) convNeXt(s *model.Scope, x *Node) *Node {
	y := depthwise(s.In("dwconv"), x)
	y = layerNorm(s.In("norm"), y)
	y = dense(s.In("pwconv2"), gelu(dense(s.In("pwconv1"), y)))
	return Add(x, Mul(y, alongLast(s.Weight("gamma"), y.Rank())))
}

// layerNorm brings the channels of every point to mean 0 and variance 1, then scales and shifts.
func layerNorm(s *model.Scope, x *Node) *Node {
	centred := Sub(x, ReduceAndKeep(x, ReduceMean, -1))
	variance := ReduceAndKeep(Square(centred), ReduceMean, -1)
	y := Div(centred, Sqrt(AddScalar(variance, normEpsilon)))
	return Add(Mul(y, alongLast(s.Weight("weight"), x.Rank())), alongLast(s.Weight("bias"), x.Rank()))
}

// unitNorm divides the channels of every point by their Euclidean norm, then scales: what the benchmark's layer norm of
// channels that come first is. It has a bias that it does not use.
func unitNorm(s *model.Scope, x *Node) *Node {
	squares := ReduceAndKeep(Square(x), ReduceSum, -1)
	norm := Sqrt(Max(squares, Scalar(x.Graph(), x.DType(), normEpsilon*normEpsilon))) // at least epsilon, with a finite gradient at 0
	return Mul(Div(x, norm), alongLast(s.Weight("weight"), x.Rank()))
}

// cnextUNet lists the weights.
func (l *list) cnextUNet() {
	c := l.config
	l.convolution("in_proj", 3, c.In, c.Width, true)
	for i := range halvings {
		width := c.Width << i
		l.stage(fmt.Sprintf("encoder.%d", i), width, c.Depth)
		l.unitNorm(fmt.Sprintf("encoder.%d.resample.block.0", i), width)
		l.convolution(fmt.Sprintf("encoder.%d.resample.block.1", i), 2, width, 2*width, true)
	}
	l.stage("neck", c.Width<<halvings, 1)
	for i := range halvings {
		width := c.Width << (halvings - i)
		if i > 0 {
			l.convolution(fmt.Sprintf("decoder.%d.skip_proj", i), 1, 2*width, width, true)
		}
		l.stage(fmt.Sprintf("decoder.%d", i), width, c.Depth)
		l.unitNorm(fmt.Sprintf("decoder.%d.resample.block.0", i), width)
		l.transposed(fmt.Sprintf("decoder.%d.resample.block.1", i), 2, width, width/2)
	}
	l.convolution("out_proj", 3, c.Width, c.Out, true)
}

func (l *list) stage(name string, width, blocks int) {
	for i := range blocks {
		in := fmt.Sprintf("%s.blocks.%d.", name, i)
		l.add(model.FreshConstant(in+"gamma", layerScale, width))
		l.convolution(in+"dwconv", depthwiseExtent, 1, width, true)
		l.add(model.FreshOnes(in+"norm.weight", width))
		l.add(model.FreshZeros(in+"norm.bias", width))
		l.dense(in+"pwconv1", width, expansion*width, true)
		l.dense(in+"pwconv2", expansion*width, width, true)
	}
}

// unitNorm lists the weights of a norm, and the bias that the benchmark's class has and does not use.
func (l *list) unitNorm(name string, width int) {
	l.add(model.FreshOnes(name+".weight", width))
	unused := model.FreshZeros(name+".bias", width)
	unused.Buffer = true
	l.add(unused)
}
