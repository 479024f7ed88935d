package cpu

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

// supported lists the operations of this backend.
var supported = []compute.OpType{
	compute.OpTypeParameter, compute.OpTypeConstant, compute.OpTypeIdentity,
	compute.OpTypeAbs, compute.OpTypeBitCount, compute.OpTypeBitwiseNot, compute.OpTypeCeil, compute.OpTypeClz, compute.OpTypeCos,
	compute.OpTypeErf, compute.OpTypeExp, compute.OpTypeExpm1, compute.OpTypeFloor, compute.OpTypeIsFinite, compute.OpTypeIsNaN,
	compute.OpTypeLog, compute.OpTypeLog1p, compute.OpTypeLogicalNot, compute.OpTypeLogistic, compute.OpTypeNeg, compute.OpTypeRound,
	compute.OpTypeRsqrt, compute.OpTypeSign, compute.OpTypeSin, compute.OpTypeSqrt, compute.OpTypeTanh,
	compute.OpTypeAdd, compute.OpTypeAtan2, compute.OpTypeBitwiseAnd, compute.OpTypeBitwiseOr, compute.OpTypeBitwiseXor, compute.OpTypeDiv,
	compute.OpTypeLogicalAnd, compute.OpTypeLogicalOr, compute.OpTypeLogicalXor, compute.OpTypeMax, compute.OpTypeMin, compute.OpTypeMul,
	compute.OpTypePow, compute.OpTypeRem, compute.OpTypeSub, compute.OpTypeShiftLeft, compute.OpTypeShiftRightArithmetic,
	compute.OpTypeShiftRightLogical,
	compute.OpTypeEqual, compute.OpTypeNotEqual, compute.OpTypeGreaterOrEqual, compute.OpTypeGreaterThan, compute.OpTypeLessOrEqual,
	compute.OpTypeLessThan,
	compute.OpTypeWhere, compute.OpTypeClamp, compute.OpTypeConvertDType, compute.OpTypeBitcast,
	compute.OpTypeReshape, compute.OpTypeTranspose, compute.OpTypeBroadcastInDim, compute.OpTypeSlice, compute.OpTypeReverse,
	compute.OpTypeConcatenate, compute.OpTypePad, compute.OpTypeIota, compute.OpTypeGather, compute.OpTypeScatterSum,
	compute.OpTypeScatterMax, compute.OpTypeScatterMin, compute.OpTypeDynamicSlice, compute.OpTypeDynamicUpdateSlice,
	compute.OpTypeReduceSum, compute.OpTypeReduceProduct, compute.OpTypeReduceMax, compute.OpTypeReduceMin,
	compute.OpTypeReduceBitwiseAnd, compute.OpTypeReduceBitwiseOr, compute.OpTypeReduceBitwiseXor,
	compute.OpTypeReduceLogicalAnd, compute.OpTypeReduceLogicalOr, compute.OpTypeReduceLogicalXor,
	compute.OpTypeArgMinMax, compute.OpTypeRNGBitGenerator,
	compute.OpTypeDot, compute.OpTypeDotGeneral, compute.OpTypeConvGeneral,
	compute.OpTypeOptimizationBarrier, compute.OpTypeSchedulingBarrier,
	compute.OpTypeCall, compute.OpTypeIf, compute.OpTypeWhile, compute.OpTypeSort,
	compute.OpTypeFusedSoftmax, compute.OpTypeFusedLayerNorm, compute.OpTypeFusedGelu, compute.OpTypeFusedDense,
	compute.OpTypeFusedScaledDotProductAttention, compute.OpTypeFusedScaledDotProductAttentionVJP,
}

// Capabilities lists the operations and data types of this backend. All dimensions must be known when a graph is built.
func (b *Backend) Capabilities() compute.Capabilities {
	c := compute.Capabilities{Functions: true, Operations: make(map[compute.OpType]bool), DTypes: make(map[dtypes.DType]bool)}
	for _, op := range supported {
		c.Operations[op] = true
	}
	if b.NumDevices() > 1 {
		c.Operations[compute.OpTypeAllReduce] = true
	}
	for _, t := range storableTypes {
		c.DTypes[t] = true
	}
	return c
}
