package well

import (
	"context"
	"errors"
	"fmt"
	"math"

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

// accumulate adds a frame, and its change from the previous one (nil for none), component by component.
func accumulate(values, previous []float32, sums, deltas []moments) {
	components := len(sums)
	for c := range components {
		sums[c].merge(momentsOf(values, c, components))
		if previous != nil {
			deltas[c].merge(momentsOfChange(values, previous, c, components))
		}
	}
}

// momentsOf sums values[c], values[c+stride], ... relative to the first of them, which keeps the squares small.
func momentsOf(values []float32, c, stride int) moments {
	var s shifted
	for i := c; i < len(values); i += stride {
		s.add(float64(values[i]))
	}
	return s.moments()
}

// momentsOfChange is momentsOf the differences of two frames, taken in float64.
func momentsOfChange(values, previous []float32, c, stride int) moments {
	var s shifted
	for i := c; i < len(values); i += stride {
		s.add(float64(values[i]) - float64(previous[i]))
	}
	return s.moments()
}

// shifted sums values and squares relative to the first value.
type shifted struct {
	origin, n, sum, squares float64
}

func (s *shifted) add(v float64) {
	if v != v {
		return
	}
	if s.n == 0 {
		s.origin = v
	}
	v -= s.origin
	s.n++
	s.sum += v
	s.squares += v * v
}

func (s *shifted) moments() moments {
	if s.n == 0 {
		return moments{}
	}
	mean := s.sum / s.n
	return moments{n: s.n, mean: s.origin + mean, m2: max(0, s.squares-s.sum*mean)}
}

// errNoStats is for a data set without a stats.yaml.
var errNoStats = errors.New("no stats.yaml; compute it with: walrus data stats")
