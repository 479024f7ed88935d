package train

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/frame"
	"github.com/gowalrus/walrus/internal/released"
	"github.com/gowalrus/walrus/model"
	"github.com/gowalrus/walrus/network"
	"github.com/gowalrus/walrus/sample"
	"github.com/gowalrus/walrus/well"
)

// accumulationRun is a run of the released trainer with prediction = w0 x normalised input + w1.
type accumulationRun struct {
	Accumulation int        `json:"grad_acc_steps"`
	Batches      int        `json:"max_samples"` // of an epoch
	Clip         float64    `json:"clip_gradient"`
	Multiplier   float64    `json:"loss_multiplier"`
	Before       [2]float64 `json:"w_before"`
	Epochs       []struct {
		Steps int     `json:"optimizer_steps"`
		Loss  float64 `json:"epoch_loss"`
	} `json:"epochs"`
	Steps []struct {
		Rate     float64    `json:"lr"`
		Gradient [2]float64 `json:"gradient_after_clipping"`
		After    [2]float64 `json:"w_after"`
	} `json:"steps"`
}

// lineModel is that model on one batch: the trainer's objective, loss, sum of gradients and update around another network.
type lineModel struct {
	stepper    *Stepper // of a network that only lends its engine and a place for the weights
	weights    []model.Weight
	objective  *Objective
	inputs     []*engine.Value // x, target, weight, channels
	first, add *engine.Program
	update     *update
}

// TestAccumulationGivesTheReleasedSteps makes the steps of the released trainer on a data set of one window.
func TestAccumulationGivesTheReleasedSteps(t *testing.T) {
	const tolerance, fine = 2e-5, 1e-6 // of sums, and of weights that a rate has moved
	var training struct {
		Accumulation struct {
			Set  string            `json:"data_set"`
			Loss float64           `json:"loss_over_multiplier"`
			Y    any               `json:"y_ref"`
			Runs []accumulationRun `json:"runs"`
		} `json:"accumulation"`
	}
	released.Read(t, "training.json", &training)
	golden := training.Accumulation
	batch := theWindow(t, golden.Set)
	for _, run := range golden.Runs {
		m := newLineModel(t, batch, run)
		compareIncrements(t, m.objective.Increment, golden.Y, tolerance)
		if run.Multiplier != lossScale {
			t.Fatalf("a loss of %v times the mean error; ours is %v", run.Multiplier, lossScale)
		}
		start, gradients := m.gradients(t, 1)
		network.Free(gradients)
		if off(start, golden.Loss*lossScale) > tolerance {
			t.Errorf("loss %v at the start, want %v", start, golden.Loss*lossScale)
		}
		step := 0
		for number, epoch := range run.Epochs {
			if got := run.Batches / run.Accumulation; got != epoch.Steps {
				t.Errorf("%d batches, %d a step: %d steps an epoch, want %d", run.Batches, run.Accumulation, got, epoch.Steps)
			}
			var sum float64
			for range epoch.Steps {
				want := run.Steps[step]
				loss, clipped, after := m.step(t, run.Accumulation, want.Rate)
				sum += loss * float64(run.Accumulation)
				for i := range after {
					if off(clipped[i], want.Gradient[i]) > tolerance || off(after[i], want.After[i]) > fine {
						t.Errorf("%d batches a step, clip %g, step %d: gradient %v and weights %v, want %v and %v",
							run.Accumulation, run.Clip, step+1, clipped, after, want.Gradient, want.After)
					}
				}
				step++
			}
			// What does not make a step counts in the released epoch's loss, and nowhere else.
			if left := run.Batches % run.Accumulation; left > 0 {
				loss, gradients := m.gradients(t, 1)
				network.Free(gradients)
				sum += loss * float64(left)
			}
			if got := sum / float64(run.Batches); off(got, epoch.Loss) > tolerance {
				t.Errorf("%d batches a step, epoch %d: loss %v, want %v", run.Accumulation, number+1, got, epoch.Loss)
			}
		}
		if step != len(run.Steps) {
			t.Errorf("%d steps, want %d", step, len(run.Steps))
		}
	}
}

func off(got, want float64) float64 { return math.Abs(got-want) / math.Max(math.Abs(want), 1e-30) }

// compareIncrements compares the normalised target with B T space C of the release, whose 2-D data has a third axis.
func compareIncrements(t *testing.T, got field.Array, nested any, tolerance float64) {
	t.Helper()
	want := flatten(nested)
	if len(want) != len(got.Data) {
		t.Fatalf("%d normalised increments, want %d", len(got.Data), len(want))
	}
	for i, value := range want {
		if math.Abs(float64(got.Data[i])-value) > tolerance*(1+math.Abs(value)) {
			t.Fatalf("normalised increment %d is %v, want %v", i, got.Data[i], value)
		}
	}
}

// flatten lists the numbers of nested lists in order.
func flatten(nested any) (list []float64) {
	if v, ok := nested.(float64); ok {
		return []float64{v}
	}
	for _, part := range nested.([]any) {
		list = append(list, flatten(part)...)
	}
	return list
}

