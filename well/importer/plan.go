package importer

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/well"
)

// run is an import whose arrays have been found and compared.
type run struct {
	header  well.Header
	fields  []*source
	notes   []string       // sentences for the user
	lengths map[string]int // extents by axis name, as stored; of trajectory and time those of one place
	parts   int            // how many places of one name the variables have
	falls   []bool         // axes whose stored order is turned
	planes  []int          // stored planes of each axis that are kept
	files   string         // what several places are: trajectory or time
	decided []string       // axes of which the description says whether their last plane repeats the first
	scratch string
}

// source is where one field comes from.
type source struct {
	field      Field
	info       well.FieldInfo
	arrays     [][]array // by part and component; one array has all components where there is one variable
	places     [][]place
	layout     []string
	order      []int // the layout's axes in the order trajectory, time, grid, components, selected
	components []int // positions of the component axes in the layout
	positions  [2]int
	run        *run

	block *block // read last
}

// newRun finds the arrays and derives the new file's header from their shapes.
func newRun(c Config, in *inputs, scratch string) (*run, error) {
	r := &run{lengths: map[string]int{}, parts: 1, files: c.Files, scratch: scratch}
	for _, f := range c.Fields {
		s, err := r.source(c, f, in)
		if err != nil {
			return nil, fmt.Errorf("importer: field %s: %w", f.Name, err)
		}
		r.fields = append(r.fields, s)
	}
	if err := r.checkParts(in); err != nil {
		return nil, err
	}
	var sides []field.Sides
	h := well.Header{DatasetName: c.Name, GridType: c.GridType, Trajectories: r.trajectories(), Compression: well.Compression(c.Gzip)}
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
	if h.Time, err = r.times(c.Time, in); err != nil {
		return nil, fmt.Errorf("importer: time: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Parameters)) {
		values, err := r.parameter(c.Parameters[name], in)
		if err != nil {
			return nil, fmt.Errorf("importer: parameter %s: %w", name, err)
		}
		h.Parameters = append(h.Parameters, well.Parameter{Name: name, Values: values})
	}
	for _, s := range r.fields {
		// A single trajectory gets its axis too, as all published fields that vary in time have one.
		s.info.SampleVarying = s.info.SampleVarying || s.info.TimeVarying && h.Trajectories == 1
		h.Fields = append(h.Fields, s.info)
	}
	r.header = h
	if err := h.Validate(); err != nil {
		return nil, fmt.Errorf("importer: %w", err)
	}
	if err := in.unused(); err != nil {
		return nil, err
	}
	r.evenness()
	return r, nil
}

// evenness notes steps in time and space that differ, which the network takes as equal.
func (r *run) evenness() {
	for _, text := range well.UnevenSteps(r.header) {
		r.note("%s", text)
	}
}

func (r *run) note(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(r.notes, text) {
		r.notes = append(r.notes, text)
	}
}

// trajectories and frames are those of the new file.
// mostAlong bounds an axis: more than anybody stores, and less than what times and coordinates of a damaged file would fill the memory with.
const mostAlong = 1 << 24

func (r *run) trajectories() int {
	n := max(1, r.lengths[trajectoryAxis])
	if r.files == trajectoryAxis {
		n *= r.parts
	}
	return n
}

func (r *run) frames() int {
	n := max(1, r.lengths[timeAxis])
	if r.files == timeAxis {
		n = max(1, r.lengths[timeAxis+" in all"])
	}
	return n
}

// source finds a field's arrays and notes the extents that they give to the named axes.
func (r *run) source(c Config, f Field, in *inputs) (*source, error) {
	rank, err := f.rank()
	if err != nil {
		return nil, err
	}
	s := &source{field: f, layout: f.Layout, positions: [2]int{slices.Index(f.Layout, trajectoryAxis), slices.Index(f.Layout, timeAxis)}, run: r}
	s.info = well.FieldInfo{
		Field: field.Field{Name: f.Name, Rank: rank}, Positive: f.Positive,
		SampleVarying: s.positions[0] >= 0, TimeVarying: s.positions[1] >= 0,
	}
	for _, i := range s.positions {
		if i >= 0 {
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
			s.components = append(s.components, i)
		}
	}
	s.order = append(s.order, s.components...)
	for i := range f.Layout {
		if !slices.Contains(s.order, i) {
			s.order = append(s.order, i) // selected: one step
		}
	}
	n := 0
	for i, name := range f.Variables {
		places, err := in.find(name)
		if err != nil {
			return nil, err
		}
		if i > 0 && len(places) != n {
			return nil, fmt.Errorf("variable %s is in %d places, %s in %d; expected as many of each", f.Variables[0], n, name, len(places))
		}
		n = len(places)
		for k, p := range places {
			if i == 0 {
				s.arrays, s.places = append(s.arrays, nil), append(s.places, nil)
			}
			a, err := in.open(p, f.Ignore)
			if err != nil {
				return nil, err
			}
			if d, ok := a.(described); ok {
				for _, text := range d.notes() {
					r.note("%s: %s", in.at(p), text)
				}
			}
			if err := r.measure(in, p, k, a.shape(), s, rank, len(c.Axes)); err != nil {
				return nil, err
			}
			s.arrays[k], s.places[k] = append(s.arrays[k], a), append(s.places[k], p)
		}
	}
	r.parts = max(r.parts, n)
	return s, nil
}

// measure compares an array's shape with its layout and with the extents that other arrays gave.
func (r *run) measure(in *inputs, p place, part int, shape []int, s *source, rank field.Rank, dims int) error {
	name := in.at(p)
	if len(shape) != len(s.layout) {
		return fmt.Errorf("%s has shape %v; the layout %v has %d axes", name, shape, s.layout, len(s.layout))
	}
	components := 1
	for i, axis := range s.layout {
		if shape[i] == 0 {
			return fmt.Errorf("%s is empty along %s", name, axis)
		}
		if step, selected := s.field.Select[axis]; selected {
			if step >= shape[i] {
				return fmt.Errorf("%s has %d steps along %s; select takes step %d, counted from 0", name, shape[i], axis, step)
			}
			continue
		}
		if axis == componentAxis {
			components *= shape[i]
			continue
		}
		if known, ok := r.lengths[axis]; ok && known != shape[i] && !(axis == timeAxis && r.files == timeAxis) {
			if axis == timeAxis {
				return fmt.Errorf("%s has %d frames; other variables have %d; trajectories of one file are equally long: import them one by one, or say files: time if they are parts of one run", name, shape[i], known)
			}
			return fmt.Errorf("%s has %d points along %s; other variables have %d", name, shape[i], axis, known)
		}
		if shape[i] > mostAlong {
			return fmt.Errorf("%s claims %d steps along %s; expected at most %d", name, shape[i], axis, mostAlong)
		}
		r.lengths[axis] = shape[i]
		if axis == timeAxis && r.files == timeAxis && s == r.first(s) && len(s.arrays[part]) == 0 {
			r.lengths[timeAxis+" in all"] += shape[i]
		}
	}
	if s.field.Channels != nil {
		if last := slices.Max(s.field.Channels); last >= components {
			return fmt.Errorf("%s has %d channels along its %s axis; there is no channel %d, counted from 0", name, components, componentAxis, last)
		}
		return nil
	}
	if want := rank.Components(dims) / len(s.field.Variables); components != want {
		advice := ""
		if len(s.components) == 1 {
			advice = "; pick those of this field with channel: 0 or channels: [0, 1], counted from 0"
		}
		return fmt.Errorf("%s has %d components; expected %d for a %v in %d dimensions%s", name, components, want, rank, dims, advice)
	}
	return nil
}

// first is the first field that varies in time: its parts give the number of frames.
func (r *run) first(s *source) *source {
	for _, f := range r.fields {
		if f.info.TimeVarying {
			return f
		}
	}
	return s
}

// checkParts compares in how many files the fields are. A field in one place is shared by all where it does not change.
func (r *run) checkParts(in *inputs) error {
	for _, s := range r.fields {
		n := len(s.arrays)
		if n == r.parts {
			if r.files == trajectoryAxis && n > 1 {
				s.info.SampleVarying = true
			}
			continue
		}
		if n > 1 || s.info.TimeVarying || s.info.SampleVarying {
			other := r.fields[slices.IndexFunc(r.fields, func(o *source) bool { return len(o.arrays) == r.parts })]
			var names []string
			for _, p := range other.places {
				names = append(names, in.paths[p[0].file])
			}
			return fmt.Errorf("importer: field %s is in %d places (%s ...), field %s in %d (%s); expected each in every file", s.field.Name, n, in.at(s.places[0][0]),
				other.field.Name, len(other.arrays), strings.Join(names, ", "))
		}
	}
	if r.files == timeAxis {
		for _, s := range r.fields {
			if !s.info.TimeVarying && len(s.arrays) > 1 {
				r.note("field %s does not change in time: it is taken from %s", s.field.Name, in.at(s.places[0][0]))
			}
		}
		if r.lengths[trajectoryAxis] == 0 && r.parts > 1 {
			r.note("%d files are parts of one run, in the order given", r.parts)
		}
	} else if r.parts > 1 {
		r.note("variables of one name in %d places: one trajectory each, in the order given", r.parts)
	}
	return nil
}

// vectors reads an array of one axis from each of its places.
func (r *run) vectors(name string, in *inputs) ([]vector, error) {
	places, err := in.find(name)
	if err != nil {
		return nil, err
	}
	var all []vector
	for _, p := range places {
		a, err := in.open(p, nil)
		if err != nil {
			return nil, err
		}
		v, err := readVector(a)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", in.at(p), err)
		}
		v.name = in.at(p)
		all = append(all, v)
	}
	return all, nil
}

