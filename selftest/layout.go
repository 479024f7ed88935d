package selftest

import (
	"fmt"

	"github.com/gowalrus/walrus/field"
)

// channelsLast turns the reference's layout (T, B, C, points...) into ours, (B, T, points..., C).
func channelsLast(a field.Array) (field.Array, error) {
	if len(a.Shape) < 4 {
		return a, fmt.Errorf("selftest: tensor of shape %v; expected (T, B, C, points)", a.Shape)
	}
	frames, samples, channels := a.Shape[0], a.Shape[1], a.Shape[2]
	points := field.Volume(a.Shape[3:])
	out := field.NewArray(append(append([]int{samples, frames}, a.Shape[3:]...), channels)...)
	for t := range frames {
		for b := range samples {
			for c := range channels {
				from := a.Data[((t*samples+b)*channels+c)*points:][:points]
				to := out.Data[(b*frames+t)*points*channels+c:]
				for p, v := range from {
					to[p*channels] = v
				}
			}
		}
	}
	return out, nil
}

// channelsFirst is the inverse: (B*T, points..., C) of samples x frames to (T, B, C, points...).
func channelsFirst(a field.Array, samples, frames int, points []int) field.Array {
	channels := a.Axis(-1)
	n := field.Volume(points)
	out := field.NewArray(append([]int{frames, samples, channels}, points...)...)
	for b := range samples {
		for t := range frames {
			from := a.Data[(b*frames+t)*n*channels:]
			for c := range channels {
				to := out.Data[((t*samples+b)*channels+c)*n:][:n]
				for p := range to {
					to[p] = from[p*channels+c]
				}
			}
		}
	}
	return out
}

// rolled moves the content of the three spatial axes of a (T, B, C, x, y, z) by shift to higher indices.
func rolled(a field.Array, shift [3]int) field.Array {
	out := field.NewArray(a.Shape...)
	x, y, z := a.Shape[3], a.Shape[4], a.Shape[5]
	for f := range a.Shape[0] * a.Shape[1] * a.Shape[2] {
		from, to := a.Data[f*x*y*z:], out.Data[f*x*y*z:]
		for i := range x {
			for j := range y {
				for k := range z {
					at := ((i+shift[0])%x*y+(j+shift[1])%y)*z + (k+shift[2])%z
					to[at] = from[(i*y+j)*z+k]
				}
			}
		}
	}
	return out
}

// sub keeps full[t0:t1, b0:b1, ::channelStep, ::firstStep].
func sub(a field.Array, t, b [2]int, channelStep, firstStep int) (field.Array, error) {
	channelStep, firstStep = max(channelStep, 1), max(firstStep, 1)
	s := a.Shape
	if t[0] < 0 || t[1] > s[0] || b[0] < 0 || b[1] > s[1] || t[0] > t[1] || b[0] > b[1] {
		return field.Array{}, fmt.Errorf("selftest: part t %v, b %v of a tensor of shape %v", t, b, s)
	}
	rest := field.Volume(s[4:])
	shape := append([]int{t[1] - t[0], b[1] - b[0], (s[2] + channelStep - 1) / channelStep, (s[3] + firstStep - 1) / firstStep}, s[4:]...)
	out := field.Array{Shape: shape}
	for i := t[0]; i < t[1]; i++ {
		for j := b[0]; j < b[1]; j++ {
			for c := 0; c < s[2]; c += channelStep {
				for x := 0; x < s[3]; x += firstStep {
					at := (((i*s[1]+j)*s[2]+c)*s[3] + x) * rest
					out.Data = append(out.Data, a.Data[at:at+rest]...)
				}
			}
		}
	}
	return out, nil
}

// everyLast keeps every step-th entry of the last axis.
func everyLast(a field.Array, step int) field.Array {
	last := a.Axis(-1)
	out := field.Array{Shape: append(append([]int(nil), a.Shape[:len(a.Shape)-1]...), (last+step-1)/step)}
	for i := 0; i < len(a.Data); i += last {
		for k := 0; k < last; k += step {
			out.Data = append(out.Data, a.Data[i+k])
		}
	}
	return out
}
