package importer

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// blockBytes bounds the memory for values that are read at once, in bytes of float64. What is stored in larger parts goes
// through a temporary file.
var blockBytes = 1 << 27

// block is some frames of some trajectories of a field in the new file's order: [trajectories, frames, grid, components].
type block struct {
	trajectory, frame   int // of the first
	trajectories, steps int
	values              []float64
	reason              string // why the first missing value is missing
}

// size is the number of values of a frame.
func (s *source) size() int {
	n := s.info.Rank.Components(len(s.run.planes))
	for i, planes := range s.run.planes {
		if s.info.AxisVarying[i] {
			n *= planes
		}
	}
	return n
}

// counts are the numbers of trajectories and frames that the new file has of the field.
func (s *source) counts() (trajectories, frames int) {
	trajectories, frames = 1, 1
	if s.info.SampleVarying {
		trajectories = s.run.header.Trajectories
	}
	if s.info.TimeVarying {
		frames = len(s.run.header.Time)
	}
	return trajectories, frames
}

// length is the extent of an outer axis (0 trajectory, 1 time) in the arrays of a part.
func (s *source) length(part, axis int) int {
	if p := s.positions[axis]; p >= 0 {
		return s.arrays[part][0].shape()[p]
	}
	return 1
}

// where finds a part, and the trajectory and frame in it. parts are in a row along trajectories, or along time.
func (s *source) where(trajectory, frame int) (part, t, f int) {
	if len(s.arrays) == 1 {
		return 0, trajectory, frame
	}
	axis, at := 0, &trajectory
	if s.run.files == timeAxis {
		if !s.info.TimeVarying {
			return 0, trajectory, frame
		}
		axis, at = 1, &frame
	}
	for *at >= s.length(part, axis) {
		*at -= s.length(part, axis)
		part++
	}
	return part, trajectory, frame
}

// extents are how many trajectories and frames of a part are read at once: those that are stored together, and as many more
// as blockBytes allows.
func (s *source) extents(part int) (trajectories, frames int) {
	trajectories, frames = s.stored(part)
	nt, nf := s.length(part, 0), s.length(part, 1)
	frame := 8 * s.size() * max(1, len(s.arrays[part]))
	if more := blockBytes / (frame * trajectories * frames); more > 1 && trajectories == 1 {
		frames = min(nf, frames*more)
	}
	return min(nt, trajectories), min(nf, frames)
}

// stored are the largest numbers of trajectories and frames that any array of a part stores together.
func (s *source) stored(part int) (trajectories, frames int) {
	extents := [2]int{1, 1}
	for _, a := range s.arrays[part] {
		pieces := a.pieces(s.outer())
		for i, p := range s.positions {
			if p >= 0 {
				extents[i] = max(extents[i], min(pieces[p], a.shape()[p]))
			}
		}
	}
	return extents[0], extents[1]
}

// outer are the axes along which frames are read one after the other.
func (s *source) outer() []int {
	return slices.DeleteFunc(slices.Clone(s.positions[:]), func(p int) bool { return p < 0 })
}

// prepare sends arrays through a temporary file where what is stored together does not fit into memory.
func (s *source) prepare(part int) error {
	for i, a := range s.arrays[part] {
		pieces := a.pieces(s.outer())
		together := 8
		for axis, n := range a.shape() {
			if slices.Contains(s.outer(), axis) {
				n = min(n, pieces[axis])
			}
			together *= n
		}
		if together <= blockBytes {
			continue
		}
		moved, err := spill(a, s.outer(), s.run.scratch)
		if err != nil {
			return fmt.Errorf("importer: field %s: temporary file: %w", s.info.Name, err)
		}
		s.arrays[part][i] = moved
	}
	return nil
}

// at gives the block that holds a frame, from the one read last if it is in there.
func (s *source) at(trajectory, frame int) (*block, error) {
	if b := s.block; b != nil && trajectory >= b.trajectory && trajectory < b.trajectory+b.trajectories && frame >= b.frame && frame < b.frame+b.steps {
		return b, nil
	}
	s.block = nil // its memory can go
	part, t, f := s.where(trajectory, frame)
	if err := s.prepare(part); err != nil {
		return nil, err
	}
	nt, nf := s.extents(part)
	t0, f0 := t/nt*nt, f/nf*nf
	b := &block{
		trajectory: trajectory - (t - t0), frame: frame - (f - f0),
		trajectories: min(nt, s.length(part, 0)-t0), steps: min(nf, s.length(part, 1)-f0),
	}
	if err := s.fill(b, part, t0, f0); err != nil {
		return nil, fmt.Errorf("importer: field %s: %w", s.info.Name, err)
	}
	s.block = b
	return b, nil
}

// fill reads a block from a part's arrays.
func (s *source) fill(b *block, part, trajectory, frame int) error {
	grid := b.trajectories * b.steps * s.size() / s.info.Rank.Components(len(s.run.planes))
	var parts [][]float64 // one a component, or all components of one array
	for _, a := range s.arrays[part] {
		start, count := s.selection(a.shape(), b, trajectory, frame)
		values, reason, err := a.read(start, count)
		if err != nil {
			return err
		}
		if b.reason == "" {
			b.reason = reason
		}
		parts = append(parts, s.arrange(values, count))
	}
	if len(parts) == 1 {
		b.values = parts[0]
	} else {
		b.values = make([]float64, grid*len(parts))
		for c, p := range parts {
			for i, v := range p {
				b.values[i*len(parts)+c] = v
			}
		}
	}
	s.convert(b.values)
	return nil
}

