package importer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/well"
)

// Progress is told how many of all frames of all fields have been written.
type Progress func(done, total int)

// Import reads the arrays that c describes from the files and writes one file of The Well. progress may be nil.
func Import(ctx context.Context, c Config, files []string, out string, progress Progress) (err error) {
	in, err := openInputs(files)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	run, err := newRun(c, in)
	if err != nil {
		return err
	}
	w, err := well.Create(out, run.header)
	if err != nil {
		return err
	}
	defer w.Abort()
	if err := run.write(ctx, w, progress); err != nil {
		return err
	}
	return w.Close()
}

// run is an import whose arrays have been found and compared.
type run struct {
	header well.Header
	fields []source
	sizes  map[string]int // extents by axis name
}

// source is where one field comes from.
type source struct {
	info      well.FieldInfo
	arrays    []array // one, or one a component
	layout    []string
	order     []int // the layout's axes in the order grid, components; trajectory and time, of extent 1, first
	missing   *float64
	positions [2]int // of trajectory and time in the layout; -1 for none
}

// newRun finds the arrays and derives the new file's header from their shapes.
func newRun(c Config, in *inputs) (*run, error) {
	r := &run{sizes: map[string]int{}}
	for _, f := range c.Fields {
		s, err := r.source(c, f, in)
		if err != nil {
			return nil, fmt.Errorf("importer: field %s: %w", f.Name, err)
		}
		r.fields = append(r.fields, s)
	}
	frames, trajectories := max(1, r.sizes[timeAxis]), max(1, r.sizes[trajectoryAxis])
	h := well.Header{DatasetName: c.Name, GridType: c.GridType, Trajectories: trajectories, Compression: well.Compression(c.Gzip)}
	for _, name := range slices.Sorted(maps.Keys(c.Parameters)) {
		h.Parameters = append(h.Parameters, well.Parameter{Name: name, Values: []float64{c.Parameters[name]}})
	}
	var sides []field.Sides
	for _, a := range c.Axes {
		coordinates, err := r.coordinates(a, in)
		if err != nil {
			return nil, fmt.Errorf("importer: axis %s: %w", a.Name, err)
		}
		side, err := a.sides()
		if err != nil {
			return nil, err
		}
		h.Axes = append(h.Axes, well.Axis{Name: a.Name, Coordinates: coordinates})
		sides = append(sides, side)
	}
	h.Boundaries = well.BoundaryGroups(h.Axes, sides)
	var err error
	if h.Time, err = times(c.Time, frames, in); err != nil {
		return nil, fmt.Errorf("importer: time: %w", err)
	}
	for i := range r.fields {
		s := &r.fields[i]
		// A single trajectory gets its axis too, as all published fields that vary in time have one.
		s.info.SampleVarying = s.info.SampleVarying || s.info.TimeVarying && trajectories == 1
		h.Fields = append(h.Fields, s.info)
	}
	r.header = h
	return r, nil
}

// source finds a field's arrays and notes the extents that they give to the named axes.
func (r *run) source(c Config, f Field, in *inputs) (source, error) {
	rank, err := f.rank()
	if err != nil {
		return source{}, err
	}
	s := source{layout: f.Layout, missing: f.Missing, positions: [2]int{slices.Index(f.Layout, trajectoryAxis), slices.Index(f.Layout, timeAxis)}}
	s.info = well.FieldInfo{
		Field: field.Field{Name: f.Name, Rank: rank}, Positive: f.Positive,
		SampleVarying: s.positions[0] >= 0, TimeVarying: s.positions[1] >= 0,
	}
	for _, name := range []string{trajectoryAxis, timeAxis} {
		if i := slices.Index(f.Layout, name); i >= 0 {
			s.order = append(s.order, i)
		}
	}
	for _, axis := range c.axisNames() {
		i := slices.Index(f.Layout, axis)
		s.info.AxisVarying = append(s.info.AxisVarying, i >= 0)
		if i >= 0 {
			s.order = append(s.order, i)
		}
	}
	for i, name := range f.Layout {
		if name == componentAxis {
			s.order = append(s.order, i)
		}
	}
	for _, name := range f.Variables {
		a, err := in.find(name)
		if err != nil {
			return s, err
		}
		if err := r.measure(name, a.shape(), f.Layout, rank, len(c.Axes), len(f.Variables)); err != nil {
			return s, err
		}
		s.arrays = append(s.arrays, a)
	}
	return s, nil
}

