package model

// Operations is the number of floating-point operations of the matrix products in one forward pass, a multiplication and
// an addition counted as two. Norms, activations and softmax are not counted; a training step does three times as many,
// and once more those of the blocks it recomputes.
func (n *Net) Operations(channels int) (forward, recomputed float64) {
	g := n.Geometry
	grid := g.Tokens()
	tokens := float64(grid[0] * grid[1] * grid[2])
	frames := float64(n.Samples * n.Frames)
	hidden := float64(n.Hidden)
	const linear = 3 + 1 + 7 + 2 + 1 // hidden^2 a token: input and output head, fused projection, ff_out, attn_out
	block := frames * tokens * (linear*hidden*hidden + 2*hidden*(tokens+float64(n.Frames)))
	kernel, middle := [2]float64{1, 1}, 1.0
	for _, a := range g.Axes {
		if a.Real {
			kernel[0] *= 8
			kernel[1] *= 4
		}
		middle *= float64(a.AfterConv1)
	}
	inner := float64(n.Inner)
	ends := 2 * frames * (middle*kernel[0]*float64(channels)*inner + tokens*kernel[1]*inner*hidden)
	blocks := float64(n.Blocks)
	if n.Recompute > 0 {
		recomputed = 2 * block * float64((n.Blocks+n.Recompute-1)/n.Recompute)
	}
	return 2 * (block*blocks + ends), recomputed
}
