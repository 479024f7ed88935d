package train

import (
	"context"
	"fmt"
	"math"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/model"
	"github.com/gowalrus/walrus/network"
)

// Optimizer is the setting of AdamW with clipping by the global norm (spec 4).
type Optimizer struct {
	WeightDecay float64 `yaml:"weight_decay"` // of every weight, norms and biases included
	Epsilon     float64 `yaml:"epsilon"`      // added to the root of the second moment
	Beta1       float64 `yaml:"beta1"`        // memory of the first moment
	Beta2       float64 `yaml:"beta2"`        // memory of the second moment
	Clip        float64 `yaml:"clip"`         // largest norm of the gradient; 0 for no limit
}

// ReleasedOptimizer is the setting of the released model.
func ReleasedOptimizer() Optimizer {
	return Optimizer{WeightDecay: 1e-4, Epsilon: 1e-10, Beta1: 0.9, Beta2: 0.999, Clip: 10}
}

// clipEpsilon keeps the clipping factor finite at a zero gradient (PyTorch's value).
const clipEpsilon = 1e-6

// update is the compiled AdamW step of one list of weights.
type update struct {
	weights []model.Weight
	program *engine.Program
}

// compileUpdate builds the step. Its inputs are two scalars (the decay factor and the step's clip), one pair of bias
// corrections a weight, then gradients, weights and both moments; its outputs the norm before clipping, then the new
// weights and moments. On several devices the gradients are what each has contributed; they are added up here, once a step
// however many batches it has, and every device makes the same step.
func compileUpdate(e *engine.Engine, weights []model.Weight, o Optimizer) (*update, error) {
	n := len(weights)
	inputs := []engine.Input{{Name: "decay", Shape: []int{1}}, {Name: "corrections", Shape: []int{n, 2}}}
	for k, kind := range []string{"gradient", "weight", "first moment", "second moment"} {
		for i, w := range weights {
			in := engine.Input{Name: kind + " of " + w.Name, Shape: w.Shape}
			if k > 0 {
				in.Into = 1 + 1 + (k-1)*n + i // what replaces it, after the norm
			}
			inputs = append(inputs, in)
		}
	}
	program, err := e.CompileParallel("adamw", inputs, func(in []*Node) []*Node {
		decay, corrections := in[0], in[1]
		gradients, values, firsts, seconds := in[2:2+n], in[2+n:2+2*n], in[2+2*n:2+3*n], in[2+3*n:]
		gradients = engine.SumOverDevices(gradients)
		norm := globalNorm(gradients)
		clip := ScalarOne(norm.Graph(), norm.DType())
		if o.Clip > 0 {
			limit := Div(Scalar(norm.Graph(), norm.DType(), o.Clip), AddScalar(norm, clipEpsilon))
			clip = Min(clip, limit)
		}
		out := make([]*Node, 1+3*n)
		out[0] = norm
		for i := range n {
			g := Mul(gradients[i], clip)
			first := Add(MulScalar(firsts[i], o.Beta1), MulScalar(g, 1-o.Beta1))
			second := Add(MulScalar(seconds[i], o.Beta2), MulScalar(Square(g), 1-o.Beta2))
			rate := Reshape(Slice(corrections, AxisElem(i), AxisElem(0)))
			root := Reshape(Slice(corrections, AxisElem(i), AxisElem(1)))
			step := Div(Mul(first, rate), AddScalar(Div(Sqrt(second), root), o.Epsilon))
			out[1+i] = Sub(Mul(values[i], Reshape(decay)), step)
			out[1+n+i], out[1+2*n+i] = first, second
		}
		return out
	})
	return &update{weights: weights, program: program}, err
}

// globalNorm is the Euclidean norm over all tensors together.
func globalNorm(list []*Node) *Node {
	var sum *Node
	for _, x := range list {
		s := ReduceAllSum(Square(x))
		if sum == nil {
			sum = s
		} else {
			sum = Add(sum, s)
		}
	}
	return Sqrt(sum)
}

// Moments are the optimizer's memory of one weight: both moments on the engine and the number of steps taken.
type Moments struct {
	First, Second *engine.Value
	Steps         int
}

// apply makes one step with the given gradients, which are used up. A weight without a gradient is not in the list: it
// neither decays nor counts the step (spec 4).
func (u *update) apply(ctx context.Context, n *network.Network, moments map[string]*Moments, gradients []*engine.Value, o Optimizer, rate float64) (float64, error) {
	count := len(u.weights)
	corrections := field.NewArray(count, 2)
	inputs := make([]*engine.Value, 2, 2+4*count)
	inputs = append(inputs, gradients...)
	for _, w := range u.weights {
		inputs = append(inputs, n.Weight(w.Name))
	}
	for _, w := range u.weights {
		inputs = append(inputs, moments[w.Name].First)
	}
	for i, w := range u.weights {
		m := moments[w.Name]
		inputs = append(inputs, m.Second)
		k := float64(m.Steps + 1)
		corrections.Data[2*i] = float32(rate / (1 - math.Pow(o.Beta1, k)))
		corrections.Data[2*i+1] = float32(math.Sqrt(1 - math.Pow(o.Beta2, k)))
	}
	decay := field.Array{Shape: []int{1}, Data: []float32{float32(1 - rate*o.WeightDecay)}}
	small, err := network.Upload(n.Engine, decay, corrections)
	if err != nil {
		return 0, err
	}
	defer network.Free(small)
	copy(inputs, small)
	donate := make([]bool, len(inputs))
	for i := 2; i < len(inputs); i++ {
		donate[i] = true
	}
	out, err := u.program.Run(ctx, inputs, donate)
	if err != nil {
		return 0, fmt.Errorf("train: optimizer step: %w", err)
	}
	for i, w := range u.weights {
		n.SetWeight(w.Name, out[1+i])
		m := moments[w.Name]
		m.First, m.Second = out[1+count+i], out[1+2*count+i]
		m.Steps++
	}
	defer out[0].Free()
	norms, err := scalars(out[0])
	if err != nil {
		return 0, err
	}
	return norms[0], nil // the same on every device
}
