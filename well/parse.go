package well

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/internal/hdf5"
)

// readHeader fills the file's header. Everything that sizes memory later is checked here.
func (f *File) readHeader() error {
	for _, step := range []func() error{f.parseRoot, f.parseDimensions, f.parseBoundaries, f.parseScalars, f.parseFields} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (f *File) parseRoot() error {
	root, err := readAttributes(f.file, "/")
	if err != nil {
		return err
	}
	h := &f.header
	if h.DatasetName, err = root.text("dataset_name"); err != nil {
		return err
	}
	if h.GridType, err = root.text("grid_type"); err != nil {
		return err
	}
	if h.Trajectories, err = root.integer("n_trajectories"); err != nil {
		return err
	}
	if h.Trajectories < 1 {
		return fmt.Errorf("n_trajectories is %d; expected at least 1", h.Trajectories)
	}
	dims, err := root.integer("n_spatial_dims")
	if err != nil {
		return err
	}
	if dims < 1 || dims > 3 {
		return fmt.Errorf("n_spatial_dims is %d; expected 1, 2 or 3", dims)
	}
	h.Axes = make([]Axis, dims)
	return nil
}

func (f *File) parseDimensions() error {
	group, err := readAttributes(f.file, dimensionsGroup)
	if err != nil {
		return err
	}
	names, err := group.texts("spatial_dims")
	if err != nil {
		return err
	}
	if len(names) != len(f.header.Axes) {
		return fmt.Errorf("%s: spatial_dims names %d axes (%s); n_spatial_dims is %d", dimensionsGroup, len(names), strings.Join(names, ", "), len(f.header.Axes))
	}
	f.axisVaries = make([]bool, len(names))
	points := 1
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			return fmt.Errorf("%s: axis %s is named twice", dimensionsGroup, name)
		}
		coordinates, varies, err := f.readCoordinates(name)
		if err != nil {
			return err
		}
		f.header.Axes[i], f.axisVaries[i] = Axis{Name: name, Coordinates: coordinates}, varies
		if points > mostPoints/len(coordinates) {
			return fmt.Errorf("%s: the grid has more than %d points", dimensionsGroup, mostPoints)
		}
		points *= len(coordinates)
	}
	f.sizes = f.header.sizes()
	f.header.Time, f.timeVaries, err = f.readCoordinates("time")
	return err
}

// mostPoints bounds the points of a grid: more than any simulation stores in one file.
const mostPoints = 1 << 32

// readCoordinates reads an axis of the first trajectory, and tells whether trajectories differ.
func (f *File) readCoordinates(name string) (values []float32, varies bool, err error) {
	path := join(dimensionsGroup, name)
	attributes, err := readAttributes(f.file, path)
	if err != nil {
		return nil, false, err
	}
	if varies, err = attributes.optionalFlag(sampleVarying); err != nil {
		return nil, false, err
	}
	d, err := f.file.Dataset(path)
	if err != nil {
		return nil, false, err
	}
	defer d.Close()
	if !varies {
		if len(d.Shape) != 1 || d.Shape[0] == 0 {
			return nil, false, fmt.Errorf("%s: shape %v; expected one axis", path, d.Shape)
		}
		values = make([]float32, d.Shape[0])
		return values, false, d.ReadFloat32(values, nil)
	}
	if len(d.Shape) != 2 || d.Shape[0] != f.header.Trajectories || d.Shape[1] == 0 {
		return nil, false, fmt.Errorf("%s: shape %v; expected %d trajectories and one axis (sample_varying is true)", path, d.Shape, f.header.Trajectories)
	}
	values, err = f.readRow(path, 0)
	return values, true, err
}

func (f *File) parseBoundaries() error {
	members, err := f.file.Members(boundariesGroup)
	if err != nil {
		return err
	}
	for _, m := range members {
		if m.Kind != hdf5.KindGroup {
			continue // unknown objects are for others
		}
		b, err := f.readBoundary(m.Name)
		if err != nil {
			return err
		}
		f.header.Boundaries = append(f.header.Boundaries, b)
	}
	f.sides = sidesOf(f.header.Axes, f.header.Boundaries)
	return nil
}

