package export

import (
	"bufio"
	"encoding/xml"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/internal/atomicfile"
	"github.com/gowalrus/walrus/internal/hdf5"
	"github.com/gowalrus/walrus/well"
)

// XDMF describes a trajectory of a file of The Well for ParaView and VisIt: beside FILE.hdf5 it writes FILE.xmf, which points into the file as it is, and
// FILE.points.hdf5, the positions of the mesh as float32 x, y, z. Open the .xmf. Values are those of cells where the points are evenly spaced, else those of points.
// It returns the names of the two files.
//
// The mesh is a structured one whose points are given, since XDMF's regular meshes have z as the slowest axis, and The Well's arrays x.
func XDMF(path string, trajectory int) (files []string, err error) {
	s, err := open(path, trajectory)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	stem := strings.TrimSuffix(path, filepath.Ext(path))
	points, description := stem+".points.hdf5", stem+".xmf"
	if err := s.writePoints(points); err != nil {
		return nil, err
	}
	err = atomicfile.Write(description, func(w io.Writer) error { return s.describe(w, filepath.Base(path), filepath.Base(points)) })
	return []string{description, points}, err
}

// mesh is the number of points along each axis of the mesh.
func (s *source) mesh() []int {
	sizes := slices.Clone(s.sizes)
	if s.cells() {
		for i := range sizes {
			sizes[i]++
		}
	}
	return sizes
}

// writePoints writes the positions of the mesh, the last axis fastest: an array (points, 3) in a file of its own.
func (s *source) writePoints(path string) error {
	return writeHDF5(path, s.fillPoints)
}

// fillPoints writes the positions, those of one place on the first axis at a time.
func (s *source) fillPoints(f *hdf5.File) error {
	mesh := s.mesh()
	axes := make([][]float64, len(s.axes))
	for i, a := range s.axes {
		axes[i] = corners(a, s.cells())
	}
	data, err := f.CreateFloat32("points", []int{field.Volume(mesh), 3}, hdf5.Storage{})
	if err != nil {
		return err
	}
	defer data.Close()
	rows := field.Volume(mesh[1:])
	values, at := make([]float32, 3*rows), make([]float64, len(axes))
	for first := range mesh[0] {
		at[0] = axes[0][first]
		for i := range rows {
			rest := i
			for axis := len(axes) - 1; axis > 0; axis-- {
				at[axis] = axes[axis][rest%mesh[axis]]
				rest /= mesh[axis]
			}
			p, err := s.position(at)
			if err != nil {
				return err
			}
			for k, v := range p {
				values[3*i+k] = float32(v)
			}
		}
		if err := data.WriteFloat32(values, &hdf5.Slab{Start: []int{first * rows, 0}, Count: []int{rows, 3}}); err != nil {
			return err
		}
	}
	return nil
}

// The elements of XDMF 2 that both ParaView and VisIt read.
type (
	xdmfGrid struct {
		XMLName    xml.Name        `xml:"Grid"`
		Name       string          `xml:"Name,attr"`
		Time       xdmfTime        `xml:"Time"`
		Topology   xdmfTopology    `xml:"Topology"`
		Geometry   xdmfGeometry    `xml:"Geometry"`
		Attributes []xdmfAttribute `xml:"Attribute"`
	}
	xdmfTime struct {
		Value float64 `xml:"Value,attr"`
	}
	xdmfTopology struct {
		Type       string `xml:"TopologyType,attr"`
		Dimensions string `xml:"Dimensions,attr"`
	}
	xdmfGeometry struct {
		Type string   `xml:"GeometryType,attr"`
		Data xdmfItem `xml:"DataItem"`
	}
	xdmfAttribute struct {
		Name   string   `xml:"Name,attr"`
		Type   string   `xml:"AttributeType,attr"`
		Center string   `xml:"Center,attr"`
		Data   xdmfItem `xml:"DataItem"`
	}
	xdmfItem struct {
		Type       string     `xml:"ItemType,attr,omitempty"`
		Function   string     `xml:"Function,attr,omitempty"`
		Dimensions string     `xml:"Dimensions,attr"`
		Format     string     `xml:"Format,attr,omitempty"`
		Number     string     `xml:"NumberType,attr,omitempty"`
		Precision  string     `xml:"Precision,attr,omitempty"`
		Text       string     `xml:",chardata"`
		Items      []xdmfItem `xml:"DataItem"`
	}
)

