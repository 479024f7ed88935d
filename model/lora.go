package model

import (
	"fmt"
	"strings"

	. "github.com/gomlx/gomlx/core/graph"
)

// LoRA adds to matrices W [out, in] of the blocks, which are frozen, products of two small ones, which are trained:
// W + alpha/rank B A with A [rank, in] and B [out, rank] (Hu et al., 2021, arXiv:2106.09685, section 4.1). A begins as the
// weights of a fresh dense layer, B as zero, so that nothing changes before the first step. The zero value adds nothing.
type LoRA struct {
	Rank        int
	Alpha       float64
	Attention   bool // to queries, keys, values and the output of attention, in space and in time
	FeedForward bool // to both matrices of the gated feed-forward
}

// On reports whether anything is added.
func (l LoRA) On() bool { return l.Rank > 0 && (l.Attention || l.FeedForward) }

// Scale is the factor on B A: alpha / rank.
func (l LoRA) Scale() float64 { return l.Alpha / float64(l.Rank) }

// maxRank bounds the rank that is read from outside.
const maxRank = 1 << 12

// check reports settings without meaning.
func (l LoRA) check() error {
	if l.Rank < 0 || l.Rank > maxRank || l.On() && !(l.Alpha > 0) {
		return fmt.Errorf("model: LoRA of rank %d and alpha %v; expected a rank from 0 to %d and an alpha above 0", l.Rank, l.Alpha, maxRank)
	}
	return nil
}

// adaptable is a run of rows of a dense layer of a block that has matrices A and B of its own.
type adaptable struct {
	part        string // below the layer's name, with a dot behind it; empty for the whole layer
	from, to    int    // rows, in widths of a token
	feedForward bool
}

// adaptables lists those of a layer by its name; nil for a layer that nothing is added to. The fused layer of the space
// mixing holds feed-forward (value and gate) and attention (q, k, v), which are apart, since they can be chosen apart.
func adaptables(layer string) []adaptable {
	switch layer[strings.LastIndexByte(layer, '.')+1:] {
	case "fused_ff_qkv":
		return []adaptable{{"ff.", 0, 4, true}, {"qkv.", 4, 7, false}}
	case "ff_out":
		return []adaptable{{"", 0, 1, true}}
	case "input_head":
		return []adaptable{{"", 0, 3, false}}
	case "attn_out", "output_head":
		return []adaptable{{"", 0, 1, false}}
	}
	return nil
}

// The names of A and B below a layer, or below a part of it.
const downName, upName = "lora_A.weight", "lora_B.weight"

// IsLoRA reports whether a name is that of one of the small matrices.
func IsLoRA(name string) bool {
	return strings.HasSuffix(name, "."+downName) || strings.HasSuffix(name, "."+upName)
}

// LowRank is a product of two small matrices that is added to rows of a weight, by names of the state dict.
type LowRank struct {
	Weight, Down, Up string // W [out, in], A [rank, in], B [rows, rank]
	Row              int    // the first row of W that B A is added to
}

// LowRanks lists what LoRA adds to the network.
func (c Config) LowRanks() []LowRank {
	var list []LowRank
	if !c.LoRA.On() {
		return nil
	}
	for _, w := range c.Weights() {
		layer, isWeight := strings.CutSuffix(w.Name, ".weight")
		if !isWeight || IsLoRA(w.Name) {
			continue
		}
		for _, p := range c.adapted(layer) {
			in := layer + "." + p.part
			list = append(list, LowRank{Weight: w.Name, Down: in + downName, Up: in + upName, Row: p.from * c.Hidden})
		}
	}
	return list
}

// adapted are the parts of a layer that something is added to.
func (c Config) adapted(layer string) []adaptable {
	var list []adaptable
	if !c.LoRA.On() {
		return nil
	}
	for _, p := range adaptables(layer) {
		if p.feedForward && c.LoRA.FeedForward || !p.feedForward && c.LoRA.Attention {
			list = append(list, p)
		}
	}
	return list
}

// lowRankWeights adds the small matrices of a layer with so many inputs.
func (c Config) lowRankWeights(layer string, inputs int, add func(Weight)) {
	for _, p := range c.adapted(layer) {
		add(Weight{Name: layer + "." + p.part + downName, Shape: []int{c.LoRA.Rank, inputs}, law: fanIn(inputs)})
		add(Weight{Name: layer + "." + p.part + upName, Shape: []int{(p.to - p.from) * c.Hidden, c.LoRA.Rank}, law: law{kind: zeros}})
	}
}

// lowRank is what LoRA adds to the result of a dense layer with so many outputs, [.., outputs]; nil for nothing. The parts of
// a layer go through two products together: their A one below the other, their B side by side with zeros where the rows of
// another part are.
func lowRank(s *Scope, x *Node, outputs int) *Node {
	var downs, ups []*Node
	parts := adaptables(strings.TrimSuffix(s.prefix, "."))
	for _, p := range parts {
		down := s.Lookup(p.part + downName)
		if down == nil {
			continue
		}
		width := outputs / parts[len(parts)-1].to
		up := MulScalar(s.Weight(p.part+upName), s.loraScale)
		downs = append(downs, down)
		ups = append(ups, padZeros(up, 0, p.from*width, outputs-p.to*width))
	}
	if len(downs) == 0 {
		return nil
	}
	down, up := downs[0], ups[0]
	if len(downs) > 1 {
		down, up = Concatenate(downs, 0), Concatenate(ups, 1)
	}
	low := narrow(round(x, s.operands), round(down, s.operands), x.Rank()-1, 1, nil, nil) // [.., ranks]
	return narrow(low, round(up, s.operands), low.Rank()-1, 1, nil, nil)
}
