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

// single lists the metrics of one number.
func single() []Metric {
	return slices.DeleteFunc(All(Epsilon), func(m Metric) bool { return len(m.Names) > 1 })
}

// compare gives the one number of a metric, by channel.
func compare(m Metric, x, y field.Array) ([]float64, error) {
	values, err := m.Compare(x, y)
	if err != nil {
		return nil, err
	}
	return values[0], nil
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
		m, err := Parse(name, Epsilon)
		if err != nil {
			t.Error(err)
			continue
		}
		got, err := compare(m[0], x, y)
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
	for _, m := range single() {
		got, err := compare(m, flat, flat)
		if err != nil || got[0] != 0 { // the correlation of constants is 0 by its epsilon
			t.Errorf("%s of equal constants is %v (%v), want 0", m.Names[0], got, err)
		}
	}
	got, err := VRMSE(frame(6, 6, 6, 6), flat)
	if want := math.Sqrt(1 / 1e-7); err != nil || !near(got[0], want, 1e-9) {
		t.Errorf("VRMSE against a constant is %v (%v), want %g", got, err, want)
	}
}

func TestNonFinitePredictionsDoNotLookGood(t *testing.T) {
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		for _, m := range single() {
			got, err := compare(m, frame(1, float32(bad), 3), frame(1, 2, 3))
			if err != nil || got[0]-got[0] == 0 {
				t.Errorf("%s with a value %v is %v (%v), want something that is not finite", m.Names[0], bad, got, err)
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
		for _, m := range single() {
			if _, err := compare(m, c.x, c.y); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s, %s: error %v; want one with %q", name, m.Names[0], err, c.want)
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
			if len(c.Metrics) != len(single())-1 { // it lacks NMAE
				t.Errorf("NumPy has %d metrics, we have %d", len(c.Metrics), len(single()))
			}
			for _, m := range single() {
				if c.Metrics[m.Names[0]] == nil && m.Names[0] == "NMAE" {
					continue
				}
				got, err := compare(m, x, y)
				if err != nil {
					t.Fatal(err)
				}
				same(t, m.Names[0], got, c.Metrics[m.Names[0]])
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

func TestMedianOfEvenOddAndStrangeLists(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		values []float64
		want   float64
	}{{[]float64{3, 1, 2}, 2}, {[]float64{4, 1, 2, 3}, 2}, {[]float64{7}, 7}, {nil, nan}, {[]float64{1, nan, 2}, nan}, {[]float64{1, inf, inf}, inf}, {[]float64{1, 1, inf}, 1}} {
		if got := Median(c.values); got != c.want && !(math.IsNaN(got) && math.IsNaN(c.want)) {
			t.Errorf("median of %v is %g, want %g", c.values, got, c.want)
		}
	}
}

func TestQuantilesInterpolate(t *testing.T) {
	for _, c := range []struct {
		values []float64
		q      float64
		want   float64
	}{
		{[]float64{3, 1, 2}, 0.5, 2},
		{[]float64{4, 1, 2, 3}, 0.5, 2.5},
		{[]float64{0, 10}, 0.25, 2.5},
		{[]float64{5}, 0.75, 5},
		{[]float64{1, math.Inf(1)}, 0.5, math.Inf(1)},
		{[]float64{1, 2, math.Inf(1)}, 0.5, 2},
		{[]float64{math.Inf(1), math.Inf(1)}, 0.3, math.Inf(1)},
	} {
		if got := Quantile(c.values, c.q); got != c.want {
			t.Errorf("Quantile(%v, %g) = %g, want %g", c.values, c.q, got, c.want)
		}
	}
}

func TestListsOfMetricsAreParsed(t *testing.T) {
	list, err := Parse("vrmse, NRMSE,linf,spectral", Epsilon)
	if err != nil || len(list) != 4 || list[2].Names[0] != "LInfinity" || len(list[3].Names) != 2*SpectralBins {
		t.Errorf("%v, %v", list, err)
	}
	for bad, want := range map[string]string{"": "expected a list of vrmse", "vrmse,": "expected a list", "rmse,rmse": "twice", "r2": `"r2"`} {
		if _, err := Parse(bad, Epsilon); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one with %s", bad, err, want)
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
