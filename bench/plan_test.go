package bench

import (
	"context"
	"testing"

	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/model"
)

func TestPlansNeedNoEngine(t *testing.T) {
	config, err := model.Preset("walrus")
	if err != nil {
		t.Fatal(err)
	}
	s := Settings{Config: config, Frames: 6, Size: []int{128, 128}, Train: true, Recompute: 2}
	p, err := Plan(nil, s, "xla:cuda", engine.BFloat16)
	if err != nil {
		t.Fatal(err)
	}
	// Weights and both moments of 1.286e9 parameters in 2-D and 3-D.
	if want := int64(config.Count()) * 4; p.Moments != 2*want || p.Weights < want || p.Gradients >= want || p.Gradients < want*9/10 {
		t.Errorf("weights %d, gradients %d, moments %d bytes; the parameters take %d", p.Weights, p.Gradients, p.Moments, want)
	}
	s.LoRA = model.LoRA{Rank: 8, Alpha: 16, Attention: true, FeedForward: true}
	part, err := Plan(nil, s, "xla:cuda", engine.BFloat16)
	if err != nil || part.Moments != 2*part.Gradients || part.Gradients*100 > p.Gradients || part.Weights != p.Weights+part.Gradients {
		t.Errorf("LoRA of rank 8: %+v, %v; want less than a hundredth of the gradients and moments of %+v", part, err, p)
	}
	s.Train = false
	forward, err := Plan(nil, s, "xla:cuda", engine.BFloat16)
	if err != nil || forward.Total() >= p.Total() || forward.Gradients != 0 {
		t.Errorf("forward pass: %+v, %v; training: %+v", forward, err, p)
	}
}

func TestPeakRateIsMeasuredInEveryPrecision(t *testing.T) {
	e, err := engine.Open("")
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	for _, precision := range []engine.Precision{engine.Float32, engine.BFloat16} {
		if rate, err := PeakRate(context.Background(), e, precision, 64); err != nil || !(rate > 0) {
			t.Errorf("%s: %v GFLOP/s, %v", precision, rate, err)
		}
	}
	if rate, err := FindPeakRate(context.Background(), e, engine.Float32); err != nil || !(rate > 0) {
		t.Errorf("at most %v GFLOP/s, %v", rate, err)
	}
}
