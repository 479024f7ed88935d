package volume

import (
	"math"
	"testing"

	"github.com/gowalrus/walrus/field"
)

// A uniform gas at rest follows d log T / dt = -w(T) / tcool, whose solution is
// F(s) = (s / (1 - s^2) + artanh s) / 2 = F(s0) - t / (tcool layerWidth), s = log(T / Tmix) / layerWidth.
func TestUniformGasCoolsAtTheGivenRate(t *testing.T) {
	const tcool = 0.32
	implicit := func(temperature float64) float64 {
		s := math.Log(temperature/layerMix) / layerWidth
		return 0.5 * (s/(1-s*s) + math.Atanh(s))
	}
	s, gas := gasSolver(t, []int{8, 8}, field.Periodic, func([]float64) (float64, []float64, float64) { return 2, []float64{0, 0}, 0.5 })
	s.Split = coolLayer(s, gas, tcool)
	start := implicit(gas.Pressure(s.State, 0) / 2)
	for _, end := range []float64{0.2, 0.6, 1.5} {
		advance(t, s, end)
		got := implicit(gas.Pressure(s.State, 0) / 2)
		want := start - end/(tcool*layerWidth)
		if math.Abs(got-want) > 2e-3*math.Abs(want-start) {
			t.Errorf("time %g: temperature %.5f, whose implicit time is %.5f; want %.5f", end, gas.Pressure(s.State, 0)/2, got, want)
		}
	}
}

func TestBothPhasesAreInThermalEquilibrium(t *testing.T) {
	for _, density := range []float64{1, coldDensity} {
		s, gas := gasSolver(t, []int{8}, field.Periodic, func([]float64) (float64, []float64, float64) { return density, []float64{0}, 1 })
		s.Split = coolLayer(s, gas, 0.03)
		advance(t, s, 1)
		if got := gas.Pressure(s.State, 3); math.Abs(got-1) > 1e-12 {
			t.Errorf("density %g: pressure went from 1 to %.15g", density, got)
		}
	}
}
