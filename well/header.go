package well

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gowalrus/walrus/field"
)

// Axis is one axis of the grid: its name and the positions of the grid points along it.
type Axis struct {
	Name        string
	Coordinates []float32
}

// Parameter is a physical number of the simulations.
type Parameter struct {
	Name   string
	Values []float64 // one for all trajectories, or one a trajectory
}

// FieldInfo is a field and how it is stored.
type FieldInfo struct {
	field.Field
	TimeVarying   bool   // a frame each; false: constant in time
	SampleVarying bool   // differs between trajectories; false: one for all of the file
	AxisVarying   []bool // along which axes it varies; nil for all of them

	Symmetric     bool // of a tensor: t_ij = t_ji
	Antisymmetric bool // of a tensor: t_ij = -t_ji

	Positive bool // for writing: values that are not above zero are refused. Files do not say it
}

// varies reports whether the field varies along axis i.
func (f FieldInfo) varies(i int) bool { return f.AxisVarying == nil || f.AxisVarying[i] }

// grid is the part of the grid's sizes that the field is stored for.
func (f FieldInfo) grid(sizes []int) []int {
	var grid []int
	for i, n := range sizes {
		if f.varies(i) {
			grid = append(grid, n)
		}
	}
	return grid
}

// frameSize is the number of values of one frame as it is stored.
func (f FieldInfo) frameSize(sizes []int) int {
	return field.Volume(f.grid(sizes)) * f.Rank.Components(len(sizes))
}

// firstAxis is the position of the grid's first stored axis in the data set's shape.
func (f FieldInfo) firstAxis() int {
	n := 0
	if f.SampleVarying {
		n++
	}
	if f.TimeVarying {
		n++
	}
	return n
}

// shape is the shape of the field's data set: ([trajectories], [frames], grid, one axis of dims for each index).
func (f FieldInfo) shape(trajectories, frames int, sizes []int) []int {
	var shape []int
	if f.SampleVarying {
		shape = append(shape, trajectories)
	}
	if f.TimeVarying {
		shape = append(shape, frames)
	}
	shape = append(shape, f.grid(sizes)...)
	for range f.Rank {
		shape = append(shape, len(sizes))
	}
	return shape
}

// path is where the field's data set stands in a file.
func (f FieldInfo) path() string { return groupOf(f.Rank) + "/" + f.Name }

// groupOf is the group of the fields of a rank: t0_fields, t1_fields or t2_fields.
func groupOf(r field.Rank) string { return fmt.Sprintf("t%d_fields", r) }

// ranks are all tensor ranks, in the order of the channels.
var ranks = [...]field.Rank{field.Scalar, field.Vector, field.Tensor}

// BoundaryGroup marks the grid points where a boundary condition holds.
type BoundaryGroup struct {
	Name string
	Type field.Boundary
	Axes []string // the axes that the mask spans
	Mask []bool   // row-major over those axes
}

// BoundaryGroups describes the sides of a domain as the published files do: one group an axis, named "x_periodic" or
// "y_wall", whose mask is true at both ends of the axis; where the two sides differ, one group for each of them. There
// must be as many sides as axes.
func BoundaryGroups(axes []Axis, sides []field.Sides) []BoundaryGroup {
	var groups []BoundaryGroup
	for i, side := range sides {
		add := func(b field.Boundary, ends ...int) {
			mask := make([]bool, len(axes[i].Coordinates))
			for _, e := range ends {
				mask[e] = true
			}
			groups = append(groups, BoundaryGroup{
				Name: axes[i].Name + "_" + strings.ToLower(b.String()), Type: b, Axes: []string{axes[i].Name}, Mask: mask,
			})
		}
		last := len(axes[i].Coordinates) - 1
		if side.Low == side.High {
			add(side.Low, 0, last)
		} else {
			add(side.Low, 0)
			add(side.High, last)
		}
	}
	return groups
}

// Compression is how fields are stored: 0 in one piece, as in the published files, or deflated with level 1 to 9.
type Compression int

// Uncompressed stores every field in one piece.
const Uncompressed Compression = 0

// Header is all that a file says about its trajectories apart from the fields' values.
type Header struct {
	DatasetName  string
	GridType     string // "cartesian", "spherical" or "equiangular"
	Axes         []Axis
	Time         []float32 // one a frame; WriteTime changes single ones
	Trajectories int
	Parameters   []Parameter
	Boundaries   []BoundaryGroup
	Fields       []FieldInfo
	Compression  Compression
}

// gridTypes are the kinds of grid that the format knows.
var gridTypes = []string{Cartesian, "spherical", "equiangular"}

