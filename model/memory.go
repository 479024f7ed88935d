package model

import "github.com/gowalrus/walrus/frame"

// WorkingBytes estimates the memory for intermediate values of one pass over data with the given number of channels: the
// values that the backward pass needs (training), or those alive at once in a forward pass. Chains of elementwise
// operations count as one value, as a compiler fuses them. fused says that attention over space makes no matrix of
// tokens x tokens; otherwise one block at a time holds it.
func (n *Net) WorkingBytes(channels int, training, fused bool) int64 {
	grid := n.Geometry.Tokens()
	tokens := int64(grid[0]) * int64(grid[1]) * int64(grid[2])
	frames, hidden := int64(n.Samples)*int64(n.Frames), int64(n.Hidden)
	const wide = 4         // bytes of float32
	operand := int64(wide) // only a lean network stores rounded operands
	if n.Lean {
		operand = 2
	}
	// Per token, time: the branch's input, its norm, q k v, their norms, the weighted values; space: the same with the
	// gated feed-forward's 4 hidden and its product, 2 hidden, and rotated q and k.
	residual := 2 * wide * hidden
	operands := operand * hidden * (1 + 3 + 2 + 1 + 1 + 7 + 4 + 1 + 2)
	matrices := 2 * operand * int64(n.Heads) * int64(n.Frames)
	block := frames * tokens * (residual + operands + matrices)
	if training && n.Lean { // time: q k v; space: what the fused layer gives, rotated q and k, the weighted values in two orders
		block = frames * tokens * (residual + operand*hidden*(3+7+2+2))
	}
	var scores int64
	if !fused {
		scores = frames * tokens * tokens * int64(n.Heads) * wide
	}
	if !training {
		return max(block+2*scores, n.endBytes(channels, operand)) // before and after softmax
	}
	kept, recomputed := int64(n.Blocks), int64(0)
	if n.Recompute > 0 {
		recomputed = (kept + int64(n.Recompute) - 1) / int64(n.Recompute)
		kept -= recomputed
	}
	total := 3*scores + kept*block + recomputed*frames*tokens*wide*hidden + n.endBytes(channels, operand)
	if recomputed > 0 {
		total += block // the one that is being recomputed
	}
	return total
}

// endBytes estimates the intermediate values of the encoder and the decoder: patches, what comes of them, its norm.
func (n *Net) endBytes(channels int, operand int64) int64 {
	points, middle, tokens := int64(1), int64(1), int64(1)
	patch := [2]int64{1, 1} // points under the two kernels
	padded := n.Geometry.Padded()
	for i, a := range n.Geometry.Axes {
		points *= int64(padded[i])
		middle *= int64(a.AfterConv1)
		tokens *= int64(n.Geometry.Tokens()[i])
		if a.Real {
			patch[0] *= frame.Kernel1
			patch[1] *= frame.Kernel2
		}
	}
	const values, wide = 3, 4
	inputs := int64(channels) + frame.FlagChannels
	perFrame := operand*(middle*patch[0]*(inputs+int64(channels))+2*tokens*patch[1]*int64(n.Inner)) +
		wide*values*(2*middle*int64(n.Inner)+2*tokens*int64(n.Hidden)+points*inputs)
	return int64(n.Samples) * int64(n.Frames) * perFrame
}
