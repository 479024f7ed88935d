package cpu

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
)

// A network in bfloat16 rounds the operands of its products and widens their results. Conversions that are carried out cost more
// passes over memory than a product saves, so a product takes what was rounded and rounds it itself, while it packs its operands
// and where that pays on this machine; its result, a sum in float32, is handed on as it is. XLA does the same
// (xla_allow_excess_precision). Conversions between other operations are carried out to the letter.

// mayRound tells whether x is a product that may round its operands.
func mayRound(x *instr) bool {
	switch attr := x.attr.(type) {
	case dotAxes:
		return attr.round
	case convolution:
		return attr.round
	case attentionShape:
		return attr.round
	}
	return false
}

// rearranges are the operations that keep values as they are.
var rearranges = map[compute.OpType]bool{
	compute.OpTypeReshape: true, compute.OpTypeTranspose: true, compute.OpTypeSlice: true, compute.OpTypeBroadcastInDim: true,
	compute.OpTypeReverse: true, compute.OpTypeConcatenate: true,
}

// beforeRounding is v in float32 as it was before it was rounded to bfloat16, rearranged as v is; v itself if it was not.
func (s *simplifier) beforeRounding(v *value) *value {
	d := s.defined[v]
	if d == nil {
		return v
	}
	from, to := dtypes.Float32, v.shape.DType
	switch {
	case d.op == compute.OpTypeConvertDType && d.in[0].shape.DType == from && to == dtypes.BFloat16:
		return d.in[0]
	case d.op == compute.OpTypeConvertDType && d.in[0].shape.DType == dtypes.BFloat16 && to == from:
		if y := s.beforeRounding(d.in[0]); y != d.in[0] {
			return y
		}
		return v
	case !rearranges[d.op] || to != dtypes.BFloat16 && to != from:
		return v
	}
	in := make([]*value, len(d.in))
	for i, part := range d.in {
		if in[i] = s.beforeRounding(part); in[i] == part {
			return v
		}
	}
	shape := v.shape.Clone()
	shape.DType = from
	return s.emit(d.op, []shapes.Shape{shape}, d.attr, nil, in...).out[0]
}

// isProduct tells whether v is the result of a product that may round, rearranged or not.
func (s *simplifier) isProduct(v *value) bool {
	d := s.defined[v]
	if d != nil && rearranges[d.op] && len(d.in) == 1 {
		return s.isProduct(d.in[0])
	}
	return d != nil && mayRound(d)
}
