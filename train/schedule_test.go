package train

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/gowalrus/walrus/internal/released"
)

// golden is a schedule of optimization.json.
type goldenSchedule struct {
	Name      string
	Class     string
	Base      float64 `json:"base_lr"`
	Arguments struct {
		Epochs   int      `json:"max_epochs"`
		Warmup   int      `json:"warmup_epochs"`
		Cooldown int      `json:"cooldown_epochs"`
		Start    float64  `json:"warmup_lr_factor"`
		End      float64  `json:"cooldown_lr_factor"`
		Steps    *float64 `json:"step_mult_factor"` // optimizer steps in an epoch, where they are counted
	}
	Rates []float64 `json:"lr_by_epoch_from_1"`
}

// schedule is ours with the same arguments. A fraction of a step an epoch is that many batches over those of a step.
func (g goldenSchedule) schedule(t *testing.T) Schedule {
	t.Helper()
	a := g.Arguments
	s := Schedule{Rate: g.Base, Epochs: a.Epochs, EpochSteps: 1, Warmup: a.Warmup, WarmupFactor: a.Start, Cooldown: a.Cooldown, CooldownFactor: a.End}
	switch g.Class {
	case "InverseSqrtLinearWarmupSqrtCooldown":
		s.Shape = InverseSqrt
	case "InverseSqrtLinearRamps":
		s.Shape = InverseSqrtLinear
	default:
		t.Fatalf("%s: unknown class %s", g.Name, g.Class)
	}
	if a.Steps != nil {
		const perStep = 1000
		s.EveryStep, s.EpochBatches = true, int(math.Round(*a.Steps*perStep))
		s = s.counted(perStep)
	}
	if err := s.Check(); err != nil {
		t.Fatalf("%s: %v", g.Name, err)
	}
	return s
}

func TestSchedulesAreTheReleasedOnes(t *testing.T) {
	var golden struct {
		Schedules []goldenSchedule
		Resume    struct {
			Note          string
			Last          int       `json:"last_epoch_passed"`
			Rates         []float64 `json:"lr"`
			Uninterrupted []float64
		} `json:"schedule_resume"`
	}
	released.Read(t, "optimization.json", &golden)
	const tolerance = 1e-6
	resumed := 0
	for _, g := range golden.Schedules {
		s := g.schedule(t)
		for i, want := range g.Rates {
			if got := s.At(i); math.Abs(got-want) > tolerance*want {
				t.Errorf("%s: epoch or step %d: %v, want %v", g.Name, i+1, got, want)
			}
		}
		// A rate is a function of the step alone: the schedule that was resumed is the one whose rates go on.
		if first := golden.Resume.Last + 1; len(g.Rates) > first && math.Abs(g.Rates[first]-golden.Resume.Rates[0]) < 1e-12 && g.Arguments.Steps == nil {
			resumed++
			for i, want := range golden.Resume.Rates {
				if got := s.At(first + i); math.Abs(got-want) > tolerance*want || math.Abs(want-golden.Resume.Uninterrupted[i]) > tolerance*want {
					t.Errorf("%s, resumed: epoch %d: %v, want %v", g.Name, first+i+1, got, want)
				}
			}
		}
	}
	if len(golden.Schedules) == 0 || resumed == 0 {
		t.Errorf("%d schedules, %d of them resumed", len(golden.Schedules), resumed)
	}
}

// The released schedule's factors for 200 epochs, warm-up 10 and cool-down 10, computed with the released trainer.
func TestFactorsOfTwoHundredEpochs(t *testing.T) {
	raw, err := os.ReadFile("testdata/schedule.json")
	if err != nil {
		t.Fatal(err)
	}
	var want []float64
	if err = json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	s := DefaultSchedule()
	if len(want) != s.Epochs+1 {
		t.Fatalf("%d golden factors, want %d", len(want), s.Epochs+1)
	}
	for epoch, w := range want {
		if got := s.Factor(float64(epoch)); math.Abs(got-w) > 1e-12 {
			t.Errorf("epoch %d: factor %v, want %v", epoch, got, w)
		}
		if got := s.At(epoch*s.EpochSteps + s.EpochSteps - 1); math.Abs(got-w*2e-4) > 1e-15 {
			t.Errorf("last step of epoch %d: rate %v, want %v", epoch, got, w*2e-4)
		}
	}
}

func TestCosineFallsFromTheFullRateToItsEnd(t *testing.T) {
	s := Schedule{Shape: Cosine, Rate: 2, Epochs: 12, EpochSteps: 3, Warmup: 2, WarmupFactor: 0.5, Cooldown: 4, CooldownFactor: 0.1}
	for epoch, want := range map[float64]float64{0: 0.5, 1: 0.75, 2: 1, 7: 0.55, 12: 0.1} {
		if got := s.Factor(epoch); math.Abs(got-want) > 1e-12 {
			t.Errorf("epoch %v: factor %v, want %v", epoch, got, want)
		}
	}
}

func TestBatchesThatFillNoStepAreDropped(t *testing.T) {
	s := Schedule{Rate: 1, Epochs: 4, EpochSteps: 99, EpochBatches: 10}.counted(4)
	if s.EpochSteps != 2 || s.Steps() != 8 {
		t.Errorf("%d steps an epoch, %d in all; want 2 and 8", s.EpochSteps, s.Steps())
	}
	if err := s.counted(11).Check(); err == nil || !strings.Contains(err.Error(), "accumulation") {
		t.Errorf("epochs shorter than a step: error %v", err)
	}
}

func TestScheduleBetweenEpochsStaysBetweenItsNeighbours(t *testing.T) {
	for _, shape := range shapes {
		betweenNeighbours(t, shape)
	}
}

func betweenNeighbours(t *testing.T, shape string) {
	t.Helper()
	s := Schedule{Shape: shape, Rate: 1, Epochs: 12, EpochSteps: 50, Warmup: 2, WarmupFactor: 0.1, Cooldown: 4, Continuous: true}
	for step := range s.Steps() {
		got := s.At(step)
		below, above := s.Factor(float64(step/50)), s.Factor(float64(step/50+1))
		if got < min(below, above)-1e-12 || got > max(below, above)+1e-12 {
			t.Errorf("%s, step %d: rate %v outside [%v, %v]", shape, step, got, below, above)
		}
	}
}

func TestScheduleWithoutMeaningIsRefused(t *testing.T) {
	for name, change := range map[string]func(*Schedule){
		"no rate":      func(s *Schedule) { s.Rate = 0 },
		"not a number": func(s *Schedule) { s.Rate = math.NaN() },
		"no epochs":    func(s *Schedule) { s.Epochs = 0 },
		"no steps":     func(s *Schedule) { s.EpochSteps = -1 },
		"long warm-up": func(s *Schedule) { s.Warmup = 195 },
		"factor 2":     func(s *Schedule) { s.WarmupFactor = 2 },
		"no factor":    func(s *Schedule) { s.CooldownFactor = math.NaN() },
		"no shape":     func(s *Schedule) { s.Shape = "cosinus" },
		"two ways":     func(s *Schedule) { s.EveryStep, s.Continuous = true, true },
	} {
		s := DefaultSchedule()
		change(&s)
		if s.Check() == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	if err := DefaultSchedule().Check(); err != nil {
		t.Error(err)
	}
}
