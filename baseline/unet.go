package baseline

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gowalrus/walrus/model"
)

// The U-Net of Ronneberger, Fischer and Brox, "U-Net: Convolutional networks for biomedical image segmentation", MICCAI 2015
// (arXiv 1505.04597), as PDEBench (Takamoto et al., arXiv 2210.07182) and The Well's UNetClassic have it: convolutions that
// keep the grid, batch norm, tanh. Figure 1 of the paper is the picture of this file.

// halvings is how often a U-Net halves its grid, and halved the number of points that become one.
const (
	halvings = 4
	halved   = 1 << halvings
)

// unet goes down the left side of the U, and up the right one beside what it was on the way down.
// x is [samples, points..., In].
func (n *net) unet(s *model.Scope, x *Node) *Node {
	var down []*Node
	for level := range halvings {
		x = n.unetBlock(s.In(fmt.Sprintf("encoder%d", level+1)), fmt.Sprintf("enc%d", level+1), x)
		down = append(down, x)
		x = largest(x)
	}
	x = n.unetBlock(s.In("bottleneck"), "bottleneck", x)
	for level := halvings; level > 0; level-- {
		x = double(s.In(fmt.Sprintf("upconv%d", level)), x)
		x = Concatenate([]*Node{x, down[level-1]}, -1)
		x = n.unetBlock(s.In(fmt.Sprintf("decoder%d", level)), fmt.Sprintf("dec%d", level), x)
	}
	return convolution(s.In("conv"), x)
}

// unetBlock is twice a convolution of extent 3, batch norm and tanh.
func (n *net) unetBlock(s *model.Scope, name string, x *Node) *Node {
	for i := 1; i <= 2; i++ {
		x = convolution(s.In(fmt.Sprintf("%sconv%d", name, i)), x)
		x = Tanh(n.batchNorm(s.In(fmt.Sprintf("%snorm%d", name, i)), x))
	}
	return x
}

// unet lists the weights.
func (l *list) unet() {
	c := l.config
	in := c.In
	for level := range halvings {
		out := c.Width << level
		l.unetBlock(fmt.Sprintf("encoder%d.enc%d", level+1, level+1), in, out)
		in = out
	}
	l.unetBlock("bottleneck.bottleneck", in, c.Width<<halvings)
	for level := halvings; level > 0; level-- {
		width := c.Width << (level - 1)
		l.transposed(fmt.Sprintf("upconv%d", level), 2, 2*width, width)
		l.unetBlock(fmt.Sprintf("decoder%d.dec%d", level, level), 2*width, width)
	}
	l.transposed("conv", 1, c.Width, c.Out)
}

func (l *list) unetBlock(name string, in, out int) {
	for i := 1; i <= 2; i++ {
		l.convolution(fmt.Sprintf("%sconv%d", name, i), 3, in, out, false)
		l.batchNorm(fmt.Sprintf("%snorm%d", name, i), out)
		in = out
	}
}
