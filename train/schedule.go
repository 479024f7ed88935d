package train

import (
	"errors"
	"fmt"
	"math"
)

// Schedule is the learning rate over a run: a linear warm-up, a decay with the inverse square root of the epoch, and a
// cool-down with the square root (spec/model.md, section 4; the released InverseSqrtLinearWarmupSqrtCooldown).
type Schedule struct {
	Rate         float64 `yaml:"learning_rate"`   // at the end of the warm-up (default 2e-4)
	Epochs       int     `yaml:"epochs"`          // length of the run (default 200)
	EpochSteps   int     `yaml:"steps_per_epoch"` // optimizer steps in an epoch (default 500)
	Warmup       int     `yaml:"warmup_epochs"`   // epochs until the full rate (default 10)
	WarmupFactor float64 `yaml:"warmup_factor"`   // the first epoch's share of the full rate (default 0.1)
	Cooldown     int     `yaml:"cooldown_epochs"` // epochs at the end that bring the rate to zero (default 10)
	EveryStep    bool    `yaml:"every_step"`      // change the rate with every step, not with every epoch (default false)
}

// decayOffset sets how slowly the inverse square root begins.
const decayOffset = 128

// DefaultSchedule is the pretraining schedule; 500 steps are 2000 micro-batches with accumulation 4.
func DefaultSchedule() Schedule {
	return Schedule{Rate: 2e-4, Epochs: 200, EpochSteps: 500, Warmup: 10, WarmupFactor: 0.1, Cooldown: 10}
}

// Check reports a schedule that has no meaning.
func (s Schedule) Check() error {
	switch {
	case !(s.Rate > 0) || math.IsInf(s.Rate, 0):
		return fmt.Errorf("train: learning_rate is %v; expected a positive number", s.Rate)
	case s.Epochs < 1 || s.EpochSteps < 1:
		return fmt.Errorf("train: %d epochs of %d steps; expected at least one of each", s.Epochs, s.EpochSteps)
	case s.Warmup < 0 || s.Cooldown < 0 || s.Warmup+s.Cooldown > s.Epochs:
		return fmt.Errorf("train: warm-up of %d and cool-down of %d epochs in a run of %d; shorten them or lengthen the run", s.Warmup, s.Cooldown, s.Epochs)
	case s.WarmupFactor < 0 || s.WarmupFactor > 1:
		return errors.New("train: warmup_factor is outside [0, 1]")
	}
	return nil
}

// Steps is the number of optimizer steps of the run.
func (s Schedule) Steps() int { return s.Epochs * s.EpochSteps }

// At is the learning rate of a step, counted from 0.
func (s Schedule) At(step int) float64 {
	if s.EveryStep {
		return s.Rate * s.Factor(float64(step)/float64(s.EpochSteps))
	}
	return s.Rate * s.Factor(float64(step/s.EpochSteps))
}

// Factor is the share of the full rate at an epoch, counted from 0. At whole epochs it is the released schedule's; the
// small jump at the beginning of the cool-down is the release's too.
func (s Schedule) Factor(epoch float64) float64 {
	warmup, decayed := float64(s.Warmup), float64(s.Epochs-s.Cooldown)
	switch {
	case epoch < warmup:
		return s.WarmupFactor + (1-s.WarmupFactor)*epoch/warmup
	case epoch <= decayed:
		return s.decay(epoch - warmup)
	}
	// Between two whole epochs the first step of the cool-down may lie before its beginning: it stays at the top.
	progress := max(0, epoch-decayed-1) / float64(s.Cooldown)
	return s.decay(decayed) * (1 - math.Sqrt(min(1, progress)))
}

func (s Schedule) decay(epochs float64) float64 {
	return 1 / (1 + math.Sqrt(epochs+decayOffset) - math.Sqrt(decayOffset))
}
