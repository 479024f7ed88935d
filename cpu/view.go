package cpu

import "slices"

// view says where the elements of a tensor are inside a storage: element (i0, i1, ...) is at
// offset + i0*strides[0] + i1*strides[1] + ..., counted in elements. Strides may be 0 (broadcast) or negative (reverse).
type view struct {
	offset        int
	dims, strides []int
}

// denseView is the row-major view of the given dimensions.
func denseView(dims []int) view {
	v := view{dims: slices.Clone(dims), strides: make([]int, len(dims))}
	step := 1
	for axis := len(dims) - 1; axis >= 0; axis-- {
		v.strides[axis] = step
		step *= dims[axis]
	}
	return v
}

func (v view) size() int {
	n := 1
	for _, d := range v.dims {
		n *= d
	}
	return n
}

// transposed permutes the axes: axis i of the result is axis order[i] of v.
func (v view) transposed(order []int) view {
	w := view{offset: v.offset, dims: make([]int, len(order)), strides: make([]int, len(order))}
	for i, axis := range order {
		w.dims[i], w.strides[i] = v.dims[axis], v.strides[axis]
	}
	return w
}

// sliced takes every steps[i]-th element from starts[i] to below limits[i].
func (v view) sliced(starts, limits, steps []int) view {
	w := view{offset: v.offset, dims: make([]int, len(starts)), strides: make([]int, len(starts))}
	for i, start := range starts {
		step := 1
		if steps != nil {
			step = max(1, steps[i])
		}
		w.offset += start * v.strides[i]
		w.dims[i] = max(0, (limits[i]-start+step-1)/step)
		w.strides[i] = v.strides[i] * step
	}
	return w
}

// reversed runs the given axes backwards.
func (v view) reversed(axes []int) view {
	w := view{offset: v.offset, dims: slices.Clone(v.dims), strides: slices.Clone(v.strides)}
	for _, axis := range axes {
		w.offset += (w.dims[axis] - 1) * w.strides[axis]
		w.strides[axis] = -w.strides[axis]
	}
	return w
}

// broadcast maps axis i of v to axis axes[i] of the result; axes of extent 1 and new axes repeat.
func (v view) broadcast(dims, axes []int) view {
	w := view{offset: v.offset, dims: slices.Clone(dims), strides: make([]int, len(dims))}
	for i, axis := range axes {
		if v.dims[i] == dims[axis] {
			w.strides[axis] = v.strides[i]
		}
	}
	return w
}

// broadcastTo is the implicit broadcasting of elementwise operations: equal ranks or a scalar.
func (v view) broadcastTo(dims []int) view {
	if len(v.dims) == 0 {
		return v.broadcast(dims, nil)
	}
	axes := make([]int, len(dims))
	for i := range axes {
		axes[i] = i
	}
	return v.broadcast(dims, axes)
}

// collapsed drops axes of extent 1 and merges neighbours that are one axis in memory: the same elements in the same
// order with the fewest axes.
func (v view) collapsed() view {
	w := view{offset: v.offset}
	for i, d := range v.dims {
		if d == 1 {
			continue
		}
		last := len(w.dims) - 1
		if last >= 0 && w.strides[last] == v.strides[i]*d {
			w.dims[last] *= d
			w.strides[last] = v.strides[i]
			continue
		}
		w.dims, w.strides = append(w.dims, d), append(w.strides, v.strides[i])
	}
	return w
}

// isDense tells whether the elements are consecutive in row-major order.
func (v view) isDense() bool {
	c := v.collapsed()
	return len(c.dims) == 0 || len(c.dims) == 1 && c.strides[0] == 1
}

// isUniform tells whether all elements are the same one.
func (v view) isUniform() bool {
	for i, d := range v.dims {
		if d != 1 && v.strides[i] != 0 {
			return false
		}
	}
	return true
}

// reshaped returns the row-major reinterpretation with other dimensions, and false if no strides describe it.
func (v view) reshaped(dims []int) (view, bool) {
	w := view{offset: v.offset, dims: slices.Clone(dims), strides: make([]int, len(dims))}
	if v.size() == 0 {
		return w, true
	}
	c := v.collapsed()
	axis, rest := len(c.dims)-1, 1 // rest is what is left of c.dims[axis]; stride its current step
	stride := 0
	if axis >= 0 {
		rest, stride = c.dims[axis], c.strides[axis]
	}
	for i := len(dims) - 1; i >= 0; i-- {
		if dims[i] == 1 {
			continue
		}
		if rest == 1 {
			axis--
			rest, stride = c.dims[axis], c.strides[axis]
		}
		if rest%dims[i] != 0 {
			return view{}, false
		}
		w.strides[i] = stride
		stride *= dims[i]
		rest /= dims[i]
	}
	return w, true
}
