package well

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/internal/hdf5"
)

// readHeader fills the file's header and reports the first thing that is wrong. Everything that sizes memory later is
// checked here.
func (f *File) readHeader() error {
	for _, step := range f.steps() {
		if err := step(); err != nil {
			return leaves(err)[0]
		}
	}
	return nil
}

// steps are the parts of reading a header, each of which returns all that is wrong with its part. The first two give the
// shape of all that follows.
func (f *File) steps() []func() error {
	return []func() error{f.parseRoot, f.parseDimensions, f.parseBoundaries, f.parseScalars, f.parseFields}
}

func (f *File) parseRoot() error {
	root := readAttributes(f.file, "/")
	h := &f.header
	h.DatasetName = root.text("dataset_name")
	h.GridType = root.text("grid_type")
	h.Trajectories = root.integer("n_trajectories")
	dims := root.integer("n_spatial_dims")
	if root.problems() == nil && h.Trajectories < 1 {
		root.note("n_trajectories is %d; expected at least 1", h.Trajectories)
	}
	if h.Trajectories > mostTrajectories {
		root.note("n_trajectories is %d; expected at most %d", h.Trajectories, mostTrajectories)
	}
	if root.problems() == nil && (dims < 1 || dims > 3) {
		root.note("n_spatial_dims is %d; expected 1, 2 or 3", dims)
	}
	if err := root.problems(); err != nil {
		return err
	}
	h.Axes = make([]Axis, dims)
	return nil
}

func (f *File) parseDimensions() error {
	group := readAttributes(f.file, dimensionsGroup)
	names := group.texts("spatial_dims")
	if group.problems() == nil && len(names) != len(f.header.Axes) {
		group.note("spatial_dims names %d axes (%s); n_spatial_dims is %d", len(names), strings.Join(names, ", "), len(f.header.Axes))
	}
	if err := group.problems(); err != nil {
		return err
	}
	var errs []error
	f.axisVaries = make([]bool, len(names))
	points := 1
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			errs = append(errs, wrong(dimensionsGroup, "axis %s is named twice", name))
			continue
		}
		coordinates, varies, err := f.readCoordinates(name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		f.header.Axes[i], f.axisVaries[i] = Axis{Name: name, Coordinates: coordinates}, varies
		if points > mostPoints/len(coordinates) {
			errs = append(errs, wrong(dimensionsGroup, "the grid has more than %d points", mostPoints))
			continue
		}
		points *= len(coordinates)
	}
	f.sizes = f.header.sizes()
	var err error
	f.header.Time, f.timeVaries, err = f.readCoordinates("time")
	return errors.Join(append(errs, err)...)
}

// Bounds of what a file claims that nothing in it need confirm: more than anybody stores in one.
const (
	mostPoints       = 1 << 32 // of a grid
	mostTrajectories = 1 << 24
)

// array opens an array of the file; errors name it.
func (f *File) array(path string) (*hdf5.Dataset, error) {
	d, err := f.file.Dataset(path)
	if err != nil {
		return nil, fromLibrary(path, err)
	}
	return d, nil
}

// readCoordinates reads an axis of the first trajectory, and tells whether trajectories differ.
func (f *File) readCoordinates(name string) (values []float32, varies bool, err error) {
	path := join(dimensionsGroup, name)
	attributes := readAttributes(f.file, path)
	varies = attributes.optionalFlag(sampleVarying)
	if err := attributes.problems(); err != nil {
		return nil, false, err
	}
	d, err := f.array(path)
	if err != nil {
		return nil, false, err
	}
	defer d.Close()
	if !varies {
		if len(d.Shape) != 1 || d.Shape[0] == 0 {
			return nil, false, wrong(path, "shape %v; expected one axis", d.Shape)
		}
		values = make([]float32, d.Shape[0])
		return values, false, d.ReadFloat32(values, nil)
	}
	if len(d.Shape) != 2 || d.Shape[0] != f.header.Trajectories || d.Shape[1] == 0 {
		return nil, false, wrong(path, "shape %v; expected %d trajectories and one axis (sample_varying is true)", d.Shape, f.header.Trajectories)
	}
	values, err = f.readRow(path, 0)
	return values, true, err
}

