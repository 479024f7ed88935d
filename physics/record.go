package physics

import (
	"fmt"
	"slices"

	"github.com/gowalrus/walrus/field"
)

// Series is a check over the steps of a rollout.
type Series struct {
	Check
	// Start is its value in the last known frame, and Scale what a change is large or small against: of a total the integral of the
	// absolute value at the start, of a minimum its value there, of a share or a relative divergence 1.
	Start, Scale float64
	// Truth and Prediction have a value a step; the prediction of a rollout that stopped has fewer.
	Truth, Prediction []float64
}

// Drift is how far a value is from the start, in units of the scale.
func (s Series) Drift(value float64) float64 {
	if s.Scale == 0 {
		return value - s.Start
	}
	return (value - s.Start) / s.Scale
}

// Spectrum is the power spectrum of a field at some steps of a rollout.
type Spectrum struct {
	Field       string
	Wavenumbers []float64 // middle of each shell, radians per unit of length
	Start       []float64 // of the last known frame
	Steps       []int     // counted from 1
	// Truth and Prediction are (steps, shells); the prediction of a rollout that stopped has fewer steps.
	Truth, Prediction [][]float64
}

// mostSpectra is at how many steps spectra are kept; of longer rollouts at so many, evenly spaced, the first and the last among them.
const mostSpectra = 64

// Record holds what was measured of one rollout. Its numbers come in by Add, frame by frame, and no frame stays.
type Record struct {
	Checks  []Series
	Spectra []Spectrum
	LeftOut []Omission

	checks  *checks
	spectra *spectra
	steps   []int // that spectra are kept of
	shape   []int
}

// Start begins a record at the last known frame (*N, C) of a rollout of so many steps.
func Start(d Domain, last field.Array, steps int) (*Record, error) {
	if err := d.check(last.Shape); err != nil {
		return nil, err
	}
	r := &Record{checks: newChecks(d, last), shape: last.Shape}
	r.LeftOut = r.checks.leftOut
	for _, m := range r.checks.list {
		s := Series{Check: m.Check}
		s.Start, s.Scale = m.of(last)
		r.Checks = append(r.Checks, s)
	}
	var reason string
	if r.spectra, reason = newSpectra(d, last.Shape[:len(last.Shape)-1]); reason != "" {
		r.LeftOut = append(r.LeftOut, Omission{"spectra", reason})
		return r, nil
	}
	for _, q := range r.spectra.quantities {
		r.Spectra = append(r.Spectra, Spectrum{Field: q.Name, Wavenumbers: r.spectra.wavenumbers, Start: r.spectra.of(last, q)})
	}
	kept := min(steps, mostSpectra)
	for i := range kept {
		step := 1
		if kept > 1 {
			step += (i*(steps-1) + (kept-1)/2) / (kept - 1)
		}
		r.steps = append(r.steps, step)
	}
	return r, nil
}

// Add measures the frames (*N, C) of a step, counted from 1; the prediction of a rollout that stopped is the zero Array.
func (r *Record) Add(step int, truth, prediction field.Array) error {
	for _, of := range []struct {
		frame field.Array
		to    func(*Series) *[]float64
	}{
		{truth, func(s *Series) *[]float64 { return &s.Truth }},
		{prediction, func(s *Series) *[]float64 { return &s.Prediction }},
	} {
		if len(of.frame.Data) == 0 {
			continue
		}
		if !slices.Equal(of.frame.Shape, r.shape) {
			return fmt.Errorf("physics: frame of shape %v; the last known one has %v", of.frame.Shape, r.shape)
		}
		for i, m := range r.checks.list {
			value, _ := m.of(of.frame)
			to := of.to(&r.Checks[i])
			*to = append(*to, value)
		}
	}
	if _, kept := slices.BinarySearch(r.steps, step); !kept || r.spectra == nil {
		return nil
	}
	for i, q := range r.spectra.quantities {
		s := &r.Spectra[i]
		s.Steps = append(s.Steps, step)
		if len(truth.Data) > 0 {
			s.Truth = append(s.Truth, r.spectra.of(truth, q))
		}
		if len(prediction.Data) > 0 {
			s.Prediction = append(s.Prediction, r.spectra.of(prediction, q))
		}
	}
	return nil
}
