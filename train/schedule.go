package train

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Shapes of the learning rate over a run. All begin with a linear warm-up.
const (
	// InverseSqrt decays with the inverse square root of the epoch and ends in a cool-down with the square root to zero
	// (released name: InverseSqrtLinearWarmupSqrtCooldown, inv_sqrt_w_sqrt_ramps).
	InverseSqrt = "inverse_sqrt"
	// InverseSqrtLinear does the same, one epoch ahead, with a linear cool-down (released name: InverseSqrtLinearRamps).
	InverseSqrtLinear = "inverse_sqrt_linear"
	// Cosine is half a cosine from the end of the warm-up to the end of the run, without a cool-down.
	Cosine = "cosine"
)

var shapes = []string{InverseSqrt, InverseSqrtLinear, Cosine}

// Schedule is the learning rate over a run, and its length (spec/model.md, section 4). Between the changes, which come with
// every epoch unless EveryStep or Continuous say otherwise, the rate is constant.
type Schedule struct {
	Shape          string  `yaml:"shape"`             // inverse_sqrt, inverse_sqrt_linear or cosine (default inverse_sqrt, the paper's)
	Rate           float64 `yaml:"learning_rate"`     // at the end of the warm-up (default 2e-4; the paper's, and 1e-4 in fine-tuning)
	Epochs         int     `yaml:"epochs"`            // length of the run (default 200; the release: 201, and 51 in fine-tuning)
	EpochSteps     int     `yaml:"steps_per_epoch"`   // optimizer steps in an epoch (default 500; the paper's, and 2000 in fine-tuning)
	EpochBatches   int     `yaml:"batches_per_epoch"` // batches in an epoch, instead of steps_per_epoch; those that fill no whole step (data.accumulation) are left out as in the release; 0: as steps_per_epoch says (default 0; the paper: 2000)
	Warmup         int     `yaml:"warmup_epochs"`     // epochs until the full rate (default 10; the paper's, and 20 in fine-tuning)
	WarmupFactor   float64 `yaml:"warmup_factor"`     // the first epoch's share of the full rate (default 0.1; the paper's, and 0.01 in fine-tuning)
	Cooldown       int     `yaml:"cooldown_epochs"`   // epochs at the end that bring the rate down; a cosine has none (default 10, the paper's)
	CooldownFactor float64 `yaml:"cooldown_factor"`   // share of the rate at the end of a linear cool-down or of a cosine (default 0.001, the release's)
	EveryStep      bool    `yaml:"every_step"`        // count the whole schedule in optimizer steps, not in epochs, and change the rate with each: the release's lr_scheduler_per_step (default false, as the paper)
	Continuous     bool    `yaml:"continuous"`        // change the rate with every step, smoothly between the values of the epochs (default false, as the paper)

	// BatchesPerStep is data.accumulation where EpochBatches counts; counted sets it.
	BatchesPerStep int `yaml:"-"`
}

// decayOffset sets how slowly the inverse square root begins.
const decayOffset = 128

// DefaultSchedule is the pretraining schedule; 500 steps are 2000 micro-batches with accumulation 4.
func DefaultSchedule() Schedule {
	return Schedule{Shape: InverseSqrt, Rate: 2e-4, Epochs: 200, EpochSteps: 500, Warmup: 10, WarmupFactor: 0.1, Cooldown: 10, CooldownFactor: 1e-3}
}

// counted is the schedule with its steps counted in batches of which so many make a step.
func (s Schedule) counted(accumulation int) Schedule {
	if s.EpochBatches > 0 && accumulation > 0 {
		s.BatchesPerStep = accumulation
		s.EpochSteps = s.EpochBatches / accumulation
	}
	return s
}

