package importer

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gowalrus/walrus/internal/cf"
	"github.com/gowalrus/walrus/internal/hdf5"
	"github.com/gowalrus/walrus/well"
)

// imported runs an import of files in a folder and gives what was written, the notes and the error. The description is one of
// a field u along x and y unless it has its own.
func imported(t *testing.T, description string, paths ...string) (*well.File, string, error) {
	t.Helper()
	c, err := parseConfig([]byte(description))
	if err != nil {
		t.Fatalf("%s: %v", description, err)
	}
	out := filepath.Join(t.TempDir(), "made", "out.hdf5")
	notes := ""
	result, err := Import(context.Background(), c, paths, out, Options{Survey: func(s *Survey) error {
		notes = strings.Join(s.Notes, "\n")
		return nil
	}})
	notes += "\n" + strings.Join(result.Notes, "\n")
	if err != nil {
		return nil, notes, err
	}
	f, err := well.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f, notes, nil
}

// values are all values of a field of all trajectories.
func values(t *testing.T, f *well.File, name string) []float32 {
	t.Helper()
	info, err := f.Field(name)
	if err != nil {
		t.Fatal(err)
	}
	var all []float32
	for trajectory := range f.Trajectories() {
		a, err := f.ReadField(info, trajectory, 0, 1, f.Steps())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, a.Data...)
	}
	return all
}

// plainDescription is of a scalar u with axes time, x and y.
func plainDescription(extra string) string {
	return "name: n\naxes: [{name: x, boundary: periodic}, {name: y, boundary: wall}]\nlayout: [time, x, y]\nfields: [{name: u" + extra + "}]\n"
}

// shape of the arrays of these tests, and their values.
var smallShape = []int{3, 4, 5}

func smallValues() []float64 { return fill("txy", smallShape) }

