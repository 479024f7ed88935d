package physics

import (
	"math"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/internal/fft"
)

// spectra measures isotropic power spectra of frames on one grid.
type spectra struct {
	quantities  []*Quantity
	sizes       []int
	shells      []int32   // of each coefficient, counted from 0; -1 for one in none
	windows     []float64 // factor of each point; nil for a periodic grid
	wavenumbers []float64 // middle of each shell, radians per unit of length
}

// newSpectra prepares the shells: shell b holds the wavenumbers within half a step of b+1 times the step 2 pi / L, where L is the longest
// side, up to the largest one that every axis resolves. A reason where there is no spectrum.
func newSpectra(d Domain, sizes []int) (*spectra, string) {
	if reason := d.uneven(); reason != "" {
		return nil, reason
	}
	if d.Hidden != nil || d.Moving {
		return nil, "the edges of obstacles would fill the spectrum"
	}
	s := &spectra{sizes: sizes}
	longest, nyquist := 0.0, math.Inf(1)
	units := make([]float64, len(sizes)) // wavenumber of one wave along an axis
	for axis, n := range sizes {
		step, _ := spacing(d.Coordinates[axis])
		units[axis] = 2 * math.Pi / (float64(n) * step)
		if n > 1 {
			longest, nyquist = math.Max(longest, float64(n)*step), math.Min(nyquist, math.Pi/step)
		}
	}
	if longest == 0 {
		return nil, "the grid has a single point"
	}
	unit := 2 * math.Pi / longest
	for b := 1; float64(b)*unit <= nyquist*(1+1e-6); b++ {
		s.wavenumbers = append(s.wavenumbers, float64(b)*unit)
	}
	s.shells = shellsOf(sizes, units, unit, len(s.wavenumbers))
	s.windows = hann(d, sizes)
	for i := range d.Quantities {
		if d.Quantities[i].Lost == "" {
			s.quantities = append(s.quantities, &d.Quantities[i])
		}
	}
	return s, ""
}

// shellsOf gives the shell of each coefficient of the transform, row-major.
func shellsOf(sizes []int, units []float64, unit float64, count int) []int32 {
	shells := make([]int32, field.Volume(sizes))
	for i := range shells {
		var square float64
		rest := i
		for axis := len(sizes) - 1; axis >= 0; axis-- {
			k := units[axis] * float64(fft.Frequency(rest%sizes[axis], sizes[axis]))
			square += k * k
			rest /= sizes[axis]
		}
		shells[i] = int32(math.Round(math.Sqrt(square)/unit)) - 1
		if shells[i] >= int32(count) {
			shells[i] = -1
		}
	}
	return shells
}

// hann is the product of Hann windows, sin^2(pi (i + 1/2) / n), along the axes that are not periodic, scaled to a mean square of 1, so that noise
// keeps its power; nil where all are periodic.
func hann(d Domain, sizes []int) []float64 {
	if d.allPeriodic() {
		return nil
	}
	windows := make([]float64, field.Volume(sizes))
	var square float64
	for i := range windows {
		windows[i] = 1
		rest := i
		for axis := len(sizes) - 1; axis >= 0; axis-- {
			if n := sizes[axis]; !d.Boundaries[axis].Periodic() && n > 1 {
				sine := math.Sin(math.Pi * (float64(rest%n) + 0.5) / float64(n))
				windows[i] *= sine * sine
			}
			rest /= sizes[axis]
		}
		square += windows[i] * windows[i]
	}
	scale := math.Sqrt(float64(len(windows)) / square)
	for i := range windows {
		windows[i] *= scale
	}
	return windows
}

// of is the power in each shell of a quantity, the sum over its components: the shells of a periodic field add up to its variance, but for what lies in the
// corners beyond the last shell.
func (s *spectra) of(frame field.Array, q *Quantity) []float64 {
	channels, points := frame.Axis(-1), field.Volume(s.sizes)
	power := make([]float64, len(s.wavenumbers))
	values := make([]complex128, points)
	for component := range q.Channels {
		var mean float64
		for p := range values {
			v := q.value(frame.Data[p*channels:], component)
			mean += v
			values[p] = complex(v, 0)
		}
		mean /= float64(points)
		for p, v := range values {
			v -= complex(mean, 0)
			if s.windows != nil {
				v *= complex(s.windows[p], 0)
			}
			values[p] = v
		}
		fft.Transform(values, s.sizes)
		for i, v := range values {
			if shell := s.shells[i]; shell >= 0 {
				power[shell] += (real(v)*real(v) + imag(v)*imag(v)) / (float64(points) * float64(points))
			}
		}
	}
	return power
}
