package volume

import "github.com/gowalrus/walrus/internal/fft"

// transform is the discrete Fourier transform of complex values on a grid.
type transform struct {
	points  []int
	cells   int
	workers int
	plans   [][]*fft.Plan  // by axis and goroutine: a plan has scratch memory of its own
	pencils [][]complex128 // by goroutine
}

// newTransform plans transforms on a grid of up to three axes.
func newTransform(points []int, workers int) *transform {
	t := &transform{points: points, cells: 1, workers: max(1, workers)}
	longest := 0
	for _, n := range points {
		t.cells *= n
		longest = max(longest, n)
		plans := make([]*fft.Plan, t.workers)
		for i := range plans {
			plans[i] = fft.NewPlan(n)
		}
		t.plans = append(t.plans, plans)
	}
	for range t.workers {
		t.pencils = append(t.pencils, make([]complex128, longest))
	}
	return t
}

// forward replaces values by their unnormalised transform, and inverse undoes it, with the normalisation.
func (t *transform) forward(values []complex128) { t.along(values, false) }

func (t *transform) inverse(values []complex128) {
	t.along(values, true)
	scale := complex(1/float64(t.cells), 0)
	for i := range values {
		values[i] *= scale
	}
}

// along transforms every pencil of every axis.
func (t *transform) along(values []complex128, inverse bool) {
	stride := t.cells
	for axis, n := range t.points {
		stride /= n
		if n == 1 {
			continue
		}
		outer := t.cells / (n * stride)
		parallel(t.workers, outer, func(slot, block int) {
			plan, pencil := t.plans[axis][slot], t.pencils[slot][:n]
			for inner := range stride {
				start := block*n*stride + inner
				for i := range pencil {
					pencil[i] = values[start+i*stride]
				}
				if inverse {
					plan.Inverse(pencil)
				} else {
					plan.Forward(pencil)
				}
				for i, v := range pencil {
					values[start+i*stride] = v
				}
			}
		})
	}
}

// mode is the signed mode number of index i on an axis of n points.
func mode(i, n int) int {
	if 2*i > n {
		return i - n
	}
	return i
}

// eachMode calls visit for every coefficient with its signed mode numbers; modes is reused.
func (t *transform) eachMode(visit func(cell int, modes []int)) {
	index := make([]int, len(t.points))
	modes := make([]int, len(t.points))
	for cell := range t.cells {
		for axis, i := range index {
			modes[axis] = mode(i, t.points[axis])
		}
		visit(cell, modes)
		for axis := len(index) - 1; axis >= 0; axis-- {
			if index[axis]++; index[axis] < t.points[axis] {
				break
			}
			index[axis] = 0
		}
	}
}