func (f *File) readBoundary(name string) (BoundaryGroup, error) {
	b := BoundaryGroup{Name: name}
	path := join(boundariesGroup, name)
	fail := func(err error) (BoundaryGroup, error) { return BoundaryGroup{}, err }
	group, err := readAttributes(f.file, path)
	if err != nil {
		return fail(err)
	}
	kind, err := group.text("bc_type")
	if err != nil {
		return fail(err)
	}
	if b.Type, err = field.ParseBoundary(kind); err != nil {
		return fail(fmt.Errorf("%s: bc_type: %w", path, err))
	}
	if b.Axes, err = group.texts("associated_dims"); err != nil {
		return fail(err)
	}
	var shape []int
	for _, axis := range b.Axes {
		i := slices.Index(f.AxisNames(), axis)
		if i < 0 {
			return fail(fmt.Errorf("%s: associated_dims names %q; the axes are %s", path, axis, strings.Join(f.AxisNames(), ", ")))
		}
		shape = append(shape, f.sizes[i])
	}
	if len(shape) == 0 {
		return b, nil // it belongs to no axis, and says nothing about the sides
	}
	mask, err := f.file.Dataset(join(path, "mask"))
	if err != nil {
		return fail(err)
	}
	defer mask.Close()
	if !slices.Equal(mask.Shape, shape) {
		return fail(fmt.Errorf("%s/mask: shape %v; expected %v, the sizes of %s", path, mask.Shape, shape, strings.Join(b.Axes, ", ")))
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
	group, err := readAttributes(f.file, scalarsGroup)
	if err != nil {
		return err
	}
	names, err := group.texts(fieldNames)
	if err != nil {
		return err
	}
	for _, name := range names {
		s, err := f.readScalar(name)
		if err != nil {
			return err
		}
		f.scalars = append(f.scalars, s)
		if !s.TimeVarying {
			f.header.Parameters = append(f.header.Parameters, Parameter{Name: s.Name, Values: s.Values})
		}
	}
	return nil
}

func (f *File) readScalar(name string) (Scalar, error) {
	path := join(scalarsGroup, name)
	s := Scalar{Name: name}
	attributes, err := readAttributes(f.file, path)
	if err != nil {
		return s, err
	}
	if s.SampleVarying, err = attributes.optionalFlag(sampleVarying); err != nil {
		return s, err
	}
	if s.TimeVarying, err = attributes.optionalFlag(timeVarying); err != nil {
		return s, err
	}
	d, err := f.file.Dataset(path)
	if err != nil {
		return s, err
	}
	defer d.Close()
	if want := f.scalarShape(s); !slices.Equal(d.Shape, want) && !(len(want) == 0 && slices.Equal(d.Shape, []int{1})) {
		return s, fmt.Errorf("%s: shape %v; expected %v", path, d.Shape, want)
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
	names := map[string]bool{}
	for _, rank := range ranks {
		group := groupOf(rank)
		if !f.file.Has(group, hdf5.KindGroup) {
			continue
		}
		attributes, err := readAttributes(f.file, group)
		if err != nil {
			return err
		}
		list, err := attributes.texts(fieldNames)
		if err != nil {
			return err
		}
		for _, name := range list {
			if err := newName(names, group+": field", name); err != nil {
				return err
			}
			info, err := f.readFieldInfo(field.Field{Name: name, Rank: rank})
			if err != nil {
				return err
			}
			f.header.Fields = append(f.header.Fields, info)
		}
	}
	if len(f.header.Fields) == 0 {
		return fmt.Errorf("no fields in t0_fields, t1_fields or t2_fields")
	}
	return nil
}

// readFieldInfo reads how a field is stored and checks its data set's shape.
func (f *File) readFieldInfo(g field.Field) (FieldInfo, error) {
	info := FieldInfo{Field: g}
	attributes, err := readAttributes(f.file, info.path())
	if err != nil {
		return info, err
	}
	if info.SampleVarying, err = attributes.flag(sampleVarying); err != nil {
		return info, err
	}
	if info.TimeVarying, err = attributes.flag(timeVarying); err != nil {
		return info, err
	}
	if info.AxisVarying, err = attributes.flagList(dimVarying, len(f.sizes)); err != nil {
		return info, err
	}
	if info.Symmetric, err = attributes.optionalFlag("symmetric"); err != nil {
		return info, err
	}
	if info.Antisymmetric, err = attributes.optionalFlag("antisymmetric"); err != nil {
		return info, err
	}
	d, err := f.file.Dataset(info.path())
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
		return info, fmt.Errorf("%s: shape %v; expected %v: %s", info.path(), d.Shape, want, f.explainShape(info))
	}
	if d.Type.Class != hdf5.Float && d.Type.Class != hdf5.Integer && d.Type.Class != hdf5.Bool {
		return info, fmt.Errorf("%s: values of type %s; expected numbers", info.path(), d.Type)
	}
	return info, nil
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
