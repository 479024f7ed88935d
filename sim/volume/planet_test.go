package volume

import (
	"math"
	"math/rand/v2"
	"testing"
)

// tiltedFlow is test 2 of Williamson et al., J. Comput. Phys. 102 (1992) 211: solid-body flow about an axis tilted by alpha
// in geostrophic balance, an exact steady state that crosses the poles.
func tiltedFlow(w *shallowWater, alpha float64) {
	speed := 2 * math.Pi * planetRadius / (12 * 86400)
	sinA, cosA := math.Sincos(alpha)
	w.overPoints(func(i int, theta, phi float64) {
		sin, cos := math.Sincos(theta)
		axis := -math.Cos(phi)*sin*sinA + cos*cosA // cosine of the angle to the flow's axis
		w.coriolis[i] = 2 * planetRotation * axis
		w.state[0][i] = speed * math.Sin(phi) * sinA
		w.state[1][i] = speed * (sin*cosA + math.Cos(phi)*cos*sinA)
		w.state[2][i] = -(planetRadius*planetRotation*speed + speed*speed/2) * axis * axis / planetGravity
	})
}

func TestGeostrophicFlowOverThePolesIsSteady(t *testing.T) {
	for _, alpha := range []float64{0, 0.05, math.Pi / 4, math.Pi / 2} {
		w := newShallowWater(24, 48, 2, planetRadius, planetGravity, 29400/planetGravity+1000)
		tiltedFlow(w, alpha)
		exact := [3][]float64{}
		for k := range exact {
			exact[k] = append([]float64(nil), w.state[k]...)
		}
		if err := w.advance(t.Context(), 2*86400); err != nil {
			t.Fatal(err)
		}
		for k, name := range []string{"southward velocity", "eastward velocity", "height"} {
			worst, scale := 0.0, 0.0
			for i, want := range exact[k] {
				worst = max(worst, math.Abs(w.state[k][i]-want))
				scale = max(scale, math.Abs(want))
			}
			if worst > 1e-6*max(scale, 1) {
				t.Errorf("tilt %.2f: %s off by %.3g of %.3g after two days", alpha, name, worst, scale)
			}
		}
	}
}

// A small wave of spherical harmonic degree l on water at rest without rotation swings at sqrt(g H l (l + 1)) / a.
func TestGravityWaveOnTheSphereHasItsFrequency(t *testing.T) {
	w := newShallowWater(24, 48, 1, planetRadius, planetGravity, 2000)
	harmonic := func(theta, phi float64) float64 { // degree 3, order 2
		sin, cos := math.Sincos(theta)
		return sin * sin * cos * math.Cos(2*phi)
	}
	w.overPoints(func(i int, theta, phi float64) { w.state[2][i] = 0.01 * harmonic(theta, phi) })
	start := append([]float64(nil), w.state[2]...)
	period := 2 * math.Pi * planetRadius / math.Sqrt(planetGravity*2000*12)
	for _, part := range []float64{0.5, 1} {
		if err := w.advance(t.Context(), part*period); err != nil {
			t.Fatal(err)
		}
		want := math.Cos(2 * math.Pi * part)
		for i, h := range w.state[2] {
			if math.Abs(h-want*start[i]) > 2e-4*0.01 {
				t.Fatalf("after %g periods: height %.6g at point %d, want %.6g", part, h, i, want*start[i])
			}
		}
	}
}

func TestPlanetKeepsItsWaterAndStaysCalm(t *testing.T) {
	w := newShallowWater(32, 64, 2, planetRadius, planetGravity, planetDepth)
	w.damping = 1 / (planetDecayTime * planetHour)
	w.setPlanet()
	w.forcing = w.sunlight(100)
	w.setWeather(rand.New(rand.NewPCG(1, 2)))
	if err := w.advance(t.Context(), 5*86400); err != nil {
		t.Fatal(err)
	}
	if mean := w.mean(w.state[2]); math.Abs(mean) > 1e-9 {
		t.Errorf("mean height %.3g m after five days, want 0", mean)
	}
	fastest, highest := 0.0, 0.0
	for i := range w.state[0] {
		fastest = max(fastest, math.Hypot(w.state[0][i], w.state[1][i]))
		highest = max(highest, math.Abs(w.state[2][i]))
	}
	if fastest > 120 || fastest < 5 || highest > 2500 {
		t.Errorf("after five days: winds up to %.1f m/s, heights up to %.0f m; expected weather", fastest, highest)
	}
	t.Logf("winds up to %.1f m/s, heights up to %.0f m", fastest, highest)
}