// describe writes the .xmf: a grid for each frame, one after the other, so that a long file needs no memory.
func (s *source) describe(w io.Writer, data, points string) error {
	times, err := s.TrajectoryTimes(s.trajectory)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(w, 1<<16)
	fmt.Fprintf(out, "<?xml version=\"1.0\" ?>\n<Xdmf Version=\"2.0\">\n<Domain>\n<Grid Name=\"trajectory %d\" GridType=\"Collection\" CollectionType=\"Temporal\">\n", s.trajectory)
	encoder := xml.NewEncoder(out)
	for t, time := range times {
		g := xdmfGrid{
			Name: fmt.Sprintf("frame %d", t), Time: xdmfTime{float64(time)},
			Topology: xdmfTopology{fmt.Sprintf("%dDSMesh", len(s.sizes)), spaced(s.mesh())},
			Geometry: xdmfGeometry{"XYZ", xdmfItem{
				Dimensions: fmt.Sprint(field.Volume(s.mesh()), " 3"), Format: "HDF", Number: "Float", Precision: "4", Text: points + ":/points",
			}},
		}
		for _, f := range s.fields() {
			g.Attributes = append(g.Attributes, s.attributes(f, t, data)...)
		}
		if err := encoder.Encode(g); err != nil {
			return err
		}
		if _, err := out.WriteString("\n"); err != nil {
			return err
		}
	}
	if _, err := out.WriteString("</Grid>\n</Domain>\n</Xdmf>\n"); err != nil {
		return err
	}
	return out.Flush()
}

// spaced writes extents as XDMF does, the slowest first.
func spaced(sizes []int) string { return strings.Trim(fmt.Sprint(sizes), "[]") }

// attributes describe a field of one frame: a scalar or a vector as it is, the components of what has no counterpart as scalars.
func (s *source) attributes(f well.FieldInfo, t int, data string) []xdmfAttribute {
	center := "Node"
	if s.cells() {
		center = "Cell"
	}
	dims := len(s.sizes)
	component := func(c int) xdmfItem { return s.slab(f, t, data, c) }
	straight := s.Header().GridType == well.Cartesian
	if f.Rank == field.Vector && straight && dims > 1 {
		zero := xdmfItem{Type: "Function", Function: "0 * $0", Dimensions: spaced(s.sizes), Items: []xdmfItem{component(0)}}
		join := xdmfItem{Type: "Function", Function: "JOIN($0, $1, $2)", Dimensions: spaced(s.sizes) + " 3", Items: []xdmfItem{zero, zero, zero}}
		for c, at := range s.places() {
			join.Items[at] = component(c)
		}
		return []xdmfAttribute{{f.Name, "Vector", center, join}}
	}
	names := make([]string, dims)
	for i, a := range s.axes {
		names[i] = a.Name
	}
	var list []xdmfAttribute
	for c, name := range f.Components(names) {
		list = append(list, xdmfAttribute{name, "Scalar", center, component(c)})
	}
	return list
}

// slab selects one component of one frame of a field's array: (*grid).
func (s *source) slab(f well.FieldInfo, t int, data string, component int) xdmfItem {
	shape, first := s.DatasetShape(f)
	start, count := make([]int, len(shape)), slices.Repeat([]int{1}, len(shape))
	if f.SampleVarying {
		start[0] = s.trajectory
	}
	if f.TimeVarying {
		start[first-1] = t
	}
	copy(count[first:], s.sizes)
	for i := len(shape) - 1; i >= first+len(s.sizes); i-- {
		start[i] = component % shape[i]
		component /= shape[i]
	}
	selection := append(append(slices.Clone(start), slices.Repeat([]int{1}, len(shape))...), count...)
	return xdmfItem{Type: "HyperSlab", Dimensions: spaced(s.sizes), Items: []xdmfItem{
		{Dimensions: fmt.Sprint("3 ", len(shape)), Format: "XML", Text: spaced(selection)},
		{Dimensions: spaced(shape), Format: "HDF", Number: "Float", Precision: "4", Text: data + ":/" + f.DatasetPath()},
	}}
}
