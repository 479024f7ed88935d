package importer

import "slices"

// reversed is an array with its axes in the opposite order: what Fortran order is to row-major order.
type reversed struct{ array }

func (r reversed) shape() []int { return backwards(r.array.shape()) }

func (r reversed) pieces(outer []int) []int {
	n := len(r.array.shape())
	turned := make([]int, len(outer))
	for i, axis := range outer {
		turned[i] = n - 1 - axis
	}
	return backwards(r.array.pieces(turned))
}

func (r reversed) read(start, count []int) ([]float64, string, error) {
	values, reason, err := r.array.read(backwards(start), backwards(count))
	if err != nil {
		return nil, "", err
	}
	order := make([]int, len(count))
	for i := range order {
		order[i] = len(count) - 1 - i
	}
	return transpose(values, backwards(count), order), reason, nil
}

func (r reversed) integers() ([]int64, error) { return integersOf(r.array) }

func backwards(list []int) []int {
	list = slices.Clone(list)
	slices.Reverse(list)
	return list
}

// integersOf gives an array's exact integers; nil where it has none.
func integersOf(a array) ([]int64, error) {
	if w, ok := a.(whole); ok {
		return w.integers()
	}
	return nil, nil
}

// transpose reorders the axes of a row-major array: axis i of the result is axis order[i] of the values.
func transpose(values []float64, shape, order []int) []float64 {
	if slices.IsSorted(order) {
		return values
	}
	strides := rowMajor(shape)
	out := make([]float64, len(values))
	last := len(order) - 1
	at := 0
	var walk func(axis, from int)
	walk = func(axis, from int) {
		n, step := shape[order[axis]], strides[order[axis]]
		if axis < last {
			for range n {
				walk(axis+1, from)
				from += step
			}
			return
		}
		for range n {
			out[at] = values[from]
			at++
			from += step
		}
	}
	walk(0, 0)
	return out
}

// rowMajor are the distances in memory of neighbours along each axis.
func rowMajor(shape []int) []int {
	strides := make([]int, len(shape))
	step := 1
	for i := len(shape) - 1; i >= 0; i-- {
		strides[i] = step
		step *= shape[i]
	}
	return strides
}

func product(list []int) int {
	n := 1
	for _, v := range list {
		n *= v
	}
	return n
}

// pieceBytes is about how much is read at once of an array that is stored in one piece, where its axes do not lie well.
const pieceBytes = 1 << 24

// piecesOfOne are the parts in which a row-major array in one piece is best read: a step of the axes outer, where the values
// of one lie together, and otherwise as much as lies together and fits into pieceBytes.
func piecesOfOne(shape []int, size int, outer []int) []int {
	pieces := slices.Clone(shape)
	last := -1
	for _, axis := range outer {
		last = max(last, axis)
	}
	if last < 0 || size*product(shape[last+1:]) >= shortestRun {
		for _, axis := range outer {
			pieces[axis] = 1
		}
		return pieces
	}
	bytes := size
	for axis := len(shape) - 1; axis >= 0; axis-- {
		pieces[axis] = max(1, min(shape[axis], pieceBytes/bytes))
		bytes *= pieces[axis]
	}
	return pieces
}

// shortestRun is the size in bytes below which reading single runs costs more than reading what lies between them.
const shortestRun = 1 << 12

// eachPiece calls f for the parts of a shape, with the given extents and shorter ones at the ends, last axis fastest.
func eachPiece(shape, pieces []int, f func(start, count []int) error) error {
	start, count := make([]int, len(shape)), make([]int, len(shape))
	var walk func(axis int) error
	walk = func(axis int) error {
		if axis == len(shape) {
			return f(slices.Clone(start), slices.Clone(count))
		}
		for start[axis] = 0; start[axis] < shape[axis]; start[axis] += pieces[axis] {
			count[axis] = min(pieces[axis], shape[axis]-start[axis])
			if err := walk(axis + 1); err != nil {
				return err
			}
		}
		return nil
	}
	return walk(0)
}

// copyBox copies a box of count elements between two row-major arrays, from one position to another.
func copyBox(to []float64, toShape, toStart []int, from []float64, fromShape, fromStart, count []int) {
	toStride, fromStride := rowMajor(toShape), rowMajor(fromShape)
	t, f := 0, 0
	for i := range count {
		t += toStart[i] * toStride[i]
		f += fromStart[i] * fromStride[i]
	}
	last := len(count) - 1
	if last < 0 {
		to[t] = from[f]
		return
	}
	var walk func(axis, t, f int)
	walk = func(axis, t, f int) {
		if axis == last {
			copy(to[t:t+count[axis]], from[f:])
			return
		}
		for range count[axis] {
			walk(axis+1, t, f)
			t += toStride[axis]
			f += fromStride[axis]
		}
	}
	walk(0, t, f)
}
