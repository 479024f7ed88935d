package selftest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gowalrus/walrus/checkpoint"
	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/frame"
	"github.com/gowalrus/walrus/network"
	"github.com/gowalrus/walrus/train"
)

// data describes a trainer case's arrays to the network.
func (m *manifest) data(g *frame.Geometry) network.Data {
	d := network.Data{Geometry: g, Fields: m.Fields, Constants: len(m.ConstantNames), Mask: slices.Index(m.ConstantNames, "mask")}
	for _, isReal := range m.RealField {
		d.Padding = append(d.Padding, !isReal)
	}
	return d
}

// openTrace reads a trainer case: its file, for the caller to close, and its network.
func (r *runner) openTrace(m *manifest) (*checkpoint.Checkpoint, *network.Network, error) {
	file, err := r.folder.open(m.File)
	if err != nil {
		return nil, nil, err
	}
	net, err := r.folder.network(r.engine, m)
	if err != nil {
		file.Close()
		return nil, nil, err
	}
	return file, net, nil
}

// training repeats a training trace: losses, gradient norms, the first prediction and target, and the final weights.
func (r *runner) training(ctx context.Context, stem string) ([]Result, error) {
	m, err := r.folder.manifest(stem)
	if err != nil {
		return nil, err
	}
	if len(m.Losses) < m.Steps || len(m.Norms) < m.Steps || len(m.BatchOfStep) < m.Steps || len(m.Rolls) < m.Steps ||
		len(m.LossesExact) < m.Steps || len(m.NormsExact) < m.Steps {
		return nil, fmt.Errorf("selftest: %s: fewer losses, norms, batches or rolls than %d steps", stem, m.Steps)
	}
	file, net, err := r.openTrace(m)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	defer net.Close()
	o := train.Optimizer{WeightDecay: m.Optimizer.Decay, Epsilon: m.Optimizer.Epsilon,
		Beta1: m.Optimizer.Betas[0], Beta2: m.Optimizer.Betas[1], Clip: m.Clip}
	stepper, err := train.NewStepper(net, o, 0)
	if err != nil {
		return nil, err
	}
	first, losses, norms := newGroup(stem, "first step"), newGroup(stem, "losses"), newGroup(stem, "gradient norms")
	lossNoise, normNoise := relativeDistance(m.Losses, m.LossesExact), relativeDistance(m.Norms, m.NormsExact)
	for s := range m.Steps {
		e, err := m.example(file, s)
		if err != nil {
			return nil, err
		}
		if s == 0 {
			if err := compareFirst(ctx, first, file, stepper, e); err != nil {
				return nil, err
			}
		}
		out, err := stepper.Step(ctx, []train.Example{e}, m.Optimizer.Rate)
		if err != nil {
			return nil, err
		}
		where := fmt.Sprintf("step %d", s)
		losses.add(where, abs(out.Loss-m.Losses[s]), tolerance*lossNoise*m.Losses[s])
		norms.add(where, abs(out.GradientNorm-m.Norms[s]), tolerance*normNoise*m.Norms[s])
	}
	final, err := m.compareFinal(stem, file, net)
	return []Result{first.Result, losses.Result, norms.Result, final}, err
}

// example is the batch of a step.
func (m *manifest) example(file *checkpoint.Checkpoint, s int) (e train.Example, err error) {
	g, err := m.geometry()
	if err != nil {
		return e, err
	}
	e.Data = m.data(g)
	if e.Rolls, err = m.draws(g, m.Rolls[s].Jitter, m.Rolls[s].Blocks); err != nil {
		return e, err
	}
	batch := fmt.Sprintf("batch%d.", m.BatchOfStep[s])
	if e.Input, err = tensor(file, batch+"input_fields"); err != nil {
		return e, err
	}
	if e.Output, err = tensor(file, batch+"output_fields"); err != nil {
		return e, err
	}
	if e.Data.Constants > 0 {
		e.Constant, err = tensor(file, batch+"constant_fields")
	}
	return e, err
}

