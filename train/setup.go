package train

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"

	"github.com/gowalrus/walrus/checkpoint"
	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/model"
	"github.com/gowalrus/walrus/network"
	"github.com/gowalrus/walrus/sample"
	"github.com/gowalrus/walrus/well"
)

// newNetwork makes the network of a run that begins: fresh, or from the weights that finetune.from names. names are the
// fields of the data, position the grid of tokens of a new position embedding. The configuration that belongs to it comes
// back.
func newNetwork(e *engine.Engine, c Config, names []string, position [3]int) (*network.Network, checkpoint.Config, error) {
	if c.Finetune.From != "" {
		n, saved, err := network.Load(e, c.Finetune.From, c.loading(names, position))
		if err != nil {
			return nil, saved, fmt.Errorf("train: finetune.from: %w", err)
		}
		return n, describe(saved, c), nil
	}
	m, saved, err := c.fresh(names)
	if err != nil {
		return nil, saved, err
	}
	n, err := network.New(e, m, network.Fresh(c.Seed))
	return n, describe(saved, c), err
}

// loading is how the weights of finetune.from are loaded.
func (c Config) loading(names []string, position [3]int) network.LoadOptions {
	f := c.Finetune
	return network.LoadOptions{
		Fields: names, Columns: f.Columns, NewColumns: f.NewColumns, Like: f.Like, Seed: c.Seed, DropPath: &c.Model.DropPath, Jitter: c.Model.Jitter,
		AxisFrequencies: f.AxisFrequencies, Position: position, Freezing: f.freezing(),
	}
}

// Which fields a fresh network has columns for (model.vocabulary).
const (
	releasedVocabulary = "released"
	dataVocabulary     = "data"
)

// fresh is the architecture of a network that begins with random numbers, and its configuration.
func (c Config) fresh(names []string) (model.Config, checkpoint.Config, error) {
	vocabulary := sample.ReleasedVocabulary()
	if c.Model.Vocabulary == dataVocabulary {
		vocabulary = sample.NewEmptyVocabulary()
	}
	vocabulary.Add(names...)
	m, err := c.Model.architecture(vocabulary.Size())
	if err != nil {
		return m, checkpoint.Config{}, err
	}
	saved, err := checkpoint.ReleasedConfig()
	if err != nil {
		return m, saved, err
	}
	saved.Name = "walrus " + c.Model.Preset
	saved.Hidden, saved.Inner, saved.Heads, saved.Blocks = m.Hidden, m.Inner, m.Heads, m.Blocks
	saved.Dimensions, saved.CausalInTime, saved.JitterPatches, saved.DropPath = m.Dimensions, m.Causal, m.Jitter, m.DropPath
	saved.Fields = vocabulary.Map()
	return m, saved, nil
}

// architecture is the preset with what differs from it.
func (m ModelConfig) architecture(states int) (model.Config, error) {
	c, err := model.Preset(m.Preset)
	if err != nil {
		return c, err
	}
	c.Hidden, c.Inner = or(m.Hidden, c.Hidden), or(m.Intermediate, c.Inner)
	c.Heads, c.Blocks = or(m.Heads, c.Heads), or(m.Blocks, c.Blocks)
	c.States, c.DropPath, c.Jitter = states, m.DropPath, m.JitterOn()
	return c, c.Validate()
}

// describe notes in a model's configuration how it is trained.
func describe(saved checkpoint.Config, c Config) checkpoint.Config {
	t := &saved.Training
	t.LearningRate, t.WeightDecay, t.Epsilon, t.ClipNorm = c.Schedule.Rate, c.Optimizer.WeightDecay, c.Optimizer.Epsilon, c.Optimizer.Clip
	t.Loss, t.LossMultiplier, t.GradientAccumulation = c.Loss.class(), lossScale, c.Data.Accumulation
	t.Epochs, t.WarmupEpochs, t.CooldownEpochs, t.WarmupFactor = c.Schedule.Epochs, c.Schedule.Warmup, c.Schedule.Cooldown, c.Schedule.WarmupFactor
	t.BatchSize, t.SamplesPerEpoch = c.Data.Batch, cmp.Or(c.Schedule.EpochBatches, c.Schedule.EpochSteps*c.Data.Accumulation)
	t.InputSteps, t.OutputSteps, t.MinStride, t.MaxStride = c.Data.History, 1, c.Data.MinStride, c.Data.MaxStride
	t.RotationProbability = 1 - c.Data.Unturned
	if c.Data.Rotation == sample.NoRotation {
		t.RotationProbability = 0
	}
	t.Normalization, t.NormalizationEpsilon = c.Data.Normalization.Class(), cmp.Or(c.Data.NormalizationEpsilon, t.NormalizationEpsilon)
	saved.GradientCheckpointing, saved.FieldDrop = c.Model.Recompute, c.Model.FieldDrop
	saved.JitterPatches = c.Model.JitterOn()
	saved.Tokens, saved.TokenChoices = c.tokens()
	earlier := saved.DataSets // of the weights that it started from
	saved.DataSets = nil
	for _, set := range c.Data.Sets {
		saved.DataSets = noted(saved, c.Data.info(set))
	}
	for _, info := range earlier {
		if _, again := saved.DataSet(info.Name); !again {
			saved.DataSets = append(saved.DataSets, info)
		}
	}
	return saved
}

