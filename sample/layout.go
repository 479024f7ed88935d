package sample

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gowalrus/walrus/field"
)

// space is the dimensionality that vectors and tensors on cartesian grids are brought to (recipe, section 2).
const space = 3

// Layout says how the fields of one data set become channels: transformed, with the components of vectors and tensors
// on 2-D cartesian grids padded to three dimensions, each with its column in a vocabulary.
type Layout struct {
	Names    []string // flat names of the channels, the variable ones first
	Indices  []int    // their columns
	Padding  []bool   // of the variable channels: true for a component that only pads (velocity_z of 2-D data)
	Variable int      // number of variable channels
	Mask     int      // channel of the field "mask" counted from the first constant channel; -1 for none
	Moving   bool     // the mask changes in time

	source             Fields
	dims               int // of the vectors and tensors in the channels
	variable, constant group
}

// group is the variable or the constant part of a layout.
type group struct {
	own, dims  int           // dimensions of the data, and of the vectors and tensors in the channels
	fields     []field.Field // under the data set's own names
	transforms []Transform   // one a field; empty for none
	laws       []field.Law   // one a field: how it turns
}

// NewLayout lays out the fields of a data set. transforms maps field names to what is done with them. A component
// whose name the vocabulary does not have is an error that lists all of them.
func NewLayout(fields Fields, transforms map[string]Transform, vocabulary *Vocabulary) (*Layout, error) {
	names, err := ComponentNames(fields, transforms)
	if err != nil {
		return nil, err
	}
	if fields.Grid != nil && (len(fields.Grid) != len(fields.Axes) || slices.Min(fields.Grid) < 1) {
		return nil, fmt.Errorf("sample: resample to %v; the data has %d axes (%s), each needs a number of points", fields.Grid, len(fields.Axes), strings.Join(fields.Axes, ", "))
	}
	l := &Layout{Names: names, Mask: -1, source: fields, dims: fields.dims()}
	l.variable = newGroup(fields, fields.predicted(), transforms)
	l.constant = newGroup(fields, fields.given(), transforms)
	l.Moving = fields.movingMask() >= 0
	if t := transforms[MaskName]; l.Moving && t != "" {
		return nil, fmt.Errorf("sample: transform %s of the field %s; it marks where a body is, and that can not be transformed", t, MaskName)
	}
	var missing []string
	for _, name := range l.Names {
		i, found := vocabulary.Index(name)
		if !found {
			missing = append(missing, name)
		}
		l.Indices = append(l.Indices, i)
	}
	if len(missing) > 0 {
		similar := ""
		if names := vocabulary.nearest(missing[0]); len(names) > 0 {
			similar = fmt.Sprintf(" (similar ones: %s)", strings.Join(names, ", "))
		}
		return nil, fmt.Errorf("sample: fields %s are not in the model's vocabulary of %d columns%s; fine-tune with them, or rename them in the data",
			strings.Join(missing, ", "), vocabulary.Size(), similar)
	}
	for _, f := range l.variable.fields {
		for _, exists := range realComponents(f.Rank, len(fields.Axes), l.dims) {
			l.Padding = append(l.Padding, !exists)
		}
	}
	l.Variable = len(l.Padding)
	for i, name := range l.Names[l.Variable:] {
		if name == MaskName {
			l.Mask = i
		}
	}
	return l, nil
}

// ComponentNames lists the flat names that the fields of a data set get, the variable ones first: what the vocabulary
// must have. Transforms of fields that the data set lacks are passed over (WithoutField lists them).
func ComponentNames(fields Fields, transforms map[string]Transform) ([]string, error) {
	if n := len(fields.Axes); n != 2 && n != 3 {
		return nil, fmt.Errorf("sample: data in %d dimensions; the model has encoders for 2 and 3", n)
	}
	axes := fields.componentAxes()
	var names []string
	for _, f := range slices.Concat(fields.predicted(), fields.given()) {
		names = append(names, transforms[f.Name].rename(f).Components(axes)...)
	}
	return names, nil
}

// dims is the dimensionality of the vectors and tensors in the channels: on cartesian grids always that of space. The
// released model leaves those on curvilinear grids (planetswe's theta and phi) as they are.
func (f Fields) dims() int {
	if f.Curvilinear {
		return len(f.Axes)
	}
	return space
}

