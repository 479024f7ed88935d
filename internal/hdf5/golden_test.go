package hdf5

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// expected is what h5py found in one object: see README.md beside the files.
type expected struct {
	Attributes map[string]any `json:"attrs"`
	Shape      []int
	Type       *string `json:"dtype"`
	checksum
	Slice *struct {
		Start, Count []int
		checksum
	}
	Strided *struct {
		N int
		checksum
	}
}

// checksum is sum x[i] and sum x[i] (i mod 1009).
type checksum struct{ Sum, Wsum float64 }

func checksumOf(values []float64) checksum {
	var c checksum
	for i, v := range values {
		c.Sum += v
		c.Wsum += v * float64(i%1009)
	}
	return c
}

// near allows for the order of summation.
func (c checksum) near(want checksum, values []float64) bool {
	scale := 0.0
	for _, v := range values {
		scale += math.Abs(v)
	}
	return math.Abs(c.Sum-want.Sum) <= 1e-12*scale && math.Abs(c.Wsum-want.Wsum) <= 1e-9*scale
}

// wellFiles is the folder of the shared golden files; empty where this checkout has none.
func wellFiles() string {
	shared := os.Getenv("WALRUS_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "..", "shared")
	}
	folder := filepath.Join(shared, "wellfiles")
	if _, err := os.Stat(filepath.Join(folder, "expect.json")); err != nil {
		return ""
	}
	return folder
}

func TestEveryObjectMatchesWhatH5pyReads(t *testing.T) {
	checkFolder(t, "testdata")
}

func TestEverySharedFileMatchesWhatH5pyReads(t *testing.T) {
	folder := wellFiles()
	if folder == "" {
		t.Skip("no shared/wellfiles beside the repository; set WALRUS_SHARED to the folder that holds it")
	}
	checkFolder(t, folder)
}

func checkFolder(t *testing.T, folder string) {
	text, err := os.ReadFile(filepath.Join(folder, "expect.json"))
	if err != nil {
		t.Fatal(err)
	}
	var files map[string]map[string]expected
	if err := json.Unmarshal(text, &files); err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("expect.json names no files")
	}
	for name, objects := range files {
		t.Run(name, func(t *testing.T) {
			f, err := Open(filepath.Join(folder, name))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			found := listAll(t, f, "/")
			for object, want := range objects {
				if !slices.Contains(found, object) {
					t.Errorf("%s: not listed", object)
				}
				checkAttributes(t, f, object, want.Attributes)
				if want.Type != nil {
					checkDataset(t, f, object, want)
				}
			}
			if len(found) != len(objects) {
				t.Errorf("%d objects listed, want %d", len(found), len(objects))
			}
		})
	}
}

func listAll(t *testing.T, f *File, group string) []string {
	all := []string{group}
	members, err := f.Members(group)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range members {
		full := path.Join(group, m.Name)
		if m.Kind == KindGroup {
			all = append(all, listAll(t, f, full)...)
		} else {
			all = append(all, full)
		}
	}
	return all
}

func checkAttributes(t *testing.T, f *File, object string, want map[string]any) {
	t.Helper()
	attributes, err := f.Attributes(object)
	if err != nil {
		t.Error(err)
		return
	}
	if len(attributes) != len(want) {
		t.Errorf("%s: %d attributes, want %d", object, len(attributes), len(want))
	}
	for _, a := range attributes {
		if got := asJSON(a); !equalJSON(got, want[a.Name]) {
			t.Errorf("%s: attribute %s = %v, want %v", object, a.Name, got, want[a.Name])
		}
	}
}

// asJSON gives the value as encoding/json would decode it from Python's.
func asJSON(a Attribute) any {
	list := []any{}
	for _, v := range a.Text {
		list = append(list, v)
	}
	for _, v := range a.Numbers {
		if a.Type.Class == Bool {
			list = append(list, v != 0)
		} else {
			list = append(list, v)
		}
	}
	if a.Scalar() && len(list) == 1 {
		return list[0]
	}
	return list
}

func equalJSON(a, b any) bool { return fmt.Sprintf("%#v", a) == fmt.Sprintf("%#v", b) }

func checkDataset(t *testing.T, f *File, object string, want expected) {
	t.Helper()
	d, err := f.Dataset(object)
	if err != nil {
		t.Error(err)
		return
	}
	defer d.Close()
	if !slices.Equal(d.Shape, want.Shape) {
		t.Errorf("%s: shape %v, want %v", object, d.Shape, want.Shape)
	}
	numpy := strings.NewReplacer("float64", "<f8", "float32", "<f4").Replace(*want.Type)
	if d.Type.String() != numpy {
		t.Errorf("%s: type %s, want %s", object, d.Type, numpy)
	}
	check := func(what string, s *Slab, want checksum) {
		t.Helper()
		count := d.Shape
		if s != nil {
			count = s.Count
		}
		n, _ := volume(count)
		values, err := readAny(d, n, s)
		if err != nil {
			t.Error(err)
			return
		}
		if got := checksumOf(values); !got.near(want, values) {
			t.Errorf("%s: %s: checksum %v, want %v", object, what, got, want)
		}
	}
	check("whole", nil, want.checksum)
	if s := want.Slice; s != nil {
		check("slice", &Slab{Start: s.Start, Count: s.Count}, s.checksum)
	}
	if s := want.Strided; s != nil {
		start, count, stride := make([]int, len(d.Shape)), slices.Clone(d.Shape), make([]int, len(d.Shape))
		for i := range stride {
			stride[i] = 1
		}
		rest, _ := volume(d.Shape[2:])
		start[0], start[1], stride[1] = 1, 2, 2
		count[0], count[1] = 1, s.N/rest
		check("strided", &Slab{Start: start, Count: count, Stride: stride}, s.checksum)
	}
}

// readAny reads numbers or booleans as float64, and checks that the float32 reader agrees.
func readAny(d *Dataset, n int, s *Slab) ([]float64, error) {
	values := make([]float64, n)
	if d.Type.Class == Bool {
		flags := make([]bool, n)
		err := d.ReadBool(flags, s)
		for i, f := range flags {
			values[i] = float64(byteOf(f))
		}
		return values, err
	}
	short := make([]float32, n)
	if err := d.ReadFloat32(short, s); err != nil {
		return nil, err
	}
	if err := d.ReadFloat64(values, s); err != nil {
		return nil, err
	}
	for i := range values {
		if float32(values[i]) != short[i] {
			return nil, fmt.Errorf("value %d: float32 reader gives %v, float64 reader %v", i, short[i], values[i])
		}
	}
	return values, nil
}
