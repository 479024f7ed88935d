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
	WeightDecay float64 `yaml:"weight_decay"` // of every weight, norms and biases included (default 1e-4, the paper's)
	Epsilon     float64 `yaml:"epsilon"`      // added to the root of the second moment (default 1e-10, the paper's)
	Beta1       float64 `yaml:"beta1"`        // memory of the first moment (default 0.9, the paper's)
	Beta2       float64 `yaml:"beta2"`        // memory of the second moment (default 0.999, the paper's)
	Clip        float64 `yaml:"clip"`         // largest norm of the gradient; 0 for no limit (default 10, the paper's)
	// Groups are weights with a rate or a decay of their own, as [{match: ["embed.*"], learning_rate: 5e-5, weight_decay: 0}]:
	// patterns of the state dict's names, the first that matches counts, what none matches has the rate and decay of the rest.
	// "released" stands for the groups of the release's grouped optimizer (default none, as the paper).
	Groups Groups `yaml:"groups"`

	// FullRate is schedule.learning_rate: what a step's rate is a share of, so that groups follow the same schedule. With 0 the
	// rates of groups are constant.
	FullRate float64 `yaml:"-"`
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

// compileUpdate builds the step. Its inputs are three numbers a weight (the rate with the first bias correction, the root of the
// second, the factor of the decay), then gradients, weights and both moments; its outputs the norm before clipping, then the
// new weights and moments. Rates and decays are inputs, so that groups of weights cost nothing and share one program. On
// several devices the gradients are what each has contributed; they are added up here, once a step however many batches it
// has, and every device makes the same step.
func compileUpdate(e *engine.Engine, weights []model.Weight, o Optimizer) (*update, error) {
	n := len(weights)
	inputs := []engine.Input{{Name: "settings", Shape: []int{n, settings}}}
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
		return o.graph(weights, in[0], in[1:1+n], in[1+n:1+2*n], in[1+2*n:1+3*n], in[1+3*n:])
	})
	return &update{weights: weights, program: program}, err
}

// graph is the step: the norm before clipping, then the new weights, first and second moments. Running averages move by a share
// of their gradient, beside the norm and the moments.
func (o Optimizer) graph(weights []model.Weight, numbers *Node, gradients, values, firsts, seconds []*Node) []*Node {
	gradients = engine.SumOverDevices(gradients)
	var optimized []*Node
	for i, w := range weights {
		if !w.Average {
			optimized = append(optimized, gradients[i])
		}
	}
	norm := globalNorm(optimized)
	clip := ScalarOne(norm.Graph(), norm.DType())
	if o.Clip > 0 {
		limit := Div(Scalar(norm.Graph(), norm.DType(), o.Clip), AddScalar(norm, clipEpsilon))
		clip = Min(clip, limit)
	}
	return append([]*Node{norm}, o.moves(weights, numbers, clip, gradients, values, firsts, seconds)...)
}

// moves are the new weights, first and second moments for gradients that are multiplied with clip, a number. Running averages follow
// their gradient.
func (o Optimizer) moves(weights []model.Weight, numbers, clip *Node, gradients, values, firsts, seconds []*Node) []*Node {
	n := len(gradients)
	out := make([]*Node, 3*n)
	for i := range n {
		if weights[i].Average {
			out[i] = Sub(values[i], MulScalar(gradients[i], averageMomentum))
			out[n+i], out[2*n+i] = Identity(firsts[i]), Identity(seconds[i])
			continue
		}
		g := Mul(gradients[i], clip)
		first := Add(MulScalar(firsts[i], o.Beta1), MulScalar(g, 1-o.Beta1))
		second := Add(MulScalar(seconds[i], o.Beta2), MulScalar(Square(g), 1-o.Beta2))
		setting := func(k int) *Node { return Reshape(Slice(numbers, AxisElem(i), AxisElem(k))) }
		rate, root, decay := setting(0), setting(1), setting(2)
		step := Div(Mul(first, rate), AddScalar(Div(Sqrt(second), root), o.Epsilon))
		out[i] = Sub(Mul(values[i], decay), step)
		out[n+i], out[2*n+i] = first, second
	}
	return out
}

// averageMomentum is the share of what a step sees in a running average (PyTorch's for batch norms).
const averageMomentum = 0.1

// settings is the number of inputs of a weight that change with the step.
const settings = 3

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

// apply makes one step with the given gradients, which are used up, and returns their norm before clipping, the same on every
// device. Nothing is waited for. A weight without a gradient is not in the list: it
// neither decays nor counts the step (spec 4).
func (u *update) apply(ctx context.Context, n *network.Network, moments map[string]*Moments, gradients []*engine.Value, o Optimizer, rate float64) (norm *engine.Value, err error) {
	small, err := network.Upload(n.Engine, o.numbers(u.weights, moments, rate))
	if err != nil {
		return nil, err
	}
	defer network.Free(small)
	inputs := append(small[:1:1], gradients...)
	for _, w := range u.weights {
		inputs = append(inputs, n.Weight(w.Name))
	}
	inputs = append(inputs, momentValues(u.weights, moments)...)
	donate := make([]bool, len(inputs))
	for i := 1; i < len(inputs); i++ {
		donate[i] = true
	}
	out, err := u.program.Run(ctx, inputs, donate)
	if err != nil {
		return nil, fmt.Errorf("train: optimizer step: %w", err)
	}
	replace(n, u.weights, moments, out[1:])
	return out[0], nil
}

// numbers are the settings of a step for each weight (compileUpdate).
func (o Optimizer) numbers(weights []model.Weight, moments map[string]*Moments, rate float64) field.Array {
	numbers := field.NewArray(len(weights), settings)
	for i, w := range weights {
		rate, decay := o.of(w.Name, rate)
		k := float64(moments[w.Name].Steps + 1)
		to := numbers.Data[settings*i:][:settings]
		to[0] = float32(rate / (1 - math.Pow(o.Beta1, k)))
		to[1] = float32(math.Sqrt(1 - math.Pow(o.Beta2, k)))
		to[2] = float32(1 - rate*decay)
	}
	return numbers
}

// momentValues are the first moments of all weights, then the second.
func momentValues(weights []model.Weight, moments map[string]*Moments) []*engine.Value {
	list := make([]*engine.Value, 2*len(weights))
	for i, w := range weights {
		list[i], list[len(weights)+i] = moments[w.Name].First, moments[w.Name].Second
	}
	return list
}

// replace puts a step's results, new weights and both moments, where the old ones were used up.
func replace(n *network.Network, weights []model.Weight, moments map[string]*Moments, out []*engine.Value) {
	count := len(weights)
	for i, w := range weights {
		n.SetWeight(w.Name, out[i])
		m := moments[w.Name]
		m.First, m.Second = out[count+i], out[2*count+i]
		m.Steps++
	}
}
