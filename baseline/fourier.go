package baseline

import (
	"math"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
)

// spectralWidth is the deviation of fresh spectral weights: the root of 2 over inputs and outputs.
func spectralWidth(width int) float64 { return math.Sqrt(1 / float64(width)) }

// fourier goes to the lowest modes of a grid and back by matrix products along one axis after the other: a few modes of many
// points cost less so than all of them by an FFT, and need nothing that an engine lacks.
//
// Complex numbers are an axis of two real ones. Between the transforms of axes the layout is
// [samples, points of the axes to come..., 2, modes of the axes that are done..., channels].
type fourier struct {
	points      []int
	modes       []int
	there, back []*Node // one matrix an axis
}

// newFourier makes the matrices for a grid. As in neuraloperator, modes modes are kept along each axis but the last, from
// -modes/2 on, and modes/2 + 1 along the last, from 0 on.
func newFourier(g *Graph, t dtypes.DType, points []int, modes int) *fourier {
	f := &fourier{points: points}
	last := len(points) - 1
	for axis, n := range points {
		kept := make([]int, modes)
		for i := range kept {
			kept[i] = (n-modes)/2 - n/2 + i
		}
		if axis == last {
			kept = make([]int, modes/2+1)
			for i := range kept {
				kept[i] = i
			}
		}
		f.modes = append(f.modes, len(kept))
		there, back := complexMatrices(n, kept)
		if axis == last {
			there, back = realMatrices(n, kept)
		}
		f.there = append(f.there, Const(g, there))
		f.back = append(f.back, Const(g, back))
	}
	return f
}

// realMatrices are for the last axis: there takes n real numbers to the modes [2 x kept, n], divided by n; back takes modes
// to real numbers [n, 2 x kept], those below 0 being the conjugates of those above.
func realMatrices(n int, kept []int) (there, back [][]float32) {
	m := len(kept)
	there, back = matrix(2*m, n), matrix(n, 2*m)
	for k, mode := range kept {
		twice := 2.0
		if mode == 0 || 2*mode == n {
			twice = 1
		}
		for p := range n {
			cos, sin := turn(mode*p, n)
			there[k][p], there[m+k][p] = float32(cos/float64(n)), float32(-sin/float64(n))
			back[p][k], back[p][m+k] = float32(twice*cos), float32(-twice*sin)
		}
	}
	return there, back
}

// complexMatrices are for the other axes: there is [2 x kept, n x 2], back [n x 2, 2 x kept].
func complexMatrices(n int, kept []int) (there, back [][]float32) {
	m := len(kept)
	there, back = matrix(2*m, 2*n), matrix(2*n, 2*m)
	for k, mode := range kept {
		for p := range n {
			cos, sin := turn(mode*p, n)
			c, s := float32(cos/float64(n)), float32(sin/float64(n))
			there[k][2*p], there[k][2*p+1] = c, s // (re + i im)(cos - i sin)
			there[m+k][2*p], there[m+k][2*p+1] = -s, c
			c, s = float32(cos), float32(sin)
			back[2*p][k], back[2*p][m+k] = c, -s
			back[2*p+1][k], back[2*p+1][m+k] = s, c
		}
	}
	return there, back
}

// turn is cosine and sine of step/n of a whole turn.
func turn(step, n int) (cos, sin float64) {
	sin, cos = math.Sincos(2 * math.Pi * float64(((step%n)+n)%n) / float64(n))
	return cos, sin
}

func matrix(rows, cols int) [][]float32 {
	m := make([][]float32, rows)
	for i := range m {
		m[i] = make([]float32, cols)
	}
	return m
}

// convolve multiplies every kept mode of x with its matrix: equation 4 of the paper. x is [samples, points..., channels],
// w [modes..., channels, 2, outputs] with the real parts first.
func (f *fourier) convolve(x, w *Node) *Node {
	samples, axes := x.Shape().Dimensions[0], len(f.points)
	channels, out := w.Shape().Dimensions[axes], w.Shape().Dimensions[axes+2]
	before := func(axis int) int { // samples and points of the axes before
		n := samples
		for _, p := range f.points[:axis] {
			n *= p
		}
		return n
	}
	for axis := axes - 1; axis >= 0; axis-- {
		x = onLeft(f.there[axis], Reshape(x, before(axis), f.there[axis].Shape().Dimensions[1], -1)) // [.., 2 modes, rest]
	}
	x = f.mix(Reshape(x, append(append([]int{samples, 2}, f.modes...), channels)...), w, out)
	for axis := range axes {
		x = onLeft(f.back[axis], Reshape(x, before(axis), f.back[axis].Shape().Dimensions[1], -1)) // [.., points 2, rest]
	}
	return Reshape(x, append(append([]int{samples}, f.points...), out)...)
}

// onLeft multiplies every entry of x [entries, k, n] with m [rows, k] from the left: [entries, rows, n].
func onLeft(m, x *Node) *Node {
	rows, k := m.Shape().Dimensions[0], m.Shape().Dimensions[1]
	m = BroadcastToDims(ExpandAxes(m, 0), x.Shape().Dimensions[0], rows, k)
	return DotGeneral(m, []int{2}, []int{0}, x, []int{1}, []int{0})
}

// mix is the product of complex numbers with a matrix for each mode. x is [samples, 2, modes..., in], w [modes..., in, 2, out],
// the result [samples, 2, modes..., out].
func (f *fourier) mix(x, w *Node, out int) *Node {
	samples, channels := x.Shape().Dimensions[0], x.Shape().Dimensions[x.Rank()-1]
	modes := 1
	for _, m := range f.modes {
		modes *= m
	}
	x = Reshape(x, samples, 2, modes, channels)
	w = Reshape(w, modes, channels, 2*out)
	y := DotGeneral(x, []int{3}, []int{2}, w, []int{1}, []int{0}) // [modes, samples, 2 of x, 2 of w, out]
	y = Reshape(y, modes, samples, 2, 2, out)
	part := func(ofX, ofW int) *Node {
		return Slice(y, AxisRange(), AxisRange(), AxisRange(ofX, ofX+1), AxisRange(ofW, ofW+1))
	}
	y = Concatenate([]*Node{Sub(part(0, 0), part(1, 1)), Add(part(0, 1), part(1, 0))}, 2) // [modes, samples, 2, 1, out]
	y = TransposeAllAxes(Reshape(y, modes, samples, 2, out), 1, 2, 0, 3)
	return y
}
