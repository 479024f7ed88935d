package export

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/internal/atomicfile"
	"github.com/gowalrus/walrus/well"
)

// VTI writes one frame of a trajectory as a VTK image (XML, appended raw data): all fields as data of cells, vectors and tensors with the components of
// three dimensions. The points must be evenly spaced along straight axes; others need XDMF.
func VTI(path string, trajectory, frame int, out string) error {
	s, err := open(path, trajectory)
	if err != nil {
		return err
	}
	defer s.Close()
	if frame < 0 || frame >= s.Steps() {
		return fmt.Errorf("export: %s: frame %d; the file has %d, counted from 0", path, frame, s.Steps())
	}
	if !s.cells() {
		return fmt.Errorf("export: %s: a VTK image needs evenly spaced points along straight axes; these are not (%s): use the format xdmf", path, s.Header().GridType)
	}
	return atomicfile.Write(out, func(w io.Writer) error { return s.writeImage(w, frame) })
}

// image is the frame as VTK has it: x fastest, three axes.
type image struct {
	*source
	places  []int  // of our axes in x, y, z
	extents [3]int // points along x, y, z
	strides [3]int // of our array, in points, along x, y, z
}

func (s *source) image() image {
	m := image{source: s, places: s.places(), extents: [3]int{1, 1, 1}}
	for axis, at := range m.places {
		m.extents[at], m.strides[at] = s.sizes[axis], field.Volume(s.sizes[axis+1:])
	}
	return m
}

// components is how many numbers a field has at a point, in three dimensions.
func components(f well.FieldInfo) int { return f.Rank.Components(3) }

func (s *source) writeImage(w io.Writer, frame int) error {
	m := s.image()
	times, err := s.TrajectoryTimes(s.trajectory)
	if err != nil {
		return err
	}
	origin, spacing := [3]float64{}, [3]float64{1, 1, 1}
	for axis, at := range m.places {
		step, _ := field.Spacing(s.axes[axis].Coordinates)
		spacing[at] = math.Abs(step)
		origin[at] = math.Min(float64(s.axes[axis].Coordinates[0]), float64(s.axes[axis].Coordinates[s.sizes[axis]-1])) - spacing[at]/2
	}
	out := bufio.NewWriterSize(w, 1<<16)
	extent := fmt.Sprintf("0 %d 0 %d 0 %d", m.extents[0], m.extents[1], m.extents[2])
	fmt.Fprintf(out, "<?xml version=\"1.0\"?>\n<VTKFile type=\"ImageData\" version=\"1.0\" byte_order=\"LittleEndian\" header_type=\"UInt64\">\n")
	fmt.Fprintf(out, "<ImageData WholeExtent=\"%s\" Origin=\"%g %g %g\" Spacing=\"%g %g %g\">\n", extent, origin[0], origin[1], origin[2], spacing[0], spacing[1], spacing[2])
	fmt.Fprintf(out, "<FieldData><DataArray type=\"Float64\" Name=\"TimeValue\" NumberOfTuples=\"1\" format=\"ascii\">%g</DataArray></FieldData>\n", times[frame])
	fmt.Fprintf(out, "<Piece Extent=\"%s\"><CellData>\n", extent)
	offset := 0
	for _, f := range s.fields() {
		fmt.Fprintf(out, "<DataArray type=\"Float32\" Name=%q NumberOfComponents=\"%d\" format=\"appended\" offset=\"%d\"/>\n", f.Name, components(f), offset)
		offset += 8 + 4*components(f)*field.Volume(s.sizes)
	}
	fmt.Fprintf(out, "</CellData></Piece></ImageData>\n<AppendedData encoding=\"raw\">\n_")
	for _, f := range s.fields() {
		values, err := s.frame(f, frame)
		if err != nil {
			return err
		}
		if err := m.write(out, f, values); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "\n</AppendedData>\n</VTKFile>\n")
	return out.Flush()
}

// write appends a field: its length in bytes, then the values with x fastest.
func (m image) write(out io.Writer, f well.FieldInfo, values field.Array) error {
	own, n := values.Axis(-1), components(f)
	from := m.componentsFrom(f)
	flipped := [3]bool{} // positions fall along the axis, and a VTK image's rise
	for axis, at := range m.places {
		flipped[at] = m.axes[axis].Coordinates[0] > m.axes[axis].Coordinates[m.sizes[axis]-1]
	}
	row := make([]byte, 0, 4*n*m.extents[0])
	if err := binary.Write(out, binary.LittleEndian, uint64(4*n*field.Volume(m.sizes))); err != nil {
		return err
	}
	index := func(at, i int) int {
		if flipped[at] {
			i = m.extents[at] - 1 - i
		}
		return i * m.strides[at]
	}
	for z := range m.extents[2] {
		for y := range m.extents[1] {
			row = row[:0]
			for x := range m.extents[0] {
				point := index(0, x) + index(1, y) + index(2, z)
				for _, c := range from {
					v := float32(0)
					if c >= 0 {
						v = values.Data[point*own+c]
					}
					row = binary.LittleEndian.AppendUint32(row, math.Float32bits(v))
				}
			}
			if _, err := out.Write(row); err != nil {
				return err
			}
		}
	}
	return nil
}

// componentsFrom gives for each component in three dimensions the one of the file, or -1.
func (m image) componentsFrom(f well.FieldInfo) []int {
	dims := len(m.sizes)
	from := slices.Repeat([]int{-1}, components(f))
	for c := range f.Rank.Components(dims) {
		at, unit := 0, 1
		for rest, k := c, f.Rank; k > 0; k-- {
			at += m.places[rest%dims] * unit
			rest /= dims
			unit *= 3
		}
		from[at] = c
	}
	return from
}
