package spectral

import (
	"context"
	"math"
	"testing"

	"github.com/gowalrus/walrus/sim/scenario"
)

// simulate runs a scenario and returns copies of its frames.
func simulate(t *testing.T, s scenario.Scenario, c scenario.Case) []scenario.Frame {
	t.Helper()
	var frames []scenario.Frame
	err := s.Run(context.Background(), c, func(f scenario.Frame) error {
		kept := scenario.Frame{Time: f.Time, Values: map[string][]float32{}}
		for name, v := range f.Values {
			kept.Values[name] = append([]float32(nil), v...)
		}
		frames = append(frames, kept)
		return nil
	})
	if err != nil {
		t.Fatalf("%s %v: %v", s.Name, c.Parameters, err)
	}
	return frames
}

// choices gives the first (or, with last, the last) published value of every parameter.
func choices(s scenario.Scenario, last bool) map[string]float64 {
	p := map[string]float64{}
	for _, q := range s.Parameters {
		switch {
		case len(q.Values) > 0 && last:
			p[q.Name] = q.Values[len(q.Values)-1]
		case len(q.Values) > 0:
			p[q.Name] = q.Values[0]
		case last:
			p[q.Name] = q.High
		default:
			p[q.Name] = q.Low
		}
	}
	return p
}

// vrmse is the root of the mean squared difference over the variance of y: The Well's metric.
func vrmse(x, y []float32) float64 {
	var mean, square, variance float64
	for _, v := range y {
		mean += float64(v)
	}
	mean /= float64(len(y))
	for i, v := range y {
		square += (float64(x[i]) - float64(v)) * (float64(x[i]) - float64(v))
		variance += (float64(v) - mean) * (float64(v) - mean)
	}
	return math.Sqrt(square / (variance + 1e-7*float64(len(y))))
}