// hdf5With writes a file with the array u and lets a function add to it.
func hdf5With(t *testing.T, name string, v []float64, add func(f *hdf5.File) error) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	f, err := hdf5.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	d, err := f.CreateFloat32("u", smallShape, hdf5.Storage{})
	if err == nil {
		err = d.WriteFloat32(float32s(v), nil)
	}
	if err == nil && add != nil {
		err = add(f)
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAttributesThatChangeValuesCountInEveryContainer(t *testing.T) {
	number := func(name string, v ...float64) func(*hdf5.File) error {
		return func(f *hdf5.File) error { return f.WriteNumbers("u", name, v) }
	}
	text := func(name, v string) func(*hdf5.File) error {
		return func(f *hdf5.File) error { return f.WriteText("u", name, v) }
	}
	const big, tenth = 1e20, 0.1 // neither is a float32
	for _, c := range []struct {
		what, file string
		first      float64 // the first value, in place of 0
		add        func(*hdf5.File) error
		extra      string // of the description
		want       float64
		message    string
	}{
		{"a marker in float64", "u.h5", big, number("missing_value", big), "missing: 7", 7, ""},
		{"a marker in float64", "u.h5", tenth, number("_FillValue", tenth), "", 0, "_FillValue marks as missing"},
		{"one of several markers", "u.h5", tenth, number("missing_value", 3e30, tenth), "missing: 7", 7, ""},
		{"a marker in words", "u.h5", 1, text("missing_value", "-999"), "", 0, `missing_value is ["-999"]`},
		{"a marker in words that does not count", "u.h5", 1, text("missing_value", "-999"), "ignore: [missing_value]", 1, ""},
		{"a scale in words", "u.h5", 1, text("scale_factor", "0.1"), "", 0, "scale_factor"},
		{"two scales", "u.h5", 1, number("scale_factor", 1, 2), "", 0, "expected one finite number"},
		{"a scale of zero", "u.h5", 1, number("scale_factor", 0), "", 0, "other than 0"},
		{"an offset that is not a number", "u.h5", 1, number("add_offset", math.NaN()), "", 0, "add_offset"},
		{"a valid range", "u.h5", 5000, number("valid_range", -1, 4000), "missing: 7", 7, ""},
		{"a valid range", "u.h5", 5000, number("valid_max", 4000), "", 0, "outside valid_max"},
		{"the default fill value of NetCDF", "u.nc", 9.969209968386869e36, nil, "", 0, "default fill value of NetCDF"},
		{"that value in another file", "u.h5", 9.969209968386869e36, nil, "", 9.969209968386869e36, ""},
		{"a marker of the description", "u.h5", -999.9, nil, "missing_values: [-999.9], missing: 7", 7, ""},
		{"units of the description", "u.h5", 3, nil, "scale: 2, offset: 1", 7, ""},
	} {
		v := smallValues()
		v[0] = c.first
		extra := ""
		if c.extra != "" {
			extra = ", " + c.extra
		}
		f, _, err := imported(t, plainDescription(extra), hdf5With(t, c.file, v, c.add))
		switch {
		case c.message != "" && (err == nil || !strings.Contains(err.Error(), c.message)):
			t.Errorf("%s: error %v; want one with %q", c.what, err, c.message)
		case c.message == "" && err != nil:
			t.Errorf("%s: %v", c.what, err)
		case c.message == "" && values(t, f, "u")[0] != float32(c.want):
			t.Errorf("%s: the first value is %v; want %v", c.what, values(t, f, "u")[0], c.want)
		}
	}
	_, notes, err := imported(t, plainDescription(""), hdf5With(t, "u.h5", smallValues(), number("slope", 0.5)))
	if err != nil || !strings.Contains(notes, "slope") {
		t.Errorf("notes %q, error %v; want a word about the attribute slope", notes, err)
	}
}

func TestPartsThatWereNeverWrittenAreMissing(t *testing.T) {
	path := hdf5With(t, "u.h5", smallValues(), func(f *hdf5.File) error {
		d, err := f.CreateFloat32("w", smallShape, hdf5.Storage{Chunk: []int{1, 4, 5}, Gzip: 1})
		if err != nil {
			return err
		}
		return d.WriteFloat32(float32s(smallValues())[:20], &hdf5.Slab{Start: []int{0, 0, 0}, Count: []int{1, 4, 5}})
	})
	if _, _, err := imported(t, plainDescription(", variables: [w]"), path); err == nil || !strings.Contains(err.Error(), "frame 1") || !strings.Contains(err.Error(), "never written") {
		t.Errorf("error %v; want one that names frame 1, which was never written", err)
	}
	f, _, err := imported(t, plainDescription(", variables: [w], missing: 7"), path)
	if err != nil {
		t.Fatal(err)
	}
	if got := values(t, f, "u"); got[19] != float32(smallValues()[19]) || got[20] != 7 || got[59] != 7 {
		t.Errorf("values %v; want the first frame as written, and 7", got)
	}
}

func TestClassicNetCDFIsRead(t *testing.T) {
	for _, version := range []int{1, 2, 5} {
		path := filepath.Join("testdata", fmt.Sprintf("classic%d.nc", version))
		f, _, err := imported(t, "name: n\naxes: [{name: x, boundary: open}, {name: y, boundary: open}]\ntime: {variable: time}\nlayout: [time, x, y]\nfields: [{name: u}, {name: k}]\n", path)
		if err != nil {
			t.Errorf("version %d: %v", version, err)
			continue
		}
		if h := f.Header(); !slices.Equal(h.Time, []float32{0, 0.5, 1}) {
			t.Errorf("version %d: times %v", version, h.Time)
		}
		for _, name := range []string{"u", "k"} {
			for i, v := range values(t, f, name) {
				if want := float32(100*(i/20) + 10*(i/5%4) + i%5); v != want {
					t.Fatalf("version %d: %s: value %d is %v; want %v", version, name, i, v, want)
				}
			}
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		cut := writeFile(t, filepath.Join(t.TempDir(), "cut.nc"), data[:len(data)-8])
		if _, _, err := imported(t, plainDescription(""), cut); err == nil || !strings.Contains(err.Error(), "incomplete") {
			t.Errorf("version %d: a file that was cut: error %v", version, err)
		}
	}
}

func FuzzClassic(f *testing.F) {
	for _, version := range []int{1, 2, 5} {
		data, err := os.ReadFile(filepath.Join("testdata", fmt.Sprintf("classic%d.nc", version)))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		in, err := openClassic(writeFile(t, filepath.Join(t.TempDir(), "f.nc"), data))
		if err != nil {
			return
		}
		defer in.Close()
		for _, name := range in.names() {
			a, err := in.open(name, nil)
			if err != nil || product(a.shape()) == 0 {
				continue
			}
			if v, _, err := a.read(make([]int, len(a.shape())), a.shape()); err != nil || len(v) > len(data) {
				t.Errorf("%s of shape %v was accepted: %d values, %v", name, a.shape(), len(v), err)
			}
		}
	})
}

func TestHeadersThatMakeNoSenseAreNamed(t *testing.T) {
	u := writeFile(t, filepath.Join(t.TempDir(), "u.npy"), npy("<f4", false, smallShape, smallValues()))
	withX := func(extra string) string {
		return strings.Replace(plainDescription(""), "{name: x, boundary: periodic}", "{name: x, boundary: periodic, coordinates: c"+extra+"}", 1)
	}
	withTime := plainDescription("") + "time: {variable: c}\n"
	for _, c := range []struct {
		what, description string
		c                 []float64
		message           string // of the error
		note              string
		first             float32 // the first value that is imported
	}{
		{"falling", withX(""), []float64{3, 2, 1, 0}, "", "axis x falls from 3 to 0", 300},
		{"equal", withX(""), []float64{0, 1, 1, 2}, "position 2 is 1 after 1", "", 0},
		{"wrapped", withX(""), []float64{0, 1, -2, -1}, "rolled by 2 points", "", 0},
		{"a part of a circle", withX(""), []float64{350, 355, 0, 5}, "360 for degrees) to the 2 positions", "", 0},
		{"not a number", withX(""), []float64{0, math.NaN(), 1, 2}, "value 1 is NaN", "", 0},
		{"stretched", withX(""), []float64{0, 1, 10, 100}, "", "the spacing along x varies from 1 to 90", 0},
		{"on a large offset", withX(""), []float64{5e7, 5e7 + 0.5, 5e7 + 1, 5e7 + 1.5}, "float32", "", 0},
		{"on a large offset, subtracted", withX(", relative: true"), []float64{5e7, 5e7 + 0.5, 5e7 + 1, 5e7 + 1.5}, "", "relative to 5e+07", 0},
		{"uneven times", withTime, []float64{0, 1, 10}, "", "time steps vary from 1 to 9", 0},
		{"falling times", withTime, []float64{2, 1, 0}, "expected times that rise", "", 0},
		{"seconds since 1970", withTime, []float64{1.7e9, 1.7e9 + 0.1, 1.7e9 + 0.2}, "relative: true", "", 0},
		{"seconds since 1970, subtracted", strings.Replace(withTime, "variable: c", "variable: c, relative: true", 1), []float64{1.7e9, 1.7e9 + 0.1, 1.7e9 + 0.2}, "", "1700000000", 0},
		{"times of another number", withTime, []float64{0, 1}, "2 times for 3 frames", "", 0},
	} {
		path := writeFile(t, filepath.Join(t.TempDir(), "c.npy"), npy("<f8", false, []int{len(c.c)}, c.c))
		f, notes, err := imported(t, c.description, u, path)
		switch {
		case c.message != "" && (err == nil || !strings.Contains(err.Error(), c.message)):
			t.Errorf("%s: error %v; want one with %q", c.what, err, c.message)
		case c.message == "" && err != nil:
			t.Errorf("%s: %v", c.what, err)
		case c.message == "" && !strings.Contains(notes, c.note):
			t.Errorf("%s: notes %q; want %q", c.what, notes, c.note)
		case c.message == "" && values(t, f, "u")[0] != c.first:
			t.Errorf("%s: the first value is %v; want %v", c.what, values(t, f, "u")[0], c.first)
		}
	}
}

func TestExactTimesAreTakenFromLargeIntegers(t *testing.T) {
	const start = 1_700_000_000_000_000_001
	v, err := readVector(&plainArray{extents: []int{2}, element: mustElement(t, "i8"), packing: cf.Plain(), data: strings.NewReader(string(binaryInt64(start, start+7)))})
	if err != nil || v.offsets[1] != 7 {
		t.Errorf("offsets %v, %v; want 7, which float64 does not hold beside %d", v.offsets, err, start)
	}
}

func TestPlanesThatRepeatAreSaidAndLeftOut(t *testing.T) {
	shape := []int{2, 5, 3} // the last of five planes along x repeats the first
	v := fill("txy", shape)
	for frame := range 2 {
		copy(v[frame*15+12:frame*15+15], v[frame*15:])
	}
	path := writeFile(t, filepath.Join(t.TempDir(), "u.npy"), npy("<f4", false, shape, v))
	if _, notes, err := imported(t, plainDescription(""), path); err != nil || !strings.Contains(notes, "axis x is periodic, and its last plane repeats the first") {
		t.Errorf("notes %q, error %v", notes, err)
	}
	f, notes, err := imported(t, strings.Replace(plainDescription(""), "periodic}", "periodic, repeated: true}", 1), path)
	if err != nil || strings.Contains(notes, "repeats") {
		t.Fatalf("notes %q, error %v", notes, err)
	}
	if got := values(t, f, "u"); len(got) != 24 || got[12] != 1000 || got[23] != 1320 {
		t.Errorf("values %v; want those of four planes", got)
	}
}

func TestNarrowingThatLosesTheSignalIsSaidBeforeWriting(t *testing.T) {
	for _, c := range []struct {
		what, descr, extra, message, note string
		value                             func(v float64) float64
	}{
		{"a small signal on a large offset", "<f8", "", "subtract a constant with offset: -101325", "", func(v float64) float64 { return 101325 + 1e-6*v }},
		{"the same without the offset", "<f8", ", offset: -101325", "", "", func(v float64) float64 { return 101325 + 1e-6*v }},
		{"huge", "<f8", "", "too large for float32; choose other units with scale: 1e-39", "", func(v float64) float64 { return 1e39 * (v + 1) }},
		{"tiny", "<f8", "", "lose precision in float32; choose other units with scale: 1e+4", "", func(v float64) float64 { return 1e-50 * (v + 1) }},
		{"below the smallest scale", "<f8", "", "", "below the smallest scale", func(v float64) float64 { return 1e-12 * v }},
		{"a small change beside a large gradient", "<f8", "", "", "change in time by so little", func(v float64) float64 { return 1e5 + 1e3*math.Mod(v, 100) + 1e-4*math.Floor(v/100) }},
		{"rounding of a field at rest", "<f8", "", "", "", func(v float64) float64 { return (1e5 + 1e3*math.Mod(v, 100)) * (1 + 2e-16*math.Floor(v/100)) }},
		{"infinite", "<f8", "", "+Inf", "", func(v float64) float64 { return v / (v - 10) }},
	} {
		v := smallValues()
		for i := range v {
			v[i] = c.value(v[i])
		}
		path := writeFile(t, filepath.Join(t.TempDir(), "u.npy"), npy(c.descr, false, smallShape, v))
		_, notes, err := imported(t, plainDescription(c.extra), path)
		if c.message == "" && err != nil || c.message != "" && (err == nil || !strings.Contains(err.Error(), c.message)) {
			t.Errorf("%s: error %v; want %q", c.what, err, c.message)
		}
		if !strings.Contains(notes, c.note) || c.note == "" && strings.Contains(notes, "so little") {
			t.Errorf("%s: notes %q; want %q", c.what, notes, c.note)
		}
	}
}

// A mask that hides the fluid instead of the body is noticed.
func TestWhatAMaskHidesIsSaid(t *testing.T) {
	for _, c := range []struct {
		name, description string
		notes             []string
	}{
		{"a body that moves", "", []string{"not zero at 5 % of the sampled points", "a body that moves"}},
		{"the fluid", ", scale: -1, offset: 1", []string{"not zero at 95 %", "hides more than half", "scale: -1, offset: 1"}},
		{"a distance", ", scale: -7", []string{"values from -7 to"}},
	} {
		v := make([]float64, len(smallValues()))
		for i := 3; i < len(v); i += 20 {
			v[i] = 1
		}
		path := writeFile(t, filepath.Join(t.TempDir(), "u.npy"), npy("<f4", false, smallShape, v))
		description := strings.Replace(plainDescription(c.description), "name: u", "name: mask, variables: [u]", 1)
		f, notes, err := imported(t, description, path)
		if err != nil {
			t.Fatal(err)
		}
		if info, err := f.Field("mask"); err != nil || !info.TimeVarying {
			t.Errorf("%s: %v, varies in time: %v", c.name, err, info.TimeVarying)
		}
		for _, want := range c.notes {
			if !strings.Contains(notes, want) {
				t.Errorf("%s: notes %q; want %q", c.name, notes, want)
			}
		}
	}
}

func TestSeveralFilesAreTrajectoriesOrPartsOfARun(t *testing.T) {
	folder := t.TempDir()
	var runs []string
	for i := range 3 {
		v := smallValues()
		for j := range v {
			v[j] += float64(10000 * i)
		}
		if err := os.MkdirAll(filepath.Join(folder, fmt.Sprint(i)), 0o777); err != nil {
			t.Fatal(err)
		}
		runs = append(runs, writeFile(t, filepath.Join(folder, fmt.Sprint(i), "u.npy"), npy("<f4", false, smallShape, v)))
	}
	f, _, err := imported(t, plainDescription(""), runs...)
	if err != nil {
		t.Fatal(err)
	}
	if got := values(t, f, "u"); f.Trajectories() != 3 || got[60] != 10000 || got[120] != 20000 {
		t.Errorf("%d trajectories, values %v", f.Trajectories(), got)
	}
	f, _, err = imported(t, plainDescription("")+"files: time\n", runs...)
	if err != nil {
		t.Fatal(err)
	}
	if got := values(t, f, "u"); f.Trajectories() != 1 || f.Steps() != 9 || got[60] != 10000 || got[179] != 22340 {
		t.Errorf("%d trajectories of %d frames, values %v", f.Trajectories(), f.Steps(), got)
	}
	other := writeFile(t, filepath.Join(folder, "v.npy"), npy("<f4", false, smallShape, smallValues()))
	short := writeFile(t, filepath.Join(folder, "u.npy"), npy("<f4", false, []int{2, 4, 5}, smallValues()[:40]))
	for _, c := range []struct {
		description string
		paths       []string
		message     string
	}{
		{plainDescription(""), []string{runs[0], other}, "v.npy: nothing of it is used"},
		{plainDescription(""), []string{runs[0], runs[0]}, "given twice"},
		{plainDescription(""), []string{runs[0], short}, "has 2 frames"},
		{strings.Replace(plainDescription(""), "fields: [", "fields: [{name: v}, ", 1), append(slices.Clone(runs), other), "expected each in every file"},
	} {
		if _, _, err := imported(t, c.description, c.paths...); err == nil || !strings.Contains(err.Error(), c.message) {
			t.Errorf("%v: error %v; want %q", c.paths, err, c.message)
		}
	}
}

func TestChannelsAndStepsArePickedFromOneArray(t *testing.T) {
	shape := []int{2, 3, 4, 5, 4}
	v := fill("btxyc", shape)
	const fields = "fields: [{name: p, variables: [d], channel: 3}, {name: w, rank: vector, variables: [d], channels: [2, 0]}," +
		" {name: s, rank: tensor, variables: [d], channels: [0, 1, 1, 3]}, {name: e, rank: tensor, variables: [d], channels: [2, 2, 2, 2]}]\n"
	const axes = "name: n\naxes: [{name: x, boundary: open}, {name: y, boundary: open}]\n"
	for _, c := range []struct{ layout, letters string }{{"[trajectory, time, x, y, component]", "btxyc"}, {"[component, x, time, y, trajectory]", "cxtyb"}} {
		shape := shape
		if c.letters == "cxtyb" {
			shape = []int{4, 4, 3, 5, 2}
			v = fill(c.letters, shape)
		}
		path := writeFile(t, filepath.Join(t.TempDir(), "d.npy"), npy("<f4", false, shape, v))
		f, _, err := imported(t, axes+"layout: "+c.layout+"\n"+fields, path)
		if err != nil {
			t.Fatal(err)
		}
		p, w, s, e := values(t, f, "p"), values(t, f, "w"), values(t, f, "s"), values(t, f, "e")
		for i := range p {
			b, frame, x, y := i/60, i/20%3, i/5%4, i%5
			if p[i] != float32(value(b, frame, x, y, 3)) || w[2*i] != float32(value(b, frame, x, y, 2)) || w[2*i+1] != float32(value(b, frame, x, y, 0)) {
				t.Fatalf("layout %s: at %d: p %v, w %v", c.layout, i, p[i], w[2*i:2*i+2])
			}
			for k, channel := range []int{0, 1, 1, 3} { // a tensor may have equal components
				if want := float32(value(b, frame, x, y, channel)); s[4*i+k] != want || e[4*i+k] != float32(value(b, frame, x, y, 2)) {
					t.Fatalf("layout %s: at %d: tensors %v and %v", c.layout, i, s[4*i:4*i+4], e[4*i:4*i+4])
				}
			}
		}
		f, _, err = imported(t, axes+"layout: "+strings.Replace(c.layout, "component", "level", 1)+"\nfields: [{name: d, select: {level: 1}}]\n", path)
		if err != nil || values(t, f, "d")[7] != float32(value(0, 0, 1, 2, 1)) {
			t.Errorf("layout %s: a selected level: %v", c.layout, err)
		}
		for extra, message := range map[string]string{"channel: 4": "no channel 4", "channels: [0, 1]": "expected 1 numbers", "positive: false": "channel: 0", "rank: vector, channels: [1, 1]": "two components", "rank: vector, variables: [d, d]": "two components"} {
			c, err := parseConfig([]byte(axes + "layout: " + c.layout + "\nfields: [{name: d, " + extra + "}]\n"))
			if err == nil {
				_, err = Import(context.Background(), c, []string{path}, filepath.Join(t.TempDir(), "o.hdf5"), Options{})
			}
			if err == nil || !strings.Contains(err.Error(), message) {
				t.Errorf("%s: error %v; want %q", extra, err, message)
			}
		}
	}
}

func TestParametersMayDifferBetweenTrajectories(t *testing.T) {
	shape := []int{2, 3, 4, 5}
	u := writeFile(t, filepath.Join(t.TempDir(), "u.npy"), npy("<f4", false, shape, fill("btxy", shape)))
	nu := writeFile(t, filepath.Join(t.TempDir(), "nu.npy"), npy("<f8", false, []int{2}, []float64{0.25, 0.5}))
	description := strings.Replace(plainDescription(""), "[time,", "[trajectory, time,", 1)
	f, _, err := imported(t, description+"parameters: {Re: [100, 200], g: 9.5, nu: nu}\n", u, nu)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]float64{"Re": {100, 200}, "g": {9.5}, "nu": {0.25, 0.5}}
	for _, p := range f.Header().Parameters {
		if !slices.Equal(p.Values, want[p.Name]) {
			t.Errorf("%s is %v; want %v", p.Name, p.Values, want[p.Name])
		}
		delete(want, p.Name)
	}
	if len(want) > 0 {
		t.Errorf("without %v", want)
	}
	if _, _, err := imported(t, description+"parameters: {Re: [1, 2, 3]}\n", u); err == nil || !strings.Contains(err.Error(), "3 values") {
		t.Errorf("three values for two trajectories: error %v", err)
	}
}

