package export

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/well"
)

// source is the file that is exported: one trajectory of it.
type source struct {
	*well.File
	trajectory int
	axes       []well.Axis
	sizes      []int
}

// open opens a trajectory of a file of The Well.
func open(path string, trajectory int) (*source, error) {
	f, err := well.Open(path)
	if err != nil {
		return nil, err
	}
	if trajectory < 0 || trajectory >= f.Trajectories() {
		f.Close()
		return nil, fmt.Errorf("export: %s: trajectory %d; the file has %d, counted from 0", path, trajectory, f.Trajectories())
	}
	s := &source{File: f, trajectory: trajectory, sizes: f.Sizes()}
	if s.axes, err = f.Coordinates(trajectory); err != nil {
		f.Close()
		return nil, err
	}
	return s, nil
}

// fields are those that vary in time and then the others, without those that are stored for a part of the axes only.
func (s *source) fields() []well.FieldInfo {
	var list []well.FieldInfo
	for _, f := range append(s.Variable(), s.Constant()...) {
		if f.AxisVarying == nil || !slices.Contains(f.AxisVarying, false) {
			list = append(list, f)
		}
	}
	return list
}

// cells says whether values stand for cells around evenly spaced points of a straight grid, as those of finite volumes and of spectral methods on
// periodic axes do. On other grids they are values at points: Chebyshev's lie on the walls, and those of a sphere on its poles' side.
func (s *source) cells() bool {
	if s.Header().GridType != well.Cartesian {
		return false
	}
	return !slices.ContainsFunc(s.axes, func(a well.Axis) bool { _, even := field.Spacing(a.Coordinates); return !even })
}

// corners are the positions of a mesh along an axis: the edges of the cells, or the points themselves.
func corners(a well.Axis, cells bool) []float64 {
	list := make([]float64, 0, len(a.Coordinates)+1)
	for _, x := range a.Coordinates {
		list = append(list, float64(x))
	}
	if !cells {
		return list
	}
	size, _ := field.Spacing(a.Coordinates)
	list = list[:0]
	for i := range len(a.Coordinates) + 1 {
		list = append(list, float64(a.Coordinates[0])+size*(float64(i)-0.5))
	}
	return list
}

// position takes grid coordinates to x, y, z. Axes of a sphere are colatitude theta, longitude phi, and r, which is 1 where there is none.
func (s *source) position(at []float64) (p [3]float64, err error) {
	if s.Header().GridType == well.Cartesian {
		for i, v := range at {
			p[place(s.axes[i].Name, i)] = v
		}
		return p, nil
	}
	r, theta, phi := 1.0, math.NaN(), math.NaN()
	for i, v := range at {
		switch s.axes[i].Name {
		case "r":
			r = v
		case "theta":
			theta = v
		case "phi":
			phi = v
		}
	}
	if math.IsNaN(theta) || math.IsNaN(phi) {
		names := make([]string, len(s.axes))
		for i, a := range s.axes {
			names[i] = a.Name
		}
		return p, fmt.Errorf("export: %s: a %s grid with axes %s; expected theta and phi, with or without r: the place of others is not known", s.Path(), s.Header().GridType, strings.Join(names, ", "))
	}
	return [3]float64{r * math.Sin(theta) * math.Cos(phi), r * math.Sin(theta) * math.Sin(phi), r * math.Cos(theta)}, nil
}

// place is where in x, y, z a straight axis points: by its name, else by its number.
func place(name string, number int) int {
	if i := strings.Index("xyz", name); len(name) == 1 && i >= 0 {
		return i
	}
	return number
}

// places are those of all axes; distinct, or the axes' numbers.
func (s *source) places() []int {
	list := make([]int, len(s.axes))
	seen := map[int]bool{}
	for i, a := range s.axes {
		list[i] = place(a.Name, i)
		seen[list[i]] = true
	}
	if len(seen) < len(list) {
		for i := range list {
			list[i] = i
		}
	}
	return list
}

// frame reads one frame of a field: (*grid, components).
func (s *source) frame(f well.FieldInfo, t int) (field.Array, error) {
	a, err := s.ReadField(f, s.trajectory, t, 1, 1)
	if err != nil {
		return a, err
	}
	return a.Index(0), nil
}
