package train

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/gowalrus/walrus/checkpoint"
	"github.com/gowalrus/walrus/sample"
	"github.com/gowalrus/walrus/surrogate"
)

// inherit fills what the configuration leaves open with what the weights of finetune.from were made with: loss, normalisation,
// jitter, tokens, history and strides, and of a data set that they know also its transforms, statistics and grids; and it follows their advice. A number of
// data that is the default counts as left open.
func (c Config) inherit() (Config, error) {
	d := &c.Data
	if c.Finetune.From == "" {
		var err error
		d.Normalization, err = sample.ParseNormalization(string(d.Normalization))
		c.Loss = or(c.Loss, AbsoluteLoss)
		return c, err
	}
	from, err := checkpoint.ReadConfigOf(c.Finetune.From, "")
	if err != nil {
		return c, fmt.Errorf("train: finetune.from: %w", err)
	}
	if err = c.Model.inheritKind(from); err != nil {
		return c, err
	}
	if err = cmp.Or(c.checkFreezing(), c.checkEnds()); err != nil { // of the kind that is known only now
		return c, err
	}
	c.Finetune.follow(from.Advice, c.Optimizer.Groups)
	was := from.Training
	if d.Normalization, err = sample.ParseNormalization(or(string(d.Normalization), was.Normalization)); err != nil {
		return c, fmt.Errorf("train: normalization: %w", err)
	}
	if c.Loss, err = parseLoss(or(string(c.Loss), was.Loss)); err != nil {
		return c, fmt.Errorf("train: %w", err)
	}
	if c.Model.Jitter == nil {
		c.Model.Jitter = &from.JitterPatches
	}
	openTokens := c.Model.Tokens == 0 && c.Data.Tokens == nil
	if openTokens {
		c.Model.Tokens, c.Data.Tokens = from.Tokens, from.TokenChoices
	}
	d.NormalizationEpsilon = or(d.NormalizationEpsilon, was.NormalizationEpsilon)
	usual := DefaultConfig().Data
	openHistory, openStride := d.History == usual.History, d.MinStride == usual.MinStride && d.MaxStride == usual.MaxStride
	if openHistory {
		d.History = was.InputSteps
	}
	if openStride {
		d.MinStride, d.MaxStride = was.MinStride, was.MaxStride
	}
	d.Sets = slices.Clone(d.Sets)
	for i := range d.Sets {
		set := &d.Sets[i]
		info, known := surrogate.Trained(from, set.Path, "")
		if !known {
			continue
		}
		if openHistory && set.StepFactor == 0 {
			set.History = or(set.History, info.InputSteps)
		}
		if openStride && info.MinStride == info.MaxStride {
			set.Stride = or(set.Stride, info.MinStride)
		}
		if set.Transforms == nil {
			set.Transforms = info.Transforms
		}
		if set.Resample == nil {
			set.Resample = info.Grid
		}
		if openTokens && set.Tokens == nil {
			set.Tokens = info.Tokens
		}
		if set.NetworkPoints == nil {
			set.NetworkPoints = info.NetworkPoints
		}
		set.Pad = or(set.Pad, info.Pad)
		set.Statistics = or(set.Statistics, info.NormalizationPath)
	}
	return c, nil
}