func (f *File) parseBoundaries() error {
	members, err := f.file.Members(boundariesGroup)
	if err != nil {
		return fromLibrary(boundariesGroup, err)
	}
	var errs []error
	for _, m := range members {
		if m.Kind != hdf5.KindGroup {
			continue // unknown objects are for others
		}
		b, err := f.readBoundary(m.Name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		f.header.Boundaries = append(f.header.Boundaries, b)
	}
	f.sides = sidesOf(f.header.Axes, f.header.Boundaries)
	return errors.Join(errs...)
}

func (f *File) readBoundary(name string) (BoundaryGroup, error) {
	b := BoundaryGroup{Name: name}
	path := join(boundariesGroup, name)
	group := readAttributes(f.file, path)
	b.Axes = group.texts("associated_dims")
	if kind := group.text("bc_type"); kind != "" {
		var err error
		if b.Type, err = field.ParseBoundary(kind); err != nil {
			group.note("bc_type: %w", err)
		}
	}
	var shape []int
	for _, axis := range b.Axes {
		i := slices.Index(f.AxisNames(), axis)
		if i < 0 {
			group.note("associated_dims names %q; the axes are %s", axis, strings.Join(f.AxisNames(), ", "))
			continue
		}
		shape = append(shape, f.sizes[i])
	}
	if err := group.problems(); err != nil || len(shape) == 0 {
		return b, err // a group that belongs to no axis says nothing about the sides
	}
	mask, err := f.array(join(path, "mask"))
	if err != nil {
		return b, err
	}
	defer mask.Close()
	if !slices.Equal(mask.Shape, shape) {
		return b, wrong(join(path, "mask"), "shape %v; expected %v, the sizes of %s", mask.Shape, shape, strings.Join(b.Axes, ", "))
	}
	b.Mask = make([]bool, field.Volume(shape))
	return b, mask.ReadBool(b.Mask, nil)
}

// sidesOf reduces boundary groups to one boundary a side. Sides that no group speaks of are open. A wall must fill its
// side; open and periodic boundaries count if they hold anywhere on it. Later groups override earlier ones.
func sidesOf(axes []Axis, groups []BoundaryGroup) []field.Sides {
	sides := make([]field.Sides, len(axes))
	for i := range sides {
		sides[i] = field.Both(field.Open)
	}
	for _, g := range groups {
		shape := make([]int, len(g.Axes))
		axisOf := make([]int, len(g.Axes))
		for i, name := range g.Axes {
			axisOf[i] = slices.IndexFunc(axes, func(a Axis) bool { return a.Name == name })
			shape[i] = len(axes[axisOf[i]].Coordinates)
		}
		for i, axis := range axisOf {
			if sliceHolds(g, shape, i, 0) {
				sides[axis].Low = g.Type
			}
			if sliceHolds(g, shape, i, shape[i]-1) {
				sides[axis].High = g.Type
			}
		}
	}
	return sides
}

// sliceHolds reports whether the boundary holds on the slice of its mask at position p of axis i.
func sliceHolds(g BoundaryGroup, shape []int, i, p int) bool {
	inner := field.Volume(shape[i+1:])
	some, every := false, true
	for start := p * inner; start < len(g.Mask); start += shape[i] * inner {
		for _, m := range g.Mask[start : start+inner] {
			some = some || m
			every = every && m
		}
	}
	if g.Type == field.Wall {
		return every
	}
	return some
}

func (f *File) parseScalars() error {
	if !f.file.Has(scalarsGroup, hdf5.KindGroup) {
		return nil
	}
	group := readAttributes(f.file, scalarsGroup)
	for _, name := range group.texts(fieldNames) {
		s, err := f.readScalar(name)
		if err != nil {
			group.noted = append(group.noted, err)
			continue
		}
		f.scalars = append(f.scalars, s)
		if !s.TimeVarying {
			f.header.Parameters = append(f.header.Parameters, Parameter{Name: s.Name, Values: s.Values})
		}
	}
	return group.problems()
}

func (f *File) readScalar(name string) (Scalar, error) {
	path := join(scalarsGroup, name)
	attributes := readAttributes(f.file, path)
	s := Scalar{Name: name, SampleVarying: attributes.optionalFlag(sampleVarying), TimeVarying: attributes.optionalFlag(timeVarying)}
	if err := attributes.problems(); err != nil {
		return s, err
	}
	d, err := f.array(path)
	if err != nil {
		return s, err
	}
	defer d.Close()
	if want := f.scalarShape(s); !slices.Equal(d.Shape, want) && !(len(want) == 0 && slices.Equal(d.Shape, []int{1})) {
		return s, wrong(path, "shape %v; expected %v", d.Shape, want)
	}
	s.Values = make([]float64, field.Volume(d.Shape))
	return s, d.ReadFloat64(s.Values, nil)
}

// scalarShape is the shape of a scalar's data set.
func (f *File) scalarShape(s Scalar) []int {
	var shape []int
	if s.SampleVarying {
		shape = append(shape, f.header.Trajectories)
	}
	if s.TimeVarying {
		shape = append(shape, len(f.header.Time))
	}
	return shape
}

func (f *File) parseFields() error {
	var errs []error
	names := map[string]bool{}
	for _, rank := range ranks {
		group := groupOf(rank)
		if !f.file.Has(group, hdf5.KindGroup) {
			continue
		}
		attributes := readAttributes(f.file, group)
		for _, name := range attributes.texts(fieldNames) {
			err := newName(names, group+": field", name)
			var info FieldInfo
			if err == nil {
				info, err = f.readFieldInfo(field.Field{Name: name, Rank: rank})
			}
			if err != nil {
				errs = append(errs, err)
				continue
			}
			f.header.Fields = append(f.header.Fields, info)
		}
		errs = append(errs, attributes.problems())
	}
	if len(names) == 0 {
		errs = append(errs, errors.New("no fields in t0_fields, t1_fields or t2_fields"))
	}
	return errors.Join(errs...)
}

// readFieldInfo reads how a field is stored and checks its data set's shape.
func (f *File) readFieldInfo(g field.Field) (FieldInfo, error) {
	info := FieldInfo{Field: g}
	attributes := readAttributes(f.file, info.path())
	info.SampleVarying = attributes.flag(sampleVarying)
	info.TimeVarying = attributes.flag(timeVarying)
	info.AxisVarying = attributes.flagList(dimVarying, len(f.sizes))
	info.Symmetric = attributes.optionalFlag("symmetric")
	info.Antisymmetric = attributes.optionalFlag("antisymmetric")
	if err := attributes.problems(); err != nil {
		return info, err
	}
	d, err := f.array(info.path())
	if err != nil {
		return info, err
	}
	defer d.Close()
	want := info.shape(f.header.Trajectories, len(f.header.Time), f.sizes)
	flat := want // of a tensor: one axis of all components, as older descriptions of the format say
	if g.Rank == field.Tensor {
		flat = append(slices.Clone(want[:len(want)-2]), g.Rank.Components(len(f.sizes)))
	}
	if !slices.Equal(d.Shape, want) && !slices.Equal(d.Shape, flat) {
		return info, wrong(info.path(), "shape %v; expected %v: %s", d.Shape, want, f.explainShape(info))
	}
	if d.Type.Class != hdf5.Float && d.Type.Class != hdf5.Integer && d.Type.Class != hdf5.Bool {
		return info, wrong(info.path(), "values of type %s; expected numbers", d.Type)
	}
	return info, refusePacked(f.file, info.path(), d)
}

// explainShape says in words what a field's shape is made of.
func (f *File) explainShape(info FieldInfo) string {
	var parts []string
	if info.SampleVarying {
		parts = append(parts, fmt.Sprintf("%d trajectories", f.header.Trajectories))
	}
	if info.TimeVarying {
		parts = append(parts, fmt.Sprintf("%d frames", len(f.header.Time)))
	}
	for i, a := range f.header.Axes {
		if info.varies(i) {
			parts = append(parts, fmt.Sprintf("%s = %d", a.Name, f.sizes[i]))
		}
	}
	if info.Rank > field.Scalar {
		parts = append(parts, fmt.Sprintf("%d components for each index of a %v", len(f.sizes), info.Rank))
	}
	return strings.Join(parts, ", ")
}
