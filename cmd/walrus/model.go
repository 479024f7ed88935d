package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/frame"
	"github.com/gowalrus/walrus/rollout"
	"github.com/gowalrus/walrus/sample"
	"github.com/gowalrus/walrus/surrogate"
)

// modelFlags say which weights predict, and how.
type modelFlags struct {
	config     string
	engine     string
	precision  engine.Precision
	tokens     int
	history    int
	transforms []string
	include    []string
	exclude    []string
	seed       uint64
	noJitter   bool
	pad        string
	ensemble   int
}

// add registers the flags.
func (f *modelFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.config, "config", "", "configuration of the weights (default: the .yaml beside them)")
	flags.StringVar(&f.engine, "engine", "", "what computes: "+engine.Describe()+" (default "+engine.Default+")")
	flags.Var(&f.precision, "precision", "of matrix products: "+engine.PrecisionNames()+"; bf16 is for machines that multiply it faster, on others the cpu engine computes in float32")
	flags.IntVar(&f.tokens, "tokens", 0, "tokens along each axis: fewer are faster, more are finer (default as trained, or 32 in 2-D and 16 in 3-D)")
	flags.IntVar(&f.history, "history", 0, "frames that the network sees (default as trained)")
	flags.StringArrayVar(&f.transforms, "transform", nil, "transform a field, as density=log10 (repeatable; default as in training)")
	flags.StringArrayVar(&f.include, "include", nil, "keep files of the data whose path contains this (repeatable; default those that the training kept)")
	flags.StringArrayVar(&f.exclude, "exclude", nil, "drop files of the data whose path contains this (repeatable; default as in training)")
	flags.Uint64Var(&f.seed, "seed", 1, "fixes every random draw of jitter and token rolls")
	flags.BoolVar(&f.noJitter, "no-jitter", false, "no random patch jitter and token rolls: one deterministic prediction; the padding stays that of the training")
	flags.StringVar(&f.pad, "pad", "", "auto: continue data whose grid no stride fits, mirrored at walls, held at open ends, wrapped where periodic; results are of the data's own points (default as in training)")
	flags.IntVar(&f.ensemble, "ensemble", 1, "draws to average; rollout gives their spread too")
}

// options are the random part of a rollout.
func (f *modelFlags) options() rollout.Options {
	return rollout.Options{Ensemble: f.ensemble, Jitter: !f.noJitter, Seed: f.seed}
}

// openModel is a model on an engine of its own.
type openModel struct {
	*surrogate.Model
	engine *engine.Engine
}

// Close frees the model and the engine.
func (m *openModel) Close() {
	m.Model.Close()
	m.engine.Close()
}

// open opens the model that the command line means. stride is that of the command line, 0 for none.
func (f *modelFlags) open(path string, stride int) (*openModel, error) {
	if f.ensemble < 1 || f.tokens < 0 || f.history < 0 {
		return nil, usagef("--ensemble %d, --tokens %d, --history %d; expected at least 1, 0 and 0", f.ensemble, f.tokens, f.history)
	}
	if f.ensemble > 1 && f.noJitter {
		return nil, usagef("--ensemble %d with --no-jitter: without jitter all members are the same; leave one of the two out", f.ensemble)
	}
	pad, err := frame.ParsePad(f.pad)
	if err != nil {
		return nil, usagef("--pad: %w", err)
	}
	transforms, err := sample.ParseTransforms(f.transforms)
	if err != nil {
		return nil, usagef("--transform: %w", err)
	}
	e, err := engine.OpenPrecision(f.engine, f.precision)
	if err != nil {
		return nil, err
	}
	m, err := surrogate.Open(e, path, surrogate.Options{
		Config: f.config, Tokens: f.tokens, History: f.history, Stride: stride, Transforms: transforms, NoJitter: f.noJitter,
		Include: f.include, Exclude: f.exclude, Pad: pad,
	})
	if err != nil {
		e.Close()
		return nil, err
	}
	opened := &openModel{m, e}
	if f.ensemble > 1 && !m.Config.JitterPatches {
		opened.Close()
		return nil, usagef("--ensemble %d: %s was made without jitter, so that all members are the same; leave it out", f.ensemble, path)
	}
	return opened, nil
}

// warnUnseen says which strides of a grid the released weights have never seen.
func warnUnseen(cmd *cobra.Command, g *frame.Geometry) {
	if seen, which := g.Released(); !seen {
		fmt.Fprintf(cmd.ErrOrStderr(), "note: the released weights were not trained with these strides (%s)\n", which)
	}
}
