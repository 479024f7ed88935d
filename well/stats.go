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

// StatsProgress is told how many of the data set's bytes have been read.
type StatsProgress func(done, total int64)

// ComputeStats streams through all files of a data set, which should be its train split, and computes the statistics of
// every field: mean, standard deviation (of the population) and root mean square of each component, in float64. Values
// that are not numbers are left out. Memory is a few frames, however large the data set; progress may be nil.
func ComputeStats(ctx context.Context, d *Dataset, progress StatsProgress) ([]FieldStats, error) {
	run := statsRun{ctx: ctx, progress: progress}
	for _, f := range d.files {
		run.total += f.bytes(d)
	}
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

// bytes is how much the fields of a file are, as float32.
func (s FileSummary) bytes(d *Dataset) int64 {
	n := 0
	for _, info := range d.header.Fields {
		n += 4 * field.Volume(info.shape(s.Trajectories, s.Steps, d.sizes))
	}
	return int64(n)
}

// statsRun is one computation and how far it is.
type statsRun struct {
	ctx         context.Context
	progress    StatsProgress
	done, total int64
}

func (r *statsRun) advance(bytes int) {
	r.done += int64(bytes)
	if r.progress != nil {
		r.progress(r.done, r.total)
	}
}

// field computes the statistics of one field over all files.
func (r *statsRun) field(d *Dataset, info FieldInfo) (FieldStats, error) {
	components := info.Rank.Components(len(d.sizes))
	values, deltas := make([]moments, components), make([]moments, components)
	for i := range d.files {
		if err := r.file(d, i, info, values, deltas); err != nil {
			return FieldStats{}, err
		}
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

// statsFrame is a frame on its way from the disk to the sums.
type statsFrame struct {
	values []float32
	first  bool // of its trajectory
	err    error
}

// file adds one file's values of a field. One goroutine reads the next frame while the last one is summed.
func (r *statsRun) file(d *Dataset, i int, info FieldInfo, values, deltas []moments) error {
	f, release, err := d.pool.open(i)
	if err != nil {
		return err
	}
	defer release()
	ctx, stop := context.WithCancel(r.ctx)
	frames := make(chan statsFrame, 1)
	go readFrames(ctx, f, info, frames)
	defer func() {
		stop()
		for range frames { // until the reader is gone, so that the file can be closed
			continue
		}
	}()
	var previous []float32
	for frame := range frames {
		if frame.err != nil {
			return frame.err
		}
		if frame.first {
			previous = nil
		}
		accumulate(frame.values, previous, values, deltas)
		previous = frame.values
		r.advance(4 * len(frame.values))
	}
	return r.ctx.Err()
}

// readFrames sends every frame of a field, trajectory after trajectory, and closes the channel.
func readFrames(ctx context.Context, f *File, info FieldInfo, frames chan<- statsFrame) {
	defer close(frames)
	trajectories, steps := 1, 1
	if info.SampleVarying {
		trajectories = f.Trajectories()
	}
	if info.TimeVarying {
		steps = f.Steps()
	}
	// One frame is being read, one waits, and the sums need the last two.
	var buffers [4][]float32
	for n := range trajectories * steps {
		buffer := &buffers[n%len(buffers)]
		if *buffer == nil {
			*buffer = make([]float32, info.frameSize(f.sizes))
		}
		err := f.readInto(*buffer, info, n/steps, n%steps, 1, 1)
		select {
		case frames <- statsFrame{values: *buffer, first: n%steps == 0, err: err}:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
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
