package metric

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gowalrus/walrus/field"
)

// frame makes a frame of one channel on a line of points.
func frame(values ...float32) field.Array {
	return field.Array{Shape: []int{len(values), 1}, Data: values}
}

func near(got, want, tolerance float64) bool {
	return math.Abs(got-want) <= tolerance*max(1, math.Abs(want))
}

func TestMetricsByHand(t *testing.T) {
	// Truth 1, 2, 3, 6: mean 3, mean square 50/4, variance (4+1+0+9)/3. Errors 1, 0, -2, 1: squares sum to 6.
	x, y := frame(2, 2, 1, 7), frame(1, 2, 3, 6)
	variance := 14.0 / 3
	// The prediction's mean is 3, its variance (1+1+4+16)/3; products of deviations: 2+1+0+12.
	r := (15.0 / 4) / (math.Sqrt(22.0/3)*math.Sqrt(variance) + 1e-7)
	for name, want := range map[string]float64{
		"MSE": 1.5, "MAE": 1, "RMSE": math.Sqrt(1.5), "LInfinity": 2,
		"NMSE": 1.5 / (12.5 + 1e-7), "NRMSE": math.Sqrt(1.5 / (12.5 + 1e-7)),
		"VMSE": 1.5 / (variance + 1e-7), "VRMSE": math.Sqrt(1.5 / (variance + 1e-7)),
		"PearsonR": r,
	} {
		at := slices.IndexFunc(All(), func(n Named) bool { return n.Name == name })
		if at < 0 {
			t.Errorf("%s is not listed", name)
			continue
		}
		got, err := All()[at].Func(x, y)
		if err != nil || len(got) != 1 || !near(got[0], want, 1e-12) {
			t.Errorf("%s is %v (%v), want %.12g", name, got, err, want)
		}
	}
}

func TestMeanPredictionScoresOne(t *testing.T) {
	const n = 1000
	y, x := field.NewArray(n, 1), field.NewArray(n, 1)
	for i := range y.Data {
		y.Data[i], x.Data[i] = float32(i), (n-1)/2.0
	}
	got, err := VRMSE(x, y)
	if want := math.Sqrt((n - 1.0) / n); err != nil || !near(got[0], want, 1e-9) {
		t.Errorf("VRMSE %v (%v), want %.9f", got, err, want)
	}
}

func TestPerfectAndConstantTruth(t *testing.T) {
	flat := frame(5, 5, 5, 5)
	for _, m := range All() {
		got, err := m.Func(flat, flat)
		if err != nil || got[0] != 0 { // the correlation of constants is 0 by its epsilon
			t.Errorf("%s of equal constants is %v (%v), want 0", m.Name, got, err)
		}
	}
	got, err := VRMSE(frame(6, 6, 6, 6), flat)
	if want := math.Sqrt(1 / 1e-7); err != nil || !near(got[0], want, 1e-9) {
		t.Errorf("VRMSE against a constant is %v (%v), want %g", got, err, want)
	}
}

func TestNonFinitePredictionsDoNotLookGood(t *testing.T) {
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		for _, m := range All() {
			got, err := m.Func(frame(1, float32(bad), 3), frame(1, 2, 3))
			if err != nil || got[0]-got[0] == 0 {
				t.Errorf("%s with a value %v is %v (%v), want something that is not finite", m.Name, bad, got, err)
			}
		}
	}
}

func TestBadFramesAreErrors(t *testing.T) {
	for name, c := range map[string]struct {
		x, y field.Array
		want string
	}{
		"shapes":       {frame(1, 2), frame(1, 2, 3), "prediction of shape [2 1] and truth of shape [3 1]"},
		"layout":       {field.NewArray(2, 3), field.NewArray(3, 2), "expected the same"},
		"no points":    {field.NewArray(0, 2), field.NewArray(0, 2), "0 values"},
		"no channels":  {field.NewArray(3, 0), field.NewArray(3, 0), "0 values"},
		"no axes":      {field.Array{}, field.Array{}, "0 values"},
		"missing data": {field.Array{Shape: []int{2, 2}}, field.Array{Shape: []int{2, 2}}, "0 values"},
	} {
		for _, m := range All() {
			if _, err := m.Func(c.x, c.y); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s, %s: error %v; want one with %q", name, m.Name, err, c.want)
			}
		}
		if _, err := Spectral(c.x, c.y); err == nil {
			t.Errorf("%s: the spectral error was accepted", name)
		}
	}
	if _, err := VRMSE(frame(1), frame(1)); err == nil || !strings.Contains(err.Error(), "one point") {
		t.Errorf("one point: %v", err)
	}
}

