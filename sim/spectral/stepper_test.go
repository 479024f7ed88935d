package spectral

import (
	"context"
	"errors"
	"math"
	"runtime"
	"testing"
)

// logistic is du/dt = -2 u + u^2, whose linear part is implicit. Exact: u = 2 / (1 + (2/u0 - 1) e^(2 t)).
type logistic struct{ diagonal }

func newLogistic() *logistic { return &logistic{newDiagonal([]float64{-2}, 1)} }

func (l *logistic) Nonlinear(dst, u []complex128) { dst[0] = u[0] * u[0] }
func (l *logistic) StepLimit() float64            { return 0.1 }

func logisticAt(start, time float64) float64 { return 2 / (1 + (2/start-1)*math.Exp(2*time)) }

func TestStepperIsThirdOrder(t *testing.T) {
	failure := func(steps int) float64 {
		s := NewStepper(newLogistic(), 1, 1)
		u := []complex128{1.5}
		for range steps {
			s.Step(u, 1/float64(steps))
		}
		return math.Abs(real(u[0]) - logisticAt(1.5, 1))
	}
	coarse, fine := failure(20), failure(40)
	if order := math.Log2(coarse / fine); order < 2.8 || order > 3.3 {
		t.Errorf("error falls from %.3g to %.3g when the step is halved: order %.2f, want 3", coarse, fine, order)
	}
}

func TestStiffModesDecay(t *testing.T) {
	l := newLogistic()
	l.rates[0] = -1e8
	s := NewStepper(l, 1, 1)
	u := []complex128{1}
	s.Step(u, 1)
	if got := math.Abs(real(u[0])); got > 1e-3 {
		t.Errorf("a mode with rate -1e8 is %.3g after a step of 1, should have decayed (L-stability)", got)
	}
}

func TestAdvanceEndsAtTheInterval(t *testing.T) {
	s := NewStepper(newLogistic(), 1, 1)
	u := []complex128{1.5}
	if err := s.Advance(context.Background(), u, 0.73); err != nil {
		t.Fatal(err)
	}
	if got, want := real(u[0]), logisticAt(1.5, 0.73); math.Abs(got-want) > 1e-3 {
		t.Errorf("u(0.73) = %v, want %v", got, want)
	}
}

// runaway asks for shorter and shorter steps, as a solution that blows up does.
type runaway struct {
	logistic
	limit float64
}

func (r *runaway) StepLimit() float64 { r.limit /= 10; return r.limit }

func TestAdvanceStopsWhenTheSolutionDivergesOrIsCancelled(t *testing.T) {
	s := NewStepper(&runaway{*newLogistic(), 1}, 1, 1)
	if err := s.Advance(context.Background(), []complex128{1}, 1); !errors.Is(err, errDiverged) {
		t.Errorf("a vanishing step limit gives %v, want %v", err, errDiverged)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := NewStepper(newLogistic(), 1, 1).Advance(ctx, []complex128{1}, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled context gives %v", err)
	}
}

func TestStepDoesNotAllocateArrays(t *testing.T) {
	f := newFluid([]int{64, 64}, []float64{1, 1}, 1e-3, []float64{1e-3}, 0, 1)
	u := make([]complex128, 3*f.fourier.Size())
	s := NewStepper(f, len(u), 1)
	s.Step(u, 1e-3)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 10 {
		s.Step(u, 1e-3)
	}
	runtime.ReadMemStats(&after)
	if perStep, array := (after.TotalAlloc-before.TotalAlloc)/10, uint64(16*f.fourier.Size()); perStep > array {
		t.Errorf("a step allocates %d bytes; the coefficients of one field take %d", perStep, array)
	}
}
