package spectral

import (
	"math"
	"slices"

	"github.com/gowalrus/walrus/internal/fft"
)

// pencilBlock is how many neighbouring pencils of a strided axis are gathered together: complex128 values of this many
// columns fill whole cache lines.
const pencilBlock = 8

// Truncation says which Fourier modes are kept, along an axis of n points.
type Truncation uint8

const (
	// TwoThirds keeps |m| <= (n-1)/3, so that products of two fields have no aliasing errors in the modes that remain
	// (Orszag 1971).
	TwoThirds Truncation = iota
	// Full keeps all modes but the unpaired one of an even n: |m| <= (n-1)/2.
	Full
)

// highest is the highest frequency that is kept on n points.
func (t Truncation) highest(n int) int {
	if t == Full {
		return (n - 1) / 2
	}
	return (n - 1) / 3
}

// Fourier transforms real periodic fields in one to three dimensions to and from their Fourier coefficients.
//
// Fields are row-major over the grid. Coefficients are row-major over Modes(): all frequencies along the leading axes in
// the usual order (0, 1, ..., -1; those that the truncation drops are zero), and only those kept along the last. They are
// normalised so that coefficient 0 is the mean of the field.
type Fourier struct {
	keep    Truncation
	shape   []int
	modes   []int
	workers int

	plans   [][]*fft.Plan  // by axis and worker
	pencils [][]complex128 // pencilBlock pencils a worker
	scratch []complex128   // the inverse transform works on a copy
}

// NewFourier prepares transforms on a grid of the given shape for a number of workers.
func NewFourier(shape []int, keep Truncation, workers int) *Fourier {
	workers = max(1, workers)
	last := len(shape) - 1
	f := &Fourier{keep: keep, shape: append([]int(nil), shape...), modes: append([]int(nil), shape...), workers: workers}
	f.modes[last] = keep.highest(shape[last]) + 1
	f.plans = make([][]*fft.Plan, len(shape))
	for axis, n := range shape {
		for range workers {
			f.plans[axis] = append(f.plans[axis], fft.NewPlan(n))
		}
	}
	for range workers {
		f.pencils = append(f.pencils, make([]complex128, pencilBlock*slices.Max(shape)))
	}
	f.scratch = make([]complex128, f.Size())
	return f
}

// frequency is the signed frequency of coefficient i of n.
func frequency(i, n int) int {
	if i > n/2 {
		return i - n
	}
	return i
}

// Modes is the shape of the coefficients.
func (f *Fourier) Modes() []int { return f.modes }

// Size is the number of coefficients of a field.
func (f *Fourier) Size() int { return product(f.modes) }

// Points is the number of grid points of a field.
func (f *Fourier) Points() int { return product(f.shape) }

func product(shape []int) int {
	n := 1
	for _, s := range shape {
		n *= s
	}
	return n
}

// Forward writes the coefficients of the field src to dst.
func (f *Fourier) Forward(dst []complex128, src []float64) {
	f.eachPair(src, dst, (*fft.Plan).Spectra)
	scale := 1 / float64(f.Points())
	for i, v := range dst {
		dst[i] = complex(scale*real(v), scale*imag(v))
	}
	for axis := len(f.shape) - 2; axis >= 0; axis-- {
		f.sweep(dst, axis, true)
	}
}

// Inverse writes the field with coefficients src to dst.
func (f *Fourier) Inverse(dst []float64, src []complex128) {
	copy(f.scratch, src)
	for axis := range len(f.shape) - 1 {
		f.sweep(f.scratch, axis, false)
	}
	f.eachPair(dst, f.scratch, func(p *fft.Plan, a, b []complex128, x, y []float64) { p.Lines(x, y, a, b) })
}

// eachPair calls a function for the lines x and y of the last axis, two at a time, and their coefficients a and b; the last of an odd number is its own partner.
func (f *Fourier) eachPair(points []float64, modes []complex128, do func(p *fft.Plan, a, b []complex128, x, y []float64)) {
	last := len(f.shape) - 1
	n, keep := f.shape[last], f.modes[last]
	lines := len(points) / n
	parallel(f.workers, (lines+1)/2, func(worker, low, high int) {
		for pair := low; pair < high; pair++ {
			i, j := 2*pair, min(2*pair+1, lines-1)
			do(f.plans[last][worker], modes[i*keep:(i+1)*keep], modes[j*keep:(j+1)*keep], points[i*n:(i+1)*n], points[j*n:(j+1)*n])
		}
	})
}

// sweep transforms every pencil of data along one leading axis, in place.
func (f *Fourier) sweep(data []complex128, axis int, forward bool) {
	n, inner := f.modes[axis], product(f.modes[axis+1:])
	blocks := (inner + pencilBlock - 1) / pencilBlock
	keep := f.keep.highest(n)
	parallel(f.workers, len(data)/(n*inner)*blocks, func(worker, low, high int) {
		transform, buffer := f.plans[axis][worker], f.pencils[worker]
		for task := low; task < high; task++ {
			first := task % blocks * pencilBlock
			width := min(pencilBlock, inner-first)
			base := data[task/blocks*n*inner+first:]
			for j := range n {
				for b, v := range base[j*inner : j*inner+width] {
					buffer[b*n+j] = v
				}
			}
			for b := range width {
				pencil := buffer[b*n : (b+1)*n]
				if forward {
					transform.Forward(pencil)
					clear(pencil[keep+1 : n-keep])
				} else {
					transform.Inverse(pencil)
				}
			}
			for j := range n {
				line := base[j*inner : j*inner+width]
				for b := range line {
					line[b] = buffer[b*n+j]
				}
			}
		}
	})
}

// Wavenumbers returns, for each axis, the wavenumber 2 pi m / length of every coefficient, in the order of the
// coefficients.
func (f *Fourier) Wavenumbers(lengths []float64) [][]float64 {
	k := make([][]float64, len(f.modes))
	stride := f.Size()
	for axis, n := range f.modes {
		stride /= n
		k[axis] = make([]float64, f.Size())
		for i := range k[axis] {
			k[axis][i] = 2 * math.Pi / lengths[axis] * float64(frequency(i/stride%n, f.shape[axis]))
		}
	}
	return k
}

// squared adds the squares of the components of the wavenumbers.
func squared(k [][]float64) []float64 {
	sum := make([]float64, len(k[0]))
	for _, component := range k {
		for i, v := range component {
			sum[i] += v * v
		}
	}
	return sum
}
