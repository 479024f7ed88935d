package train

import (
	"context"
	"math"
	"testing"

	"github.com/gowalrus/walrus/engine"
)

// gradientsAt returns the loss and all gradients of one example, as one vector.
func gradientsAt(t *testing.T, config string, precision engine.Precision, recompute int) (float64, []float32) {
	t.Helper()
	n, d := smallNetworkOn(t, config, precision, 0)
	s, err := NewStepper(n, ReleasedOptimizer(), recompute)
	if err != nil {
		t.Fatal(err)
	}
	loss, gradients, err := s.Gradients(context.Background(), []Example{randomExample(1, d, 2)})
	if err != nil {
		t.Fatalf("%s, %s: %v", config, precision, err)
	}
	var all []float32
	for _, g := range gradients {
		if err := g.Read(func(flat []float32) error { all = append(all, flat...); return nil }); err != nil {
			t.Fatal(err)
		}
		g.Free()
	}
	return loss, all
}

// distance is the norm of a - b over that of b.
func distance(a, b []float32) float64 {
	var difference, size float64
	for i := range b {
		difference += math.Pow(float64(a[i]-b[i]), 2)
		size += math.Pow(float64(b[i]), 2)
	}
	return math.Sqrt(difference / size)
}

func TestRoundedOperandsKeepLossAndGradientsClose(t *testing.T) {
	// bfloat16 keeps 8 bits: single products are off by 2^-9, and the sums of them here by less than ten times that.
	const close, exact = 0.03, 1e-6
	for _, config := range []string{"cpu:round", "go"} {
		wantLoss, want := gradientsAt(t, config, engine.Float32, 0)
		for _, recompute := range []int{0, 1} {
			loss, got := gradientsAt(t, config, engine.BFloat16, recompute)
			off := distance(got, want)
			t.Logf("%s, recompute %d: loss off by %.2e, gradients by %.2e", config, recompute, loss/wantLoss-1, off)
			if math.Abs(loss/wantLoss-1) > close || !(off < close) {
				t.Errorf("%s, recompute %d: loss %v in bf16, %v in float32; gradients differ by %v of their norm", config, recompute, loss, wantLoss, off)
			}
			if off < exact {
				t.Errorf("%s, recompute %d: gradients differ by only %v: nothing was rounded", config, recompute, off)
			}
		}
	}
}

func TestTrainingInBFloat16KeepsFloat32Weights(t *testing.T) {
	n, d := smallNetworkOn(t, engine.Default, engine.BFloat16, 0)
	s, err := NewStepper(n, ReleasedOptimizer(), 0)
	if err != nil {
		t.Fatal(err)
	}
	var first, last float64
	for i := range 12 {
		outcome, err := s.Step(context.Background(), []Example{randomExample(1, d, 2)}, 2e-3)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = outcome.Loss
		}
		last = outcome.Loss
	}
	if !(last < 0.97*first) {
		t.Errorf("the loss went from %v to %v in 12 steps", first, last)
	}
	w, err := n.Host("blocks.0.space_mixing.fused_ff_qkv.weight")
	if err != nil {
		t.Fatal(err)
	}
	fine := 0
	for _, v := range w.Data {
		if math.Float32bits(v)&0xffff != 0 { // bits that bfloat16 does not have
			fine++
		}
	}
	if fine < len(w.Data)/2 {
		t.Errorf("%d of %d weights have more than bfloat16's bits after training", fine, len(w.Data))
	}
}