// componentAxes names the components of a vector: as the data's axes, except in a cartesian plane. Its components are named
// by their position, whatever its axes are called, as in the release: on axes x and z the second is y.
func (f Fields) componentAxes() []string {
	if !f.Curvilinear && len(f.Axes) < space {
		return []string{"x", "y", "z"}
	}
	return f.Axes
}

func newGroup(all Fields, fields []field.Field, transforms map[string]Transform) group {
	g := group{own: len(all.Axes), dims: all.dims(), fields: fields}
	for _, f := range fields {
		g.transforms = append(g.transforms, transforms[f.Name])
		g.laws = append(g.laws, all.law(f, transforms[f.Name]))
	}
	return g
}

// ranks lists the fields' tensor ranks.
func (g group) ranks() []field.Rank {
	ranks := make([]field.Rank, len(g.fields))
	for i, f := range g.fields {
		ranks[i] = f.Rank
	}
	return ranks
}

// odd says for each channel along which axes it is the component of a vector, or of a tensor an odd number of times: there its
// sign changes in the image behind a wall. Pseudo-vectors count as vectors: at walls that hold a fluid or conduct, the normal
// component vanishes and the image is to be continuous.
func (g group) odd() [][3]bool {
	var odd [][3]bool
	for axis := range g.dims {
		mirror := field.Identity(g.dims)
		mirror.Flip[axis] = true
		_, changes := mirror.Channels(g.ranks())
		if odd == nil {
			odd = make([][3]bool, len(changes))
		}
		for c, changed := range changes {
			odd[c][axis] = changed
		}
	}
	return odd
}

// realComponents says which of the components in dims dimensions exist in the data's own dimensions, row-major.
func realComponents(rank field.Rank, own, dims int) []bool {
	exists := make([]bool, rank.Components(dims))
	for c := range exists {
		exists[c] = true
		for rest, k := c, rank; k > 0; k-- {
			exists[c] = exists[c] && rest%dims < own
			rest /= dims
		}
	}
	return exists
}

// prepare transforms an array (frames, *grid, own channels), or one without frames, and pads its components, which stay
// zero, to the group's dimensions. The result shares nothing with a.
func (g group) prepare(a field.Array) (field.Array, error) {
	var exists []bool
	for _, r := range g.ranks() {
		exists = append(exists, realComponents(r, g.own, g.dims)...)
	}
	out := field.NewArray(append(slices.Clone(a.Shape[:len(a.Shape)-1]), len(exists))...)
	count := 0
	for _, e := range exists {
		if e {
			count++
		}
	}
	if got := a.Axis(-1); got != count {
		return out, fmt.Errorf("sample: %d channels, but the fields have %d components", got, count)
	}
	a, err := g.transform(a)
	if err != nil {
		return out, err
	}
	next := 0
	for point := 0; point < len(out.Data); point += len(exists) {
		for c, e := range exists {
			if e {
				out.Data[point+c] = a.Data[next]
				next++
			}
		}
	}
	return out, nil
}

// transform applies the fields' transforms; a stays as it is. A value that a transform can not take is an error that says
// how many there are and where the first is.
func (g group) transform(a field.Array) (field.Array, error) {
	channels, first, copied := a.Axis(-1), 0, false
	for i, f := range g.fields {
		n := f.Rank.Components(g.own)
		if t := g.transforms[i]; t != "" {
			if !copied {
				a, copied = a.Clone(), true
			}
			values := make([]float32, 0, len(a.Data)/channels*n)
			for point := first; point < len(a.Data); point += channels {
				values = append(values, a.Data[point:point+n]...)
			}
			if refused, at, value := t.Apply(values); refused > 0 {
				return a, fmt.Errorf("sample: field %s: %d of %d values have no %s; the first is %g at %s", f.Name, refused, len(values), t, value, place(at/n, a.Shape[:len(a.Shape)-1], g.own))
			}
			for p := range len(values) / n {
				copy(a.Data[p*channels+first:], values[p*n:][:n])
			}
		}
		first += n
	}
	return a, nil
}

