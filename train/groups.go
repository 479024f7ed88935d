package train

import (
	"fmt"
	"math"
	"path"
	"slices"

	"github.com/goccy/go-yaml"

	"github.com/gowalrus/walrus/internal/yamltext"
)

// Group is a set of weights with a setting of their own.
type Group struct {
	Match        []string `yaml:"match"`                   // patterns of names in the state dict; * stands for any part of a name
	LearningRate *float64 `yaml:"learning_rate,omitempty"` // full rate, which the schedule shares out (default schedule.learning_rate); 0 freezes the weights
	WeightDecay  *float64 `yaml:"weight_decay,omitempty"`  // (default optimizer.weight_decay)
}

// Groups divide the weights: the first that matches a name holds the weight. What none matches is the rest, which has the
// optimizer's own setting, so that every trained weight is in exactly one group.
type Groups []Group

// releasedGrouping is the name of ReleasedGroups in a configuration.
const releasedGrouping = "released"

// ReleasedGroups are those of the release's grouped optimizer. There ape, a position embedding that fine-tuning adds, is in no
// group and stays as it was drawn (a defect); here it is in the rest.
func ReleasedGroups() Groups {
	rated := func(rate float64, match ...string) Group { return Group{Match: match, LearningRate: &rate} }
	return Groups{
		rated(5e-5, "embed.*"), rated(5e-5, "debed.*"), rated(1e-6, "blocks.*"), rated(1e-5, "encoder_dummy"),
	}
}

// UnmarshalYAML reads a list of groups, or "released".
func (g *Groups) UnmarshalYAML(text []byte) error {
	var name string
	if err := yamltext.Unmarshal(text, &name); err == nil && name != "" {
		if name != releasedGrouping {
			return fmt.Errorf("optimizer.groups is %q; expected a list of groups or %s", name, releasedGrouping)
		}
		*g = ReleasedGroups()
		return nil
	}
	var list []Group
	if err := yamltext.Unmarshal(text, &list, yaml.DisallowUnknownField()); err != nil {
		return err
	}
	*g = nil // as a configuration without the key
	if len(list) > 0 {
		*g = list
	}
	return nil
}

// of is the position of the group that holds a weight; len(g) for the rest.
func (g Groups) of(name string) int {
	matches := func(pattern string) bool { return fits(pattern, name) }
	if i := slices.IndexFunc(g, func(group Group) bool { return slices.ContainsFunc(group.Match, matches) }); i >= 0 {
		return i
	}
	return len(g)
}

// check reports groups that have no meaning.
func (g Groups) check() error {
	for i, group := range g {
		if len(group.Match) == 0 {
			return fmt.Errorf("train: optimizer.groups.%d matches nothing; give it match: [embed.*], for example", i)
		}
		for _, pattern := range group.Match {
			if _, err := path.Match(pattern, ""); err != nil {
				return fmt.Errorf("train: optimizer.groups.%d: %q is no pattern: %w", i, pattern, err)
			}
		}
		for name, value := range map[string]*float64{"learning_rate": group.LearningRate, "weight_decay": group.WeightDecay} {
			if value != nil && (!(*value >= 0) || math.IsInf(*value, 0)) {
				return fmt.Errorf("train: optimizer.groups.%d: %s is %v; expected 0 or more", i, name, *value)
			}
		}
	}
	return nil
}

// checkNames reports a group that holds none of the weights: most likely a pattern with a mistake.
func (g Groups) checkNames(names []string) error {
	held := make([]int, len(g)+1)
	for _, name := range names {
		held[g.of(name)]++
	}
	for i, group := range g {
		if held[i] == 0 {
			return fmt.Errorf("train: optimizer.groups.%d: %q holds no weight of this network (an earlier group may hold them); its names begin like %q", i, group.Match, firstOf(names))
		}
	}
	return nil
}

func firstOf(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return names[0]
}

// of is the learning rate and the decay of a weight at a step whose rate is that of the rest.
func (o Optimizer) of(name string, rate float64) (learning, decay float64) {
	decay = o.WeightDecay
	i := o.Groups.of(name)
	if i == len(o.Groups) {
		return rate, decay
	}
	group := o.Groups[i]
	if group.WeightDecay != nil {
		decay = *group.WeightDecay
	}
	if group.LearningRate == nil {
		return rate, decay
	}
	if o.FullRate == 0 {
		return *group.LearningRate, decay
	}
	return *group.LearningRate * (rate / o.FullRate), decay
}