// vector is an array of one axis: the differences from its first value, exact even for large integers, and that value.
type vector struct {
	name    string
	first   float64
	offsets []float64
	units   string
}

func (v vector) values() []float64 {
	out := make([]float64, len(v.offsets))
	for i, o := range v.offsets {
		out[i] = v.first + o
	}
	return out
}

// readVector reads an array with one axis that is longer than one.
func readVector(a array) (vector, error) {
	shape := a.shape()
	long := slices.DeleteFunc(slices.Clone(shape), func(n int) bool { return n == 1 })
	if len(long) > 1 || len(shape) > 0 && product(shape) == 0 {
		return vector{}, fmt.Errorf("shape %v; expected one axis", shape)
	}
	var v vector
	if d, ok := a.(described); ok {
		v.units = d.text("units")
	}
	integers, err := integersOf(a)
	if err != nil {
		return v, err
	}
	if integers != nil {
		v.first = float64(integers[0])
		for _, i := range integers {
			v.offsets = append(v.offsets, float64(i-integers[0]))
		}
		return v, nil
	}
	values, reason, err := a.read(make([]int, len(shape)), shape)
	if err != nil {
		return v, err
	}
	if i := slices.IndexFunc(values, func(x float64) bool { return x-x != 0 }); i >= 0 {
		return v, fmt.Errorf("value %d is %v; expected finite numbers%s", i, values[i], because(reason))
	}
	v.first = values[0]
	for _, x := range values {
		v.offsets = append(v.offsets, x-v.first)
	}
	return v, nil
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return " (" + reason + ")"
}

