package export

import (
	"encoding/binary"
	"encoding/xml"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/internal/hdf5"
	"github.com/gowalrus/walrus/well"
)

// value is what a field has at a point of a frame: no two are the same.
func value(name string, frame int, at []int, component int) float32 {
	v := float64(len(name)) + float64(component)/8 + 100*float64(frame)
	for i, n := range at {
		v += float64(n) * math.Pow(10, float64(-i))
	}
	return float32(v)
}

// write writes a file with a scalar, a vector, a tensor and a constant.
func write(t *testing.T, grid string, axes []well.Axis) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "flow.hdf5")
	h := well.Header{DatasetName: "flow", GridType: grid, Axes: axes, Time: []float32{0.5, 1, 2}, Trajectories: 2}
	for _, f := range []field.Field{{Name: "density"}, {Name: "velocity", Rank: field.Vector}, {Name: "D", Rank: field.Tensor}} {
		h.Fields = append(h.Fields, well.FieldInfo{Field: f, TimeVarying: true, SampleVarying: true})
	}
	h.Fields = append(h.Fields, well.FieldInfo{Field: field.Field{Name: "mask"}})
	h.Boundaries = well.BoundaryGroups(axes, slices.Repeat([]field.Sides{field.Both(field.Wall)}, len(axes)))
	w, err := well.Create(path, h)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	for _, f := range h.Fields {
		for trajectory := range 2 {
			for frame := range 3 {
				if !f.TimeVarying && trajectory+frame > 0 {
					continue
				}
				if err := w.WriteFrame(trajectory, frame, f.Name, values(f.Field, frame+10*trajectory, axes)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// values is a frame of a field, row-major, components last.
func values(f field.Field, frame int, axes []well.Axis) []float32 {
	list := []float32{}
	points := 1
	for _, a := range axes {
		points *= len(a.Coordinates)
	}
	for p := range points {
		at := make([]int, len(axes))
		for rest, i := p, len(axes)-1; i >= 0; i-- {
			at[i] = rest % len(axes[i].Coordinates)
			rest /= len(axes[i].Coordinates)
		}
		for c := range f.Rank.Components(len(axes)) {
			list = append(list, value(f.Name, frame, at, c))
		}
	}
	return list
}

// line is an axis of n points, step apart.
func line(name string, n int, first, step float32) well.Axis {
	a := well.Axis{Name: name}
	for i := range n {
		a.Coordinates = append(a.Coordinates, first+step*float32(i))
	}
	return a
}

var plane = []well.Axis{line("x", 4, 0.25, 0.5), line("y", 3, 1, 2)}

// parsed is a grid of an .xmf as a reader sees it.
type parsed struct {
	Grids []xdmfGrid `xml:"Domain>Grid>Grid"`
}

// numbersOf resolves a data item as XDMF says: slabs of arrays in files, and joins and products of them.
func numbersOf(t *testing.T, folder string, item xdmfItem) []float32 {
	t.Helper()
	switch item.Type {
	case "HyperSlab":
		var selection []int
		for _, word := range strings.Fields(item.Items[0].Text) {
			n, err := strconv.Atoi(word)
			if err != nil {
				t.Fatal(err)
			}
			selection = append(selection, n)
		}
		rank := len(selection) / 3
		name, path, _ := strings.Cut(item.Items[1].Text, ":/")
		f, err := hdf5.Open(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		d, err := f.Dataset(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Trim(fmt.Sprint(d.Shape), "[]"); got != item.Items[1].Dimensions {
			t.Errorf("%s has shape %s; the description says %s", path, got, item.Items[1].Dimensions)
		}
		list := make([]float32, field.Volume(selection[2*rank:]))
		if err := d.ReadFloat32(list, &hdf5.Slab{Start: selection[:rank], Stride: selection[rank : 2*rank], Count: selection[2*rank:]}); err != nil {
			t.Fatal(err)
		}
		return list
	case "Function":
		var parts [][]float32
		for _, i := range item.Items {
			parts = append(parts, numbersOf(t, folder, i))
		}
		if item.Function == "0 * $0" {
			return make([]float32, len(parts[0]))
		}
		list := []float32{}
		for i := range parts[0] {
			for _, p := range parts {
				list = append(list, p[i])
			}
		}
		return list
	}
	t.Fatalf("item %+v", item)
	return nil
}

func TestXDMFDescribesTheFileAsItIs(t *testing.T) {
	path := write(t, well.Cartesian, plane)
	files, err := XDMF(path, 1)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	var p parsed
	if err := xml.Unmarshal(text, &p); err != nil || len(p.Grids) != 3 {
		t.Fatalf("%v, %d grids", err, len(p.Grids))
	}
	g := p.Grids[2]
	if g.Time.Value != 2 || g.Topology.Dimensions != "5 4" || g.Topology.Type != "2DSMesh" {
		t.Errorf("time %v, mesh %+v", g.Time, g.Topology)
	}
	names := map[string]int{}
	for _, a := range g.Attributes {
		names[a.Name] = len(a.Data.Items)
		if a.Center != "Cell" {
			t.Errorf("%s at %s; the points are evenly spaced", a.Name, a.Center)
		}
		got := numbersOf(t, filepath.Dir(path), a.Data)
		for i, v := range got {
			var want float32
			switch a.Name {
			case "velocity":
				if i%3 < 2 {
					want = value("velocity", 12, []int{i / 9, i / 3 % 3}, i%3)
				}
			case "density":
				want = value("density", 12, []int{i / 3, i % 3}, 0)
			case "D_yx":
				want = value("D", 12, []int{i / 3, i % 3}, 2)
			case "mask":
				want = value("mask", 0, []int{i / 3, i % 3}, 0)
			default:
				continue
			}
			if v != want {
				t.Fatalf("%s, number %d: %g; want %g", a.Name, i, v, want)
			}
		}
	}
	if len(names) != 7 {
		t.Errorf("attributes %v; want density, velocity, four components of D, and mask", names)
	}
	f, err := hdf5.Open(files[1])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d, err := f.Dataset("points")
	if err != nil {
		t.Fatal(err)
	}
	points := make([]float32, 60)
	if err := d.ReadFloat32(points, nil); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(points[:6], []float32{0, 0, 0, 0, 2, 0}) || !slices.Equal(points[57:], []float32{2, 6, 0}) {
		t.Errorf("points %v ... %v; want the corners of cells, the last axis fastest", points[:6], points[57:])
	}
}

// A vector on axes x and z has its second component along z, and uneven axes carry values at their points.
func TestPlacesFollowTheNamesOfAxes(t *testing.T) {
	path := write(t, well.Cartesian, []well.Axis{line("x", 3, 0, 1), {Name: "z", Coordinates: []float32{0, 1, 3}}})
	s, err := open(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.cells() || !slices.Equal(s.places(), []int{0, 2}) {
		t.Errorf("cells %v, places %v", s.cells(), s.places())
	}
	a := s.attributes(s.Variable()[1], 0, "f")[0]
	if a.Type != "Vector" || a.Center != "Node" || a.Data.Items[1].Function != "0 * $0" || a.Data.Items[2].Type != "HyperSlab" {
		t.Errorf("%+v", a)
	}
	if err := VTI(path, 0, 0, filepath.Join(t.TempDir(), "a.vti")); err == nil || !strings.Contains(err.Error(), "xdmf") {
		t.Errorf("an image of uneven axes: error %v", err)
	}
	if p, err := s.position([]float64{1, 3}); err != nil || p != [3]float64{1, 0, 3} {
		t.Errorf("position %v, %v", p, err)
	}
}

func TestSpheresHavePositionsInSpaceAndLatitudes(t *testing.T) {
	path := write(t, "equiangular", []well.Axis{line("theta", 3, math.Pi/4, math.Pi/4), line("phi", 4, 0, math.Pi/2)})
	s, err := open(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.position([]float64{math.Pi / 2, math.Pi / 2})
	if err != nil || math.Abs(p[1]-1) > 1e-6 || math.Abs(p[0])+math.Abs(p[2]) > 1e-6 {
		t.Errorf("position %v, %v; want y = 1", p, err)
	}
	if len(s.attributes(s.Variable()[1], 0, "f")) != 2 {
		t.Error("components along theta and phi are no vector in space")
	}
	s.Close()
	out := filepath.Join(t.TempDir(), "a.nc")
	if err := NetCDF(path, 0, out, nil); err != nil {
		t.Fatal(err)
	}
	f, err := hdf5.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d, err := f.Dataset("latitude")
	if err != nil {
		t.Fatal(err)
	}
	latitudes := make([]float32, 3)
	if err := d.ReadFloat32(latitudes, nil); err != nil || math.Abs(float64(latitudes[0])-45) > 1e-4 || math.Abs(float64(latitudes[2])+45) > 1e-4 {
		t.Errorf("latitudes %v, %v", latitudes, err)
	}
}

func TestImagesHaveTheFirstAxisFastest(t *testing.T) {
	axes := []well.Axis{line("x", 4, 0.25, 0.5), line("y", 3, 5, -2), line("z", 2, 0, 1)} // y falls
	path := write(t, well.Cartesian, axes)
	out := filepath.Join(t.TempDir(), "a.vti")
	if err := VTI(path, 1, 2, out); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`WholeExtent="0 4 0 3 0 2"`, `Origin="0 0 -0.5" Spacing="0.5 2 1"`, ">2</DataArray>"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in %.400s", want, text)
		}
	}
	offset := regexp.MustCompile(`Name="velocity" NumberOfComponents="3" format="appended" offset="(\d+)"`).FindSubmatch(text)
	start, err := strconv.Atoi(string(offset[1]))
	if err != nil {
		t.Fatal(err)
	}
	raw := text[strings.Index(string(text), "<AppendedData")+len("<AppendedData encoding=\"raw\">\n_")+start:]
	if n := binary.LittleEndian.Uint64(raw); n != 4*3*24 {
		t.Fatalf("%d bytes of velocity", n)
	}
	for i := range 24 {
		x, y, z := i%4, 2-i/4%3, i/12 // VTK's y rises
		for c := range 3 {
			got := math.Float32frombits(binary.LittleEndian.Uint32(raw[8+4*(3*i+c):]))
			if want := value("velocity", 12, []int{x, y, z}, c); got != want {
				t.Fatalf("cell %d, component %d: %g; want %g", i, c, got, want)
			}
		}
	}
}

func TestNetCDFHasNamedDimensionsAndUnits(t *testing.T) {
	path := write(t, well.Cartesian, plane)
	out := filepath.Join(t.TempDir(), "a.nc")
	units, err := ParseUnits([]string{"density=kg m-3", "velocity=m s-1", "time=s"})
	if err != nil {
		t.Fatal(err)
	}
	if err := NetCDF(path, 1, out, units); err != nil {
		t.Fatal(err)
	}
	f, err := hdf5.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	scales, err := f.ScaleNames("velocity_y")
	if err != nil || !slices.Equal(scales, []string{"/time", "/x", "/y"}) {
		t.Errorf("dimensions %v, %v", scales, err)
	}
	d, err := f.Dataset("velocity_y")
	if err != nil {
		t.Fatal(err)
	}
	got := make([]float32, 12)
	if err := d.ReadFloat32(got, &hdf5.Slab{Start: []int{2, 0, 0}, Count: []int{1, 4, 3}}); err != nil {
		t.Fatal(err)
	}
	for i, v := range got {
		if want := value("velocity", 12, []int{i / 3, i % 3}, 1); v != want {
			t.Fatalf("point %d: %g; want %g", i, v, want)
		}
	}
	attributes, err := f.Attributes("velocity_y")
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, a := range attributes {
		if len(a.Text) > 0 {
			texts[a.Name] = a.Text[0]
		}
	}
	if texts["units"] != "m s-1" || texts["long_name"] != "velocity, component y" {
		t.Errorf("attributes %v", texts)
	}
	if err := NetCDF(path, 0, out, Units{"salinity": "1"}); err == nil || !strings.Contains(err.Error(), "salinity") {
		t.Errorf("units of a field that is not there: error %v", err)
	}
	if _, err := ParseUnits([]string{"density"}); err == nil {
		t.Error("a unit without a name was taken")
	}
}

func TestWhatIsNotThereIsAnError(t *testing.T) {
	path := write(t, well.Cartesian, plane)
	if _, err := XDMF(path, 2); err == nil || !strings.Contains(err.Error(), "trajectory 2; the file has 2") {
		t.Errorf("error %v", err)
	}
	if err := VTI(path, 0, 3, filepath.Join(t.TempDir(), "a.vti")); err == nil || !strings.Contains(err.Error(), "frame 3; the file has 3") {
		t.Errorf("error %v", err)
	}
	polar := write(t, "spherical", []well.Axis{line("r", 3, 1, 1), line("theta", 3, 0.5, 0.5)})
	if _, err := XDMF(polar, 0); err == nil || !strings.Contains(err.Error(), "r, theta") {
		t.Errorf("error %v", err)
	}
}
