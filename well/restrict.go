package well

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Part is how much of something is kept: a count from 1 on, a share below 1, everything for 0.
type Part float64

// Check refuses what is neither.
func (p Part) Check() error {
	if v := float64(p); !(v >= 0) || v >= 1 && v != math.Trunc(v) || v > math.MaxInt32 {
		return fmt.Errorf("%v; expected a whole number from 1 on, a share between 0 and 1, or 0 for all", v)
	}
	return nil
}

// Of is the number to keep of a total: a share is rounded down but keeps one at least, and no more are kept than there are.
func (p Part) Of(total int) int {
	switch {
	case p <= 0:
		return total
	case p < 1:
		return min(total, max(1, int(float64(total)*float64(p))))
	}
	return int(min(float64(total), float64(p)))
}

// Restrict keeps the windows of some whole trajectories, and of those windows some. What is kept depends on the generator
// alone, and a smaller part lies within a larger one that the same generator keeps. The windows stay in order.
//
// These are restrict_num_trajectories and restrict_num_samples of The Well's reader. That reader (the_well 1.2.0) draws
// trajectories but then takes the windows of the first one as often as trajectories were drawn: a defect; here they are
// those that were drawn.
func (w *Windows) Restrict(trajectories, samples Part, random *rand.Rand) error {
	for _, p := range []Part{trajectories, samples} {
		if err := p.Check(); err != nil {
			return fmt.Errorf("well: %s: restriction to %w", w.dataset.Name(), err)
		}
	}
	if trajectories == 0 && samples == 0 {
		return nil
	}
	var each [][]int // the windows of every trajectory
	for file, end := range w.ends {
		first := 0
		if file > 0 {
			first = w.ends[file-1]
		}
		for ; first < end; first += w.counts[file] {
			list := make([]int, w.counts[file])
			for i := range list {
				list[i] = first + i
			}
			each = append(each, list)
		}
	}
	order := random.Perm(len(each))[:trajectories.Of(len(each))]
	slices.Sort(order)
	var left []int
	for _, trajectory := range order {
		left = append(left, each[trajectory]...)
	}
	random.Shuffle(len(left), func(i, j int) { left[i], left[j] = left[j], left[i] })
	w.kept = slices.Clone(left[:samples.Of(len(left))])
	slices.Sort(w.kept)
	return nil
}
