package importer

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/internal/hdf5"
	"github.com/gowalrus/walrus/well"
)

// npy encodes values as NumPy's save does.
func npy(descr string, fortran bool, shape []int, values []float64) []byte {
	var dims strings.Builder
	for _, n := range shape {
		fmt.Fprintf(&dims, "%d, ", n)
	}
	order := "False"
	if fortran {
		order = "True"
	}
	header := fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': (%s), }", descr, order, strings.TrimSuffix(dims.String(), " "))
	header += strings.Repeat(" ", 63-(10+len(header))%64) + "\n"
	b := []byte("\x93NUMPY\x01\x00")
	b = binary.LittleEndian.AppendUint16(b, uint16(len(header)))
	b = append(b, header...)
	var endian binary.AppendByteOrder = binary.LittleEndian
	if descr[0] == '>' {
		endian = binary.BigEndian
	}
	for _, v := range values {
		switch descr[1:] {
		case "f4":
			b = endian.AppendUint32(b, math.Float32bits(float32(v)))
		case "f8":
			b = endian.AppendUint64(b, math.Float64bits(v))
		case "f2":
			b = endian.AppendUint16(b, halfOf(v))
		case "i2":
			b = endian.AppendUint16(b, uint16(int16(v)))
		default:
			panic(descr)
		}
	}
	return b
}

// value is what the tests store at trajectory b, frame t, point (x, y), component c.
func value(b, t, x, y, c int) float64 { return float64(10000*b + 1000*t + 100*x + 10*y + c) }

// fill makes a row-major array over axes named by letters of "btxyc", with the given extents.
func fill(axes string, shape []int) []float64 {
	values := make([]float64, 0, product(shape))
	index := make([]int, len(shape))
	at := func(name rune) int {
		if i := strings.IndexRune(axes, name); i >= 0 {
			return index[i]
		}
		return 0
	}
	for range product(shape) {
		values = append(values, value(at('b'), at('t'), at('x'), at('y'), at('c')))
		for i := len(index) - 1; i >= 0; i-- {
			if index[i]++; index[i] < shape[i] {
				break
			}
			index[i] = 0
		}
	}
	return values
}

const description = `
name: imported
axes:
  - {name: x, boundary: periodic, first: 0, last: 3}
  - {name: y, boundary: wall/open}
time: {start: 1, step: 0.5}
layout: [time, y, x]
parameters: {Re: 100}
fields:
  - {name: p, variables: [pressure]}
  - {name: velocity, rank: vector, variables: [uv], layout: [component, x, time, trajectory, y]}
  - {name: force, rank: vector, variables: [fx, fy]}
  - {name: bed, variables: [depth], layout: [y]}
`

const nb, nt, nx, ny = 2, 3, 4, 5

// arrays are the variables of the description, with their types.
var arrays = []struct {
	name, descr, axes string
	shape             []int
}{
	{"pressure", "<f4", "tyx", []int{nt, ny, nx}},
	{"uv", ">f8", "cxtby", []int{2, nx, nt, nb, ny}},
	{"fx", "<i2", "tyx", []int{nt, ny, nx}},
	{"fy", "<f8", "tyx", []int{nt, ny, nx}},
	{"depth", "<f4", "y", []int{ny}},
}

