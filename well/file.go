package well

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/internal/hdf5"
)

// File is one file, open for reading. Its methods may be called from several goroutines.
type File struct {
	header  Header
	scalars []Scalar
	sides   []field.Sides
	sizes   []int
	path    string
	file    *hdf5.File

	timeVaries bool   // between trajectories
	axisVaries []bool // between trajectories

	mu   sync.Mutex
	open map[string]*hdf5.Dataset // data sets of fields that were read before
}

// Scalar is a quantity without extent: a parameter, or one that changes in time.
type Scalar struct {
	Name          string
	SampleVarying bool
	TimeVarying   bool
	Values        []float64 // ([trajectories], [frames]), row-major
}

// at gives the scalar's values at some frames of a trajectory: one a frame, or a single one that is constant in time.
func (s Scalar) at(trajectory, trajectories int, frames []int) []float32 {
	values := s.Values
	if s.SampleVarying {
		n := len(values) / trajectories
		values = values[trajectory*n : (trajectory+1)*n]
	}
	if !s.TimeVarying {
		return []float32{float32(values[0])}
	}
	out := make([]float32, len(frames))
	for i, frame := range frames {
		out[i] = float32(values[frame])
	}
	return out
}

// Open opens a file and reads all of it but the fields' values. What does not follow the format is an error that names
// the object.
func Open(path string) (*File, error) {
	raw, err := hdf5.Open(path)
	if err != nil {
		return nil, fmt.Errorf("well: %w", err)
	}
	f := &File{path: path, file: raw, open: map[string]*hdf5.Dataset{}}
	if err := f.readHeader(); err != nil {
		_ = raw.Close() // the header's error is the one to tell
		return nil, fmt.Errorf("well: %s: %w", path, err)
	}
	return f, nil
}

// Close closes the file.
func (f *File) Close() error { return f.file.Close() }

// Path is the name that the file was opened under.
func (f *File) Path() string { return f.path }

// Header is what the file says about its trajectories. Times and coordinates are those of the first trajectory.
func (f *File) Header() Header { return f.header }

// Sizes are the numbers of grid points along the axes.
func (f *File) Sizes() []int { return slices.Clone(f.sizes) }

// AxisNames are the names of the axes.
func (f *File) AxisNames() []string { return axisNames(f.header.Axes) }

// Trajectories is the number of trajectories.
func (f *File) Trajectories() int { return f.header.Trajectories }

// Steps is the number of frames of each trajectory.
func (f *File) Steps() int { return len(f.header.Time) }

// Boundaries are the boundaries of the domain, one entry an axis.
func (f *File) Boundaries() []field.Sides { return slices.Clone(f.sides) }

// Scalars are the quantities without extent.
func (f *File) Scalars() []Scalar { return f.scalars }

// Variable lists the fields that change in time, in the order of their channels: scalars, vectors, tensors.
func (f *File) Variable() []FieldInfo { return selectFields(f.header.Fields, true) }

// Constant lists the fields that do not change in time, in the order of their channels.
func (f *File) Constant() []FieldInfo { return selectFields(f.header.Fields, false) }

func selectFields(fields []FieldInfo, timeVarying bool) []FieldInfo {
	var selected []FieldInfo
	for _, f := range fields {
		if f.TimeVarying == timeVarying {
			selected = append(selected, f)
		}
	}
	return selected
}

// Field finds a field by name.
func (f *File) Field(name string) (FieldInfo, error) {
	i := slices.IndexFunc(f.header.Fields, func(g FieldInfo) bool { return g.Name == name })
	if i < 0 {
		names := make([]string, len(f.header.Fields))
		for i, g := range f.header.Fields {
			names[i] = g.Name
		}
		return FieldInfo{}, fmt.Errorf("well: %s: no field %q; the file has %s", f.path, name, strings.Join(names, ", "))
	}
	return f.header.Fields[i], nil
}

// dataset gives the open data set of a field.
func (f *File) dataset(info FieldInfo) (*hdf5.Dataset, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if d := f.open[info.Name]; d != nil {
		return d, nil
	}
	d, err := f.file.Dataset(info.path())
	if err != nil {
		return nil, fmt.Errorf("well: %w", err)
	}
	f.open[info.Name] = d
	return d, nil
}