// measure compares an array's shape with its layout and with the extents that other arrays gave.
func (r *run) measure(name string, shape []int, layout []string, rank field.Rank, dims, variables int) error {
	if len(shape) != len(layout) {
		return fmt.Errorf("variable %s has shape %v; the layout %v has %d axes", name, shape, layout, len(layout))
	}
	components := 1
	for i, axis := range layout {
		if axis == componentAxis {
			components *= shape[i]
			continue
		}
		if known, ok := r.sizes[axis]; ok && known != shape[i] {
			return fmt.Errorf("variable %s has %d points along %s; other variables have %d", name, shape[i], axis, known)
		}
		if shape[i] == 0 {
			return fmt.Errorf("variable %s is empty along %s", name, axis)
		}
		r.sizes[axis] = shape[i]
	}
	if want := rank.Components(dims) / variables; components != want {
		return fmt.Errorf("variable %s has %d components; expected %d for a %v in %d dimensions", name, components, want, rank, dims)
	}
	return nil
}

// coordinates are the positions of an axis's points: read, evenly spaced between two positions, or one apart.
func (r *run) coordinates(a Axis, in *inputs) ([]float32, error) {
	n := r.sizes[a.Name]
	if n == 0 {
		return nil, errors.New("no field has it in its layout")
	}
	if a.Coordinates != "" {
		values, err := in.vector(a.Coordinates)
		if err == nil && len(values) != n {
			err = fmt.Errorf("variable %s has %d positions for %d points", a.Coordinates, len(values), n)
		}
		return narrow(values), err
	}
	first, last := 0.0, float64(n-1)
	if a.First != nil {
		first, last = *a.First, *a.Last
	}
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(first + (last-first)*float64(i)/float64(max(1, n-1)))
	}
	return out, nil
}

func times(t Time, frames int, in *inputs) ([]float32, error) {
	if t.Variable != "" {
		values, err := in.vector(t.Variable)
		if err == nil && len(values) != frames {
			err = fmt.Errorf("variable %s has %d times for %d frames", t.Variable, len(values), frames)
		}
		return narrow(values), err
	}
	out := make([]float32, frames)
	for i := range out {
		out[i] = float32(t.Start + t.Step*float64(i))
	}
	return out, nil
}

func narrow(values []float64) []float32 {
	out := make([]float32, len(values))
	for i, v := range values {
		out[i] = float32(v)
	}
	return out
}

// write copies all fields, frame by frame.
func (r *run) write(ctx context.Context, w *well.Writer, progress Progress) error {
	total := 0
	counts := func(s source) (trajectories, frames int) {
		trajectories, frames = 1, 1
		if s.info.SampleVarying {
			trajectories = r.header.Trajectories
		}
		if s.info.TimeVarying {
			frames = len(r.header.Time)
		}
		return trajectories, frames
	}
	for _, s := range r.fields {
		trajectories, frames := counts(s)
		total += trajectories * frames
	}
	done := 0
	for _, s := range r.fields {
		trajectories, frames := counts(s)
		for n := range trajectories * frames {
			if err := ctx.Err(); err != nil {
				return err
			}
			values, err := s.frame(n/frames, n%frames)
			if err != nil {
				return fmt.Errorf("importer: field %s: %w", s.info.Name, err)
			}
			if err := w.WriteFrame(n/frames, n%frames, s.info.Name, values); err != nil {
				return err
			}
			done++
			if progress != nil {
				progress(done, total)
			}
		}
	}
	return nil
}

// frame reads one frame in the order of the new file: grid, then components.
func (s source) frame(trajectory, frame int) ([]float32, error) {
	var parts [][]float64
	for _, a := range s.arrays {
		start, count := make([]int, len(s.layout)), slices.Clone(a.shape())
		for i, at := range []int{trajectory, frame} {
			if p := s.positions[i]; p >= 0 {
				start[p], count[p] = at, 1
			}
		}
		values, err := a.read(start, count)
		if err != nil {
			return nil, err
		}
		parts = append(parts, transpose(values, count, s.order))
	}
	out := make([]float32, len(parts)*len(parts[0]))
	for c, part := range parts {
		for i, v := range part {
			if math.IsNaN(v) && s.missing != nil {
				v = *s.missing
			}
			out[i*len(parts)+c] = float32(v)
		}
	}
	return out, nil
}
