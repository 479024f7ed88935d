package baseline

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gowalrus/walrus/model"
)

// depthwise is a cross-correlation of every channel with a kernel of its own, zeros around the grid. x is
// [samples, points..., channels], the kernel [extents..., 1, channels], its extents odd.
func depthwise(s *model.Scope, x *Node) *Node {
	w := s.Weight("weight")
	return addBias(s, depthwiseProduct(x, w))
}

// depthwiseProduct is the convolution with its gradient. GoMLX differentiates grouped convolutions one group at a time, which
// for a group a channel is hopeless; so the gradient is given here: with respect to x the convolution with the mirrored
// kernel, with respect to the kernel a convolution of the batch's channels.
func depthwiseProduct(x, w *Node) *Node {
	padded := surround(x, w)
	y := depthwiseValid(StopGradient(padded), StopGradient(w))
	// What follows carries gradients and no values: a zero whose adjoint is that of y, tied to x and w by one node.
	nx, nw, ny := x.Shape().Size(), w.Shape().Size(), y.Shape().Size()
	tie := Concatenate([]*Node{Reshape(x, nx), Reshape(w, nw), Zeros(x.Graph(), shapes.Make(x.DType(), ny))}, 0)
	tie = IdentityWithCustomGradient(tie, func(_, v *Node) *Node {
		dy := Reshape(Slice(v, AxisRange(nx+nw)), y.Shape().Dimensions...)
		dx := depthwiseValid(surround(dy, w), mirrored(w))
		dw := depthwiseKernel(padded, dy, w)
		return Concatenate([]*Node{Reshape(dx, nx), Reshape(dw, nw), Zeros(x.Graph(), shapes.Make(x.DType(), ny))}, 0)
	})
	return Add(y, Reshape(Slice(tie, AxisRange(nx+nw)), y.Shape().Dimensions...))
}

// surround puts zeros around the grid of x [samples, points..., channels], as far as a kernel [extents..., 1, channels] reaches.
func surround(x, w *Node) *Node {
	pads := make([]compute.PadAxis, x.Rank())
	for i, extent := range w.Shape().Dimensions[:w.Rank()-2] {
		pads[1+i] = compute.PadAxis{Start: extent / 2, End: extent / 2}
	}
	return Pad(x, ScalarZero(x.Graph(), x.DType()), pads...)
}

// mirrored is a kernel seen from its other end along every axis.
func mirrored(w *Node) *Node {
	axes := make([]int, w.Rank()-2)
	for i := range axes {
		axes[i] = i
	}
	return Reverse(w, axes...)
}

// depthwiseValid is the convolution without padding: each axis loses the kernel's extent less one.
func depthwiseValid(x, w *Node) *Node {
	return Convolve(x, w).NoPadding().ChannelGroupCount(x.Shape().Dimensions[x.Rank()-1]).Done()
}

// depthwiseKernel is the gradient with respect to the kernel: x, with zeros around it, correlated with dy channel by channel.
// In the terms of a convolution channels are a batch in groups of one, and samples are what is summed over.
func depthwiseKernel(x, dy, w *Node) *Node {
	spatial := make([]int, x.Rank()-2)
	kernel := make([]int, len(spatial))
	for i := range spatial {
		spatial[i], kernel[i] = 1+i, i
	}
	last := x.Rank() - 1
	axes := ConvolveAxesConfig{
		InputBatch: last, InputChannels: 0, InputSpatial: spatial,
		KernelInputChannels: 0, KernelOutputChannels: last, KernelSpatial: spatial,
		OutputBatch: last - 1, OutputChannels: last, OutputSpatial: kernel,
	}
	return Convolve(x, dy).AxesConfig(axes).NoPadding().BatchGroupCount(x.Shape().Dimensions[last]).Done()
}