// coordinates are the positions of an axis's points: read, evenly spaced between two positions, or one apart.
func (r *run) coordinates(a Axis, in *inputs) ([]float32, error) {
	n := r.lengths[a.Name]
	if n == 0 {
		return nil, errors.New("no field has it in its layout")
	}
	kept := n
	if a.Repeated != nil {
		r.decided = append(r.decided, a.Name)
		if *a.Repeated {
			kept--
		}
	}
	if kept == 0 {
		return nil, errors.New("one plane, which repeated leaves out")
	}
	r.planes = append(r.planes, kept)
	var v vector
	if a.Coordinates != "" {
		all, err := r.vectors(a.Coordinates, in)
		if err != nil {
			return nil, err
		}
		v = all[0]
		for _, w := range all {
			if len(w.offsets) != n {
				return nil, fmt.Errorf("%s has %d positions for %d points", w.name, len(w.offsets), n)
			}
			for i := range w.offsets {
				if d := math.Abs(w.first + w.offsets[i] - v.first - v.offsets[i]); d > 1e-6*math.Abs(v.offsets[n-1]) {
					return nil, fmt.Errorf("position %d is %v in %s and %v in %s; all trajectories of a file share a grid", i, v.first+v.offsets[i], v.name, w.first+w.offsets[i], w.name)
				}
			}
		}
	} else {
		last := float64(n - 1)
		if a.First != nil {
			v.first, last = *a.First, *a.Last-*a.First
		}
		for i := range n {
			v.offsets = append(v.offsets, last*float64(i)/float64(max(1, n-1)))
		}
	}
	falling := 0
	for i := 1; i < n; i++ {
		if v.offsets[i] < v.offsets[i-1] {
			falling++
		}
	}
	falls := falling > n/2
	r.falls = append(r.falls, falls)
	for i := 1; i < n; i++ {
		if step := v.offsets[i] - v.offsets[i-1]; step == 0 || (step < 0) != falls {
			return nil, fmt.Errorf("position %d is %v after %v; expected positions that rise or fall all along the axis%s", i, v.first+v.offsets[i], v.first+v.offsets[i-1], wraps(v.offsets, i))
		}
	}
	v.offsets = v.offsets[:kept]
	if falls {
		slices.Reverse(v.offsets)
		r.note("axis %s falls from %v to %v; it is turned, so that it rises, and the low side of its boundary is that of %v", a.Name, v.first, v.first+v.offsets[0], v.first+v.offsets[0])
	}
	if a.Relative {
		r.note("axis %s: positions are kept relative to %v", a.Name, v.first)
		v.first = 0
	}
	return v.narrow()
}