// theWindow is the batch of the first window of a data set with all its frames but one as input.
func theWindow(t *testing.T, described string) *sample.Batch {
	t.Helper()
	var name string
	var inputs, outputs int
	if _, err := fmt.Sscanf(described, "%s (%d input frames, %d output)", &name, &inputs, &outputs); err != nil {
		t.Fatalf("data set %q: %v", described, err)
	}
	d, err := well.OpenDataset(filepath.Join(released.Folder(t), "data", name), trainSplit, well.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	windows, err := d.Windows(inputs, outputs, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	fields := sample.WellFields(d)
	sampler, err := sample.New([]sample.Entry{{Source: sample.FromWell(d, windows, fields), Batch: 1}}, sample.ReleasedVocabulary(), sample.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := sampler.Batch(context.Background(), 0)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// newLineModel compiles the model for a batch, with one token an axis so that every grid fits.
func newLineModel(t *testing.T, b *sample.Batch, run accumulationRun) *lineModel {
	t.Helper()
	n, _ := smallNetwork(t, 0)
	o := Optimizer{WeightDecay: 1e-4, Epsilon: 1e-10, Beta1: 0.9, Beta2: 0.999, Clip: run.Clip}
	stepper, err := NewStepper(n, o, 0)
	if err != nil {
		t.Fatal(err)
	}
	m := &lineModel{stepper: stepper, weights: []model.Weight{{Name: "w0", Shape: []int{1}}, {Name: "w1", Shape: []int{1}}}}
	for i, w := range m.weights {
		value, err := n.Engine.Fill(w.Shape, func(to []float32) error { to[0] = float32(run.Before[i]); return nil })
		if err != nil {
			t.Fatal(err)
		}
		n.SetWeight(w.Name, value)
		zero := func(to []float32) error { clear(to); return nil }
		if err := stepper.SetMoments(w, zero, zero, 0); err != nil {
			t.Fatal(err)
		}
	}
	data, err := network.DataOf(b, frame.Options{Tokens: 1})
	if err != nil {
		t.Fatal(err)
	}
	frames := b.Input.Shape[1]
	if m.objective, err = NewObjective(Example{Data: data, Input: b.Input, Output: b.Output, Constant: b.Constant}, frames); err != nil {
		t.Fatal(err)
	}
	x, _, err := data.Geometry.ApplyTarget(m.objective.X, frame.Rolls{})
	if err != nil {
		t.Fatal(err)
	}
	arrays := []field.Array{x, m.objective.Target, m.objective.Weight, m.objective.Channels}
	if m.inputs, err = network.Upload(n.Engine, arrays...); err != nil {
		t.Fatal(err)
	}
	var inputs []engine.Input
	for i, name := range []string{"x", "target", "weight", "channels", "scale", "w0", "w1", "sum of w0", "sum of w1"} {
		shape := []int{1}
		if i < len(arrays) {
			shape = arrays[i].Shape
		}
		inputs = append(inputs, engine.Input{Name: name, Shape: shape})
	}
	own := len(inputs) - len(m.weights) // without the sums
	build := func(in []*Node) []*Node {
		w0, w1 := Reshape(in[5]), Reshape(in[6])
		y := Add(Mul(in[0], w0), w1)
		loss := lossOf(AbsoluteLoss, y, in[1], in[2], in[3], in[4])
		return append([]*Node{loss}, addTo(Gradient(loss, in[5], in[6]), in[own:])...)
	}
	if m.first, err = n.Engine.Compile("line", inputs[:own], build); err != nil {
		t.Fatal(err)
	}
	if m.add, err = n.Engine.Compile("line", inputs, build); err != nil {
		t.Fatal(err)
	}
	if m.update, err = compileUpdate(n.Engine, m.weights, o); err != nil {
		t.Fatal(err)
	}
	return m
}

// gradients is the mean loss of equal batches and the sum of their gradients.
func (m *lineModel) gradients(t *testing.T, batches int) (total float64, sums []*engine.Value) {
	t.Helper()
	n := m.stepper.Network
	scale, err := n.Engine.Upload(field.Array{Shape: []int{1}, Data: []float32{float32(m.objective.scale(batches))}})
	if err != nil {
		t.Fatal(err)
	}
	defer scale.Free()
	for i := range batches {
		program, inputs := m.first, append(append([]*engine.Value{}, m.inputs...), scale, n.Weight("w0"), n.Weight("w1"))
		if i > 0 {
			program, inputs = m.add, append(inputs, sums...)
		}
		out, err := program.Run(context.Background(), inputs, nil)
		if err != nil {
			t.Fatal(err)
		}
		parts, err := scalars(out[0])
		if err != nil {
			t.Fatal(err)
		}
		total, sums = total+parts[0], out[1:]
	}
	return total, sums
}

// step makes an optimizer step of equal batches and returns the loss, the clipped gradient that the optimizer has used, as
// its first moments tell it, and the weights.
func (m *lineModel) step(t *testing.T, batches int, rate float64) (loss float64, clipped, after [2]float64) {
	t.Helper()
	s := m.stepper
	number := func(v *engine.Value) float64 {
		list, err := scalars(v)
		if err != nil {
			t.Fatal(err)
		}
		return list[0]
	}
	var before [2]float64
	for i, w := range m.weights {
		before[i] = number(s.moments[w.Name].First)
	}
	loss, gradients := m.gradients(t, batches)
	if _, err := m.update.apply(context.Background(), s.Network, s.moments, gradients, s.Optimizer, rate); err != nil {
		t.Fatal(err)
	}
	for i, w := range m.weights {
		memory := s.Optimizer.Beta1
		clipped[i] = (number(s.moments[w.Name].First) - memory*before[i]) / (1 - memory)
		after[i] = number(s.Network.Weight(w.Name))
	}
	return loss, clipped, after
}