// selection is what to read of an array: whole axes of space but for planes that are left out, and the channels from the
// lowest to the highest of those that are picked.
func (s *source) selection(shape []int, b *block, trajectory, frame int) (start, count []int) {
	start, count = make([]int, len(shape)), slices.Clone(shape)
	for i, outer := range [2][2]int{{trajectory, b.trajectories}, {frame, b.steps}} {
		if p := s.positions[i]; p >= 0 {
			start[p], count[p] = outer[0], outer[1]
		}
	}
	space := 0
	for i, a := range s.run.header.Axes {
		if s.info.AxisVarying[i] {
			count[slices.Index(s.layout, a.Name)] = s.run.planes[i]
			space++
		}
	}
	for name, step := range s.field.Select {
		p := slices.Index(s.layout, name)
		start[p], count[p] = step, 1
	}
	if c := s.field.Channels; c != nil {
		p := s.components[0]
		start[p], count[p] = slices.Min(c), slices.Max(c)-slices.Min(c)+1
	}
	return start, count
}

// arrange brings values as they were read into the new file's order: axes sorted, falling ones turned, channels picked.
func (s *source) arrange(values []float64, count []int) []float64 {
	values = transpose(values, count, s.order)
	shape := make([]int, len(s.order))
	for i, axis := range s.order {
		shape[i] = count[axis]
	}
	at := len(s.outer())
	for i, varies := range s.info.AxisVarying {
		if varies {
			if s.run.falls[i] {
				turn(values, product(shape[:at]), shape[at], product(shape[at+1:]))
			}
			at++
		}
	}
	c := s.field.Channels
	if len(c) < 2 {
		return values
	}
	n, low := product(shape[at:]), slices.Min(c)
	out := make([]float64, 0, len(values)/n*len(c))
	for i := 0; i < len(values); i += n {
		for _, channel := range c {
			out = append(out, values[i+channel-low])
		}
	}
	return out
}

// turn reverses the middle one of three axes in place.
func turn(values []float64, outer, n, inner int) {
	for o := range outer {
		v := values[o*n*inner : (o+1)*n*inner]
		for i, j := 0, n-1; i < j; i, j = i+1, j-1 {
			for k := range inner {
				v[i*inner+k], v[j*inner+k] = v[j*inner+k], v[i*inner+k]
			}
		}
	}
}

// convert applies what the description says of the values.
func (s *source) convert(values []float64) {
	f := s.field
	for _, m := range f.MissingValues {
		for i, v := range values {
			if v == m || float32(v) == float32(m) {
				values[i] = math.NaN()
			}
		}
	}
	if f.Scale != nil || f.Offset != 0 {
		scale := 1.0
		if f.Scale != nil {
			scale = *f.Scale
		}
		for i, v := range values {
			values[i] = f.Offset + scale*v
		}
	}
}

// frame gives one frame as the new file holds it, and how many of its values were missing.
func (s *source) frame(trajectory, frame int) (out []float32, missing int, err error) {
	b, err := s.at(trajectory, frame)
	if err != nil {
		return nil, 0, err
	}
	n := s.size()
	from := ((trajectory-b.trajectory)*b.steps + frame - b.frame) * n
	out = make([]float32, n)
	for i, v := range b.values[from : from+n] {
		if math.IsNaN(v) {
			if s.field.Missing == nil {
				return nil, 0, fmt.Errorf("importer: field %s: trajectory %d, frame %d: value %d%s is missing or NaN%s; say what it becomes with missing: VALUE, or leave out such frames",
					s.info.Name, trajectory, frame, i, s.point(i), because(b.reason))
			}
			v = *s.field.Missing
			missing++
		}
		if out[i] = float32(v); math.IsInf(float64(out[i]), 0) {
			what := "is too large for float32; choose other units with scale:"
			if math.IsInf(v, 0) {
				what = "is infinite; expected finite values"
			}
			return nil, 0, fmt.Errorf("importer: field %s: trajectory %d, frame %d: value %d%s: %v %s", s.info.Name, trajectory, frame, i, s.point(i), v, what)
		}
	}
	return out, missing, nil
}

// point names the grid point of a value in a frame.
func (s *source) point(i int) string {
	i /= s.info.Rank.Components(len(s.run.planes))
	var names []string
	for axis := len(s.run.planes) - 1; axis >= 0; axis-- {
		if s.info.AxisVarying[axis] {
			names = append(names, fmt.Sprintf("%s %d", s.run.header.Axes[axis].Name, i%s.run.planes[axis]))
			i /= s.run.planes[axis]
		}
	}
	if len(names) == 0 {
		return ""
	}
	slices.Reverse(names)
	return " (" + strings.Join(names, ", ") + ")"
}
