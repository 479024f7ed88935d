package metric

import (
	"math"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/internal/fft"
)

// SpectralBins is the number of bands of wavenumber.
const SpectralBins = 3

// Spectrum is an error by wavelength: band 0 holds the longest waves, the mean included.
type Spectrum struct {
	// Edges of the bands, radians per grid spacing: band b is Edges[b] <= k < Edges[b+1].
	Edges [SpectralBins + 1]float64
	// MSE of each band and channel; the bands add up to the MSE of the frame (Parseval).
	MSE [SpectralBins][]float64
	// NMSE is MSE over the truth's power in the band, plus 1e-7.
	NMSE [SpectralBins][]float64
}

// Spectral splits the error of a frame (*N, C) by wavenumber k = sqrt(sum (2 pi fftfreq(N_i))^2). Bands are even in log k from
// the longest wave of the longest axis to the corner of the spectrum.
func Spectral(prediction, truth field.Array) (Spectrum, error) {
	if err := sameShape(prediction, truth); err != nil {
		return Spectrum{}, err
	}
	sizes := truth.Shape[:len(truth.Shape)-1]
	channels, points := truth.Axis(-1), field.Volume(sizes)
	s := Spectrum{Edges: bandEdges(sizes)}
	bands := bandOfPoint(sizes, s.Edges)
	var inBand [SpectralBins]float64
	for _, b := range bands {
		inBand[b]++
	}
	for b := range SpectralBins {
		s.MSE[b], s.NMSE[b] = make([]float64, channels), make([]float64, channels)
	}
	difference, reference := make([]complex128, points), make([]complex128, points)
	for c := range channels {
		for i := range points {
			x, y := float64(prediction.Data[i*channels+c]), float64(truth.Data[i*channels+c])
			difference[i], reference[i] = complex(x-y, 0), complex(y, 0)
		}
		errorPower, power := bandPower(difference, sizes, bands), bandPower(reference, sizes, bands)
		for b, n := range inBand {
			// Power per point and back, as the reference does: its 1e-7 is part of the definition.
			scale := n / (n + Epsilon) / (float64(points) * float64(points))
			s.MSE[b][c] = errorPower[b] * scale
			s.NMSE[b][c] = s.MSE[b][c] / (power[b]*scale + Epsilon)
		}
	}
	return s, nil
}

// bandEdges are even in the logarithm from 2 pi / max N to the corner pi sqrt(D); the first is 0, so that the mean counts.
func bandEdges(sizes []int) (edges [SpectralBins + 1]float64) {
	longest := 1
	for _, n := range sizes {
		longest = max(longest, n)
	}
	low := math.Log10(2 * math.Pi / float64(longest))
	high := math.Log10(math.Pi*math.Sqrt(float64(len(sizes))) + 1e-6)
	for b := range edges {
		edges[b] = math.Pow(10, low+(high-low)*float64(b)/SpectralBins)
	}
	edges[0] = 0
	return edges
}

// bandOfPoint gives the band of each point of the transform, row-major.
func bandOfPoint(sizes []int, edges [SpectralBins + 1]float64) []uint8 {
	bands := make([]uint8, field.Volume(sizes))
	for i := range bands {
		var square float64
		rest := i
		for axis := len(sizes) - 1; axis >= 0; axis-- {
			n := sizes[axis]
			k := 2 * math.Pi * float64(fft.Frequency(rest%n, n)) / float64(n)
			square += k * k
			rest /= n
		}
		k := math.Sqrt(square)
		for b := SpectralBins - 1; b > 0; b-- {
			if k >= edges[b] {
				bands[i] = uint8(b)
				break
			}
		}
	}
	return bands
}

// bandPower transforms values in place and sums |F|^2 over each band.
func bandPower(values []complex128, sizes []int, bands []uint8) (power [SpectralBins]float64) {
	fft.Transform(values, sizes)
	for i, v := range values {
		power[bands[i]] += real(v)*real(v) + imag(v)*imag(v)
	}
	return power
}
