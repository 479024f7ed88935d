package model

import (
	"fmt"

	"github.com/gomlx/compute/dtypes"

	. "github.com/gomlx/gomlx/core/graph"
)

// Scope hands out the weights of a graph by their released names.
type Scope struct {
	prefix   string
	weights  map[string]*Node
	operands dtypes.DType // of matrix products; zero for float32
}

// NewScope starts at the root of the state dict.
func NewScope(weights map[string]*Node) *Scope { return &Scope{weights: weights} }

// In enters a part of the network: In("blocks.0").In("space_mixing").
func (s *Scope) In(name string) *Scope {
	inner := *s
	inner.prefix += name + "."
	return &inner
}

// rounding is the same part with the operands of matrix products rounded to a type.
func (s *Scope) rounding(operands dtypes.DType) *Scope {
	rounded := *s
	rounded.operands = operands
	return &rounded
}

// Weight returns the tensor of that name in this part, in float32 however it is stored. It panics (a graph-building
// error) if there is none.
func (s *Scope) Weight(name string) *Node {
	w := s.Lookup(name)
	if w == nil {
		panic(fmt.Errorf("model: no weight %s%s", s.prefix, name))
	}
	return w
}

// operand is a weight as an operand of a matrix product: of the type of the products, however it is stored.
func (s *Scope) operand(name string) *Node {
	if w := s.weights[s.prefix+name]; w != nil && w.DType() == s.operands {
		return w
	}
	return round(s.Weight(name), s.operands)
}

// Lookup is Weight for a tensor that may be missing: nil then.
func (s *Scope) Lookup(name string) *Node {
	w := s.weights[s.prefix+name]
	if w != nil && w.DType() != computeType {
		w = ConvertDType(w, computeType)
	}
	return w
}
