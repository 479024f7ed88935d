package convert

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/gowalrus/walrus/checkpoint"
	"github.com/gowalrus/walrus/network"
)

// What a plan can get wrong about its input or its output.
var (
	// ErrExists is that what would be written is there, and Plan.Force is not set.
	ErrExists = errors.New("exists")
	// ErrPart is that the weights are only what was trained on top of others, and Plan.Merge is not set.
	ErrPart = errors.New("holds only what was trained")
	// ErrWhole is that there is nothing to merge.
	ErrWhole = errors.New("holds whole weights already")
)

// Plan is a conversion.
type Plan struct {
	In     string // weights in any form that checkpoint.OpenOn reads, or the name of a model
	Config string // their configuration; empty for the one beside them
	// Out is a file ending in .safetensors, whose configuration is written beside it as .yaml, or a folder for model.safetensors and config.yaml.
	Out    string
	Merge  bool              // of a run that saves only what it trains, write whole weights
	Base   string            // where the weights are that it began with; empty for where they were
	Fields []string          // new fields, each of which gets the next free column of the embedding
	Like   map[string]string // the known fields that some of them begin as (checkpoint.Growth)
	Seed   uint64            // fixes the values of other new columns
	DType  checkpoint.DType  // of the stored weights
	Force  bool              // replace what is there
	// Begin is told the number of tensors, and Written the bytes of each that has been written; nil for nobody.
	Begin   func(tensors int)
	Written func(bytes int64)
}

// Result says what was written.
type Result struct {
	Weights    string `json:"weights"`
	Config     string `json:"config"`
	Tensors    int    `json:"tensors"`
	Parameters int    `json:"parameters"`
	Bytes      int64  `json:"bytes"`
}

// Run carries the plan out. Names and shapes of all tensors are checked against the configuration first. A context that ends stops it
// between two tensors, and leaves no weights behind.
func Run(ctx context.Context, p Plan) (Result, error) {
	r := places(p.Out)
	if !p.Force {
		if _, err := os.Stat(r.Weights); err == nil {
			return r, fmt.Errorf("convert: %s %w", r.Weights, ErrExists)
		}
	}
	config, err := checkpoint.ReadConfigOf(p.In, p.Config)
	if err != nil {
		return r, err
	}
	weights, err := checkpoint.OpenOn(p.In, p.Base)
	if err != nil {
		return r, err
	}
	defer weights.Close()
	switch {
	case weights.Part != nil && !p.Merge:
		return r, fmt.Errorf("convert: %s %w on top of %s", p.In, ErrPart, weights.Part.Base.From)
	case weights.Part == nil && p.Merge:
		return r, fmt.Errorf("convert: %s %w", p.In, ErrWhole)
	}
	architecture, err := network.Architecture(config, weights)
	if err != nil {
		return r, err
	}
	tensors := weights.Tensors()
	if len(p.Fields) > 0 {
		before := config
		if config, err = config.WithFields(p.Fields...); err != nil {
			return r, err
		}
		if tensors, err = checkpoint.GrowFields(tensors, before, config, checkpoint.Growth{Begin: checkpoint.PreservingColumns, Like: p.Like, Seed: p.Seed}); err != nil {
			return r, err
		}
		architecture.States = config.States()
	}
	r.Tensors, r.Parameters = len(tensors), architecture.Count()
	if err := os.MkdirAll(filepath.Dir(r.Weights), 0o777); err != nil {
		return r, fmt.Errorf("convert: %w", err)
	}
	if err := p.writeConfig(r.Config, config); err != nil {
		return r, err
	}
	if err := p.writeWeights(ctx, r.Weights, tensors); err != nil {
		return r, err
	}
	info, err := os.Stat(r.Weights)
	if err != nil {
		return r, fmt.Errorf("convert: %w", err)
	}
	r.Bytes = info.Size()
	return r, nil
}

// places are the two files that stand for an output.
func places(out string) Result {
	if filepath.Ext(out) == ".safetensors" {
		return Result{Weights: out, Config: strings.TrimSuffix(out, filepath.Ext(out)) + ".yaml"}
	}
	return Result{Weights: filepath.Join(out, checkpoint.WeightsFile), Config: filepath.Join(out, checkpoint.ConfigFile)}
}

// writeConfig writes the configuration; one that is there and says something else is only replaced by force.
func (p Plan) writeConfig(path string, config checkpoint.Config) error {
	text, err := config.YAML()
	if err != nil {
		return err
	}
	if there, err := os.ReadFile(path); err == nil && !p.Force && !bytes.Equal(there, text) {
		return fmt.Errorf("convert: %s %w", path, ErrExists)
	}
	return config.Write(path)
}

func (p Plan) writeWeights(ctx context.Context, path string, tensors []checkpoint.Tensor) error {
	if p.Begin != nil {
		p.Begin(len(tensors))
	}
	return checkpoint.WriteWith(path, tensors, checkpoint.WriteOptions{Metadata: map[string]string{"format": "pt"}, DType: p.DType, Written: func(bytes int64) error {
		if p.Written != nil {
			p.Written(bytes)
		}
		return context.Cause(ctx)
	}})
}
