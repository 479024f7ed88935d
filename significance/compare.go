package significance

import (
	"fmt"
	"math"
	"slices"
)

// Difference is what a paired bootstrap says of two models.
type Difference struct {
	// Median of the first less that of the second, over the same trajectories.
	Value    float64
	Interval Interval
	// P is how likely so clear a difference would be if there were none, two-sided.
	P float64
}

// Paired compares two models on the same trajectories, which are drawn again for both at once. P is twice the smaller share of resamples in which the difference is not
// above, or not below, zero: the largest confidence at which the percentile interval leaves zero out. It is no smaller than 2^(1-n) for n trajectories: if there
// were no difference, all n would have gone the same way with that probability, whatever a bootstrap of so few says.
func (o Options) Paired(a, b *Sample) (Difference, error) {
	if a.count != b.count {
		return Difference{}, fmt.Errorf("significance: %d and %d trajectories; a paired comparison needs the same ones", a.count, b.count)
	}
	d := Difference{Value: less(a.Median(nil), b.Median(nil))}
	var numbers []float64
	notAbove, notBelow := 0, 0
	o.draws(a.count, func(times []int) {
		ma, mb := a.Median(times), b.Median(times)
		if math.IsNaN(ma) || math.IsNaN(mb) {
			return
		}
		v := less(ma, mb)
		numbers = append(numbers, v)
		if v <= 0 {
			notAbove++
		}
		if v >= 0 {
			notBelow++
		}
	})
	d.Interval = o.interval(numbers)
	p := 2 * float64(min(notAbove, notBelow)+1) / float64(len(numbers)+1)
	d.P = math.Min(1, math.Max(p, LeastP(a.count)))
	return d, nil
}

// LeastP is the smallest P that a comparison of n trajectories can have: 2^(1-n).
func LeastP(n int) float64 { return math.Pow(2, float64(1-n)) }

// less is a difference in which two infinite scores are equal.
func less(a, b float64) float64 {
	if a == b {
		return 0
	}
	return a - b
}

// Holm corrects the P of several comparisons, so that the chance of a single wrong "differs" among them stays below the level at which each is judged: the k-th smallest
// of m is multiplied by m - k + 1, and none may be below a smaller one's (Holm 1979).
func Holm(p []float64) []float64 {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case p[a] < p[b]:
			return -1
		case p[a] > p[b]:
			return 1
		}
		return 0
	})
	corrected, largest := make([]float64, len(p)), 0.0
	for k, i := range order {
		largest = math.Max(largest, math.Min(1, p[i]*float64(len(p)-k)))
		corrected[i] = largest
	}
	return corrected
}
