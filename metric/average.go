package metric

import (
	"math"
	"math/big"
	"slices"
)

// Interval is a half-open range of rollout steps, counted from 0: First <= step < End.
type Interval struct{ First, End int }

// LogarithmicWindows cuts a rollout of so many steps into at most five intervals whose lengths grow geometrically, as the released
// rollout reports do: edges 0 and the whole part of T^(i/(n-1)) for the i from 0 to n-1, where n = min(T, 5). Windows without a step are
// left out, and the last ends with the rollout; the release computes the powers by exp and log, loses the last step where
// they round down, and keeps empty windows.
func LogarithmicWindows(steps int) []Interval {
	if steps < 1 {
		return nil
	}
	edges := min(steps, 5)
	var windows []Interval
	first := 0
	for i := range edges {
		if end := wholePower(steps, i, max(1, edges-1)); end > first {
			windows = append(windows, Interval{first, end})
			first = end
		}
	}
	return windows
}

// wholePower is the whole part of base^(power/root), without rounding: the largest n whose power root is at most base^power.
func wholePower(base, power, root int) int {
	of := func(n, power int) *big.Int {
		return new(big.Int).Exp(big.NewInt(int64(n)), big.NewInt(int64(power)), nil)
	}
	most := of(base, power)
	n := int(math.Pow(float64(base), float64(power)/float64(root))) + 1 // right up to rounding
	for n > 1 && of(n, root).Cmp(most) > 0 {
		n--
	}
	return n
}

// Mean is the arithmetic mean; NaN of nothing.
func Mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// Median is the middle value as torch.median has it: the lower of the two middle ones; NaN of nothing, and where a value is NaN.
func Median(values []float64) float64 {
	if len(values) == 0 || slices.ContainsFunc(values, math.IsNaN) {
		return math.NaN()
	}
	return slices.Sorted(slices.Values(values))[(len(values)-1)/2]
}

// Std is the unbiased standard deviation, as torch.std has it; NaN of less than two values.
func Std(values []float64) float64 {
	mean, sum := Mean(values), 0.0
	for _, v := range values {
		sum += (v - mean) * (v - mean)
	}
	return math.Sqrt(sum / float64(len(values)-1))
}

// Quantile interpolates linearly between the sorted values (Hyndman and Fan 1996, type 7); NaN of nothing, and where a value is NaN.
// Between a finite value and an infinite one it is infinite.
func Quantile(values []float64, q float64) float64 {
	if len(values) == 0 || slices.ContainsFunc(values, math.IsNaN) {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	at := q * float64(len(sorted)-1)
	i := int(at)
	low := sorted[i]
	share := at - float64(i)
	if share == 0 || low == sorted[i+1] {
		return low // also where both are infinite
	}
	return low*(1-share) + sorted[i+1]*share
}