// noted are the data sets of a model's configuration and one more. Two folders of one name are told apart by their places, two settings of one folder by a number, and what is
// there twice, so as to be drawn twice as often, is noted once.
func noted(saved checkpoint.Config, info checkpoint.DataSetInfo) []checkpoint.DataSetInfo {
	name := info.Name
	for n := 1; ; n++ {
		other, taken := saved.DataSet(info.Name)
		if !taken {
			return append(saved.DataSets, info)
		}
		if reflect.DeepEqual(other, info) {
			return saved.DataSets
		}
		if info.Name = info.Path; n > 1 || info.Path == name {
			info.Name = fmt.Sprintf("%s (%d)", info.Path, n)
		}
	}
}

// info is what a model's configuration says about a data set of its training, whose history and batch are settled.
func (d DataConfig) info(set SetConfig) checkpoint.DataSetInfo {
	return checkpoint.DataSetInfo{
		Name: well.FolderOf(set.Path), Path: set.Path, Transforms: set.Transforms, Include: set.Include, Exclude: set.Exclude,
		InputSteps: set.History, OutputSteps: 1,
		MinStride: or(set.Stride, d.MinStride), MaxStride: or(set.Stride, d.MaxStride), BatchSize: set.Batch,
		Grid: set.Resample, NetworkPoints: set.NetworkPoints, NormalizationPath: set.Statistics, Tokens: set.Tokens, Pad: set.Pad,
	}
}

// save takes everything that a resumed run needs off the engine: of a run that trains a part, only that. Where several processes
// train, all call it, and the first has the result.
func (s *Stepper) save(saved checkpoint.Config, part *checkpoint.Part) (checkpoint.State, error) {
	state := checkpoint.State{Config: saved, Part: part}
	if !s.team.saves() {
		return state, nil
	}
	for _, w := range s.Network.Weights() {
		if part != nil && !w.Trained() {
			continue
		}
		p := checkpoint.Parameter{Name: w.Name, Shape: w.Shape}
		if m := s.moments[w.Name]; m != nil && m.Steps > 0 {
			var err error
			if p.First, err = s.wholeMoment(w, m.First); err != nil {
				return state, err
			}
			if p.Second, err = s.wholeMoment(w, m.Second); err != nil {
				return state, err
			}
			p.Updates = m.Steps
		}
		if !s.team.first() {
			continue
		}
		value, err := s.Network.Host(w.Name)
		if err != nil {
			return state, err
		}
		p.Value = value.Data
		state.Parameters = append(state.Parameters, p)
	}
	return state, nil
}

// restore makes the network of a saved run and puts the optimizer's memory back. Of a run that trains a part, what that stands
// on is read from where it was, or instead from a path; where it was found is noted in the state.
func restore(e *engine.Engine, state checkpoint.State, o Optimizer, recompute int, f FinetuneConfig, m *team) (*Stepper, error) {
	saved := map[string]checkpoint.Parameter{}
	for _, p := range state.Parameters {
		saved[p.Name] = p
	}
	stored := func(w model.Weight, to []float32) error {
		if len(saved[w.Name].Value) != len(to) {
			return fmt.Errorf("train: the checkpoint has %d values of %s; expected shape %v", len(saved[w.Name].Value), w.Name, w.Shape)
		}
		copy(to, saved[w.Name].Value)
		return nil
	}
	shapes, trained := map[string][]int{}, map[string]bool{}
	for name, p := range saved {
		shapes[name], trained[name] = p.Shape, true
	}
	var base *checkpoint.Checkpoint
	if state.Part != nil {
		var err error
		if base, err = openFrozen(state, f); err != nil {
			return nil, err
		}
		defer base.Close()
		stored = onTop(base, trained, stored)
		maps.Copy(shapes, base.Shapes())
	}
	other, err := network.BaselineOf(state.Config)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	config := network.ConfigOf(state.Config)
	_, config.AxisFrequencies = shapes["blocks.0.space_mixing.rotary_emb.freqs.0"]
	if ape := shapes[model.PositionEmbedding]; len(ape) == 6 {
		copy(config.Position[:], ape[3:])
	}
	if base != nil {
		network.Restore(&config, *state.Part, base, f.LoRA.Model(), trained)
	}
	var n *network.Network
	if other != nil {
		n, err = network.NewBaseline(e, other, stored)
	} else {
		n, err = network.New(e, config, stored)
	}
	if err != nil {
		return nil, err
	}
	s, err := newStepper(n, o, recompute, m)
	if err != nil {
		return nil, err
	}
	for _, w := range n.Weights() {
		p := saved[w.Name]
		if p.Updates == 0 {
			continue
		}
		from := func(values []float32) func([]float32) error {
			return func(to []float32) error {
				if copy(to, values) != len(to) {
					return fmt.Errorf("train: the checkpoint has %d values of a moment of %s; expected %d", len(values), w.Name, len(to))
				}
				return nil
			}
		}
		if err := s.SetMoments(w, from(p.First), from(p.Second), p.Updates); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// openFrozen opens what the trained part of a run stands on: where the configuration says, if that is not what it said before,
// or else where it was. The state notes the place.
func openFrozen(state checkpoint.State, f FinetuneConfig) (*checkpoint.Checkpoint, error) {
	instead := ""
	if f.From != state.Part.Base.From {
		instead = f.From
	}
	base, err := state.Part.Frozen(instead)
	if err != nil {
		return nil, err
	}
	file, err := filepath.Abs(base.Path)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("train: %w", err), base.Close())
	}
	state.Part.Base.From, state.Part.Base.File = f.From, file
	return base, nil
}

// onTop is a source of what was trained and, for the rest, of what that stands on.
func onTop(base *checkpoint.Checkpoint, trained map[string]bool, saved network.Source) network.Source {
	frozen := network.Tensors(base.Tensors(), base.Path)
	return func(w model.Weight, to []float32) error {
		if trained[w.Name] {
			return saved(w, to)
		}
		return frozen(w, to)
	}
}