func TestMetricsAgreeWithNumPy(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "numpy.json"))
	if err != nil {
		t.Fatal(err)
	}
	var oracle struct {
		Cases []struct {
			Name              string
			Shape             []int
			Prediction, Truth []float32
			Metrics           map[string][]float64
			MSE               [SpectralBins][]float64 `json:"spectral_mse"`
			NMSE              [SpectralBins][]float64 `json:"spectral_nmse"`
			Edges             [SpectralBins + 1]float64
		}
	}
	if err := json.Unmarshal(text, &oracle); err != nil {
		t.Fatal(err)
	}
	const tolerance = 1e-11
	same := func(t *testing.T, what string, got, want []float64) {
		t.Helper()
		if !slices.EqualFunc(got, want, func(a, b float64) bool { return near(a, b, tolerance) }) {
			t.Errorf("%s is %v, NumPy has %v", what, got, want)
		}
	}
	for _, c := range oracle.Cases {
		t.Run(c.Name, func(t *testing.T) {
			x, y := field.Array{Shape: c.Shape, Data: c.Prediction}, field.Array{Shape: c.Shape, Data: c.Truth}
			if len(c.Metrics) != len(All()) {
				t.Errorf("NumPy has %d metrics, we have %d", len(c.Metrics), len(All()))
			}
			for _, m := range All() {
				got, err := m.Func(x, y)
				if err != nil {
					t.Fatal(err)
				}
				same(t, m.Name, got, c.Metrics[m.Name])
			}
			s, err := Spectral(x, y)
			if err != nil {
				t.Fatal(err)
			}
			same(t, "edges", s.Edges[:], c.Edges[:])
			for b := range SpectralBins {
				same(t, "spectral MSE", s.MSE[b], c.MSE[b])
				same(t, "spectral NMSE", s.NMSE[b], c.NMSE[b])
			}
		})
	}
}

func TestSpectralBandsAddUpToTheError(t *testing.T) {
	x, y := field.NewArray(12, 10, 2), field.NewArray(12, 10, 2)
	for i := range x.Data {
		x.Data[i], y.Data[i] = float32(math.Sin(float64(i*i))), float32(math.Cos(float64(3*i)))
	}
	s, err := Spectral(x, y)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := MSE(x, y)
	if err != nil {
		t.Fatal(err)
	}
	for c, want := range whole {
		if got := s.MSE[0][c] + s.MSE[1][c] + s.MSE[2][c]; !near(got, want, 1e-6) {
			t.Errorf("channel %d: bands add up to %g, MSE %g", c, got, want)
		}
	}
}

func TestAWaveFallsIntoItsBand(t *testing.T) {
	const n = 64
	for _, c := range []struct{ waves, band int }{{0, 0}, {1, 0}, {3, 0}, {4, 1}, {7, 1}, {20, 2}, {32, 2}} {
		x, y := field.NewArray(n, 1), field.NewArray(n, 1)
		for i := range x.Data {
			x.Data[i] = float32(math.Cos(2 * math.Pi * float64(c.waves*i) / n))
		}
		s, err := Spectral(x, y)
		if err != nil {
			t.Fatal(err)
		}
		total := s.MSE[0][0] + s.MSE[1][0] + s.MSE[2][0]
		if share := s.MSE[c.band][0] / total; share < 0.999 {
			t.Errorf("%d waves: band %d has %.3f of the error, edges %v", c.waves, c.band, share, s.Edges)
		}
	}
}

