package selftest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

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

// traceKeys are the entries that the manifest of a trainer case must have.
var traceKeys = []string{"spatial_shape", "bcs", "field_indices", "padded_field_mask", "constant_field_names", "steps", "rolls"}

// What this program does in every trainer case; a manifest that wants something else is an error.
const (
	lossMultiplier = 100
	minimumContext = 1
)

// openTrace reads a trainer case: its file, for the caller to close, and its network.
func (r *runner) openTrace(m *manifest) (*golden, *network.Network, error) {
	if m.Steps < 1 {
		return nil, nil, fmt.Errorf("selftest: %s: %d steps; expected at least 1", m.path, m.Steps)
	}
	if err := errors.Join(
		m.agree("norm_epsilon", m.Epsilon, frame.Epsilon),
		m.agree("loss_multiplier", m.Multiplier, lossMultiplier),
		m.agree("minimum_context", m.Context, minimumContext),
		m.agree("C_variable", m.Variable, len(m.RealField)),
	); err != nil {
		return nil, nil, err
	}
	file, err := r.folder.tensors(m)
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
	m, err := r.folder.manifest(stem, append([]string{"batch_of_step", "optimizer", "clip", "losses", "losses_f64",
		"grad_norms_before_clip", "grad_norms_f64", "unchanged_params", "final_param_noise"}, traceKeys...)...)
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
		e, err := m.example(file, s, net.Config.Blocks)
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
		losses.add(where, math.Abs(out.Loss-m.Losses[s]), tolerance*lossNoise*m.Losses[s])
		norms.add(where, math.Abs(out.GradientNorm-m.Norms[s]), tolerance*normNoise*m.Norms[s])
	}
	final := newGroup(stem, "final weights")
	if err := m.compareFinal(final, file, net); err != nil {
		return nil, err
	}
	if err := r.compareUnchanged(final, m, net); err != nil {
		return nil, err
	}
	return []Result{first.Result, losses.Result, norms.Result, final.Result}, file.allRead()
}

// example is the batch of a step.
func (m *manifest) example(file *golden, s, blocks int) (e train.Example, err error) {
	g, err := m.geometry()
	if err != nil {
		return e, err
	}
	e.Data = m.data(g)
	if e.Rolls, err = m.draws(g, m.Rolls[s], blocks); err != nil {
		return e, err
	}
	batch := fmt.Sprintf("batch%d.", m.BatchOfStep[s])
	if e.Input, err = file.tensor(batch + "input_fields"); err != nil {
		return e, err
	}
	if e.Output, err = file.tensor(batch + "output_fields"); err != nil {
		return e, err
	}
	if e.Data.Constants > 0 {
		e.Constant, err = file.tensor(batch + "constant_fields")
	}
	return e, errors.Join(err, m.agreeInput(e.Input))
}

// agreeInput holds the shape of the history (B, T, points..., Cv) against the manifest.
func (m *manifest) agreeInput(x field.Array) error {
	if len(x.Shape) < 2 {
		return fmt.Errorf("selftest: %s: input_fields of shape %v; expected (B, T, points, C)", m.path, x.Shape)
	}
	return errors.Join(m.agree("B", m.Samples, x.Shape[0]), m.agree("T_in", m.Frames, x.Shape[1]), m.agree("C_variable", m.Variable, x.Axis(-1)))
}

// compareFirst compares prediction, target and scales of the first step, before any weight has changed.
func compareFirst(ctx context.Context, g *group, file *golden, s *train.Stepper, e train.Example) error {
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
		"step0.sample_std": table(o.Scales.Value), "step0.delta_std": table(o.Scales.Delta),
	} {
		want, err := file.tensor(name)
		if err != nil {
			return err
		}
		if err := g.compare(name, got, want, tolerance*relativeNoise*absMax(want)); err != nil {
			return err
		}
	}
	return nil
}

// table is an array of rows.
func table(rows [][]float32) field.Array {
	return field.Array{Shape: []int{len(rows), len(rows[0])}, Data: slices.Concat(rows...)}
}

// unreproducible are weights whose true gradient is zero where it matters: AdamW turns their round-off into full steps.
var unreproducible = []string{"time_mixing.knorm.bias", "space_mixing.k_norm.bias"}

// compareFinal compares the weights after the last step with those that the folder keeps: of all trained ones, whose noise
// the manifest lists, those that finals_kept chooses.
func (m *manifest) compareFinal(g *group, file *golden, net *network.Network) error {
	reproducible := func(name string) bool {
		return !slices.ContainsFunc(unreproducible, func(suffix string) bool { return strings.HasSuffix(name, suffix) })
	}
	var noises []float64
	for name, noise := range m.FinalNoise {
		if reproducible(name) {
			noises = append(noises, noise.Error)
		}
	}
	usual := usualNoise(noises)
	for _, name := range slices.Sorted(maps.Keys(m.FinalNoise)) {
		if m.has("finals_kept") && !m.Kept.has(name) {
			continue
		}
		want, err := file.tensor("final." + name)
		if err != nil {
			return err
		}
		if !reproducible(name) {
			continue
		}
		got, err := net.Host(name)
		if err != nil {
			return err
		}
		allowed := tolerance * max(m.FinalNoise[name].Error, usual)
		if err := g.compare(name, m.subsampled(got, want), want, allowed); err != nil {
			return err
		}
	}
	return nil
}

