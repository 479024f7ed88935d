package train

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gowalrus/walrus/internal/nearest"
	"github.com/gowalrus/walrus/internal/yamltext"
	"github.com/gowalrus/walrus/model"
)

// LoRAConfig trains small matrices beside those of the blocks instead of the weights themselves.
type LoRAConfig struct {
	Rank    int     `yaml:"rank"`    // rank of the matrices that are added; 0 for none (default 0; 8 is a good start)
	Alpha   float64 `yaml:"alpha"`   // what is added is multiplied with alpha / rank (default twice the rank)
	Targets Targets `yaml:"targets"` // attention, feed-forward, a list of both, or all; in the mixing of space and of time (default all)
	// Also are patterns of weights that are trained as a whole beside it, as ["embed.*", "debed.*"]; they make checkpoints larger
	// (default none).
	Also []string `yaml:"also,omitempty"`
}

// Targets are the kinds of matrices that LoRA adds to.
type Targets []string

// The kinds of matrices.
const (
	attentionTarget   = "attention"
	feedForwardTarget = "feed-forward"
	allTargets        = "all"
)

// UnmarshalYAML reads one kind or a list.
func (t *Targets) UnmarshalYAML(text []byte) error {
	var one string
	if err := yamltext.Unmarshal(text, &one); err == nil {
		*t = nil
		if one != "" && one != "null" {
			*t = Targets{one}
		}
		return nil
	}
	return yamltext.Unmarshal(text, (*[]string)(t))
}

// On reports whether the configuration asks for LoRA.
func (l LoRAConfig) On() bool { return l.Rank != 0 }

// Model is what is added to the network.
func (l LoRAConfig) Model() model.LoRA {
	if !l.On() {
		return model.LoRA{}
	}
	names := func(kind string) bool {
		return len(l.Targets) == 0 || slices.Contains(l.Targets, kind) || slices.Contains(l.Targets, allTargets)
	}
	return model.LoRA{Rank: l.Rank, Alpha: or(l.Alpha, float64(2*l.Rank)), Attention: names(attentionTarget), FeedForward: names(feedForwardTarget)}
}

// check reports settings that can not work.
func (l LoRAConfig) check() error {
	kinds := []string{attentionTarget, feedForwardTarget, allTargets}
	for _, kind := range l.Targets {
		if !slices.Contains(kinds, kind) {
			return fmt.Errorf("train: finetune.lora.targets has %q; expected some of %s%s", kind, strings.Join(kinds, ", "), nearest.Hint(kind, kinds))
		}
	}
	const most = 1 << 12
	if l.Rank < 0 || l.Rank > most || !(l.Alpha >= 0) {
		return fmt.Errorf("train: finetune.lora has rank %d and alpha %v; expected a rank from 0 to %d and an alpha of 0 (twice the rank) or more", l.Rank, l.Alpha, most)
	}
	if !l.On() && (l.Alpha != 0 || l.Targets != nil || l.Also != nil) {
		return fmt.Errorf("train: finetune.lora has no rank; give it one (8 is a good start), or leave out its other keys")
	}
	return checkPatterns("finetune.lora.also", l.Also)
}
