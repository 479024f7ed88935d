package report

import (
	"fmt"
	"math"
)

// RolloutScores is one curve of a rollout plot: a score for every step, counted from the first predicted one.
type RolloutScores struct {
	Name string
	// Score has one value a step; Low and High optionally bound its spread over trajectories.
	Score, Low, High []float64
	// Baseline is the score of persistence (repeat the last known frame) at the same steps, or nil.
	Baseline []float64
}

// RolloutLines is the plot of VRMSE against rollout step, with persistence dashed in the same colour beside each curve. The axis is logarithmic
// where the scores span more than a factor of ten. A line marks VRMSE 1, the score of a prediction that knows only the mean.
func RolloutLines(title string, curves ...RolloutScores) (LineSpec, error) {
	spec := LineSpec{Title: title, XLabel: "rollout step", YLabel: "VRMSE", WholeX: true, Level: 1, LevelName: "predicting the mean"}
	low, high := math.Inf(1), math.Inf(-1)
	for i, c := range curves {
		if c.Baseline != nil && len(c.Baseline) != len(c.Score) {
			return LineSpec{}, fmt.Errorf("report: curve %q: %d scores, %d of the baseline; expected equal numbers", c.Name, len(c.Score), len(c.Baseline))
		}
		steps := countFrom(1, len(c.Score))
		spec.Series = append(spec.Series, Series{Name: c.Name, X: steps, Y: c.Score, Low: c.Low, High: c.High, Color: i + 1})
		if c.Baseline != nil {
			spec.Series = append(spec.Series, Series{Name: c.Name + ", persistence", X: steps, Y: c.Baseline, Dashed: true, Color: i + 1})
		}
		for _, scores := range [][]float64{c.Score, c.Baseline} {
			for _, v := range scores {
				if finite(v) && v > 0 {
					low, high = min(low, v), max(high, v)
				}
			}
		}
	}
	spec.LogY = high > 10*low
	return spec, nil
}

// countFrom lists n whole numbers.
func countFrom(first, n int) []float64 {
	list := make([]float64, n)
	for i := range list {
		list[i] = float64(first + i)
	}
	return list
}

// LossLines is the plot of the training loss against the optimizer step, with the validation loss dashed where there is one.
func LossLines(title string, steps, loss, validationSteps, validation []float64) LineSpec {
	spec := LineSpec{Title: title, XLabel: "optimizer step", YLabel: "loss", WholeX: true, LogY: true}
	spec.Series = append(spec.Series, Series{Name: "training", X: steps, Y: loss, Color: 1})
	if len(validation) > 0 {
		spec.Series = append(spec.Series, Series{Name: "validation", X: validationSteps, Y: validation, Color: 2, Dashed: true})
	}
	return spec
}

// Spectrum is the power of a field in each bin of wavenumbers.
type Spectrum struct {
	Name              string
	Wavenumber, Power []float64
	Dashed            bool
}

// SpectrumLines is the plot of spectra, logarithmic on both axes. Bins at wavenumber 0 and without power are left out.
func SpectrumLines(title string, spectra ...Spectrum) LineSpec {
	spec := LineSpec{Title: title, XLabel: "wavenumber", YLabel: "power", LogX: true, LogY: true}
	for _, s := range spectra {
		spec.Series = append(spec.Series, Series{Name: s.Name, X: s.Wavenumber, Y: s.Power, Dashed: s.Dashed})
	}
	return spec
}
