package model

import (
	"context"
	"math"
	"testing"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/frame"
)

// gradientGraph compiles the gradient of a network's output squared, with its operands rounded as asked, and runs it. It
// returns the multiply-adds in the graph by the type of the operands, and all gradients as one vector.
func gradientGraph(t *testing.T, operands dtypes.DType, lean bool, recompute int) (counts map[dtypes.DType]float64, values []float32) {
	t.Helper()
	n, weights, names := testNet(t, field.Both(field.Periodic), field.Both(field.Wall))
	n.Operands, n.Lean, n.Recompute = operands, lean, recompute
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
	counts = map[dtypes.DType]float64{}
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
	defer p.Close()
	var given []*engine.Value
	for _, a := range arrays {
		v, err := e.Upload(a)
		if err != nil {
			t.Fatal(err)
		}
		given = append(given, v)
	}
	out, err := p.Run(context.Background(), given, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range out {
		if err := v.Read(func(flat []float32) error { values = append(values, flat...); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	return counts, values
}

func TestNoProductOfRoundedOperandsIsWidenedInTheGradient(t *testing.T) {
	for _, lean := range []bool{false, true} {
		counts, _ := gradientGraph(t, dtypes.BFloat16, lean, 0)
		// What stays in float32 picks columns of the first and the last kernel by a matrix of zeros and ones.
		share := counts[dtypes.Float32] / counts[dtypes.BFloat16]
		t.Logf("lean %v: float32 products are %.2g of the bfloat16 ones", lean, share)
		if !(share < 0.01) {
			t.Errorf("lean %v: the gradient has %.3g multiply-adds in float32, %.3g in bfloat16; expected next to none in float32", lean, counts[dtypes.Float32], counts[dtypes.BFloat16])
		}
	}
	if plain, _ := gradientGraph(t, dtypes.Float32, false, 0); plain[dtypes.BFloat16] != 0 {
		t.Errorf("%.3g multiply-adds of a float32 gradient are in bfloat16", plain[dtypes.BFloat16])
	}
}

func TestALeanNetworkHasTheSameGradients(t *testing.T) {
	_, want := gradientGraph(t, dtypes.Float32, false, 0)
	distance := func(got []float32) float64 {
		var off, size float64
		for i := range want {
			off += math.Pow(float64(got[i]-want[i]), 2)
			size += math.Pow(float64(want[i]), 2)
		}
		return math.Sqrt(off / size)
	}
	plainProducts, plain := gradientGraph(t, dtypes.BFloat16, false, 0)
	for _, recompute := range []int{0, 1} {
		counts, lean := gradientGraph(t, dtypes.BFloat16, true, recompute)
		a, b := distance(plain), distance(lean)
		t.Logf("recompute %d: gradients in bf16 are off by %.3g, lean by %.3g", recompute, a, b)
		if !(b < 1.5*a) {
			t.Errorf("recompute %d: gradients of a lean network are off by %.3g of their norm, %.3g if everything is kept", recompute, b, a)
		}
		// Norms and gates are computed again, dense layers are not: what is added are the products of attention over time,
		// which weigh more here than in a large network. All dense layers once more would be a third.
		if more := counts[dtypes.BFloat16] / plainProducts[dtypes.BFloat16]; recompute == 0 && more > 1.3 {
			t.Errorf("a lean network has %.3g times the multiply-adds: dense layers are computed again", more)
		}
	}
	// Without rounding a lean network only computes again; what is added up is added up in another order.
	if _, again := gradientGraph(t, dtypes.Float32, true, 0); !(distance(again) < 1e-6) {
		t.Errorf("gradients of a lean network in float32 are off by %.3g of their norm", distance(again))
	}
}
