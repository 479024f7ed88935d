package well

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"

	"github.com/gowalrus/walrus/field"
)

// FieldStats are the statistics of a field: one number a component. The delta ones are those of the change from one
// frame to the next; a field that is constant in time has none.
type FieldStats struct {
	field.Field
	Mean, Std, RMS                []float64
	MeanDelta, StdDelta, RMSDelta []float64
}

// moments are the count, mean and sum of squared deviations of a stream of values.
type moments struct {
	n, mean, m2 float64
}

// merge joins two streams (Chan, Golub, LeVeque 1979): exact where sums of squares would cancel.
func (m *moments) merge(other moments) {
	n := m.n + other.n
	if other.n == 0 {
		return
	}
	delta := other.mean - m.mean
	m.mean += delta * other.n / n
	m.m2 += other.m2 + delta*delta*m.n*other.n/n
	m.n = n
}

func (m moments) variance() float64 { return m.m2 / m.n }
func (m moments) std() float64      { return math.Sqrt(m.variance()) }
func (m moments) rms() float64      { return math.Sqrt(m.variance() + m.mean*m.mean) }

// ComputeStats streams through all files of a data set, which should be its train split, and computes the statistics of
// every field: mean, standard deviation (of the population) and root mean square of each component, in float64. Values
// that are not numbers are left out. Memory is a few frames, however large the data set; progress may be nil.
func ComputeStats(ctx context.Context, d *Dataset, progress Progress) ([]FieldStats, error) {
	run := newFrameReader(ctx, d, progress)
	all := make([]FieldStats, len(d.header.Fields))
	for i, info := range d.header.Fields {
		stats, err := run.field(d, info)
		if err != nil {
			return nil, err
		}
		all[i] = stats
	}
	return all, nil
}

// field computes the statistics of one field over all files.
func (r *frameReader) field(d *Dataset, info FieldInfo) (FieldStats, error) {
	components := info.Rank.Components(len(d.sizes))
	values, deltas := make([]moments, components), make([]moments, components)
	err := r.each(d, info, func(frame, previous []float32) { accumulate(frame, previous, values, deltas) })
	if err != nil {
		return FieldStats{}, err
	}
	stats := FieldStats{Field: info.Field}
	for c := range components {
		if values[c].n == 0 {
			return stats, fmt.Errorf("well: %s: %s: no numbers in any file", d.Name(), info.path())
		}
		stats.Mean = append(stats.Mean, values[c].mean)
		stats.Std = append(stats.Std, values[c].std())
		stats.RMS = append(stats.RMS, values[c].rms())
		if deltas[c].n > 0 {
			stats.MeanDelta = append(stats.MeanDelta, deltas[c].mean)
			stats.StdDelta = append(stats.StdDelta, deltas[c].std())
			stats.RMSDelta = append(stats.RMSDelta, deltas[c].rms())
		}
	}
	return stats, nil
}

// accumulate adds a frame, and its change from the previous one (nil for none), component by component. Values and
// changes are summed at the same time.
func accumulate(values, previous []float32, sums, deltas []moments) {
	var group sync.WaitGroup
	if previous != nil {
		group.Go(func() {
			for c := range deltas {
				deltas[c].merge(momentsOfChange(values, previous, c, len(deltas)))
			}
		})
	}
	for c := range sums {
		sums[c].merge(momentsOf(values, c, len(sums)))
	}
	group.Wait()
}

// momentsOf sums values[c], values[c+stride], ... relative to the first of them, which keeps the squares small. Values
// that are not numbers are left out.
func momentsOf(values []float32, c, stride int) moments {
	origin := firstNumber(values, c, stride)
	var n, sum, squares float64
	for i := c; i < len(values); i += stride {
		if v := float64(values[i]) - origin; v == v {
			n++
			sum += v
			squares += v * v
		}
	}
	return shifted(origin, n, sum, squares)
}

// momentsOfChange is momentsOf the differences of two frames, taken in float64.
func momentsOfChange(values, previous []float32, c, stride int) moments {
	previous = previous[:len(values)]
	var n, sum, squares float64
	for i := c; i < len(values); i += stride {
		if v := float64(values[i]) - float64(previous[i]); v == v {
			n++
			sum += v
			squares += v * v
		}
	}
	return shifted(0, n, sum, squares) // changes are small already
}

// firstNumber is the first of the values that is a number; 0 for none.
func firstNumber(values []float32, c, stride int) float64 {
	for i := c; i < len(values); i += stride {
		if v := float64(values[i]); v == v {
			return v
		}
	}
	return 0
}

// shifted gives the moments of n values from the sums of their distances to origin and of the squares of these.
func shifted(origin, n, sum, squares float64) moments {
	if n == 0 {
		return moments{}
	}
	mean := sum / n
	return moments{n: n, mean: origin + mean, m2: max(0, squares-sum*mean)}
}

// errNoStats is for a data set without a stats.yaml.
var errNoStats = errors.New("no stats.yaml; compute it with: walrus data stats")
