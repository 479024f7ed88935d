package frame

import (
	"fmt"
	"math"

	"github.com/gowalrus/walrus/field"
)

// Epsilon is the smallest scale that normalisation divides by (spec 3): a maximum, not an addition.
const Epsilon = 1e-5

// Scales are the root mean squares that normalise one window, one row a sample and one entry a channel: of the values
// and of their change from frame to frame (spec 3).
type Scales struct {
	Value [][]float32
	Delta [][]float32
}

// Measure computes the scales of a window x (B, T, points..., C), constant channels included. With a single frame the
// scale of the change is 1.
func Measure(x field.Array) (Scales, error) {
	if len(x.Shape) < 4 {
		return Scales{}, fmt.Errorf("frame: window of shape %v; expected (samples, frames, points..., channels)", x.Shape)
	}
	samples, frames, channels := x.Shape[0], x.Shape[1], x.Axis(-1)
	s := Scales{Value: make([][]float32, samples), Delta: make([][]float32, samples)}
	for b := range samples {
		sample := x.Index(b)
		s.Value[b] = rootMeanSquare(sample.Data, nil, channels)
		s.Delta[b] = make([]float32, channels)
		if frames == 1 {
			for c := range s.Delta[b] {
				s.Delta[b][c] = 1
			}
			continue
		}
		step := len(sample.Data) / frames
		s.Delta[b] = rootMeanSquare(sample.Data[step:], sample.Data[:len(sample.Data)-step], channels)
	}
	return s, nil
}

// rootMeanSquare is the root mean square of each channel of x, or of x - y, not below Epsilon.
func rootMeanSquare(x, y []float32, channels int) []float32 {
	sums := make([]float64, channels)
	c := 0
	for i, v := range x {
		if y != nil {
			v -= y[i]
		}
		sums[c] += float64(v) * float64(v)
		if c++; c == channels {
			c = 0
		}
	}
	out := make([]float32, channels)
	n := float64(len(x) / channels)
	for c, sum := range sums {
		out[c] = float32(max(math.Sqrt(sum/n), Epsilon))
	}
	return out
}

// Normalise divides every channel of a window x (B, T, points..., C) by its scale and returns a new array.
func (s Scales) Normalise(x field.Array) field.Array {
	out := field.NewArray(x.Shape...)
	channels := x.Axis(-1)
	for b, scale := range s.Value {
		from, to := x.Index(b).Data, out.Index(b).Data
		for i := 0; i < len(from); i += channels {
			for c, v := range from[i : i+channels] {
				to[i+c] = v / scale[c]
			}
		}
	}
	return out
}

// Advance reads the network's output as the normalised increment (spec 3): it returns last + y x scale of the change.
// last and y are (B, points..., C).
func (s Scales) Advance(last, y field.Array) field.Array {
	out := field.NewArray(last.Shape...)
	channels := last.Axis(-1)
	for b, scale := range s.Delta {
		from, step, to := last.Index(b).Data, y.Index(b).Data, out.Index(b).Data
		for i := 0; i < len(from); i += channels {
			for c, v := range from[i : i+channels] {
				to[i+c] = v + step[i+c]*scale[c]
			}
		}
	}
	return out
}