func TestLogarithmicWindowsCoverEveryStepOnce(t *testing.T) {
	for _, c := range []struct {
		steps int
		want  []Interval
	}{
		{0, nil},
		{1, []Interval{{0, 1}}},
		{2, []Interval{{0, 1}, {1, 2}}},
		{5, []Interval{{0, 1}, {1, 2}, {2, 3}, {3, 5}}},
		{100, []Interval{{0, 1}, {1, 3}, {3, 10}, {10, 31}, {31, 100}}},
	} {
		if got := LogarithmicWindows(c.steps); !slices.Equal(got, c.want) {
			t.Errorf("%d steps: %v, want %v", c.steps, got, c.want)
		}
	}
	for steps := 1; steps < 300; steps++ {
		covered := 0
		for _, w := range LogarithmicWindows(steps) {
			if w.First != covered || w.End <= w.First {
				t.Fatalf("%d steps: window %v after step %d", steps, w, covered)
			}
			covered = w.End
		}
		if covered != steps {
			t.Errorf("%d steps: %d covered", steps, covered)
		}
	}
}

func TestAveragesOverStepsAndTrajectories(t *testing.T) {
	// Two steps of two channels; errors 1 and 2 in the first channel, 0 and 4 in the second.
	y := field.NewArray(2, 2, 2)
	x := field.Array{Shape: y.Shape, Data: []float32{1, 0, -1, 0, 2, 4, -2, 4}}
	curve, err := Curve(MAE, x, y)
	if err != nil || !slices.Equal(curve[0], []float64{1, 0}) || !slices.Equal(curve[1], []float64{2, 4}) {
		t.Fatalf("curve %v, %v", curve, err)
	}
	if got, err := (Interval{0, 2}).Over(curve); err != nil || !slices.Equal(got, []float64{1.5, 2}) {
		t.Errorf("mean over both steps %v, %v", got, err)
	}
	if got, err := (Interval{1, 9}).Over(curve); err != nil || !slices.Equal(got, []float64{2, 4}) {
		t.Errorf("a window beyond the end %v, %v", got, err)
	}
	if _, err := (Interval{2, 3}).Over(curve); err == nil {
		t.Error("a window after the end was accepted")
	}
	other, far := [][]float64{{3, 0}, {0, 1}}, [][]float64{{100, 3}, {1, 1}}
	curves := [][][]float64{curve, other, far}
	if got, err := MedianCurve(curves); err != nil || !slices.Equal(got[0], []float64{3, 0}) || !slices.Equal(got[1], []float64{1, 1}) {
		t.Errorf("median %v, %v", got, err)
	}
	if got, err := MeanCurve(curves[:2]); err != nil || !slices.Equal(got[0], []float64{2, 0}) || !slices.Equal(got[1], []float64{1, 2.5}) {
		t.Errorf("mean %v, %v", got, err)
	}
	if _, err := MeanCurve([][][]float64{curve, curve[:1]}); err == nil {
		t.Error("rollouts of different lengths were averaged")
	}
	if _, err := MedianCurve(nil); err == nil {
		t.Error("no trajectories were averaged")
	}
	if _, err := Curve(MAE, x, field.NewArray(2, 4)); err == nil {
		t.Error("a curve of different shapes was accepted")
	}
}

func TestMedianOfEvenOddAndStrangeLists(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		values []float64
		want   float64
	}{{[]float64{3, 1, 2}, 2}, {[]float64{4, 1, 2, 3}, 2.5}, {[]float64{7}, 7}, {nil, nan}, {[]float64{1, nan, 2}, nan}, {[]float64{1, inf, inf}, inf}, {[]float64{1, 1, inf}, 1}} {
		if got := Median(c.values); got != c.want && !(math.IsNaN(got) && math.IsNaN(c.want)) {
			t.Errorf("median of %v is %g, want %g", c.values, got, c.want)
		}
	}
}

func BenchmarkVRMSE(b *testing.B) {
	x, y := field.NewArray(256, 256, 4), field.NewArray(256, 256, 4)
	b.SetBytes(int64(8 * len(x.Data)))
	for b.Loop() {
		if _, err := VRMSE(x, y); err != nil {
			b.Fatal(err)
		}
	}
}
