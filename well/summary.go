package well

import (
	"context"
	"math"

	"github.com/gowalrus/walrus/field"
)

// Range is what the values of one component of a field are like.
type Range struct {
	Component string  // "velocity_x"
	Low, High float64 // of the finite values; NaN for none
	Mean, RMS float64 // of the finite values
	NotFinite int64   // values that are not finite
}

// FieldSummary is a field of a data set and, where they were read, its values.
type FieldSummary struct {
	FieldInfo
	Ranges []Range // one a component; nil where values were not read
}

// Summarise reads all values of a data set, in bounded memory, and gives each field's ranges. progress may be nil.
func Summarise(ctx context.Context, d *Dataset, progress Progress) ([]FieldSummary, error) {
	run := newFrameReader(ctx, d, progress)
	all := make([]FieldSummary, len(d.header.Fields))
	for i, info := range d.header.Fields {
		names := info.Components(d.Axes())
		spreads := make([]spread, len(names))
		for c := range spreads {
			spreads[c] = spread{low: math.Inf(1), high: math.Inf(-1)}
		}
		err := run.each(d, info, func(frame, _ []float32) {
			for c := range spreads {
				spreads[c].add(frame, c, len(names))
			}
		})
		if err != nil {
			return nil, err
		}
		all[i] = FieldSummary{FieldInfo: info}
		for c, name := range names {
			all[i].Ranges = append(all[i].Ranges, spreads[c].summary(name))
		}
	}
	return all, nil
}

// Fields lists all fields in the order of their channels, those that change in time before those that do not.
func (d *Dataset) Fields() []FieldInfo { return append(d.Variable(), d.Constant()...) }

// spread is what a stream of values extends over.
type spread struct {
	moments
	low, high float64
	notFinite int64
}

// add adds values[c], values[c+stride], ...
func (s *spread) add(values []float32, c, stride int) {
	origin := 0.0
	var n, sum, squares float64
	for i := c; i < len(values); i += stride {
		v := float64(values[i])
		if v-v != 0 {
			s.notFinite++
			continue
		}
		if n == 0 {
			origin = v
		}
		s.low, s.high = min(s.low, v), max(s.high, v)
		v -= origin
		n++
		sum += v
		squares += v * v
	}
	s.merge(shifted(origin, n, sum, squares))
}

func (s *spread) summary(component string) Range {
	r := Range{Component: component, Low: s.low, High: s.high, Mean: s.mean, RMS: s.rms(), NotFinite: s.notFinite}
	if s.n == 0 {
		nan := math.NaN()
		r.Low, r.High, r.Mean, r.RMS = nan, nan, nan, nan
	}
	return r
}

// BoundariesAgree gives the boundaries that all files share; ok is false where they differ.
func (d *Dataset) BoundariesAgree() (sides []field.Sides, ok bool) {
	first := d.files[0].Boundaries
	for _, f := range d.files {
		for i, s := range f.Boundaries {
			if s != first[i] {
				return nil, false
			}
		}
	}
	return first, true
}
