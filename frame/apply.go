package frame

import (
	"fmt"

	"github.com/gowalrus/walrus/field"
)

// FlagChannels is the number of channels appended to the fields: bias correction, wall and open (spec 2.2.4).
const FlagChannels = 3

// view is a geometry seen with the jitter of one draw: where each position of the network's input comes from.
type view struct {
	padded [3]int
	source [3][]int // data point of each position, or -1
	mirror [3][]int // 1 << axis where the position shows a mirror image along the axis, or 0
	grid   [3][]int // position in the padded grid before the roll
}

func (g *Geometry) view(jitter [3]int) view {
	v := view{padded: g.Padded()}
	for k, a := range g.Axes {
		v.source[k], v.grid[k], v.mirror[k] = make([]int, a.Padded), make([]int, a.Padded), make([]int, a.Padded)
		for i := range v.source[k] {
			point, mirrored := a.source(i, jitter[k])
			v.source[k][i], v.grid[k][i] = point, a.padded(i, jitter[k])
			if mirrored {
				v.mirror[k][i] = 1 << k
			}
		}
	}
	return v
}

// frames splits the shape (frames..., points..., channels) of an array by the axes of the geometry.
func (g *Geometry) frames(a field.Array, size [3]int, what string) (frames, channels int, err error) {
	points := size[0] * size[1] * size[2]
	channels = 1
	if len(a.Shape) > 0 {
		channels = a.Axis(-1)
	}
	if channels < 1 || len(a.Data) == 0 || len(a.Data)%(points*channels) != 0 || len(a.Shape) < g.Given+1 {
		return 0, 0, fmt.Errorf("frame: %s of shape %v does not hold frames of %v points", what, a.Shape, size[:g.Given])
	}
	return len(a.Data) / (points * channels), channels, nil
}

// Apply moves data into the frame of the network: x (frames..., x, y[, z], C) becomes (frames, X, Y, Z, C + 3), padded,
// jittered and wrapped, with the boundary flags as the last three channels (spec 2.2).
func (g *Geometry) Apply(x field.Array, r Rolls) (field.Array, error) {
	if err := g.CheckRolls(r); err != nil {
		return field.Array{}, err
	}
	frames, channels, err := g.frames(x, g.Size(), "input")
	if err != nil {
		return field.Array{}, err
	}
	v := g.view(r.Jitter)
	out := field.NewArray(frames, v.padded[0], v.padded[1], v.padded[2], channels+FlagChannels)
	g.gather(v, x.Data, out.Data, frames, channels, channels+FlagChannels)
	g.writeFlags(v, out.Data, frames, channels)
	return out, nil
}

// ApplyTarget moves data into the frame without flags, and says where they count: x (frames..., x, y[, z], C) becomes
// (frames, X', Y', Z', C) on the decoder's output, zero outside the data, and weight (X', Y', Z') is 1 exactly once for
// each data point. A loss weighted so equals the loss of the prediction moved back (spec 6.1).
func (g *Geometry) ApplyTarget(x field.Array, r Rolls) (target, weight field.Array, err error) {
	if err := g.CheckRolls(r); err != nil {
		return target, weight, err
	}
	frames, channels, err := g.frames(x, g.Size(), "target")
	if err != nil {
		return target, weight, err
	}
	d := g.Decoded()
	target, weight = field.NewArray(frames, d[0], d[1], d[2], channels), field.NewArray(d[0], d[1], d[2])
	points := d[0] * d[1] * d[2]
	size := x.Data[:len(x.Data)/frames]
	g.eachPoint(r, func(data, at int) {
		weight.Data[at] = 1
		for f := range frames {
			copy(target.Data[(f*points+at)*channels:][:channels], x.Data[f*len(size)+data*channels:][:channels])
		}
	})
	return target, weight, nil
}

// Restore moves the network's output (frames, X', Y', Z', C) back: (frames, x, y, z, C), cropped and unrolled (spec 2.6).
func (g *Geometry) Restore(y field.Array, r Rolls) (field.Array, error) {
	if err := g.CheckRolls(r); err != nil {
		return field.Array{}, err
	}
	frames, channels, err := g.frames(y, g.Decoded(), "output")
	if err != nil {
		return field.Array{}, err
	}
	s := g.Size()
	out := field.NewArray(frames, s[0], s[1], s[2], channels)
	from, to := len(y.Data)/frames, len(out.Data)/frames
	g.eachPoint(r, func(data, at int) {
		for f := range frames {
			copy(out.Data[f*to+data*channels:][:channels], y.Data[f*from+at*channels:][:channels])
		}
	})
	return out, nil
}