func TestOutputsNeverReplaceWhatIsThere(t *testing.T) {
	folder := t.TempDir()
	u := writeFile(t, filepath.Join(folder, "u.npy"), npy("<f4", false, smallShape, smallValues()))
	h := hdf5With(t, "u.h5", smallValues(), nil)
	link := filepath.Join(folder, "link.hdf5")
	if err := os.Symlink(h, link); err != nil {
		t.Fatal(err)
	}
	precious := writeFile(t, filepath.Join(folder, "notes.hdf5"), []byte("precious"))
	c, err := parseConfig([]byte(plainDescription("")))
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []struct {
		in, out string
		force   bool
		message string
	}{
		{u, u, true, "is one of the inputs"},
		{h, link, true, "is one of the inputs"},
		{u, precious, false, "--force"},
		{u, filepath.Join(folder, "out.yaml"), false, ".hdf5"},
	} {
		before, err := os.ReadFile(k.in)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Import(context.Background(), c, []string{k.in}, k.out, Options{Force: k.force})
		if err == nil || !strings.Contains(err.Error(), k.message) {
			t.Errorf("%s to %s: error %v; want %q", k.in, k.out, err, k.message)
		}
		if after, err := os.ReadFile(k.in); err != nil || string(after) != string(before) {
			t.Errorf("%s changed", k.in)
		}
	}
	if _, err := Import(context.Background(), c, []string{u}, precious, Options{Force: true}); err != nil {
		t.Errorf("with force: %v", err)
	}
	if _, err := Import(context.Background(), c, []string{u}, filepath.Join(folder, "new", "never.hdf5"), Options{DryRun: true}); err != nil {
		t.Errorf("dry run: %v", err)
	}
	if _, err := os.Stat(filepath.Join(folder, "new")); err == nil {
		t.Error("a dry run made a folder")
	}
}