// Cartesian is the grid type whose axes are straight lines at right angles.
const Cartesian = "cartesian"

// sizes are the numbers of points along the axes.
func (h Header) sizes() []int {
	sizes := make([]int, len(h.Axes))
	for i, a := range h.Axes {
		sizes[i] = len(a.Coordinates)
	}
	return sizes
}

// Validate reports the first thing that would make an invalid file.
func (h Header) Validate() error {
	for _, check := range []func() error{h.validateGrid, h.validateParameters, h.validateBoundaries, h.validateFields} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (h Header) validateGrid() error {
	if h.DatasetName == "" {
		return fmt.Errorf("no data set name")
	}
	if !slices.Contains(gridTypes, h.GridType) {
		return fmt.Errorf("grid type %q; expected one of %s", h.GridType, strings.Join(gridTypes, ", "))
	}
	if len(h.Axes) < 1 || len(h.Axes) > 3 {
		return fmt.Errorf("%d axes; expected 1 to 3", len(h.Axes))
	}
	if h.Trajectories < 1 || len(h.Time) < 1 {
		return fmt.Errorf("%d trajectories of %d frames; expected at least one of each", h.Trajectories, len(h.Time))
	}
	if h.Compression < 0 || h.Compression > 9 {
		return fmt.Errorf("compression level %d; expected 0 (none) to 9", h.Compression)
	}
	names := map[string]bool{"time": true}
	for _, a := range h.Axes {
		if err := newName(names, "axis", a.Name); err != nil {
			return err
		}
		if len(a.Coordinates) == 0 {
			return fmt.Errorf("axis %s has no points", a.Name)
		}
	}
	return nil
}

// headerNames are the format's own attributes of a file.
func headerNames() map[string]bool {
	return map[string]bool{"dataset_name": true, "grid_type": true, "n_spatial_dims": true, "n_trajectories": true, "simulation_parameters": true}
}

func (h Header) validateParameters() error {
	names := headerNames()
	for _, p := range h.Parameters {
		if err := newName(names, "parameter", p.Name); err != nil {
			return err
		}
		if len(p.Values) != 1 && len(p.Values) != h.Trajectories {
			return fmt.Errorf("parameter %s has %d values; expected 1, or one for each of %d trajectories", p.Name, len(p.Values), h.Trajectories)
		}
	}
	return nil
}

func (h Header) validateBoundaries() error {
	names := map[string]bool{}
	for _, b := range h.Boundaries {
		if err := newName(names, "boundary group", b.Name); err != nil {
			return err
		}
		if !b.Type.Valid() {
			return fmt.Errorf("boundary group %s: unknown boundary %v", b.Name, b.Type)
		}
		points := 1
		for _, name := range b.Axes {
			i := slices.IndexFunc(h.Axes, func(a Axis) bool { return a.Name == name })
			if i < 0 {
				return fmt.Errorf("boundary group %s: unknown axis %q", b.Name, name)
			}
			points *= len(h.Axes[i].Coordinates)
		}
		if len(b.Axes) == 0 || len(b.Mask) != points {
			return fmt.Errorf("boundary group %s: a mask of %d points over the axes %v, which have %d", b.Name, len(b.Mask), b.Axes, points)
		}
	}
	return nil
}

func (h Header) validateFields() error {
	if len(h.Fields) == 0 {
		return fmt.Errorf("no fields")
	}
	names := map[string]bool{}
	for _, f := range h.Fields {
		if err := newName(names, "field", f.Name); err != nil {
			return err
		}
		if f.Rank > field.Tensor {
			return fmt.Errorf("field %s: %v; expected scalar, vector or tensor", f.Name, f.Rank)
		}
		if f.AxisVarying != nil && len(f.AxisVarying) != len(h.Axes) {
			return fmt.Errorf("field %s: varies along %d axes of %d", f.Name, len(f.AxisVarying), len(h.Axes))
		}
		if f.Rank != field.Tensor && (f.Symmetric || f.Antisymmetric) {
			return fmt.Errorf("field %s: a %v can not be symmetric", f.Name, f.Rank)
		}
	}
	return nil
}

// newName notes a name and reports one that can not be used in a file, or that was used before.
func newName(used map[string]bool, what, name string) error {
	if name == "" || name == "." || strings.ContainsAny(name, "/\x00") {
		return fmt.Errorf("%s %q: not a name", what, name)
	}
	if used[name] {
		return fmt.Errorf("%s %s: the name is taken", what, name)
	}
	used[name] = true
	return nil
}
