package significance

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/gowalrus/walrus/metric"
)

// Sample holds the scores of one model by trajectory: one of a rollout, or one a window. Infinite scores count as what they are; NaN is refused.
type Sample struct {
	values     []float64 // sorted
	trajectory []int     // of each value
	count      int       // of trajectories
}

// NewSample takes scores by trajectory.
func NewSample(scores [][]float64) (*Sample, error) {
	s := &Sample{count: len(scores)}
	type score struct {
		value      float64
		trajectory int
	}
	var all []score
	for t, values := range scores {
		for _, v := range values {
			if math.IsNaN(v) {
				return nil, fmt.Errorf("significance: trajectory %d has a score that is not a number", t)
			}
			all = append(all, score{v, t})
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("significance: no scores")
	}
	slices.SortStableFunc(all, func(a, b score) int {
		switch {
		case a.value < b.value:
			return -1
		case a.value > b.value:
			return 1
		}
		return 0
	})
	for _, one := range all {
		s.values, s.trajectory = append(s.values, one.value), append(s.trajectory, one.trajectory)
	}
	return s, nil
}

// Trajectories is how many there are.
func (s *Sample) Trajectories() int { return s.count }

// Count is how many scores there are.
func (s *Sample) Count() int { return len(s.values) }

// Median is the lower of the two middle values, as torch.median and the score's tables have it, where trajectory t counts times[t] times; nil counts each once. NaN where
// nothing counts.
func (s *Sample) Median(times []int) float64 {
	weight := func(i int) int {
		if times == nil {
			return 1
		}
		return times[s.trajectory[i]]
	}
	total := 0
	for i := range s.values {
		total += weight(i)
	}
	before := 0
	for i, v := range s.values {
		if before += weight(i); before > (total-1)/2 && total > 0 {
			return v
		}
	}
	return math.NaN()
}

// Interval is a range that holds a number with some confidence.
type Interval struct{ Low, High float64 }

// Options of a bootstrap.
type Options struct {
	Resamples int     // how often trajectories are drawn again
	Level     float64 // confidence of the intervals, below 1
	Seed      uint64
}

// Default are 2000 resamples and intervals of 95 %.
func Default() Options { return Options{Resamples: 2000, Level: 0.95, Seed: 1} }

// Check reports options without a meaning.
func (o Options) Check() error {
	if o.Resamples < 100 || o.Resamples > 1_000_000 || !(o.Level > 0 && o.Level < 1) {
		return fmt.Errorf("significance: %d resamples for intervals of %g; expected 100 to 1000000, and a level between 0 and 1", o.Resamples, o.Level)
	}
	return nil
}

// draws calls visit with how often each of n trajectories was drawn, once a resample. The same options and n give the same draws.
func (o Options) draws(n int, visit func(times []int)) {
	rng := rand.New(rand.NewPCG(o.Seed, uint64(n)))
	times := make([]int, n)
	for range o.Resamples {
		clear(times)
		for range n {
			times[rng.IntN(n)]++
		}
		visit(times)
	}
}

// interval takes the quantiles of bootstrapped numbers, linearly interpolated as NumPy does.
func (o Options) interval(numbers []float64) Interval {
	return Interval{metric.Quantile(numbers, (1-o.Level)/2), metric.Quantile(numbers, (1+o.Level)/2)}
}

// MedianInterval is the percentile bootstrap of the median over trajectories.
func (o Options) MedianInterval(s *Sample) Interval {
	medians := make([]float64, 0, o.Resamples)
	o.draws(s.count, func(times []int) {
		if m := s.Median(times); !math.IsNaN(m) { // no score among the trajectories drawn
			medians = append(medians, m)
		}
	})
	return o.interval(medians)
}
