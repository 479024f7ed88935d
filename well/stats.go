package well

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/internal/fault"
)

// FieldStats are the statistics of a field: one number a component. The delta ones are those of the change from one
// frame to the next; a field that is constant in time has none.
type FieldStats struct {
	field.Field
	Mean, Std, RMS                []float64
	MeanDelta, StdDelta, RMSDelta []float64
}

// Stats are the statistics of a data set's fields, and how they were made.
type Stats struct {
	Fields []FieldStats
	Made   Made
}

// Made says how statistics were made; the zero value is that of a file that does not say, as the published ones do not.
type Made struct {
	Stride     int               // frames between two that a change was taken of
	Transforms map[string]string // what was done with the values of fields before, by the fields' names
}

// Transform changes the values of a field before statistics are taken of them; those of package sample are some. Its name
// is how it prints.
type Transform interface {
	// Apply transforms values in place. refused is the number of those that it can not take; first is the index of the first of
	// them and value what it was. What is not a number stays none, and is not among them.
	Apply(values []float32) (refused, first int, value float32)
}

// StatsOptions say what statistics are of.
type StatsOptions struct {
	Stride     int                  // frames between two that a change is taken of; 0 counts as 1
	Transforms map[string]Transform // of fields, by their names
	Sharing    *Sharing             // with other processes, which all get the same; nil alone
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
// every field: mean, standard deviation (of the population) and root mean square of each component, in float64. Changes are
// those between all frames that lie a stride apart. Values that are not numbers, and those under a mask that moves, are left out; one that a transform can not
// take is an error that says how many there are in its file and where the first is. Memory is a few frames and a stride of
// them, however large the data set; progress may be nil.
func ComputeStats(ctx context.Context, d *Dataset, o StatsOptions, progress Progress) (Stats, error) {
	run := newFrameReader(ctx, d, progress)
	if o.Sharing != nil {
		run.total = max(1, run.total/int64(o.Sharing.Processes))
	}
	run.hides = true
	all := Stats{Made: Made{Stride: max(1, o.Stride)}}
	for _, name := range slices.Sorted(maps.Keys(o.Transforms)) {
		if !slices.ContainsFunc(d.header.Fields, func(f FieldInfo) bool { return f.Name == name }) {
			return Stats{}, fmt.Errorf("well: %s has no field %s that could be transformed; its fields are %v", d.Name(), name, fieldNamesOf(d.header.Fields))
		}
		if all.Made.Transforms == nil {
			all.Made.Transforms = map[string]string{}
		}
		all.Made.Transforms[name] = fmt.Sprint(o.Transforms[name])
	}
	for _, info := range d.header.Fields {
		stats, err := run.field(d, info, all.Made.Stride, o.Transforms[info.Name], o.Sharing)
		if err != nil {
			return Stats{}, err
		}
		all.Fields = append(all.Fields, stats)
	}
	return all, nil
}

func fieldNamesOf(infos []FieldInfo) (names []string) {
	for _, f := range infos {
		names = append(names, f.Name)
	}
	return names
}

// field computes the statistics of one field over all files.
func (r *frameReader) field(d *Dataset, info FieldInfo, stride int, t Transform, sharing *Sharing) (FieldStats, error) {
	components := info.Rank.Components(len(d.sizes))
	values, deltas := make([]moments, components), make([]moments, components)
	var own [][]float64 // of files that are not all this process's
	for i, file := range d.files {
		if !sharing.mine(i) {
			continue
		}
		var frames []float64
		var refused refusals
		past := make([][]float32, stride) // the last frames of the trajectory, frame n at n modulo the stride
		trajectory, n := -1, 0
		err := r.file(d, i, info, func(frame, previous []float32) {
			if previous == nil {
				trajectory, n = trajectory+1, 0
			}
			refused.add(t, frame, trajectory, n)
			before := previous
			if stride > 1 {
				before = nil
				if slot := n % stride; n >= stride {
					before = past[slot]
				}
			}
			if sharing == nil {
				accumulate(frame, before, values, deltas)
			} else {
				ofValues, ofDeltas := momentsOfFrame(frame, before, components)
				frames = appendMoments(appendMoments(frames, ofValues), ofDeltas)
			}
			if stride > 1 {
				past[n%stride] = append(past[n%stride][:0], frame...)
			}
			n++
		})
		if err == nil && refused.count > 0 {
			err = refused.in(file.Path, info, t, d.sizes)
		}
		if err != nil {
			return FieldStats{}, err
		}
		own = append(own, frames)
	}
	if sharing != nil { // the same sums in the same order as in one process
		files, err := sharing.join(own, len(d.files))
		if err != nil {
			return FieldStats{}, err
		}
		for _, frames := range files {
			for len(frames) >= 2*components*momentNumbers {
				frames = mergeNumbers(values, frames)
				frames = mergeNumbers(deltas, frames)
			}
		}
	}
	if stride > 1 && info.TimeVarying && deltas[0].n == 0 {
		return FieldStats{}, fmt.Errorf("well: %s: %s: no two frames of a trajectory lie %d apart, so that nothing can be said of their change; take a smaller stride", d.Name(), info.path(), stride)
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

// refusals are the values of a file that a transform could not take.
type refusals struct {
	count                    int
	trajectory, frame, first int // where the first was
	value                    float32
}

// add transforms a frame in place.
func (r *refusals) add(t Transform, frame []float32, trajectory, n int) {
	if t == nil {
		return
	}
	refused, first, value := t.Apply(frame)
	if refused > 0 && r.count == 0 {
		r.trajectory, r.frame, r.first, r.value = trajectory, n, first, value
	}
	r.count += refused
}

// in is the error about them.
func (r *refusals) in(path string, info FieldInfo, t Transform, sizes []int) error {
	grid := info.grid(sizes)
	point, index := r.first/info.Rank.Components(len(sizes)), make([]int, len(grid))
	for i := len(grid) - 1; i >= 0; i-- {
		index[i], point = point%grid[i], point/grid[i]
	}
	return fmt.Errorf("well: %s: %s: %d values have no %v; the first is %g at trajectory %d, frame %d, grid point %v; mend the data, or leave the transform out",
		path, info.path(), r.count, t, r.value, r.trajectory, r.frame, index)
}

// momentsOfFrame are the moments of a frame, and of its change from the previous one (nil for none), component by component. Values and
// changes are summed at the same time.
func momentsOfFrame(values, previous []float32, components int) (sums, deltas []moments) {
	sums, deltas = make([]moments, components), make([]moments, components)
	var group fault.Group
	if previous != nil {
		group.Go(func() {
			for c := range deltas {
				deltas[c] = momentsOfChange(values, previous, c, components)
			}
		})
	}
	for c := range sums {
		sums[c] = momentsOf(values, c, components)
	}
	group.Wait()
	return sums, deltas
}

// accumulate adds a frame, and its change from the previous one (nil for none), component by component.
func accumulate(values, previous []float32, sums, deltas []moments) {
	ofValues, ofDeltas := momentsOfFrame(values, previous, len(sums))
	for c := range sums {
		sums[c].merge(ofValues[c])
		deltas[c].merge(ofDeltas[c])
	}
}

// momentNumbers is the number of numbers of moments.
const momentNumbers = 3

// appendMoments writes moments as numbers.
func appendMoments(list []float64, more []moments) []float64 {
	for _, m := range more {
		list = append(list, m.n, m.mean, m.m2)
	}
	return list
}

// mergeNumbers adds what appendMoments wrote to moments, component by component, and returns what comes after it.
func mergeNumbers(sums []moments, list []float64) []float64 {
	for c := range sums {
		sums[c].merge(moments{list[0], list[1], list[2]})
		list = list[momentNumbers:]
	}
	return list
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
