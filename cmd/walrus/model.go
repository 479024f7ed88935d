package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gowalrus/walrus/checkpoint"
	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/frame"
	"github.com/gowalrus/walrus/network"
	"github.com/gowalrus/walrus/rollout"
	"github.com/gowalrus/walrus/sample"
	"github.com/gowalrus/walrus/train"
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
	flags.StringArrayVar(&f.transforms, "transform", nil, "transform a field as in training, as density=log10 (repeatable)")
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
	history int
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
	transforms, err := f.parseTransforms()
	if err != nil {
		return nil, err
	}
	e, err := engine.OpenPrecision(f.engine, f.precision)
	if err != nil {
		return nil, err
	}
	m := &openModel{engine: e}
	n, config, err := network.Load(e, path, network.LoadOptions{Config: f.config})
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
	m.history = f.history
	m.asTrained(path, config, f)
	return m, nil
}

// asTrained takes over from the training what the command line does not say.
func (m *openModel) asTrained(path string, config checkpoint.Config, f *modelFlags) {
	if m.history == 0 {
		m.history = max(1, config.Training.InputSteps)
	}
	run, err := train.ReadRunConfig(path)
	if err != nil {
		return // no folder of a run of ours
	}
	if f.tokens == 0 {
		m.Frame.Tokens = run.Model.Tokens
	}
	for _, set := range run.Data.Sets {
		transforms, err := set.ParsedTransforms()
		if err != nil {
			continue // the run itself could not have begun
		}
		for name, t := range transforms {
			if _, given := m.Transforms[name]; !given && len(f.transforms) == 0 {
				m.Transforms[name] = t
			}
		}
	}
}

// parseTransforms reads NAME=TRANSFORM flags.
func (f *modelFlags) parseTransforms() (map[string]sample.Transform, error) {
	transforms := map[string]sample.Transform{}
	for _, text := range f.transforms {
		name, value, found := strings.Cut(text, "=")
		t, err := sample.ParseTransform(value)
		if !found || err != nil {
			return nil, usagef("--transform %q; expected FIELD=%s or FIELD=%s", text, sample.Log10, sample.ZerosLike)
		}
		transforms[name] = t
	}
	return transforms, nil
}

// warnUnseen says which strides of a grid the released weights have never seen.
func warnUnseen(cmd *cobra.Command, g *frame.Geometry) {
	if seen, which := g.Released(); !seen {
		fmt.Fprintf(cmd.ErrOrStderr(), "note: the released weights were not trained with these strides (%s)\n", which)
	}
}