// compareFirst compares prediction, target and scales of the first step, before any weight has changed.
func compareFirst(ctx context.Context, g *group, file *checkpoint.Checkpoint, s *train.Stepper, e train.Example) error {
	o, err := train.NewObjective(e, e.Input.Shape[1])
	if err != nil {
		return err
	}
	y, err := s.Predict(ctx, e)
	if err != nil {
		return err
	}
	for name, got := range map[string]field.Array{
		"step0.y_pred": y, "step0.y_ref": o.Increment,
		"step0.sample_std": flat(o.Scales.Value), "step0.delta_std": flat(o.Scales.Delta),
	} {
		want, err := tensor(file, name)
		if err != nil {
			return err
		}
		if err := g.compare(name, got, want, tolerance*relativeNoise*absMax(want)); err != nil {
			return err
		}
	}
	return nil
}

// flat joins rows.
func flat(rows [][]float32) field.Array {
	a := field.Array{Data: slices.Concat(rows...)}
	a.Shape = []int{len(a.Data)}
	return a
}

// unreproducible are weights whose true gradient is zero where it matters: AdamW turns their round-off into full steps.
var unreproducible = []string{"time_mixing.knorm.bias", "space_mixing.k_norm.bias"}

// compareFinal compares the weights after the last step with those that the folder keeps.
func (m *manifest) compareFinal(stem string, file *checkpoint.Checkpoint, net *network.Network) (Result, error) {
	g := newGroup(stem, "final weights")
	for _, t := range file.Tensors() {
		name, ok := strings.CutPrefix(t.Name, "final.")
		if !ok || slices.ContainsFunc(unreproducible, func(suffix string) bool { return strings.HasSuffix(name, suffix) }) {
			continue
		}
		want, err := t.Array()
		if err != nil {
			return g.Result, err
		}
		got, err := net.Host(name)
		if err != nil {
			return g.Result, err
		}
		if len(got.Data) != len(want.Data) && m.LastStep > 1 {
			got = everyLast(got, m.LastStep)
		}
		noise := m.FinalNoise[name].Error
		if noise == 0 {
			noise = 1e-7 * max(absMax(want), m.Optimizer.Rate)
		}
		if err := g.compare(name, got, want, tolerance*noise); err != nil {
			return g.Result, err
		}
	}
	return g.Result, nil
}

// relativeDistance is the largest relative difference of two lists: the noise of the golden numbers.
func relativeDistance(a, b []float64) float64 {
	worst := relativeNoise / 10
	for i, v := range a {
		worst = max(worst, abs(v-b[i])/abs(b[i]))
	}
	return worst
}

// rollout repeats an autoregressive rollout.
func (r *runner) rollout(ctx context.Context, stem string) ([]Result, error) {
	m, err := r.folder.manifest(stem)
	if err != nil {
		return nil, err
	}
	if len(m.Rolls) < m.Steps || len(m.StepNoise) < m.Steps {
		return nil, fmt.Errorf("selftest: %s: fewer rolls or noise figures than %d steps", stem, m.Steps)
	}
	file, net, err := r.openTrace(m)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	defer net.Close()
	geometry, err := m.geometry()
	if err != nil {
		return nil, err
	}
	d := m.data(geometry)
	window, err := tensor(file, "input_fields")
	if err != nil {
		return nil, err
	}
	var constants field.Array
	if d.Constants > 0 {
		if constants, err = tensor(file, "constant_fields"); err != nil {
			return nil, err
		}
	}
	want := map[string]field.Array{}
	for _, name := range []string{"prediction", "sample_std", "delta_std"} {
		if want[name], err = tensor(file, name); err != nil {
			return nil, err
		}
	}
	steps, scales := newGroup(stem, "prediction"), newGroup(stem, "scales")
	for s := range m.Steps {
		draws, err := m.draws(geometry, m.Rolls[s].Jitter, m.Rolls[s].Blocks)
		if err != nil {
			return nil, err
		}
		next, measured, err := net.Next(ctx, d, window, constants, draws)
		if err != nil {
			return nil, err
		}
		for b := range next.Shape[0] {
			name := fmt.Sprintf("step %d, sample %d, ", s, b)
			if err := steps.compare(name, next.Index(b), want["prediction"].Index(b).Index(s), tolerance*m.StepNoise[s][0]); err != nil {
				return nil, err
			}
		}
		for name, got := range map[string][][]float32{"sample_std": measured.Value, "delta_std": measured.Delta} {
			golden := want[name].Index(s)
			if err := scales.compare(fmt.Sprintf("step %d, %s", s, name), flat(got), golden, tolerance*max(m.StepNoise[s][0], relativeNoise*absMax(golden))); err != nil {
				return nil, err
			}
		}
		window = network.Advance(window, next)
	}
	return []Result{steps.Result, scales.Result}, nil
}