// compareUnchanged compares the weights that had no gradient with what they were: not even their decay is applied.
func (r *runner) compareUnchanged(g *group, m *manifest, net *network.Network) error {
	weights, err := r.folder.golden(m.Weights)
	if err != nil {
		return err
	}
	defer weights.Close()
	for _, name := range m.Unchanged {
		want, err := weights.tensor(name)
		if err != nil {
			return err
		}
		got, err := net.Host(name)
		if err != nil {
			return err
		}
		if err := g.compare(name, got, want, 0); err != nil {
			return err
		}
	}
	return nil
}

// subsampled cuts a tensor down to what the folder keeps of it: of kernels of 2-D cases every few planes of the last axis.
func (m *manifest) subsampled(got, want field.Array) field.Array {
	if len(got.Data) != len(want.Data) && m.LastStep > 1 {
		return everyLast(got, m.LastStep)
	}
	return got
}

// relativeDistance is the largest relative difference of two lists: the noise of the golden numbers.
func relativeDistance(a, b []float64) float64 {
	worst := relativeNoise / 10
	for i, v := range a {
		worst = max(worst, math.Abs(v-b[i])/math.Abs(b[i]))
	}
	return worst
}

// rollout repeats an autoregressive rollout.
func (r *runner) rollout(ctx context.Context, stem string) ([]Result, error) {
	m, err := r.folder.manifest(stem, append([]string{"per_step_f32_vs_f64_max_abs_and_absmax"}, traceKeys...)...)
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
	window, err := file.tensor("input_fields")
	if err == nil {
		err = m.agreeInput(window)
	}
	if err != nil {
		return nil, err
	}
	var constants field.Array
	if d.Constants > 0 {
		if constants, err = file.tensor("constant_fields"); err != nil {
			return nil, err
		}
	}
	want := map[string]field.Array{}
	for name, lead := range map[string]int{"prediction": 1, "sample_std": 0, "delta_std": 0} {
		if want[name], err = file.tensor(name); err != nil {
			return nil, err
		}
		if shape := want[name].Shape; len(shape) < 2 || shape[lead] != m.Steps {
			return nil, fmt.Errorf("selftest: %s: %s of shape %v; expected %d steps", file.Path, name, shape, m.Steps)
		}
	}
	steps, scales := newGroup(stem, "prediction"), newGroup(stem, "scales")
	for s := range m.Steps {
		draws, err := m.draws(geometry, m.Rolls[s], net.Config.Blocks)
		if err != nil {
			return nil, err
		}
		if s == 0 {
			if err := m.compareRaw(ctx, steps, file, net, d, window, constants, draws); err != nil {
				return nil, err
			}
		}
		next, measured, err := net.Next(ctx, d, window, constants, draws)
		if err != nil {
			return nil, err
		}
		if next.Shape[0] != want["prediction"].Shape[0] {
			return nil, fmt.Errorf("selftest: %s: prediction of shape %v; expected %d samples", file.Path, want["prediction"].Shape, next.Shape[0])
		}
		for b := range next.Shape[0] {
			name := fmt.Sprintf("step %d, sample %d, ", s, b)
			if err := steps.compare(name, next.Index(b), want["prediction"].Index(b).Index(s), tolerance*m.StepNoise[s][0]); err != nil {
				return nil, err
			}
		}
		for name, got := range map[string][][]float32{"sample_std": measured.Value, "delta_std": measured.Delta} {
			golden := want[name].Index(s)
			if err := scales.compare(fmt.Sprintf("step %d, %s", s, name), table(got), golden, tolerance*max(m.StepNoise[s][0], relativeNoise*absMax(golden))); err != nil {
				return nil, err
			}
		}
		window = network.Advance(window, next)
	}
	return []Result{steps.Result, scales.Result}, file.allRead()
}

// compareRaw compares the network's own output at the last frame of the first step, constant channels included.
func (m *manifest) compareRaw(ctx context.Context, g *group, file *golden, net *network.Network, d network.Data,
	window, constants field.Array, draws frame.Rolls) error {
	const name = "step0.model_out_last"
	want, err := file.tensor(name)
	if err != nil {
		return err
	}
	if want, err = channelsLast(field.Array{Shape: append([]int{1}, want.Shape...), Data: want.Data}); err != nil {
		return fmt.Errorf("%s: %s: %w", file.Path, name, err)
	}
	joined, err := d.Join(window, constants)
	if err != nil {
		return err
	}
	scales, err := frame.Measure(joined, frame.Measurement{})
	if err != nil {
		return err
	}
	y, err := net.Forward(ctx, d, scales.Normalise(joined), draws, true)
	if err != nil {
		return err
	}
	return g.compare(name, y, want, tolerance*relativeNoise*absMax(want))
}
