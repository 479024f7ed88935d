package kernel

import (
	"fmt"
	"slices"
	"unsafe"
)

// axis is one axis of a strided copy.
type axis struct{ n, dst, src int }

// CopyStrided copies an array of any rank and layout: for every index, dst[index·dstStrides] = src[index·srcStrides].
// Strides are in elements, at least 0; a source stride of 0 repeats. It merges axes that are contiguous in both, puts
// the loop that writes densest innermost and moves blocks through registers where the fast axes of source and
// destination differ. dst and src must not overlap.
func CopyStrided[T any](s *Set, p *Pool, shape []int, dst []T, dstStrides []int, src []T, srcStrides []int) error {
	axes, err := copyAxes(shape, len(dst), dstStrides, len(src), srcStrides)
	if err != nil || axes == nil {
		return err
	}
	var zero T
	inner := axes[len(axes)-1]
	if unsafe.Sizeof(zero) == 4 && len(axes) >= 2 {
		if at := slices.IndexFunc(axes[:len(axes)-1], func(a axis) bool { return a.src == 1 && a.n > 1 }); at >= 0 && inner.dst == 1 && inner.src > 1 {
			s.copyTransposed(p, axes, at, float32View(dst), float32View(src))
			return nil
		}
	}
	outer := axes[:len(axes)-1]
	rows := 1
	for _, a := range outer {
		rows *= a.n
	}
	const grain = 1 << 15 // elements of a task
	pieces := ceilDiv(inner.n, grain)
	p.RunRange(rows*pieces, max(1, grain/inner.n), func(from, to int) {
		for task := from; task < to; task++ {
			d, f := offsets(outer, task/pieces)
			at := task % pieces * grain
			copyRun(dst[d+at*inner.dst:], inner.dst, src[f+at*inner.src:], inner.src, min(grain, inner.n-at))
		}
	})
	return nil
}

// copyRun copies n elements with strides.
func copyRun[T any](dst []T, dstStride int, src []T, srcStride, n int) {
	switch {
	case dstStride == 1 && srcStride == 1:
		copy(dst[:n], src)
	case dstStride == 1 && srcStride == 0:
		value := src[0]
		for i := range dst[:n] {
			dst[i] = value
		}
	default:
		for i := range n {
			dst[i*dstStride] = src[i*srcStride]
		}
	}
}

// copyAxes checks the arguments and returns the axes from the slowest to the fastest in dst, merged; nil when there is
// nothing to copy.
func copyAxes(shape []int, dstLen int, dstStrides []int, srcLen int, srcStrides []int) ([]axis, error) {
	if len(dstStrides) != len(shape) || len(srcStrides) != len(shape) {
		return nil, fmt.Errorf("kernel: copy: %d axes, but %d and %d strides", len(shape), len(dstStrides), len(srcStrides))
	}
	axes := make([]axis, 0, len(shape)+1)
	dstEnd, srcEnd, empty := 1, 1, false
	for i, n := range shape {
		a := axis{n, dstStrides[i], srcStrides[i]}
		if n < 0 || a.dst < 0 || a.src < 0 {
			return nil, fmt.Errorf("kernel: copy: axis %d has extent %d and strides %d, %d; expected none below 0", i, n, a.dst, a.src)
		}
		empty = empty || n == 0
		dstEnd += (n - 1) * a.dst
		srcEnd += (n - 1) * a.src
		if n != 1 {
			axes = append(axes, a)
		}
	}
	if empty {
		return nil, nil
	}
	if dstEnd > dstLen || srcEnd > srcLen {
		return nil, fmt.Errorf("kernel: copy: reaches elements %d and %d of destination and source, which have %d and %d", dstEnd-1, srcEnd-1, dstLen, srcLen)
	}
	slices.SortStableFunc(axes, func(a, b axis) int { return b.dst - a.dst })
	merged := axes[:0]
	for _, a := range axes {
		if n := len(merged); n > 0 && merged[n-1].dst == a.n*a.dst && merged[n-1].src == a.n*a.src {
			merged[n-1] = axis{merged[n-1].n * a.n, a.dst, a.src}
			continue
		}
		merged = append(merged, a)
	}
	if len(merged) == 0 {
		merged = append(merged, axis{1, 1, 1})
	}
	return merged, nil
}

// offsets returns the positions of a row-major index over the axes.
func offsets(axes []axis, index int) (dst, src int) {
	for i := len(axes) - 1; i >= 0; i-- {
		x := index % axes[i].n
		index /= axes[i].n
		dst += x * axes[i].dst
		src += x * axes[i].src
	}
	return dst, src
}

// copyTransposed copies when the fastest axis of dst is the last one and that of src is axes[at]: planes of the two are
// transposed in bands.
func (s *Set) copyTransposed(p *Pool, axes []axis, at int, dst, src []float32) {
	rows, cols := axes[at], axes[len(axes)-1] // dst[row*rows.dst + col] = src[row + col*cols.src]
	outer := slices.Delete(slices.Clone(axes[:len(axes)-1]), at, at+1)
	planes := 1
	for _, a := range outer {
		planes *= a.n
	}
	const band = 64 // rows and columns of a block: as many pages as the first-level address cache holds
	bands := ceilDiv(cols.n, band)
	p.RunRange(planes*bands, max(1, (1<<15)/(rows.n*band)), func(from, to int) {
		for task := from; task < to; task++ {
			d, f := offsets(outer, task/bands)
			col := task % bands * band
			for row := 0; row < rows.n; row += band {
				s.transpose(dst[d+col+row*rows.dst:], rows.dst, src[f+col*cols.src+row:], cols.src, min(band, cols.n-col), min(band, rows.n-row))
			}
		}
	})
}

// float32View reads 4-byte elements as float32, which copies keep bit by bit.
func float32View[T any](x []T) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(x))), len(x))
}

// Transpose writes dst[c*dstStride + r] = src[r*srcStride + c] for r below rows and c below cols, on the calling
// goroutine.
func (s *Set) Transpose(dst []float32, dstStride int, src []float32, srcStride, rows, cols int) {
	if rows <= 0 || cols <= 0 {
		return
	}
	_, _ = dst[(cols-1)*dstStride+rows-1], src[(rows-1)*srcStride+cols-1]
	s.transpose(dst, dstStride, src, srcStride, rows, cols)
}

func transposePlain(dst []float32, dstStride int, src []float32, srcStride, rows, cols int) {
	for r := range rows {
		line := src[r*srcStride:][:cols]
		for c, v := range line {
			dst[c*dstStride+r] = v
		}
	}
}
