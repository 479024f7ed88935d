package surrogate

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"

	"github.com/gowalrus/walrus/checkpoint"
	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/frame"
	"github.com/gowalrus/walrus/network"
	"github.com/gowalrus/walrus/sample"
	"github.com/gowalrus/walrus/well"
)

// Options are what a caller may set instead of what a model was made with. The zero value changes nothing.
type Options struct {
	Config     string                      // configuration file; empty: the one beside the weights
	Tokens     int                         // along each axis
	History    int                         // frames that the network sees
	Stride     int                         // frames of the data between two steps
	Transforms map[string]sample.Transform // of fields, instead of those of the training; nil for those
	Include    []string                    // keep files whose path contains one of these; with Exclude instead of the training's choice
	Exclude    []string                    // drop files whose path contains one of these
	Pad        bool                        // continue data whose grid no stride fits, also where the training did not (frame.Options.Pad)
	NoJitter   bool                        // no random patch jitter and token rolls; the padding stays that of the training
}

// Predictor predicts the frame after a window, in physical units; *network.Network is one.
type Predictor interface {
	Next(ctx context.Context, d network.Data, x, constants field.Array, rolls frame.Rolls) (field.Array, frame.Scales, error)
}

// Model is weights on an engine with their configuration.
type Model struct {
	Network *network.Network
	Config  checkpoint.Config

	predictor     Predictor // Network, or what predicts without one
	options       Options
	vocabulary    *sample.Vocabulary // nil where every field of the data is known
	normalization sample.Normalization
}

