package main

import (
	"cmp"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gowalrus/walrus/checkpoint"
	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/frame"
	"github.com/gowalrus/walrus/network"
	"github.com/gowalrus/walrus/rollout"
	"github.com/gowalrus/walrus/sample"
	"github.com/gowalrus/walrus/train"
	"github.com/gowalrus/walrus/well"
)

// modelFlags say which weights predict, and how.
type modelFlags struct {
	config     string
	engine     string
	precision  engine.Precision
	tokens     int
	history    int
	transforms []string
	seed       uint64
	noJitter   bool
	ensemble   int
}

// add registers the flags.
func (f *modelFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.config, "config", "", "configuration of the weights (default: the .yaml beside them)")
	flags.StringVar(&f.engine, "engine", "", "what computes: "+engine.Describe()+" (default "+engine.Default+")")
	flags.Var(&f.precision, "precision", "of matrix products: "+engine.PrecisionNames())
	flags.IntVar(&f.tokens, "tokens", 0, "tokens along each axis: fewer are faster, more are finer (default as trained, or 32 in 2-D and 16 in 3-D)")
	flags.IntVar(&f.history, "history", 0, "frames that the network sees (default as trained)")
	flags.StringArrayVar(&f.transforms, "transform", nil, "transform a field, as density=log10 (repeatable; default as in training)")
	flags.Uint64Var(&f.seed, "seed", 1, "fixes every random draw of jitter and token rolls")
	flags.BoolVar(&f.noJitter, "no-jitter", false, "no random patch jitter and token rolls: one deterministic prediction")
	flags.IntVar(&f.ensemble, "ensemble", 1, "draws to average; with two or more their spread is given too")
}

// options are the random part of a rollout.
func (f *modelFlags) options() rollout.Options {
	return rollout.Options{Ensemble: f.ensemble, Jitter: !f.noJitter, Seed: f.seed}
}

// openModel is weights on an engine, ready to predict.
type openModel struct {
	rollout.Model
	history int // frames that the network sees; 0 for as many as in training
	config  checkpoint.Config
	run     *train.Config // of the run whose folder the weights are in; nil for none
	network *network.Network
	engine  *engine.Engine
}

// Close frees the network and the engine.
func (m *openModel) Close() {
	if m.network != nil {
		m.network.Close()
	}
	m.engine.Close()
}

// open loads weights from a file or a folder. A run's folder also tells tokens and transforms.
func (f *modelFlags) open(path string) (*openModel, error) {
	if f.ensemble < 1 || f.tokens < 0 || f.history < 0 {
		return nil, usagef("--ensemble %d, --tokens %d, --history %d; expected at least 1, 0 and 0", f.ensemble, f.tokens, f.history)
	}
	if f.ensemble > 1 && f.noJitter {
		return nil, usagef("--ensemble %d with --no-jitter: without jitter all members are the same; leave one of the two out", f.ensemble)
	}
	transforms, err := sample.ParseTransforms(f.transforms)
	if err != nil {
		return nil, usagef("--transform: %w", err)
	}
	e, err := engine.OpenPrecision(f.engine, f.precision)
	if err != nil {
		return nil, err
	}
	m := &openModel{engine: e}
	n, config, err := network.Load(e, path, network.LoadOptions{Config: f.config, Predictor: true})
	if err != nil {
		m.Close()
		return nil, err
	}
	m.network = n
	vocabulary, err := sample.NewVocabulary(config.Fields)
	if err != nil {
		m.Close()
		return nil, err
	}
	normalization, err := sample.ParseNormalization(config.Training.Normalization)
	if err != nil {
		m.Close()
		return nil, fmt.Errorf("%s: trainer.revin: %w", path, err)
	}
	m.Model = rollout.Model{
		Predictor: n, Vocabulary: vocabulary, Blocks: n.Config.Blocks, Transforms: transforms, Frame: frame.Options{Tokens: f.tokens},
		Normalization: normalization,
	}
	m.history, m.config = f.history, config
	if run, err := train.ReadRunConfig(path); err == nil { // else no folder of a run of ours
		m.run = &run
		if f.tokens == 0 {
			m.Frame.Tokens = run.Model.Tokens
		}
	}
	return m, nil
}

// on is the model for one data set, and the frames that it sees: what the command line does not say is as in training, with
// the data set of the same folder or name.
func (m *openModel) on(d *well.Dataset) (rollout.Model, int, error) {
	model, history := m.Model, m.history
	transforms, trained, err := m.training(d)
	if err != nil {
		return model, 0, err
	}
	if history == 0 {
		history = max(1, trained)
	}
	if len(model.Transforms) == 0 {
		model.Transforms = transforms
	}
	return model, history, nil
}

// training is what the training did with the fields of a data set, and how many frames it gave the network.
func (m *openModel) training(d *well.Dataset) (map[string]sample.Transform, int, error) {
	folder := d.Folder()
	if m.run != nil {
		for _, set := range m.run.Data.Sets {
			if well.FolderOf(set.Path) == folder {
				transforms, err := set.ParsedTransforms()
				return transforms, cmp.Or(set.History, m.run.Data.History), err
			}
		}
	}
	info, found, err := m.config.DataSet(folder)
	if err == nil && !found {
		info, _, err = m.config.DataSet(d.Name())
	}
	if err != nil {
		return nil, 0, err
	}
	transforms, err := train.SetConfig{Transforms: info.Transforms}.ParsedTransforms()
	return transforms, info.InputSteps, err
}

// warnUnseen says which strides of a grid the released weights have never seen.
func warnUnseen(cmd *cobra.Command, g *frame.Geometry) {
	if seen, which := g.Released(); !seen {
		fmt.Fprintf(cmd.ErrOrStderr(), "note: the released weights were not trained with these strides (%s)\n", which)
	}
}
