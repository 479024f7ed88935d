package frame

import (
	"fmt"
	"math"
	"slices"

	"github.com/gowalrus/walrus/field"
)

// Epsilon is the smallest scale that the normalisation of a window divides by unless told otherwise (spec 3): a maximum,
// not an addition.
const Epsilon = 1e-5

// Measurement says how a window's own scales are measured. The zero value is that of the released pretraining.
type Measurement struct {
	// Centred measures mean and standard deviation (with n - 1, as torch.std does); otherwise the mean counts as 0 and the
	// scale is the root mean square.
	Centred bool
	Epsilon float64 // the smallest scale; 0 counts as Epsilon
}

// Scales normalise windows, one row a sample and one entry a channel: values are (x - Mean) / Value, changes from frame to
// frame (x[t+1] - x[t] - DeltaMean) / Delta (spec 3).
type Scales struct {
	Value, Delta    [][]float32
	Mean, DeltaMean [][]float32 // nil counts as 0 everywhere: scales that are root mean squares
}

// Measure computes the scales of a window x (B, T, points..., C), constant channels included. With a single frame the
// change has mean 0 and scale 1.
func Measure(x field.Array, m Measurement) (Scales, error) {
	if len(x.Shape) < 4 {
		return Scales{}, fmt.Errorf("frame: window of shape %v; expected (samples, frames, points..., channels)", x.Shape)
	}
	samples, frames, channels := x.Shape[0], x.Shape[1], x.Axis(-1)
	s := Scales{Value: make([][]float32, samples), Delta: make([][]float32, samples)}
	if m.Centred {
		s.Mean, s.DeltaMean = make([][]float32, samples), make([][]float32, samples)
	}
	for b := range samples {
		sample := x.Index(b)
		mean, value := m.moments(sample.Data, nil, channels)
		deltaMean, delta := make([]float32, channels), make([]float32, channels)
		if frames == 1 {
			for c := range delta {
				delta[c] = 1
			}
		} else {
			step := len(sample.Data) / frames
			deltaMean, delta = m.moments(sample.Data[step:], sample.Data[:len(sample.Data)-step], channels)
		}
		s.Value[b], s.Delta[b] = value, delta
		if m.Centred {
			s.Mean[b], s.DeltaMean[b] = mean, deltaMean
		}
	}
	return s, nil
}

// MeasureAround is Measure for windows in which a body moves: channel mask of x is not zero where it is. Where it is in one of
// two frames, the change of the first variable channels between them says nothing and counts as 0, as it is under a mask
// that does not move.
func MeasureAround(x field.Array, m Measurement, variable, mask int) (Scales, error) {
	s, err := Measure(x, m)
	if err != nil || x.Shape[1] == 1 {
		return s, err
	}
	frames, channels := x.Shape[1], x.Axis(-1)
	for b := range x.Shape[0] {
		all := x.Index(b).Data
		step := len(all) / frames
		after, before := all[step:], slices.Clone(all[:len(all)-step])
		for p := 0; p < len(before); p += channels {
			if before[p+mask] != 0 || after[p+mask] != 0 {
				copy(before[p:p+variable], after[p:])
			}
		}
		mean, scale := m.moments(after, before, channels)
		s.Delta[b] = scale
		if m.Centred {
			s.DeltaMean[b] = mean
		}
	}
	return s, nil
}

// moments are the mean (0 unless it is measured) and the scale of each channel of x, or of x - y.
func (m Measurement) moments(x, y []float32, channels int) (mean, scale []float32) {
	mean, scale = make([]float32, channels), make([]float32, channels)
	centre, n := make([]float64, channels), float64(len(x)/channels)
	if m.Centred {
		c := 0
		for i, v := range x {
			if y != nil {
				v -= y[i]
			}
			centre[c] += float64(v)
			if c++; c == channels {
				c = 0
			}
		}
		for c, sum := range centre {
			centre[c] = sum / n
			mean[c] = float32(centre[c])
		}
		n = max(n-1, 1) // below it is what the squares are divided by
	}
	squares := make([]float64, channels)
	c := 0
	for i, v := range x {
		if y != nil {
			v -= y[i]
		}
		d := float64(v) - centre[c]
		squares[c] += d * d
		if c++; c == channels {
			c = 0
		}
	}
	least := m.Epsilon
	if least == 0 {
		least = Epsilon
	}
	for c, sum := range squares {
		scale[c] = float32(max(math.Sqrt(sum/n), least))
	}
	return mean, scale
}

// row is the entry of sample b, or zeros where there is none.
func row(means [][]float32, b, channels int) []float32 {
	if means == nil {
		return make([]float32, channels)
	}
	return means[b]
}

// Normalise brings every channel of a window x (B, T, points..., C) to its scale and returns a new array.
func (s Scales) Normalise(x field.Array) field.Array {
	out := field.NewArray(x.Shape...)
	channels := x.Axis(-1)
	for b, scale := range s.Value {
		mean := row(s.Mean, b, channels)
		from, to := x.Index(b).Data, out.Index(b).Data
		for i := 0; i < len(from); i += channels {
			for c, v := range from[i : i+channels] {
				to[i+c] = (v - mean[c]) / scale[c]
			}
		}
	}
	return out
}

// NormaliseFrame is Normalise for a frame of sample b, (points..., C'), where the C' channels are the first of the scales.
func (s Scales) NormaliseFrame(b int, to, from []float32, channels int) {
	scale, mean := s.Value[b][:channels], row(s.Mean, b, channels)[:channels]
	for i := 0; i < len(to); i += channels {
		for c := range scale {
			to[i+c] = (from[i+c] - mean[c]) / scale[c]
		}
	}
}

// Change normalises the change from one frame to the next of sample b, both (points..., C'), where the C' channels are the
// first of the scales: it writes (after - before - mean of the change) / scale of the change.
func (s Scales) Change(b int, to, before, after []float32, channels int) {
	scale, mean := s.Delta[b][:channels], row(s.DeltaMean, b, channels)[:channels]
	for i := 0; i < len(to); i += channels {
		for c := range scale {
			to[i+c] = (after[i+c] - before[i+c] - mean[c]) / scale[c]
		}
	}
}

// Physical is what Normalise made of it: y x scale + mean. y is (B, points..., C).
func (s Scales) Physical(y field.Array) field.Array {
	out := field.NewArray(y.Shape...)
	channels := y.Axis(-1)
	for b, scale := range s.Value {
		mean := row(s.Mean, b, channels)
		from, to := y.Index(b).Data, out.Index(b).Data
		for i := 0; i < len(from); i += channels {
			for c, v := range from[i : i+channels] {
				to[i+c] = v*scale[c] + mean[c]
			}
		}
	}
	return out
}

// Advance reads the network's output as the normalised increment (spec 3): it returns last + (y x scale of the change +
// its mean). last and y are (B, points..., C).
func (s Scales) Advance(last, y field.Array) field.Array {
	out := field.NewArray(last.Shape...)
	channels := last.Axis(-1)
	for b, scale := range s.Delta {
		mean := row(s.DeltaMean, b, channels)
		from, step, to := last.Index(b).Data, y.Index(b).Data, out.Index(b).Data
		for i := 0; i < len(from); i += channels {
			for c, v := range from[i : i+channels] {
				to[i+c] = v + (step[i+c]*scale[c] + mean[c])
			}
		}
	}
	return out
}