// wraps explains the one jump of longitudes that were cut elsewhere than at their lowest.
func wraps(offsets []float64, i int) string {
	jumps := 0
	for j := 1; j < len(offsets); j++ {
		if offsets[j] < offsets[j-1] {
			jumps++
		}
	}
	last := offsets[len(offsets)-1]
	if jumps != 1 || offsets[i] >= offsets[i-1] || last >= offsets[0] {
		return ""
	}
	step := 0.0 // the largest between neighbours
	for j := 1; j < len(offsets); j++ {
		step = max(step, offsets[j]-offsets[j-1])
	}
	if offsets[0]-last > 1.5*step { // rolled, the axis would have a hole
		return fmt.Sprintf("; a part of a circle that goes on where its coordinate begins anew: add the length of the circle (360 for degrees) to the %d positions after the jump", len(offsets)-i)
	}
	return fmt.Sprintf("; a periodic axis that jumps there has to be rolled by %d points first (numpy.roll)", len(offsets)-i)
}

// narrow gives float32 values. Where those would lose the steps between neighbours, that is an error.
func (v vector) narrow() ([]float32, error) {
	values := make([]float32, len(v.offsets))
	for i, o := range v.offsets {
		values[i] = float32(v.first + o)
		if math.IsInf(float64(values[i]), 0) {
			return nil, fmt.Errorf("%v is too large for float32", v.first+o)
		}
		if i == 0 {
			continue
		}
		step, kept := o-v.offsets[i-1], float64(values[i])-float64(values[i-1])
		if math.Abs(kept-step) > lostStep*math.Abs(step) {
			return nil, fmt.Errorf("float32, in which the format keeps them, does not have the precision for steps of %.6g at %.12g; subtract the first one with relative: true", step, v.first+o)
		}
	}
	return values, nil
}

// lostStep is how much of a step between neighbours rounding to float32 may change.
const lostStep = 0.01

