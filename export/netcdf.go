package export

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/gowalrus/walrus/internal/hdf5"
	"github.com/gowalrus/walrus/well"
)

// Units are the units of fields, axes and time, by name, in the notation of UDUNITS ("kg m-3"): files of The Well do not have them.
type Units map[string]string

// ParseUnits reads units of the form NAME=UNIT, as command lines have them.
func ParseUnits(assignments []string) (Units, error) {
	u := Units{}
	for _, text := range assignments {
		name, unit, found := strings.Cut(text, "=")
		if !found || name == "" || unit == "" {
			return nil, fmt.Errorf("export: unit %q; expected NAME=UNIT, such as density=kg m-3", text)
		}
		u[name] = unit
	}
	return u, nil
}

// conventions is what the files follow.
const conventions = "CF-1.11"

// netcdf is a file being written.
type netcdf struct {
	*source
	*hdf5.File
	units Units
	names map[string]bool // taken
}

// NetCDF writes a trajectory as a NetCDF-4 file that follows the CF conventions: dimensions time and the grid's axes with their positions, a variable for each
// component of a field (velocity_x), with long names and, where they are given, units. On the axes theta and phi of a sphere latitude and longitude
// stand beside them. Programs open it lazily: values lie in one piece, frame after frame.
func NetCDF(path string, trajectory int, out string, units Units) error {
	s, err := open(path, trajectory)
	if err != nil {
		return err
	}
	defer s.Close()
	return writeHDF5(out, func(f *hdf5.File) error {
		n := &netcdf{source: s, File: f, units: units, names: map[string]bool{}}
		return n.fill()
	})
}

// fill writes everything.
func (n *netcdf) fill() error {
	for _, a := range [][2]string{{"Conventions", conventions}, {"title", n.Header().DatasetName}, {"source", "walrus"}, {"grid_type", n.Header().GridType}} {
		if err := n.WriteText("/", a[0], a[1]); err != nil {
			return err
		}
	}
	times, err := n.TrajectoryTimes(n.trajectory)
	if err != nil {
		return err
	}
	if err := n.dimension("time", "time of the simulation", "T", times); err != nil {
		return err
	}
	names := make([]string, len(n.axes))
	for i, a := range n.axes {
		axis := ""
		if n.Header().GridType == well.Cartesian && len(a.Name) == 1 && strings.Contains("xyz", a.Name) {
			axis = strings.ToUpper(a.Name)
		}
		names[i] = a.Name
		if err := n.dimension(a.Name, "position along "+a.Name, axis, a.Coordinates); err != nil {
			return err
		}
	}
	if err := n.sphere(); err != nil {
		return err
	}
	for _, f := range n.fields() {
		if err := n.variable(f, names); err != nil {
			return err
		}
	}
	for name := range n.units {
		if !n.names[name] {
			return fmt.Errorf("units are given for %q; the file has %s", name, strings.Join(slices.Sorted(maps.Keys(n.names)), ", "))
		}
	}
	return nil
}

// dimension writes a coordinate.
func (n *netcdf) dimension(name, long, axis string, values []float32) error {
	d, err := n.create(name, []int{len(values)}, long, name)
	if err != nil {
		return err
	}
	defer d.Close()
	if axis != "" {
		if err := n.WriteText(name, "axis", axis); err != nil {
			return err
		}
	}
	if err := d.MakeScale(name); err != nil {
		return err
	}
	return d.WriteFloat32(values, nil)
}

// create makes an array with what CF says of every variable.
func (n *netcdf) create(name string, shape []int, long, unitOf string) (*hdf5.Dataset, error) {
	if n.names[name] {
		return nil, fmt.Errorf("two variables are called %s", name)
	}
	n.names[name] = true
	d, err := n.CreateFloat32(name, shape, hdf5.Storage{})
	if err != nil {
		return nil, err
	}
	err = n.WriteText(name, "long_name", long)
	unit, given := n.units[name]
	if !given {
		unit, given = n.units[unitOf]
		if given {
			n.names[unitOf] = true
		}
	}
	if err == nil && given {
		err = n.WriteText(name, "units", unit)
	}
	if err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// sphere writes latitude and longitude of the points of axes theta (colatitude) and phi, in degrees.
func (n *netcdf) sphere() error {
	if n.Header().GridType == well.Cartesian {
		return nil
	}
	for _, a := range n.axes {
		name, standard, unit, of := "latitude", "latitude", "degrees_north", func(v float64) float64 { return 90 - 180/math.Pi*v }
		switch a.Name {
		case "theta":
		case "phi":
			name, standard, unit, of = "longitude", "longitude", "degrees_east", func(v float64) float64 { return 180 / math.Pi * v }
		default:
			continue
		}
		values := make([]float32, len(a.Coordinates))
		for i, v := range a.Coordinates {
			values[i] = float32(of(float64(v)))
		}
		d, err := n.create(name, []int{len(values)}, name, name)
		if err != nil {
			return err
		}
		err = errors.Join(n.WriteText(name, "standard_name", standard), n.WriteText(name, "units", unit), d.AttachScales("/"+a.Name), d.WriteFloat32(values, nil))
		d.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// variable writes a field, each component as a variable.
func (n *netcdf) variable(f well.FieldInfo, axes []string) error {
	var scales []string
	shape, frames := slices.Clone(n.sizes), 1
	for _, a := range axes {
		scales = append(scales, "/"+a)
	}
	if f.TimeVarying {
		frames = n.Steps()
		shape, scales = append([]int{frames}, shape...), append([]string{"/time"}, scales...)
	}
	var parts []*hdf5.Dataset
	defer func() {
		for _, d := range parts {
			d.Close()
		}
	}()
	for c, name := range f.Components(axes) {
		long := strings.ReplaceAll(f.Name, "_", " ")
		if f.Rank > 0 {
			long += ", component " + strings.TrimPrefix(f.Components(axes)[c], f.Name+"_")
		}
		d, err := n.create(name, shape, long, f.Name)
		if err != nil {
			return err
		}
		parts = append(parts, d)
		if err := d.AttachScales(scales...); err != nil {
			return err
		}
		if names := n.coordinates(); names != "" {
			if err := n.WriteText(name, "coordinates", names); err != nil {
				return err
			}
		}
	}
	for t := range frames {
		values, err := n.frame(f, t)
		if err != nil {
			return err
		}
		for c, d := range parts {
			part := make([]float32, 0, len(values.Data)/len(parts))
			for i := c; i < len(values.Data); i += len(parts) {
				part = append(part, values.Data[i])
			}
			slab := &hdf5.Slab{Start: make([]int, len(shape)), Count: slices.Clone(shape)}
			if f.TimeVarying {
				slab.Start[0], slab.Count[0] = t, 1
			}
			if err := d.WriteFloat32(part, slab); err != nil {
				return err
			}
		}
	}
	return nil
}

// coordinates names the auxiliary coordinates of variables, as CF has them; empty for none.
func (n *netcdf) coordinates() string {
	var list []string
	for _, name := range []string{"latitude", "longitude"} {
		if n.names[name] {
			list = append(list, name)
		}
	}
	return strings.Join(list, " ")
}
