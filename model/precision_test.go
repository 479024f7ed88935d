package model

import (
	"math"
	"testing"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/frame"
)

// products counts the multiply-adds of a gradient's graph by the type of the operands: those of a network with its
// operands rounded as asked.
func products(t *testing.T, operands dtypes.DType) map[dtypes.DType]float64 {
	t.Helper()
	n, weights, names := testNet(t, field.Both(field.Periodic), field.Both(field.Wall))
	n.Operands = operands
	x, err := n.Geometry.Apply(random(1, n.Samples*n.Frames, 16, 16, 2), frame.Rolls{})
	if err != nil {
		t.Fatal(err)
	}
	encode, decode, err := n.Columns([]int{3, 5})
	if err != nil {
		t.Fatal(err)
	}
	arrays := append(append([]field.Array{x, encode, decode}, positions(n, frame.Rolls{})...), weights...)
	var inputs []engine.Input
	for i, a := range arrays {
		inputs = append(inputs, engine.Input{Name: string(rune('a' + i)), Shape: a.Shape})
	}
	e, err := engine.Open("go") // it has no fused attention, whose products are then in the graph
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	counts := map[dtypes.DType]float64{}
	p, err := e.Compile(t.Name(), inputs, func(in []*Node) []*Node {
		y := n.Forward(NewScope(byName(names, in[6:])), Inputs{X: in[0], Columns: in[1], Outputs: in[2], Positions: [3]*Node(in[3:6])})
		gradients := Gradient(ReduceAllSum(Square(y)), in[6:]...)
		for _, node := range in[0].Graph().Nodes() {
			if node.Type() != NodeTypeDotGeneral {
				continue
			}
			a, b := node.Inputs()[0].Shape(), node.Inputs()[1].Shape()
			if a.DType != b.DType {
				t.Errorf("a product of %s and %s", a, b)
			}
			counts[a.DType] += math.Sqrt(float64(a.Size()) * float64(b.Size()) * float64(node.Shape().Size())) // exact without batch axes
		}
		return gradients
	})
	if err != nil {
		t.Fatal(err)
	}
	p.Close()
	return counts
}

func TestNoProductOfRoundedOperandsIsWidenedInTheGradient(t *testing.T) {
	counts := products(t, dtypes.BFloat16)
	// What stays in float32 picks columns of the first and the last kernel by a matrix of zeros and ones.
	share := counts[dtypes.Float32] / counts[dtypes.BFloat16]
	t.Logf("float32 products are %.2g of the bfloat16 ones", share)
	if !(share < 0.01) {
		t.Errorf("the gradient has %.3g multiply-adds in float32, %.3g in bfloat16; expected next to none in float32", counts[dtypes.Float32], counts[dtypes.BFloat16])
	}
	if plain := products(t, dtypes.Float32); plain[dtypes.BFloat16] != 0 {
		t.Errorf("%.3g multiply-adds of a float32 gradient are in bfloat16", plain[dtypes.BFloat16])
	}
}
