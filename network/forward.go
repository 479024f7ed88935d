package network

import (
	"context"
	"fmt"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/frame"
)

// Forward runs the network on normalised data x (B, T, points..., C) and returns its output in the same frame of
// reference: (B, T, points..., C), or (B, 1, points..., C) with lastOnly (or without causality). A network that is made
// without jitter rolls nothing, whatever rolls are given.
func (n *Network) Forward(ctx context.Context, d Data, x field.Array, rolls frame.Rolls, lastOnly bool) (field.Array, error) {
	if len(x.Shape) < 2 {
		return field.Array{}, fmt.Errorf("network: input of shape %v; expected (samples, frames, points, channels)", x.Shape)
	}
	if err := d.checkShape("input", x, x.Shape[0], x.Shape[1], len(d.Fields)); err != nil {
		return field.Array{}, err
	}
	if !n.Config.Jitter {
		rolls = frame.Rolls{}
	}
	x = d.interpolate(x, d.network())
	feed, err := FeedOf(n, d, x.Shape[0], x.Shape[1])
	if err != nil {
		return field.Array{}, err
	}
	feed.Net.LastOnly = lastOnly
	program, err := n.forwardProgram(feed)
	if err != nil {
		return field.Array{}, err
	}
	values, err := feed.Values(n.Engine, x, d.Fields, rolls, nil)
	if err != nil {
		return field.Array{}, err
	}
	defer Free(values)
	out, err := program.Run(ctx, append(values, feed.Resident(n)...), nil)
	if err != nil {
		return field.Array{}, err
	}
	defer Free(out)
	y, err := out[0].Array()
	if err != nil {
		return field.Array{}, err
	}
	if feed.Baseline != nil {
		y = feed.picks.output(y, len(d.Fields))
	}
	if y, err = d.Geometry.Restore(y, rolls); err != nil {
		return field.Array{}, err
	}
	y, err = y.Reshape(append(append([]int{x.Shape[0], feed.OutputFrames()}, d.network()...), len(d.Fields))...)
	if err != nil {
		return field.Array{}, err
	}
	return d.interpolate(y, d.points()), nil
}

// forwardProgram compiles the network for one set of shapes. Boundaries matter to the graph only as periodic or not.
func (n *Network) forwardProgram(f Feed) (*engine.Program, error) {
	return n.program(f.Key(), func() (*engine.Program, error) {
		return f.Compile(n.Engine)
	})
}

// Check reports data that the weights can not take: they have no encoder for its number of axes, or a position embedding
// for another grid of tokens.
func (f Feed) Check() error {
	n := f.Net
	if !has(n.Dimensions, n.Geometry.Dimensions()) {
		return fmt.Errorf("network: data with %d axes; these weights have encoders for %v", n.Geometry.Dimensions(), n.Dimensions)
	}
	if tokens := n.Geometry.Tokens(); n.HasPosition() && n.Position != tokens {
		return fmt.Errorf("network: the position embedding of these weights is for a grid of %v tokens; data on %v points has %v", n.Position, n.Geometry.Size(), tokens)
	}
	return nil
}

// Compile compiles the forward pass for an engine. Weights are inputs: none need be there yet.
func (f Feed) Compile(e *engine.Engine) (*engine.Program, error) {
	return e.Compile("forward", f.Inputs(), func(in []*Node) []*Node {
		y, _ := f.Forward(in, false)
		return []*Node{y}
	})
}

// Key tells apart the shapes that need a program of their own.
func (f Feed) Key() string {
	key := fmt.Sprint(f.Net.Samples, f.Net.Frames, f.Channels, f.Variable, f.OutputFrames(), f.Keep)
	for _, a := range f.Net.Geometry.Axes {
		key += fmt.Sprint(" ", a.Real, a.Stride1, a.Stride2, a.Periodic(), a.Padded)
	}
	return key
}

func has(list []int, n int) bool {
	for _, v := range list {
		if v == n {
			return true
		}
	}
	return false
}

// Next predicts the frame after a window (spec 4, rollout): x (B, T, points..., Cv) are the variable fields in physical
// units, constants (B, points..., Cc) the others; where the mask moves (B, T+1, points..., Cc), up to the frame that is
// predicted. It returns (B, points..., Cv) and the scales of the window.
func (n *Network) Next(ctx context.Context, d Data, x, constants field.Array, rolls frame.Rolls) (field.Array, frame.Scales, error) {
	y, joined, scales, err := n.increment(ctx, d, x, constants, rolls, true)
	if err != nil {
		return field.Array{}, scales, err
	}
	samples, frames := x.Shape[0], x.Shape[1]
	if d.Moving && constants.Shape[1] != frames+1 {
		return field.Array{}, scales, fmt.Errorf("network: constant fields of %d frames; the mask moves, and must be given for the %d frames of the window and the next", constants.Shape[1], frames)
	}
	shape := append(append([]int{samples}, d.points()...), len(d.Fields))
	last := field.NewArray(shape...)
	for b := range samples {
		copy(last.Index(b).Data, joined.Index(b).Index(frames-1).Data)
	}
	y.Shape = shape
	advance := scales.Advance
	if n.Baseline != nil && n.Baseline.NextFrame {
		advance = func(_, y field.Array) field.Array { return scales.Physical(y) }
	}
	next := d.CutConstants(advance(last, y))
	d.Hide(next, constants)
	return next, scales, nil
}

// increment normalises a window and returns the network's output for it, the joined channels and the scales.
func (n *Network) increment(ctx context.Context, d Data, x, constants field.Array, rolls frame.Rolls, lastOnly bool) (y, joined field.Array, scales frame.Scales, err error) {
	if err = d.Check(); err != nil {
		return
	}
	if len(x.Shape) < 2 {
		err = fmt.Errorf("network: window of shape %v; expected (samples, frames, points, channels)", x.Shape)
		return
	}
	if joined, err = d.Join(x, constants); err != nil {
		return
	}
	if scales, err = d.Normalisation(joined); err != nil {
		return
	}
	y, err = n.Forward(ctx, d, scales.Normalise(joined), rolls, lastOnly)
	return
}

// CutConstants drops the constant channels at the end.
func (d Data) CutConstants(a field.Array) field.Array {
	if d.Constants == 0 {
		return a
	}
	shape := append([]int(nil), a.Shape...)
	shape[len(shape)-1] = d.Variable()
	out := field.NewArray(shape...)
	for i := range len(out.Data) / d.Variable() {
		copy(out.Data[i*d.Variable():], a.Data[i*len(d.Fields):][:d.Variable()])
	}
	return out
}

// Advance appends a frame (B, points..., C) to a window (B, T, points..., C) and drops the window's oldest.
func Advance(window, next field.Array) field.Array {
	out := field.NewArray(window.Shape...)
	for b := range window.Shape[0] {
		from, to, last := window.Index(b).Data, out.Index(b).Data, next.Index(b).Data
		copy(to, from[len(last):])
		copy(to[len(to)-len(last):], last)
	}
	return out
}
