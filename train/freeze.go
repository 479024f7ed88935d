package train

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/gowalrus/walrus/checkpoint"
	"github.com/gowalrus/walrus/internal/nearest"
	"github.com/gowalrus/walrus/model"
	"github.com/gowalrus/walrus/network"
)

// paperNames are the names in the state dict of what the paper calls encoder and decoder; patterns may begin with either.
var paperNames = map[string]string{"encoder.": "embed.", "decoder.": "debed."}

// matches reports whether a pattern names a weight, in the state dict's words or in the paper's.
func matches(pattern, name string) bool {
	for paper, own := range paperNames {
		if rest, begins := strings.CutPrefix(pattern, paper); begins {
			pattern = own + rest
		}
	}
	return fits(pattern, name)
}

// fits reports whether a name is as a pattern has it, in which a star stands for any part.
func fits(pattern, name string) bool {
	matched, err := path.Match(pattern, name) // names have no slashes
	return err == nil && matched
}

// checkPatterns reports what is no pattern.
func checkPatterns(key string, patterns []string) error {
	for _, p := range patterns {
		if _, err := path.Match(p, ""); err != nil || p == "" {
			return fmt.Errorf("train: %s: %q is no pattern of weights' names; blocks.* is one", key, p)
		}
	}
	return nil
}

// checkMatches reports a pattern that names none of the weights, most likely by mistake, with the nearest that does.
func checkMatches(key string, patterns, names []string) error {
	for _, p := range patterns {
		if slices.ContainsFunc(names, func(name string) bool { return matches(p, name) }) {
			continue
		}
		return fmt.Errorf("train: %s: %q matches no weight; the nearest pattern that does is %q", key, p, nearestPattern(p, names))
	}
	return nil
}

// nearestPattern is the pattern nearest to one that matches nothing, among the weights' names, their beginnings and their ends.
func nearestPattern(pattern string, names []string) string {
	var candidates []string
	for _, name := range names {
		candidates = append(candidates, name)
		for i, letter := range name {
			if letter == '.' {
				candidates = append(candidates, name[:i]+".*", "*"+name[i:])
			}
		}
	}
	slices.SortFunc(candidates, func(a, b string) int { // of those that are equally near the shortest
		return cmp.Or(len(a)-len(b), strings.Compare(a, b))
	})
	candidates = slices.Compact(candidates)
	if near := nearest.Name(pattern, candidates); near != "" {
		return near
	}
	return candidates[0]
}

// freezes reports whether a configuration leaves weights as they are.
func (f FinetuneConfig) freezes() bool { return f.LoRA.On() || len(f.Freeze) > 0 }

// frozen reports whether a weight that was there before is left as it is.
func (f FinetuneConfig) frozen(name string) bool {
	named := func(patterns []string) bool {
		return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, name) })
	}
	if f.LoRA.On() {
		return !named(f.LoRA.Also)
	}
	return named(f.Freeze)
}

// freezing is what loading needs of it; nil where all is trained.
func (f FinetuneConfig) freezing() *network.Freezing {
	if !f.freezes() {
		return nil
	}
	return &network.Freezing{Frozen: f.frozen, LoRA: f.LoRA.Model()}
}

// checkNames refuses patterns that name none of the weights that were there before, and what leaves nothing to train.
func (f FinetuneConfig) checkNames(c model.Config) error {
	if !f.freezes() {
		return nil
	}
	var names []string
	for _, w := range c.Weights() {
		if _, _, added := w.AddedTo(); !added && !w.Buffer && !model.IsLoRA(w.Name) {
			names = append(names, w.Name)
		}
	}
	if err := cmp.Or(checkMatches("finetune.freeze", f.Freeze, names), checkMatches("finetune.lora.also", f.LoRA.Also, names)); err != nil {
		return err
	}
	if c.CountTrained() == 0 {
		return fmt.Errorf("train: finetune.freeze: %q leaves nothing to train", f.Freeze)
	}
	return nil
}

// part describes what the run's checkpoints stand on; nil where all weights are trained. saved is the configuration of the
// network.
func (f FinetuneConfig) part(c model.Config, saved checkpoint.Config, seed uint64) (*checkpoint.Part, error) {
	if len(c.Frozen) == 0 {
		return nil, nil
	}
	before, err := checkpoint.ReadConfigOf(f.From, "")
	if err != nil {
		return nil, fmt.Errorf("train: finetune.from: %w", err)
	}
	base, err := checkpoint.BaseOf(f.From)
	if err != nil {
		return nil, fmt.Errorf("train: finetune.from: %w", err)
	}
	return network.PartOf(c, base, before.Fields, saved.Fields, checkpoint.Growth{Begin: f.NewColumns, Like: f.Like, Seed: seed}), nil
}

// checkFreezing reports settings that can not work, before anything is opened.
func (f FinetuneConfig) checkFreezing() error {
	if err := f.LoRA.check(); err != nil {
		return err
	}
	if err := checkPatterns("finetune.freeze", f.Freeze); err != nil {
		return err
	}
	switch {
	case f.freezes() && f.From == "":
		return errors.New("train: finetune.lora and finetune.freeze leave weights as they are; name them with finetune.from")
	case f.LoRA.On() && len(f.Freeze) > 0:
		return errors.New("train: finetune.lora freezes all weights that finetune.lora.also does not name; leave out finetune.freeze")
	}
	return nil
}
