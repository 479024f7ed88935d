package significance

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func sample(t *testing.T, scores [][]float64) *Sample {
	t.Helper()
	s, err := NewSample(scores)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// single has one score a trajectory.
func single(values ...float64) [][]float64 {
	var scores [][]float64
	for _, v := range values {
		scores = append(scores, []float64{v})
	}
	return scores
}

func TestMedianIsTheLowerMiddleValueOfWhatWasDrawn(t *testing.T) {
	s := sample(t, [][]float64{{5, 1}, {3}, {math.Inf(1)}})
	for _, c := range []struct {
		times []int
		want  float64
	}{
		{nil, 3}, // 1 3 5 Inf
		{[]int{0, 1, 2}, math.Inf(1)}, {[]int{2, 0, 0}, 1}, {[]int{2, 1, 0}, 3}, {[]int{0, 3, 0}, 3},
	} {
		if got := s.Median(c.times); got != c.want {
			t.Errorf("drawn %v times: median %g; want %g", c.times, got, c.want)
		}
	}
}

// All n^n ways to draw n trajectories again, one by one: what the random draws approach.
func everyDraw(n int, visit func(times []int)) {
	all := 1
	for range n {
		all *= n
	}
	for way := range all {
		times := make([]int, n)
		for rest, k := way, 0; k < n; k++ {
			times[rest%n]++
			rest /= n
		}
		visit(times)
	}
}

func TestBootstrapApproachesAllDraws(t *testing.T) {
	a, b := sample(t, single(1, 2, 4, 8, 16)), sample(t, single(1.5, 1, 5, 10, 30))
	var medians, differences []float64
	notBelow, notAbove := 0.0, 0.0
	everyDraw(5, func(times []int) {
		medians = append(medians, a.Median(times))
		d := a.Median(times) - b.Median(times)
		differences = append(differences, d)
		if d >= 0 {
			notBelow++
		}
		if d <= 0 {
			notAbove++
		}
	})
	o := Options{Resamples: 20000, Level: 0.8, Seed: 3}
	slices.Sort(medians)
	slices.Sort(differences)
	exact := func(list []float64) Interval { return Interval{list[len(list)/10], list[len(list)*9/10]} }
	if got := o.MedianInterval(a); got != exact(medians) {
		t.Errorf("interval of the median %v; of all draws %v", got, exact(medians))
	}
	d, err := o.Paired(a, b)
	if err != nil {
		t.Fatal(err)
	}
	if d.Value != -1 || d.Interval != exact(differences) {
		t.Errorf("difference %+v; of all draws %v", d, exact(differences))
	}
	if want := 2 * math.Min(notBelow, notAbove) / float64(len(differences)); math.Abs(d.P-math.Max(want, 1.0/16)) > 0.02 {
		t.Errorf("p %g; of all draws %g, and no less than 1/16", d.P, want)
	}
}

// The bounds of scipy.stats.bootstrap (SciPy 1.17.1, method "percentile", 20000 resamples) of the median of these 11 numbers.
func TestIntervalsAgreeWithSciPy(t *testing.T) {
	s := sample(t, single(.31, .12, .55, .48, .29, .77, .18, .40, .63, .22, .35))
	o := Options{Resamples: 20000, Level: 0.95, Seed: 5}
	if got, want := o.MedianInterval(s), (Interval{.22, .55}); got != want {
		t.Errorf("interval %v; SciPy has %v", got, want)
	}
}

func TestFewTrajectoriesProveNothing(t *testing.T) {
	for n, want := range map[int]float64{2: 0.5, 4: 0.125, 6: 1.0 / 32, 20: 2.0 / 2001} {
		var low, high []float64
		for i := range n {
			low, high = append(low, float64(i)), append(high, float64(i)+100)
		}
		d, err := Default().Paired(sample(t, single(low...)), sample(t, single(high...)))
		if err != nil || math.Abs(d.P-want) > 1e-12 {
			t.Errorf("%d trajectories that all go one way: p %g, error %v; want %g", n, d.P, err, want)
		}
	}
}

// If two models draw from one law, p below 0.1 must come no more often than in a tenth of the cases.
func TestEqualModelsSeldomDiffer(t *testing.T) {
	const runs, level = 200, 0.1
	rng := rand.New(rand.NewPCG(7, 8))
	o := Options{Resamples: 200, Level: 0.9, Seed: 1}
	found := 0
	for range runs {
		a, b := make([]float64, 12), make([]float64, 12)
		for i := range a {
			hard := rng.NormFloat64() // a trajectory is as hard for both
			a[i], b[i] = hard+rng.NormFloat64()/2, hard+rng.NormFloat64()/2
		}
		d, err := o.Paired(sample(t, single(a...)), sample(t, single(b...)))
		if err != nil {
			t.Fatal(err)
		}
		if d.P < level {
			found++
		}
	}
	if limit := int(level*runs + 3*math.Sqrt(runs*level*(1-level))); found > limit {
		t.Errorf("%d of %d pairs of equal models differ at the level %g; at most %d would by chance", found, runs, level, limit)
	}
}

func TestTwoExplodedModelsAreEqual(t *testing.T) {
	inf := math.Inf(1)
	a, b := sample(t, single(inf, inf, inf, 1)), sample(t, single(inf, inf, inf, 2))
	d, err := Default().Paired(a, b)
	if err != nil || d.Value != 0 || d.P < 0.1 {
		t.Errorf("%+v, %v; want no difference", d, err)
	}
	finite := sample(t, single(1, 1, 1, 1))
	if d, err = Default().Paired(a, finite); err != nil || !math.IsInf(d.Value, 1) {
		t.Errorf("%+v, %v; want an infinite difference", d, err)
	}
}

// Worked by hand.
func TestHolm(t *testing.T) {
	got := Holm([]float64{0.01, 0.04, 0.03, 0.005})
	for i, want := range []float64{0.03, 0.06, 0.06, 0.02} {
		if math.Abs(got[i]-want) > 1e-12 {
			t.Errorf("corrected %v; want 0.03 0.06 0.06 0.02", got)
			break
		}
	}
	if got := Holm([]float64{0.9, 0.8}); got[0] != 1 || got[1] != 1 {
		t.Errorf("corrected %v; want 1 and 1", got)
	}
}

func TestScoresThatAreNoNumbersAreRefused(t *testing.T) {
	if _, err := NewSample([][]float64{{1}, {math.NaN()}}); err == nil {
		t.Error("NaN was taken")
	}
	if _, err := NewSample([][]float64{{}, {}}); err == nil {
		t.Error("nothing was taken")
	}
	if _, err := Default().Paired(sample(t, single(1)), sample(t, single(1, 2))); err == nil {
		t.Error("different trajectories were paired")
	}
}
