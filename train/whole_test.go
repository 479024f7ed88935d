package train

import (
	"context"
	"math"
	"reflect"
	"testing"

	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/network"
)

// weightsAfter makes steps in one program or in two and returns the outcomes and all weights as one vector.
func weightsAfter(t *testing.T, whole bool) (outcomes []Outcome, weights []float32) {
	t.Helper()
	n, d := smallNetworkOn(t, engine.Default, engine.Float32, 0)
	s, err := NewStepper(n, ReleasedOptimizer(), 0)
	if err != nil {
		t.Fatal(err)
	}
	s.whole = whole
	for i := range 3 {
		o, err := s.Step(context.Background(), []Example{randomExample(uint64(i), d, 2)}, 1e-3)
		if err != nil {
			t.Fatal(err)
		}
		outcomes = append(outcomes, o)
	}
	if whole != (len(s.steps) == 1) || whole != (len(s.gradients) == 0) {
		t.Errorf("whole %v: %d whole steps and %d gradients were compiled", whole, len(s.steps), len(s.gradients))
	}
	for _, w := range n.Config.Weights() {
		if m := s.Moments(w.Name); m != nil && (w.Dimensions == 3) != (m.Steps == 0) {
			t.Errorf("whole %v: %s has made %d steps", whole, w.Name, m.Steps)
		}
	}
	return outcomes, allWeights(t, n)
}

func TestAStepInOneProgramIsTheSameStep(t *testing.T) {
	wantOutcomes, want := weightsAfter(t, false)
	gotOutcomes, got := weightsAfter(t, true)
	for i, w := range wantOutcomes {
		g := gotOutcomes[i]
		if math.Abs(g.Loss/w.Loss-1) > 1e-6 || math.Abs(g.GradientNorm/w.GradientNorm-1) > 1e-5 {
			t.Errorf("step %d: %+v in one program, %+v in two", i, g, w)
		}
	}
	if off := distance(got, want); !(off < 1e-5) {
		t.Errorf("weights differ by %.3g of their norm", off)
	}
}

func TestStepsInARowNeedNoWaitBetweenThem(t *testing.T) {
	wantOutcomes, want := weightsAfter(t, false)
	n, d := smallNetworkOn(t, engine.Default, engine.Float32, 0)
	s, err := NewStepper(n, ReleasedOptimizer(), 0)
	if err != nil {
		t.Fatal(err)
	}
	var begun []*Begun
	for i := range wantOutcomes {
		p, err := s.Prepare([]Example{randomExample(uint64(i), d, 2)})
		if err != nil {
			t.Fatal(err)
		}
		b, err := p.Begin(context.Background(), 1e-3)
		if err != nil {
			t.Fatal(err)
		}
		begun = append(begun, b)
	}
	for i, b := range begun {
		if o, err := b.Outcome(); err != nil || !reflect.DeepEqual(o, wantOutcomes[i]) {
			t.Errorf("step %d: %+v, %v; want %+v", i, o, err, wantOutcomes[i])
		}
	}
	if got := allWeights(t, n); distance(got, want) != 0 {
		t.Error("weights are not those of steps that were waited for")
	}
}

// allWeights are all weights as one vector.
func allWeights(t *testing.T, n *network.Network) (all []float32) {
	t.Helper()
	for _, w := range n.Config.Weights() {
		a, err := n.Host(w.Name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, a.Data...)
	}
	return all
}
