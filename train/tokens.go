package train

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"

	"github.com/gowalrus/walrus/frame"
	"github.com/gowalrus/walrus/internal/yamltext"
	"github.com/gowalrus/walrus/sample"
)

// Tokens are numbers of tokens along each axis, of which every batch draws one. In YAML a number or a list of them.
type Tokens []int

// UnmarshalYAML reads a number or a list of numbers.
func (t *Tokens) UnmarshalYAML(text []byte) error {
	*t = nil
	var one int
	if yamltext.Unmarshal(text, &one) == nil {
		if one != 0 { // null and 0 are as a configuration without the key
			*t = Tokens{one}
		}
		return nil
	}
	var list []int
	if err := yamltext.Unmarshal(text, &list); err != nil {
		return fmt.Errorf("expected a number of tokens, or a list of such: %w", err)
	}
	if len(list) > 0 {
		*t = list
	}
	return nil
}

// check reports numbers that can not be, at a place of the configuration.
func (t Tokens) check(place string) error {
	for i, n := range t {
		if n < 1 {
			return fmt.Errorf("train: %s has %d tokens; expected at least 1", place, n)
		}
		if slices.Contains(t[:i], n) {
			return fmt.Errorf("train: %s has %d twice; every number is equally likely as it is", place, n)
		}
	}
	return nil
}

// checkLayout reports numbers of tokens that contradict each other, and data that are to be continued in an unknown way.
func (c Config) checkLayout() error {
	if err := c.Data.Tokens.check("data.tokens"); err != nil {
		return err
	}
	if c.Model.IsBaseline() {
		for _, set := range append([]SetConfig{{Tokens: c.Data.Tokens}}, c.Data.Sets...) {
			if set.Tokens != nil || set.Pad != "" {
				return fmt.Errorf("train: model.kind is %s, which sees the points as they are: tokens and pad are Walrus's; use resample where a grid does not fit", c.Model.Kind)
			}
		}
	}
	for i, set := range c.Data.Sets {
		if err := set.Tokens.check(fmt.Sprintf("data.sets.%d (%s): tokens", i, set.Path)); err != nil {
			return err
		}
		if _, err := frame.ParsePad(set.Pad); err != nil {
			return fmt.Errorf("train: data.sets.%d (%s): %w", i, set.Path, err)
		}
	}
	if c.Model.Tokens < 0 {
		return fmt.Errorf("train: model.tokens is %d; expected 0 (the released numbers) or more", c.Model.Tokens)
	}
	if n := c.Model.Tokens; n > 0 && len(c.Data.Tokens) > 0 && !slices.Contains(c.Data.Tokens, n) {
		return fmt.Errorf("train: model.tokens is %d, which is none of data.tokens %v; it is what the model predicts and is validated with", n, []int(c.Data.Tokens))
	}
	return nil
}

// tokens is the number of tokens that the model has where nothing else is said, 0 for none in particular, and the numbers that its
// batches draw from: a single one in data.tokens is the same as model.tokens.
func (c Config) tokens() (fixed int, drawn []int) {
	if len(c.Data.Tokens) == 1 {
		return c.Data.Tokens[0], nil
	}
	return c.Model.Tokens, c.Data.Tokens
}

// Frame is how the model lays out data where it is not drawn: in validation, and in predictions.
func (c Config) Frame() frame.Options {
	if c.Model.IsBaseline() {
		return frame.Options{Whole: true}
	}
	fixed, drawn := c.tokens()
	return frame.Options{Tokens: fixed, Choices: drawn, NoJitterPadding: !c.Model.JitterOn()}
}

// frameOf is Frame for a data set with settings of its own.
func (c Config) frameOf(set SetConfig) frame.Options {
	o := c.Frame()
	if set.Tokens != nil {
		o.Choices = set.Tokens
	}
	o.Pad = set.Pad != ""
	return o
}

// layouts lists the ways to lay out the batches of a data set that are all equally likely. b is one of them, in whose
// data set's own numbers of tokens come before those of o.
func layouts(b *sample.Batch, o frame.Options) []frame.Options {
	if o.Whole {
		return []frame.Options{o}
	}
	if b.Tokens != nil {
		o.Choices = b.Tokens
	}
	o.Pad = o.Pad || b.Pad
	fitting := o.Fitting(b.Grid())
	if len(fitting) < 2 {
		return []frame.Options{o}
	}
	list := make([]frame.Options, len(fitting))
	for i, n := range fitting {
		list[i] = o
		list[i].Tokens, list[i].Choices = n, nil
	}
	return list
}

// drawLayout chooses a way to lay out a batch. Nothing is drawn where there is one way only.
func drawLayout(b *sample.Batch, o frame.Options, random *rand.Rand) frame.Options {
	list := layouts(b, o)
	if len(list) == 1 {
		return list[0]
	}
	return list[random.IntN(len(list))]
}

// noteTokens says which of several numbers of tokens a data set is trained with, where its grid does not fit them all.
func noteTokens(name string, o frame.Options, grid []int) {
	if fitting := o.Fitting(grid); len(o.Choices) > 1 && len(fitting) > 0 && len(fitting) < len(o.Choices) {
		slog.Warn("train: the grid does not fit all numbers of tokens, or in 3-D they are too many", "dataset", name, "grid", grid, "tokens", o.Choices, "drawn", fitting)
	}
}