// times are those of the new file's frames.
func (r *run) times(t Time, in *inputs) ([]float32, error) {
	frames := r.frames()
	v := vector{}
	if t.Variable == "" {
		step := 1.0
		if t.Step != nil {
			step = *t.Step
		}
		if t.Start != nil {
			v.first = *t.Start
		}
		for i := range frames {
			v.offsets = append(v.offsets, step*float64(i))
		}
	} else {
		all, err := r.vectors(t.Variable, in)
		if err != nil {
			return nil, err
		}
		if v, err = r.joinTimes(all); err != nil {
			return nil, err
		}
		if len(v.offsets) != frames {
			return nil, fmt.Errorf("%s has %d times for %d frames", v.name, len(v.offsets), frames)
		}
	}
	for i := 1; i < len(v.offsets); i++ {
		if !(v.offsets[i] > v.offsets[i-1]) {
			return nil, fmt.Errorf("time %d is %v after %v; expected times that rise", i, v.first+v.offsets[i], v.first+v.offsets[i-1])
		}
	}
	if t.Relative {
		if v.units == "" {
			v.units = "in the file's units"
		}
		r.note("times are kept relative to the first one, %.12g %s", v.first, v.units)
		v.first = 0
	}
	return v.narrow()
}

// joinTimes makes one list of the times that several files have.
func (r *run) joinTimes(all []vector) (vector, error) {
	v := all[0]
	for i, w := range all[1:] {
		if w.units != v.units {
			return v, fmt.Errorf("%s is in %q, %s in %q; expected the same units", v.name, v.units, w.name, w.units)
		}
		last := len(v.offsets) - 1
		if r.files == timeAxis {
			if !(w.first > v.first+v.offsets[last]) {
				return v, fmt.Errorf("%s begins at %v, %s ends at %v; expected the parts of the run in order and without overlap", w.name, w.first, all[i].name, v.first+v.offsets[last])
			}
			for _, o := range w.offsets {
				v.offsets = append(v.offsets, w.first-v.first+o)
			}
			continue
		}
		if len(w.offsets) != len(v.offsets) {
			return v, fmt.Errorf("%s has %d times, %s has %d; trajectories of one file are equally long", v.name, len(v.offsets), w.name, len(w.offsets))
		}
		if last > 0 {
			if gap := w.first - all[i].first - all[i].offsets[last]; gap > 0 && gap < 1.5*(v.offsets[last]-v.offsets[last-1]) {
				return v, fmt.Errorf("%s goes on where %s ends; if they are parts of one run, say files: time, and if they are runs of their own, leave out time: variable", w.name, all[i].name)
			}
		}
		for j := range w.offsets {
			if math.Abs(w.offsets[j]-v.offsets[j]) > lostStep*math.Abs(v.offsets[last])/float64(max(1, last)) {
				return v, fmt.Errorf("frame %d is %v after the first in %s, and %v in %s; trajectories of one file share their times: import them one by one", j, v.offsets[j], v.name, w.offsets[j], w.name)
			}
		}
		if w.first != v.first {
			r.note("%s begins at %v, %s at %v: times of the first count for all", v.name, v.first, w.name, w.first)
		}
	}
	return v, nil
}

// parameter gives one value, or one a trajectory.
func (r *run) parameter(p Parameter, in *inputs) ([]float64, error) {
	values := p.Values
	if p.Variable != "" {
		all, err := r.vectors(p.Variable, in)
		if err != nil {
			return nil, err
		}
		for _, v := range all {
			values = append(values, v.values()...)
		}
		if r.files == timeAxis {
			values = all[0].values()
		}
	}
	if n := r.trajectories(); len(values) != 1 && len(values) != n {
		return nil, fmt.Errorf("%d values; expected 1, or one for each of %d trajectories", len(values), n)
	}
	for _, v := range values {
		if math.IsNaN(v) || math.IsInf(float64(float32(v)), 0) || v != 0 && math.Abs(v) < math.SmallestNonzeroFloat32 {
			return nil, fmt.Errorf("%v; expected numbers that float32 can hold", v)
		}
	}
	return values, nil
}