// ReadField reads n frames of a field, stride apart, as they are stored: (n, grid along the axes where the field varies,
// components). A field that is constant in time gives one frame. Values are not changed: NaN stays NaN.
func (f *File) ReadField(info FieldInfo, trajectory, frame, stride, n int) (field.Array, error) {
	if !info.TimeVarying {
		frame, stride, n = 0, 1, 1
	}
	if err := f.checkFrames(trajectory, frame, stride, n); err != nil {
		return field.Array{}, err
	}
	shape := append([]int{n}, info.grid(f.sizes)...)
	a := field.NewArray(append(shape, info.Rank.Components(len(f.sizes)))...)
	if err := f.readInto(a.Data, info, trajectory, frame, stride, n); err != nil {
		return field.Array{}, err
	}
	return a, nil
}

// readInto reads frames that exist into memory of the right size.
func (f *File) readInto(values []float32, info FieldInfo, trajectory, frame, stride, n int) error {
	d, err := f.dataset(info)
	if err != nil {
		return err
	}
	if err := d.ReadFloat32(values, frameSlab(info, d.Shape, trajectory, frame, stride, n)); err != nil {
		return fmt.Errorf("well: %w", err)
	}
	return nil
}

// checkFrames reports frames that the file does not have.
func (f *File) checkFrames(trajectory, frame, stride, n int) error {
	if trajectory < 0 || trajectory >= f.Trajectories() {
		return fmt.Errorf("well: %s: trajectory %d of %d", f.path, trajectory, f.Trajectories())
	}
	if frame < 0 || stride < 1 || n < 1 || frame >= f.Steps() || n-1 > (f.Steps()-1-frame)/stride {
		return fmt.Errorf("well: %s: %d frames from frame %d with stride %d; trajectories have %d frames", f.path, n, frame, stride, f.Steps())
	}
	return nil
}

// Coordinates are the axes with the positions of a trajectory's grid points.
func (f *File) Coordinates(trajectory int) ([]Axis, error) {
	if err := f.checkFrames(trajectory, 0, 1, 1); err != nil {
		return nil, err
	}
	return f.coordinates(trajectory)
}

// TrajectoryTimes are the times of a trajectory's frames.
func (f *File) TrajectoryTimes(trajectory int) ([]float32, error) {
	if err := f.checkFrames(trajectory, 0, 1, 1); err != nil {
		return nil, err
	}
	return f.times(trajectory)
}

// DatasetPath is where the values of a field stand in the file.
func (f FieldInfo) DatasetPath() string { return f.path() }

// DatasetShape is the shape of that array, and at which of its axes the grid's first one stands.
func (f *File) DatasetShape(info FieldInfo) (shape []int, grid int) {
	return info.shape(f.Trajectories(), f.Steps(), f.sizes), info.firstAxis()
}

// coordinates are the axes as trajectory has them.
func (f *File) coordinates(trajectory int) ([]Axis, error) {
	axes := slices.Clone(f.header.Axes)
	for i := range axes {
		if !f.axisVaries[i] {
			continue
		}
		values, err := f.readRow(join(dimensionsGroup, axes[i].Name), trajectory)
		if err != nil {
			return nil, err
		}
		axes[i].Coordinates = values
	}
	return axes, nil
}

// times are the times of the trajectory's frames.
func (f *File) times(trajectory int) ([]float32, error) {
	if !f.timeVaries {
		return f.header.Time, nil
	}
	return f.readRow(join(dimensionsGroup, "time"), trajectory)
}

// readRow reads one row of an array of two axes.
func (f *File) readRow(path string, row int) ([]float32, error) {
	d, err := f.file.Dataset(path)
	if err != nil {
		return nil, fmt.Errorf("well: %w", err)
	}
	defer d.Close()
	values := make([]float32, d.Shape[1])
	if err := d.ReadFloat32(values, &hdf5.Slab{Start: []int{row, 0}, Count: []int{1, d.Shape[1]}}); err != nil {
		return nil, fmt.Errorf("well: %w", err)
	}
	return values, nil
}
