package train

import (
	"encoding/json"
	"math"
	"os"
	"testing"
)

// The released schedule's factors for 200 epochs, warm-up 10 and cool-down 10, computed with the released trainer.
func TestScheduleIsTheReleasedOne(t *testing.T) {
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

func TestScheduleBetweenEpochsStaysBetweenItsNeighbours(t *testing.T) {
	s := Schedule{Rate: 1, Epochs: 12, EpochSteps: 50, Warmup: 2, WarmupFactor: 0.1, Cooldown: 4, EveryStep: true}
	for step := range s.Steps() {
		got := s.At(step)
		below, above := s.Factor(float64(step/50)), s.Factor(float64(step/50+1))
		if got < min(below, above)-1e-12 || got > max(below, above)+1e-12 {
			t.Errorf("step %d: rate %v outside [%v, %v]", step, got, below, above)
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