// place says in words where a point lies in an array of this shape, whose last own axes are those of the grid.
func place(point int, shape []int, own int) string {
	index := make([]int, len(shape))
	for i := len(shape) - 1; i >= 0; i-- {
		index[i], point = point%shape[i], point/shape[i]
	}
	lead := len(shape) - own
	text := fmt.Sprintf("grid point %v", index[lead:])
	if lead > 0 {
		text = fmt.Sprintf("frame %d of the window, %s", index[lead-1], text)
	}
	return text
}

// Prepare brings a window into the layout: transformed, interpolated to the layout's grid, components padded, still
// unrotated, as the batch of one sample.
func (l *Layout) Prepare(w *Window) (*Batch, error) {
	b := &Batch{
		Names: l.Names, Fields: l.Indices, Padding: l.Padding, Mask: l.Mask, Moving: l.Moving, Scales: l.source.scales(), Measurement: l.source.Measurement,
		Boundaries: w.Boundaries, Curvilinear: l.source.Curvilinear, Origins: []string{w.Origin}, NetworkPoints: l.source.NetworkPoints,
		Tokens: l.source.Tokens, Pad: l.source.Pad, Odd: append(l.variable.odd(), l.constant.odd()...),
	}
	var hidden hiddenPoints
	if l.Moving {
		var err error
		if w, hidden, err = l.separate(w); err != nil {
			return nil, fmt.Errorf("%s: %w", w.Origin, err)
		}
	}
	for _, part := range []struct {
		group  group
		from   field.Array
		to     *field.Array
		hidden []float32 // the mask of its frames
	}{
		{l.variable, w.Input, &b.Input, hidden.input},
		{l.variable, w.Output, &b.Output, hidden.output},
		{l.constant, w.Constant, &b.Constant, nil},
	} {
		if len(part.from.Shape) == 0 { // nothing was read: a window without output frames or constants
			continue
		}
		prepared, err := part.group.prepare(part.from)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", w.Origin, err)
		}
		fill(prepared, part.hidden, 0)
		if grid := l.source.Grid; grid != nil {
			prepared = Resample(prepared, len(prepared.Shape)-1-len(grid), grid, w.Boundaries)
		}
		prepared.Shape = append([]int{1}, prepared.Shape...)
		*part.to = prepared
	}
	if l.Moving && l.source.Grid != nil {
		l.hideResampled(b)
	}
	return b, nil
}

// Quantities lists the variable fields under the names that the layout gives them (log10_density for a density that
// is transformed).
func (l *Layout) Quantities() []field.Field {
	renamed := make([]field.Field, len(l.variable.fields))
	for i, f := range l.variable.fields {
		renamed[i] = l.variable.transforms[i].rename(f)
	}
	return renamed
}

// Physical is a variable field under the data set's own name, and how the layout holds it.
type Physical struct {
	field.Field
	Transform Transform // empty for none
	Channels  []int     // of its components, row-major, without those that only pad
}

// Physical lists the variable fields as the data set has them, in the order of Quantities.
func (l *Layout) Physical() []Physical {
	var list []Physical
	next := 0
	for i, f := range l.variable.fields {
		p := Physical{Field: f, Transform: l.variable.transforms[i]}
		for range f.Rank.Components(l.dims) {
			if !l.Padding[next] {
				p.Channels = append(p.Channels, next)
			}
			next++
		}
		list = append(list, p)
	}
	return list
}

// Unpad drops the channels that only pad: from (leading axes..., *grid, variable channels) of a batch that was not
// rotated to the components that the data set has, in the order of Quantities.
func (l *Layout) Unpad(a field.Array) (field.Array, error) {
	if got := a.Axis(-1); got != l.Variable {
		return field.Array{}, fmt.Errorf("sample: %d channels; the layout has %d", got, l.Variable)
	}
	own := 0
	for _, pads := range l.Padding {
		if !pads {
			own++
		}
	}
	out := field.Array{Shape: append(slices.Clone(a.Shape[:len(a.Shape)-1]), own), Data: make([]float32, 0, len(a.Data)/l.Variable*own)}
	for i, v := range a.Data {
		if !l.Padding[i%l.Variable] {
			out.Data = append(out.Data, v)
		}
	}
	return out, nil
}
