package train

import (
	"errors"
	"fmt"
	"slices"

	"github.com/gowalrus/walrus/baseline"
	"github.com/gowalrus/walrus/checkpoint"
	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/network"
	"github.com/gowalrus/walrus/sample"
)

// walrusKind is model.kind of Walrus itself; the others are those of package baseline.
const walrusKind = "walrus"

// What a baseline predicts (model.predicts).
const (
	predictsChange = "change"
	predictsFrame  = "frame"
)

// IsBaseline says whether the network is another one than Walrus.
func (m ModelConfig) IsBaseline() bool { return m.Kind != "" && m.Kind != walrusKind }

// checkKind reports settings that the network of model.kind does not have.
func (m ModelConfig) checkKind() error {
	if m.Predicts != predictsChange && m.Predicts != predictsFrame {
		return fmt.Errorf("train: model.predicts is %q; expected %s or %s", m.Predicts, predictsChange, predictsFrame)
	}
	if !m.IsBaseline() {
		if m.Parameters != 0 || m.Modes != 0 || m.Predicts != predictsChange {
			return errors.New("train: model.parameters, model.modes and model.predicts are those of baselines; name one with model.kind, or choose a size of Walrus with model.preset")
		}
		return nil
	}
	kind, err := baseline.ParseKind(m.Kind)
	if err != nil {
		return fmt.Errorf("train: model.kind: %w", err)
	}
	switch {
	case m.Heads != 0 || m.Intermediate != 0 || m.Tokens != 0 || m.Recompute != 0 || m.DropPath != 0 || m.Jitter != nil && *m.Jitter:
		return fmt.Errorf("train: model.kind is %s, which has no heads, intermediate, tokens, recompute, drop_path or jitter; leave them out", m.Kind)
	case m.Parameters != 0 && m.Hidden != 0:
		return errors.New("train: model.parameters and model.hidden both say how wide the network is; give one of them")
	case m.Parameters < 0 || m.Parameters > 1e12:
		return fmt.Errorf("train: model.parameters is %g; expected 0 to 1e12", m.Parameters)
	case m.Modes != 0 && kind != baseline.FNO:
		return fmt.Errorf("train: model.modes are the fno's; model.kind is %s", m.Kind)
	case m.Blocks != 0 && kind == baseline.UNet:
		return errors.New("train: the classic unet has no choice of model.blocks")
	}
	return nil
}

// checkFreezing refuses to leave weights of a baseline as they are: it has no such programs, and all would be trained without a word.
func (c Config) checkFreezing() error {
	if f := c.Finetune; c.Model.IsBaseline() && f.freezes() {
		key := "lora"
		if len(f.Freeze) > 0 {
			key = "freeze"
		}
		return fmt.Errorf("train: finetune.%s is for Walrus; of a baseline (model.kind is %s) all weights are trained: leave it out", key, c.Model.Kind)
	}
	return nil
}

// newBaseline makes a fresh baseline for the fields of the data. The configuration that belongs to it comes back.
func newBaseline(e *engine.Engine, c Config, s *sources, names []string) (*network.Network, checkpoint.Config, error) {
	vocabulary := sample.NewEmptyVocabulary()
	vocabulary.Add(names...)
	described, err := s.baseline(vocabulary)
	if err != nil {
		return nil, checkpoint.Config{}, fmt.Errorf("train: model.kind=%s: %w", c.Model.Kind, err)
	}
	if described.Dimensions == 2 && c.Data.Rotation == sample.SpaceRotation {
		return nil, checkpoint.Config{}, fmt.Errorf("train: model.kind=%s: data.rotation=space turns 2-D data out of its plane, which only Walrus can take; use plane or none", c.Model.Kind)
	}
	in, out := described.History*len(described.Variable)+len(described.Constant), len(described.Variable)
	net := baseline.Benchmark(baseline.Kind(c.Model.Kind), described.Dimensions, in, out)
	net.Width, net.Depth, net.Modes = or(c.Model.Hidden, net.Width), or(c.Model.Blocks, net.Depth), or(c.Model.Modes, net.Modes)
	if c.Model.Parameters > 0 {
		if net, err = net.Fit(c.Model.Parameters); err != nil {
			return nil, checkpoint.Config{}, fmt.Errorf("train: model.parameters: %w", err)
		}
	}
	described.Kind, described.Width, described.Depth, described.Modes = c.Model.Kind, net.Width, net.Depth, net.Modes
	saved, err := checkpoint.ReleasedConfig()
	if err != nil {
		return nil, saved, err
	}
	saved = saved.AsBaseline(described)
	saved.Name, saved.Fields = fmt.Sprintf("%s of %d parameters", c.Model.Kind, net.Count()), vocabulary.Map()
	if c.Model.Predicts == predictsFrame {
		saved.Training.PredictionType = checkpoint.PredictsFrame
	}
	b, err := network.BaselineOf(saved)
	if err != nil {
		return nil, saved, err
	}
	n, err := network.NewBaseline(e, b, network.Fresh(c.Seed))
	return n, describe(saved, c), err
}

// baseline are the channels that a baseline needs for all data sets of a mixture: the fields of any, in the order in which they
// come, without components that only pad.
func (s *sources) baseline(vocabulary *sample.Vocabulary) (checkpoint.Baseline, error) {
	var b checkpoint.Baseline
	type part struct{ variable, constant int }
	var parts []part
	add := func(list *[]string, name string) {
		if !slices.Contains(*list, name) {
			*list = append(*list, name)
		}
	}
	for i, e := range s.entries {
		layout, err := sample.NewLayout(e.Source.Fields(), e.Transforms, vocabulary)
		if err != nil {
			return b, fmt.Errorf("%s: %w", e.Source.Name(), err)
		}
		var own part
		for c, name := range layout.Names {
			switch {
			case c >= layout.Variable:
				add(&b.Constant, name)
				own.constant++
			case !layout.Padding[c]:
				add(&b.Variable, name)
				own.variable++
			}
		}
		parts = append(parts, own)
		axes, history := len(e.Source.Fields().Axes), s.sets[i].History
		if i > 0 && (axes != b.Dimensions || history != b.History) {
			return b, fmt.Errorf("data set %s has %d axes and a history of %d frames, those before it %d and %d; a baseline is for one number of axes and of frames", s.sets[i].Path, axes, history, b.Dimensions, b.History)
		}
		b.Dimensions, b.History = axes, history
	}
	for _, own := range parts {
		b.Partial = b.Partial || own != part{len(b.Variable), len(b.Constant)}
	}
	return b, nil
}

// inheritKind takes over the kind of network of the weights that a run starts from.
func (m *ModelConfig) inheritKind(from checkpoint.Config) error {
	if from.Baseline == nil {
		if m.IsBaseline() {
			return fmt.Errorf("train: model.kind is %s; the weights of finetune.from are a Walrus", m.Kind)
		}
		return nil
	}
	if m.IsBaseline() && m.Kind != from.Baseline.Kind {
		return fmt.Errorf("train: model.kind is %s; the weights of finetune.from are a %s", m.Kind, from.Baseline.Kind)
	}
	m.Kind, m.Predicts = from.Baseline.Kind, predictsChange
	if from.Training.PredictionType == checkpoint.PredictsFrame {
		m.Predicts = predictsFrame
	}
	return nil
}