func writeFile(t *testing.T, path string, data []byte) string {
	t.Helper()
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func writeNPYs(t *testing.T, fortran bool) []string {
	folder := t.TempDir()
	var paths []string
	for _, a := range arrays {
		shape, axes := a.shape, []rune(a.axes)
		values := fill(a.axes, shape)
		if fortran { // the same array, stored with the first axis fastest
			slices.Reverse(axes)
			values = fill(string(axes), backwards(shape))
		}
		paths = append(paths, writeFile(t, filepath.Join(folder, a.name+".npy"), npy(a.descr, fortran, shape, values)))
	}
	return paths
}

func writeNPZ(t *testing.T, method uint16) []string {
	var b bytes.Buffer
	archive := zip.NewWriter(&b)
	for _, a := range arrays {
		member, err := archive.CreateHeader(&zip.FileHeader{Name: a.name + ".npy", Method: method})
		if err == nil {
			_, err = member.Write(npy(a.descr, false, a.shape, fill(a.axes, a.shape)))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	return []string{writeFile(t, filepath.Join(t.TempDir(), "all.npz"), b.Bytes())}
}

func float32s(values []float64) []float32 {
	out := make([]float32, len(values))
	for i, v := range values {
		out[i] = float32(v)
	}
	return out
}

func writeNetCDF(t *testing.T) []string {
	path := filepath.Join(t.TempDir(), "all.nc")
	f, err := hdf5.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range arrays {
		values := fill(a.axes, a.shape)
		if a.name == "fx" { // packed: stored = (value - 7) / 2
			for i := range values {
				values[i] = (values[i] - 7) / 2
			}
		}
		d, err := f.CreateFloat32(a.name, a.shape, hdf5.Storage{})
		if err == nil {
			err = d.WriteFloat32(float32s(values), nil)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, v := range map[string]float64{"scale_factor": 2, "add_offset": 7} {
		if err := f.WriteNumbers("fx", name, []float64{v}); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return []string{path}
}

func TestAllFormatsAndOrdersGiveTheSameFile(t *testing.T) {
	for _, c := range []struct {
		name  string
		paths []string
	}{
		{"npy", writeNPYs(t, false)}, {"npy in Fortran order", writeNPYs(t, true)},
		{"npz stored", writeNPZ(t, zip.Store)}, {"npz deflated", writeNPZ(t, zip.Deflate)}, {"NetCDF-4", writeNetCDF(t)},
	} {
		t.Run(c.name, func(t *testing.T) {
			config, err := parseConfig([]byte(description))
			if err != nil {
				t.Fatal(err)
			}
			out := filepath.Join(t.TempDir(), "out.hdf5")
			if _, err := Import(context.Background(), config, c.paths, out, Options{}); err != nil {
				t.Fatal(err)
			}
			if violations, err := well.Check(context.Background(), out); err != nil || len(violations) > 0 {
				t.Errorf("the file breaks rules: %v, %v", violations, err)
			}
			checkImported(t, out)
		})
	}
}

func checkImported(t *testing.T, path string) {
	t.Helper()
	f, err := well.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got, want := f.Boundaries(), []field.Sides{field.Both(field.Periodic), {Low: field.Wall, High: field.Open}}; !slices.Equal(got, want) {
		t.Errorf("boundaries %v, want %v", got, want)
	}
	if h := f.Header(); !slices.Equal(h.Time, []float32{1, 1.5, 2}) || h.Axes[0].Coordinates[3] != 3 || h.Trajectories != nb || h.Parameters[0].Values[0] != 100 {
		t.Errorf("header %+v", h)
	}
	for b := range nb {
		w, err := f.ReadWindow(context.Background(), b, 0, 1, nt)
		if err != nil {
			t.Fatal(err)
		}
		// channels: p, velocity_x, velocity_y, force_x, force_y
		i := 0
		for frame := range nt {
			for x := range nx {
				for y := range ny {
					p := value(0, frame, x, y, 0)
					want := []float64{p, value(b, frame, x, y, 0), value(b, frame, x, y, 1), p, p}
					for c, v := range want {
						if got := w.Frames.Data[i]; got != float32(v) {
							t.Fatalf("trajectory %d, frame %d, point (%d, %d), channel %d: %v, want %v", b, frame, x, y, c, got, v)
						}
						i++
					}
				}
			}
		}
		for y := range ny {
			if got, want := w.Constant.Data[y], float32(value(0, 0, 0, y, 0)); got != want {
				t.Errorf("bed at %d: %v, want %v", y, got, want)
			}
		}
	}
}

func TestPartsOfAnArrayAreRead(t *testing.T) {
	shape := []int{3, 40, 50, 2}
	data := npy("<f8", false, shape, fill("txyc", shape))
	a, err := parseNPY(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := a.read([]int{1, 10, 0, 0}, []int{2, 20, 50, 2})
	if err != nil {
		t.Fatal(err)
	}
	i := 0
	for _, frame := range []int{1, 2} {
		for x := 10; x < 30; x++ {
			for y := range 50 {
				for c := range 2 {
					if got[i] != value(0, frame, x, y, c) {
						t.Fatalf("value %d is %v, want %v", i, got[i], value(0, frame, x, y, c))
					}
					i++
				}
			}
		}
	}
}

func TestMissingValuesAreReplacedOrRefused(t *testing.T) {
	shape := []int{2, 3}
	values := []float64{1, 2, math.NaN(), 4, 5, 6}
	paths := []string{writeFile(t, filepath.Join(t.TempDir(), "p.npy"), npy("<f8", false, shape, values))}
	for _, c := range []struct{ missing, problem string }{{"", "value 2 (x 2) is missing or NaN"}, {", missing: 9", ""}} {
		config, err := parseConfig([]byte("name: n\nlayout: [time, x]\naxes: [{name: x, boundary: open}]\nfields: [{name: p" + c.missing + "}]"))
		if err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(t.TempDir(), "out.hdf5")
		_, err = Import(context.Background(), config, paths, out, Options{})
		if c.problem == "" {
			if err != nil {
				t.Error(err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.problem) {
			t.Errorf("error %v; want %q", err, c.problem)
		}
		if _, err := os.Stat(out); err == nil {
			t.Error("a file was left behind")
		}
	}
}

func TestDescriptionErrorsSayWhatIsWrong(t *testing.T) {
	for _, c := range []struct{ old, new, message string }{
		{"name: imported", "", "no name"},
		{"periodic", "sticky", `unknown boundary "sticky"`},
		{"parameters:", "parameter:", "parameter"},
		{"rank: vector, variables: [uv]", "rank: spinor, variables: [uv]", `rank "spinor"`},
		{"layout: [y]", "layout: [q]", `layout names "q"`},
		{"layout: [y]", "layout: [y, y]", "layout has y twice"},
		{"[fx, fy]", "[fx, fy, fz]", "3 variables; expected 1, or 2"},
		{"[fx, fy]", "[fx]", "one variable without a component axis"},
		{"last: 3", "", "both first and last"},
	} {
		text := strings.Replace(description, c.old, c.new, 1)
		if _, err := parseConfig([]byte(text)); err == nil || !strings.Contains(err.Error(), c.message) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q in place of %q: error %v; want one line with %q", c.new, c.old, err, c.message)
		}
	}
}

func TestArraysThatDisagreeAreNamed(t *testing.T) {
	for _, c := range []struct {
		name, message string
		shape         []int
	}{
		{"pressure", "uv has 3 frames; other variables have 4", []int{4, ny, nx}},
		{"pressure", "shape [3 5]; the layout [time y x] has 3 axes", []int{nt, ny}},
		{"uv", "uv has 3 components; expected 2", []int{3, nx, nt, nb, ny}},
		{"other", `no variable "pressure"`, []int{1}},
	} {
		config, err := parseConfig([]byte(description))
		if err != nil {
			t.Fatal(err)
		}
		paths := writeNPYs(t, false)
		if c.name == "other" {
			paths = paths[1:]
		} else {
			paths = slices.DeleteFunc(paths, func(p string) bool { return strings.HasSuffix(p, c.name+".npy") })
			paths = append(paths, writeFile(t, filepath.Join(t.TempDir(), c.name+".npy"), npy("<f4", false, c.shape, make([]float64, product(c.shape)))))
		}
		_, err = Import(context.Background(), config, paths, filepath.Join(t.TempDir(), "out.hdf5"), Options{})
		if err == nil || !strings.Contains(err.Error(), c.message) {
			t.Errorf("error %v; want %q", err, c.message)
		}
	}
}

func FuzzParseNPY(f *testing.F) {
	f.Add(npy("<f4", false, []int{2, 3}, make([]float64, 6)))
	f.Add(npy(">f8", true, []int{1, 2, 2}, make([]float64, 4)))
	f.Add([]byte("\x93NUMPY\x02\x00\xff\xff\xff\xff{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999, 99999999999), }"))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := parseNPY(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		shape := a.shape()
		values, _, err := a.read(make([]int, len(shape)), shape)
		if err != nil {
			t.Fatalf("shape %v was accepted, and can not be read: %v", shape, err)
		}
		if len(values) != product(shape) || len(values) > len(data) {
			t.Errorf("%d values of shape %v from %d bytes", len(values), shape, len(data))
		}
	})
}

// mustElement is a type of numbers, little-endian.
func mustElement(t *testing.T, kind string) element {
	t.Helper()
	e, ok := elementOf(kind, binary.LittleEndian)
	if !ok {
		t.Fatal(kind)
	}
	return e
}

// binaryInt64 encodes integers, little-endian.
func binaryInt64(values ...int64) []byte {
	var b []byte
	for _, v := range values {
		b = binary.LittleEndian.AppendUint64(b, uint64(v))
	}
	return b
}

// halfOf encodes a whole number below 2048 as a float16, and other numbers cut.
func halfOf(v float64) uint16 {
	if v == 0 {
		return 0
	}
	fraction, exponent := math.Frexp(v)
	return uint16(exponent+14)<<10 | uint16(2048*fraction)&1023
}