// Check reports a schedule that has no meaning.
func (s Schedule) Check() error {
	switch {
	case s.Shape != "" && !slices.Contains(shapes, s.Shape):
		return fmt.Errorf("train: schedule.shape is %q; expected %s", s.Shape, strings.Join(shapes, ", "))
	case !(s.Rate > 0) || math.IsInf(s.Rate, 0):
		return fmt.Errorf("train: learning_rate is %v; expected a positive number", s.Rate)
	case s.EpochBatches < 0:
		return fmt.Errorf("train: schedule.batches_per_epoch is %d; expected 0 or more", s.EpochBatches)
	case s.EpochBatches > 0 && s.EpochSteps < 1:
		return fmt.Errorf("train: schedule.batches_per_epoch is %d and a step takes %d (data.accumulation); expected at least one step", s.EpochBatches, s.BatchesPerStep)
	case s.Epochs < 1 || s.EpochSteps < 1:
		return fmt.Errorf("train: %d epochs of %d steps; expected at least one of each", s.Epochs, s.EpochSteps)
	case s.Warmup < 0 || s.Cooldown < 0 || s.Warmup+s.Cooldown > s.Epochs:
		return fmt.Errorf("train: warm-up of %d and cool-down of %d epochs in a run of %d; shorten them or lengthen the run", s.Warmup, s.Cooldown, s.Epochs)
	case !(s.WarmupFactor >= 0 && s.WarmupFactor <= 1) || !(s.CooldownFactor >= 0 && s.CooldownFactor <= 1):
		return fmt.Errorf("train: warmup_factor %v, cooldown_factor %v; expected both in [0, 1]", s.WarmupFactor, s.CooldownFactor)
	case s.EveryStep && s.Continuous:
		return fmt.Errorf("train: schedule.every_step and schedule.continuous are two ways to change the rate with every step; choose one")
	}
	return nil
}

// Steps is the number of optimizer steps of the run.
func (s Schedule) Steps() int { return s.Epochs * s.EpochSteps }

// At is the learning rate of a step, counted from 0.
func (s Schedule) At(step int) float64 { return s.Rate * s.Share(step) }

// Share is the share of the full rate at a step, counted from 0.
func (s Schedule) Share(step int) float64 {
	switch {
	case s.EveryStep:
		return s.inSteps().Factor(float64(step))
	case s.Continuous:
		return s.Factor(float64(step) / float64(s.EpochSteps))
	}
	return s.Factor(float64(step / s.EpochSteps))
}

// inSteps is the schedule with steps in the place of epochs. As released, lengths are counted in the batches of an epoch over
// those of a step, rounded down at the end: a little more than the steps that are made if the one does not divide the other.
func (s Schedule) inSteps() Schedule {
	perEpoch := float64(s.EpochSteps)
	if s.BatchesPerStep > 0 {
		perEpoch = float64(s.EpochBatches) / float64(s.BatchesPerStep)
	}
	s.Warmup, s.Cooldown = int(float64(s.Warmup)*perEpoch), int(float64(s.Cooldown)*perEpoch)
	s.Epochs = int(float64(s.Epochs) * perEpoch)
	return s
}

// Factor is the share of the full rate at an epoch, counted from 0. At whole epochs it is the released schedule's, where there
// is one; the small jump at the beginning of the cool-down is the release's too.
func (s Schedule) Factor(epoch float64) float64 {
	warmup, decayed := float64(s.Warmup), float64(s.Epochs-s.Cooldown)
	if epoch < warmup {
		return s.WarmupFactor + (1-s.WarmupFactor)*epoch/warmup
	}
	if s.Shape == Cosine {
		progress := min(1, (epoch-warmup)/(float64(s.Epochs)-warmup))
		return s.CooldownFactor + (1-s.CooldownFactor)*(1+math.Cos(math.Pi*progress))/2
	}
	// Between two whole epochs the first step of the cool-down may lie before its beginning: it stays at the top.
	cooled := max(0, epoch-decayed-1)
	if s.Shape == InverseSqrtLinear {
		top := decay(min(epoch, decayed)-warmup+1) / decay(1)
		if epoch <= decayed {
			return top
		}
		// The release multiplies each epoch's rate with a quotient that is one epoch early at first.
		fall := 1 - s.CooldownFactor
		return top * (float64(s.Cooldown) - fall*min(cooled, float64(s.Cooldown))) / (float64(s.Cooldown) + fall)
	}
	if epoch <= decayed {
		return decay(epoch - warmup)
	}
	return decay(decayed) * (1 - math.Sqrt(min(1, cooled/float64(s.Cooldown))))
}

func decay(epochs float64) float64 {
	return 1 / (1 + math.Sqrt(epochs+decayOffset) - math.Sqrt(decayOffset))
}