// Open puts weights on an engine, to predict with them: path is whatever checkpoint.Open reads, a file or a folder, such as
// that of a training run; or persistence or linear, which predict without any. Close frees them.
func Open(e *engine.Engine, path string, o Options) (*Model, error) {
	if m, found, err := openUntrained(path, o); found {
		return m, err
	}
	n, config, err := network.Load(e, path, network.LoadOptions{Config: o.Config, Predictor: true})
	if err != nil {
		return nil, err
	}
	m, err := New(n, config, o)
	if err != nil {
		n.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// New is a model whose weights are on an engine already, as while they are trained.
func New(n *network.Network, c checkpoint.Config, o Options) (*Model, error) {
	if o.Tokens < 0 || o.History < 0 || o.Stride < 0 {
		return nil, fmt.Errorf("surrogate: %d tokens, history of %d frames, stride %d; expected none to be negative", o.Tokens, o.History, o.Stride)
	}
	m := &Model{Network: n, Config: c, predictor: n, options: o}
	if b := c.Baseline; b != nil && (o.Tokens != 0 || o.Pad) {
		return nil, fmt.Errorf("surrogate: %d tokens, padding %v for a %s, which sees the points as they are; use --resample where a grid does not fit", o.Tokens, o.Pad, b.Kind)
	}
	var err error
	if m.vocabulary, err = sample.NewVocabulary(c.Fields); err != nil {
		return nil, err
	}
	if m.normalization, err = sample.ParseNormalization(c.Training.Normalization); err != nil {
		return nil, fmt.Errorf("trainer.revin: %w", err)
	}
	return m, nil
}

// Close frees the weights, not the engine.
func (m *Model) Close() {
	if m.Network != nil {
		m.Network.Close()
	}
}

// Trained is what the training of a configuration did with the data set at path, whose files call it name: the one of the
// same place, folder or name, in this order. Without one it is what holds for a data set without settings of its own.
func Trained(c checkpoint.Config, path, name string) (info checkpoint.DataSetInfo, found bool) {
	folder := well.FolderOf(path)
	for _, same := range []func(checkpoint.DataSetInfo) bool{
		func(i checkpoint.DataSetInfo) bool { return i.Path != "" && within(path, i.Path) },
		func(i checkpoint.DataSetInfo) bool { return i.Name == folder },
		func(i checkpoint.DataSetInfo) bool { return i.Path != "" && well.FolderOf(i.Path) == folder },
		func(i checkpoint.DataSetInfo) bool { return i.Name == name },
	} {
		if i := slices.IndexFunc(c.DataSets, same); i >= 0 {
			return c.DataSets[i], true
		}
	}
	return c.DataSet(name)
}

// within says whether a path is a folder or lies below it.
func within(path, folder string) bool {
	absolute, err := filepath.Abs(path)
	top, failed := filepath.Abs(folder)
	if err != nil || failed != nil {
		return false
	}
	relative, err := filepath.Rel(top, absolute)
	return err == nil && filepath.IsLocal(relative)
}

// OpenData opens a data set, as well.OpenDataset does, with those of its files that the training kept. Whoever chooses files,
// in o or in the model's options, gets those instead.
func (m *Model) OpenData(path, split string, o well.Options) (*well.Dataset, error) {
	info, _ := Trained(m.Config, path, "")
	for _, choice := range [][2][]string{{m.options.Include, m.options.Exclude}, {info.Include, info.Exclude}} {
		if o.Include == nil && o.Exclude == nil {
			o.Include, o.Exclude = choice[0], choice[1]
		}
	}
	return well.OpenDataset(path, split, o)
}

// For is what holds for a data set: what the caller's options do not say is as in training, for a data set that was not
// among those of the training as for a training set without settings of its own.
func (m *Model) For(d *well.Dataset) (Setting, error) {
	info, _ := Trained(m.Config, d.Files()[0].Path, d.Name())
	transforms, err := parseTransforms(info.Transforms)
	if err != nil {
		return Setting{}, fmt.Errorf("%s: %w", d.Folder(), err)
	}
	if m.options.Transforms != nil {
		transforms = maps.Clone(m.options.Transforms)
	}
	s := Setting{
		Predictor: m.predictor, Vocabulary: m.vocabulary, Blocks: m.Config.Blocks, Jitter: m.Config.JitterPatches && !m.options.NoJitter,
		Transforms: transforms, Normalization: m.normalization, Statistics: info.NormalizationPath, Epsilon: m.Config.Training.NormalizationEpsilon,
		History: cmp.Or(m.options.History, info.InputSteps), OutputSteps: info.OutputSteps, BatchSize: info.BatchSize,
		MinStride: cmp.Or(m.options.Stride, info.MinStride), MaxStride: cmp.Or(m.options.Stride, info.MaxStride),
		Grid: info.Grid, NetworkPoints: info.NetworkPoints,
		Frame: frame.Options{Tokens: m.Config.Tokens, Choices: m.Config.TokenChoices, NoJitterPadding: !m.Config.JitterPatches},
	}
	if s.Frame.Pad, err = frame.ParsePad(info.Pad); err != nil {
		return Setting{}, fmt.Errorf("%s: %w", d.Folder(), err)
	}
	s.Frame.Pad = s.Frame.Pad || m.options.Pad
	if info.Tokens != nil {
		s.Frame.Choices = info.Tokens
	}
	if m.options.Tokens > 0 {
		s.Frame.Tokens, s.Frame.Choices = m.options.Tokens, nil
	}
	if b := m.Config.Baseline; b != nil {
		s.History = cmp.Or(m.options.History, b.History)
	}
	if _, free := m.predictor.(untrained); free || m.Config.Baseline != nil { // they see the points as they are
		s.Frame, s.Blocks, s.Jitter = frame.Options{Whole: true}, 0, false
	}
	if s.Vocabulary == nil {
		if s.Vocabulary, err = vocabularyOf(d, transforms); err != nil {
			return s, err
		}
	}
	if absent := sample.WithoutField(sample.WellFields(d), m.options.Transforms); len(absent) > 0 {
		slog.Warn("transforms are set for fields that the data set lacks, and passed over", "dataset", d.Name(), "fields", absent)
	}
	return s, s.warn(d)
}

// vocabularyOf has the fields of a data set.
func vocabularyOf(d *well.Dataset, transforms map[string]sample.Transform) (*sample.Vocabulary, error) {
	names, err := sample.ComponentNames(sample.WellFields(d), transforms)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", d.Name(), err)
	}
	v := sample.NewEmptyVocabulary()
	v.Add(names...)
	return v, nil
}

// parseTransforms reads the transforms that a configuration names.
func parseTransforms(names map[string]string) (map[string]sample.Transform, error) {
	transforms := map[string]sample.Transform{}
	for field, name := range names {
		t, err := sample.ParseTransform(name)
		if err != nil {
			return nil, fmt.Errorf("field_transforms.%s: %w", field, err)
		}
		transforms[field] = t
	}
	return transforms, nil
}
