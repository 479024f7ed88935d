package model

import (
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
)

// round rounds an operand of a matrix product to the type of the products (Net.Operands); zero leaves it as it is.
func round(x *Node, operands dtypes.DType) *Node {
	if operands == dtypes.InvalidDType || x.DType() == operands {
		return x
	}
	return ConvertDType(x, operands)
}

// widen brings the result of a matrix product back to the type of everything else.
func widen(x *Node) *Node { return round(x, computeType) }

// again marks where the backward pass of a lean network begins to compute again, up to the next result of a product, instead
// of keeping values. In a block that is recomputed as a whole, and in a network that is not lean, it is x.
func (s *Scope) again(x *Node) *Node {
	if s.lean && !s.recomputed {
		return x.Checkpoint()
	}
	return x
}

// kept ends what again began: y, the result of a product, is kept for the backward pass.
func (s *Scope) kept(y *Node) *Node {
	if s.lean && !s.recomputed {
		return y.StopCheckpoint()
	}
	return y
}

// product is the matrix product of rounded operands in float32: the given axes of x and w are contracted.
func product(x, w *Node, axisX, axisW int) *Node { return batched(x, w, axisX, axisW, nil, nil) }

// batched is product with batch axes; the result is [batch axes, what is left of x, what is left of y]. Its gradient
// consists of products of rounded operands too: with a type for the accumulator, which Dot would set, GoMLX widens the
// operands of the gradient to that type, and two thirds of a training step would be products of float32. Every engine adds
// up in float32 all the same.
func batched(x, y *Node, axisX, axisY int, batchX, batchY []int) *Node {
	return widen(narrow(x, y, axisX, axisY, batchX, batchY))
}

// narrow is batched with the result in the operands' type.
func narrow(x, y *Node, axisX, axisY int, batchX, batchY []int) *Node {
	return Dot(x, y).WithAccumulatorDType(dtypes.InvalidDType).General([]int{axisX}, batchX, []int{axisY}, batchY)
}
