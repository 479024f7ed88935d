package train

import (
	"fmt"
	"slices"

	"github.com/gowalrus/walrus/checkpoint"
)

// ends are the weights of the two ends of a Walrus, encoder and decoder, as patterns of names in the state dict.
var ends = []string{"embed.*", "debed.*"}

// ownEndsRate is what encoder and decoder learn with, in learning rates of the rest; 0 where it is the same.
func (f FinetuneConfig) ownEndsRate() float64 {
	if f.EndsRate == 1 {
		return 0
	}
	return f.EndsRate
}

// optimizer is the optimizer with the rate that its groups' are to be seen beside, and encoder and decoder as a group behind those of the
// configuration where they have a rate of their own.
func (c Config) optimizer() Optimizer {
	o := c.Optimizer
	o.FullRate = c.Schedule.Rate
	if k := c.Finetune.ownEndsRate(); k != 0 {
		rate := k * c.Schedule.Rate
		o.Groups = append(slices.Clone(o.Groups), Group{Match: ends, LearningRate: &rate})
	}
	return o
}

// checkEnds refuses a rate of encoder and decoder that is none, or of a network that has neither.
func (c Config) checkEnds() error {
	k := c.Finetune.EndsRate
	if !(k >= 0 && k <= checkpoint.MaxEndsRate) {
		return fmt.Errorf("train: finetune.ends_rate is %v; expected a number from 0 (the default) to %d, in learning rates of the rest", k, checkpoint.MaxEndsRate)
	}
	if k != 0 && c.Model.IsBaseline() {
		return fmt.Errorf("train: finetune.ends_rate is of Walrus's encoder and decoder; a baseline (model.kind is %s) has neither: leave it out", c.Model.Kind)
	}
	return nil
}

// follow takes the advice of the weights that are trained on where the configuration says nothing. How fast the ends learn was found with all weights
// in training, and is no advice for a part of them, nor beside groups of the user's own.
func (f *FinetuneConfig) follow(a checkpoint.Advice, groups Groups) {
	f.NewColumns = or(f.NewColumns, a.NewColumns)
	if !f.freezes() && len(groups) == 0 {
		f.EndsRate = or(f.EndsRate, a.EndsRate)
	}
}
