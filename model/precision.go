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