func TestFramesThatRepeatAreImportedAndSaid(t *testing.T) {
	v := smallValues()
	copy(v[20:40], v[:20])
	path := writeFile(t, filepath.Join(t.TempDir(), "u.npy"), npy("<f4", false, smallShape, v))
	if _, notes, err := imported(t, plainDescription(""), path); err != nil || !strings.Contains(notes, "1 frames repeat the frame before") {
		t.Errorf("notes %q, error %v", notes, err)
	}
}

func TestFilesAreToldApartByContent(t *testing.T) {
	array := npy("<f2", false, smallShape, smallValues())
	stored, err := os.ReadFile(hdf5With(t, "u.h5", smallValues(), nil))
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"u.dat": array, "u": array, "u.mat": stored} {
		if _, _, err := imported(t, plainDescription(""), writeFile(t, filepath.Join(t.TempDir(), name), data)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for start, message := range map[string]string{"MATLAB 5.0 MAT-file": "-v7.3", "\x1f\x8b\x08": "compressed", "GRIB": "GRIB", "x,y\n1,2": "unknown kind"} {
		if _, _, err := imported(t, plainDescription(""), writeFile(t, filepath.Join(t.TempDir(), "u.h5"), []byte(start+strings.Repeat(" ", 600)))); err == nil || !strings.Contains(err.Error(), message) {
			t.Errorf("%q: error %v; want %q", start, err, message)
		}
	}
}

// TestLargePiecesGoThroughATemporaryFile imports arrays whose pieces hold all times, with less memory than they take.
func TestLargePiecesGoThroughATemporaryFile(t *testing.T) {
	before := blockBytes
	defer func() { blockBytes = before }()
	shape := []int{2, 7, 6, 5}
	want := float32s(fill("btxy", shape))
	for _, chunk := range [][]int{{2, 7, 4, 3}, {1, 7, 6, 2}, {2, 3, 6, 5}, {1, 1, 6, 5}, {2, 7, 6, 5}} {
		path := filepath.Join(t.TempDir(), "u.h5")
		f, err := hdf5.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		d, err := f.CreateFloat32("u", shape, hdf5.Storage{Chunk: chunk, Gzip: 1})
		if err == nil {
			err = d.WriteFloat32(want, nil)
		}
		if err == nil {
			err = f.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, bytes := range []int{before, 8 * 30 * 5, 8 * 30 * 2, 1} {
			blockBytes = bytes
			f, _, err := imported(t, strings.Replace(plainDescription(""), "[time,", "[trajectory, time,", 1), path)
			if err != nil {
				t.Fatalf("chunks %v, blocks of %d bytes: %v", chunk, bytes, err)
			}
			if got := values(t, f, "u"); !slices.Equal(got, want) {
				t.Errorf("chunks %v, blocks of %d bytes: values %v", chunk, bytes, got)
			}
		}
	}
}