// Adjoint moves a gradient with respect to the network's input (frames, X, Y, Z, C + 3) back to the data: the transpose
// of Apply, without the flag channels.
func (g *Geometry) Adjoint(y field.Array, r Rolls) (field.Array, error) {
	frames, all, err := g.frames(y, g.Padded(), "gradient")
	if err != nil {
		return field.Array{}, err
	}
	channels := all - FlagChannels
	if channels < 1 {
		return field.Array{}, fmt.Errorf("frame: gradient of shape %v has no field channels", y.Shape)
	}
	s := g.Size()
	out := field.NewArray(frames, s[0], s[1], s[2], channels)
	v := g.view(r.Jitter)
	points := s[0] * s[1] * s[2]
	signs := g.signs(channels)
	g.eachPosition(v, func(at, data, mirror int, _ [3]int) {
		if data < 0 {
			return
		}
		for f := range frames {
			to := out.Data[(f*points+data)*channels:][:channels]
			for c, d := range y.Data[(f*v.padded[0]*v.padded[1]*v.padded[2]+at)*all:][:channels] {
				to[c] += d * signs[mirror][c]
			}
		}
	})
	return out, nil
}

// gather copies the data points that the positions show; padding stays as it is.
func (g *Geometry) gather(v view, from, to []float32, frames, channels, all int) {
	s := g.Size()
	points, positions := s[0]*s[1]*s[2], v.padded[0]*v.padded[1]*v.padded[2]
	signs := g.signs(channels)
	g.eachPosition(v, func(at, data, mirror int, _ [3]int) {
		if data < 0 {
			return
		}
		for f := range frames {
			shown := to[(f*positions+at)*all:][:channels]
			copy(shown, from[(f*points+data)*channels:][:channels])
			if mirror == 0 {
				continue
			}
			for c, sign := range signs[mirror] {
				shown[c] *= sign
			}
		}
	})
}

// signs are the factors of the channels in mirror images along the axes of each set: bit k of the first index is axis k.
func (g *Geometry) signs(channels int) (signs [8][]float32) {
	for mirror := range signs {
		signs[mirror] = make([]float32, channels)
		for c := range signs[mirror] {
			signs[mirror][c] = 1
			for k := range g.Axes {
				if c < len(g.Odd) && mirror>>k&1 == 1 && g.Odd[c][k] {
					signs[mirror][c] *= -1
				}
			}
		}
	}
	return signs
}

// writeFlags sets the last three channels: bias correction is 1 except in the padding of an axis with ends; wall and
// open count the ends whose padding a position lies in. An axis with ends that needs no padding (strides 8 and 4 without
// jitter) counts as the padding of its high end from end to end: the released code marks its last 0 points with a slice that
// takes all of them, a slip that its weights were trained with.
func (g *Geometry) writeFlags(v view, out []float32, frames, channels int) {
	all := channels + FlagChannels
	positions := v.padded[0] * v.padded[1] * v.padded[2]
	g.eachPosition(v, func(at, _, _ int, grid [3]int) {
		flags := [FlagChannels]float32{1, 0, 0}
		for k, a := range g.Axes {
			if !a.Real || a.Periodic() {
				continue
			}
			if grid[k] < a.Low {
				flags[0] = 0
				flags[1+a.Sides.Low]++
			}
			if a.High == 0 || grid[k] >= a.Padded-a.High {
				flags[0] = 0
				flags[1+a.Sides.High]++
			}
		}
		for f := range frames {
			copy(out[(f*positions+at)*all+channels:], flags[:])
		}
	})
}

// eachPosition visits the positions of the network's input in order: flat position, flat data point or -1, the axes along which
// that is mirrored, as bits, and the position in the padded grid before the roll.
func (g *Geometry) eachPosition(v view, visit func(at, data, mirror int, grid [3]int)) {
	s := g.Size()
	at := 0
	for i, si := range v.source[0] {
		for j, sj := range v.source[1] {
			for k, sk := range v.source[2] {
				data := -1
				if si >= 0 && sj >= 0 && sk >= 0 {
					data = (si*s[1]+sj)*s[2] + sk
				}
				visit(at, data, v.mirror[0][i]|v.mirror[1][j]|v.mirror[2][k], [3]int{v.grid[0][i], v.grid[1][j], v.grid[2][k]})
				at++
			}
		}
	}
}

// eachPoint visits the data points in order with their flat position in the decoder's output.
func (g *Geometry) eachPoint(r Rolls, visit func(data, at int)) {
	var at [3][]int
	for k, a := range g.Axes {
		at[k] = make([]int, a.Size)
		for i := range at[k] {
			at[k][i] = a.position(i, r.Jitter[k])
		}
	}
	d := g.Decoded()
	data := 0
	for _, i := range at[0] {
		for _, j := range at[1] {
			for _, k := range at[2] {
				visit(data, (i*d[1]+j)*d[2]+k)
				data++
			}
		}
	}
}
