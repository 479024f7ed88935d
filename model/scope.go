package model

import (
	"fmt"
	"strconv"

	"github.com/gomlx/compute/dtypes"

	. "github.com/gomlx/gomlx/core/graph"
)

// Scope hands out the weights of a graph by their released names.
type Scope struct {
	prefix   string
	weights  map[string]*Node
	operands dtypes.DType // of matrix products; zero for float32
	lean     bool         // Net.Lean
	// loraScale is the factor on what LoRA adds.
	loraScale float64
	// recomputed says that the backward pass computes the whole block again.
	recomputed bool
}

// NewScope starts at the root of the state dict.
func NewScope(weights map[string]*Node) *Scope { return &Scope{weights: weights} }

// In enters a part of the network: In("blocks.0").In("space_mixing").
func (s *Scope) In(name string) *Scope {
	inner := *s
	inner.prefix += name + "."
	return &inner
}

// of is the same part as a network computes it: with the operands of its matrix products, lean or not.
func (s *Scope) of(n *Net) *Scope {
	c := *s
	c.operands, c.lean = n.Operands, n.Lean
	if n.LoRA.On() {
		c.loraScale = n.LoRA.Scale()
	}
	return &c
}

// block is a block of the network, which the backward pass may compute again as a whole.
func (s *Scope) block(i int, recomputed bool) *Scope {
	c := s.In("blocks").In(strconv.Itoa(i))
	c.recomputed = recomputed
	return c
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
