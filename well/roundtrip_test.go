package well

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gowalrus/walrus/field"
)

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	for dims := 1; dims <= 3; dims++ {
		for _, level := range []Compression{Uncompressed, 3} {
			t.Run(fmt.Sprintf("%dD/gzip%d", dims, level), func(t *testing.T) {
				h := allKinds(dims)
				h.Compression = level
				f := mustOpen(t, writeFile(t, h))
				checkHeader(t, h, f)
				for _, info := range h.Fields {
					for trajectory := range h.Trajectories {
						checkField(t, h, f, info, trajectory)
					}
				}
			})
		}
	}
}

func checkHeader(t *testing.T, h Header, f *File) {
	t.Helper()
	varying := make([]bool, len(h.Axes))
	for i := range varying {
		varying[i] = true
	}
	want := h
	want.Compression = 0
	want.Fields = nil
	for _, rank := range ranks {
		for _, info := range h.Fields {
			if info.Rank == rank {
				info.Positive = false
				if info.AxisVarying == nil {
					info.AxisVarying = varying
				}
				want.Fields = append(want.Fields, info)
			}
		}
	}
	byName := cmpopts.SortSlices(func(a, b BoundaryGroup) bool { return a.Name < b.Name })
	if diff := cmp.Diff(want, f.Header(), byName); diff != "" {
		t.Errorf("header (-written +read)\n%s", diff)
	}
	sides := []field.Sides{field.Both(field.Periodic), field.Both(field.Wall), {Low: field.Wall, High: field.Open}}
	wantEqual(t, "boundaries", f.Boundaries(), sides[:len(h.Axes)])
}

func checkField(t *testing.T, h Header, f *File, info FieldInfo, trajectory int) {
	t.Helper()
	stored, frames := trajectory, []int{1, 3}
	if !info.SampleVarying {
		stored = 0
	}
	got, err := f.ReadField(info, trajectory, 1, 2, 2)
	if err != nil {
		t.Error(err)
		return
	}
	if !info.TimeVarying {
		frames = []int{0}
	}
	for i, frame := range frames {
		wantValues(t, fmt.Sprintf("%s of trajectory %d, frame %d", info.Name, trajectory, frame), got.Index(i).Data, frameOf(h, info, stored, frame))
	}
}

func TestWindowHoldsChannelsInOrder(t *testing.T) {
	h := allKinds(2)
	f := mustOpen(t, writeFile(t, h))
	w, err := f.ReadWindow(context.Background(), 1, 0, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	// density, forcing, velocity_x, velocity_y, stress_xx .. stress_yy; material, obstacle, profile
	wantEqual(t, "frames", w.Frames.Shape, []int{3, 4, 5, 8})
	wantEqual(t, "constants", w.Constant.Shape, []int{4, 5, 3})
	wantEqual(t, "times", w.Times, []float32{0, 1, 2})
	wantEqual(t, "Sc", w.Scalars["Sc"], []float32{2})
	channel := func(a field.Array, c int) (values []float32) {
		for i := c; i < len(a.Data); i += a.Axis(-1) {
			values = append(values, a.Data[i])
		}
		return values
	}
	component := func(info FieldInfo, trajectory, frame, c int) (values []float32) {
		stored, n := frameOf(h, info, trajectory, frame), info.Rank.Components(2)
		for i := c; i < len(stored); i += n {
			values = append(values, stored[i])
		}
		return values
	}
	last := w.Frames.Index(2)
	wantValues(t, "density", channel(last, 0), component(h.Fields[0], 1, 4, 0))
	wantValues(t, "forcing", channel(last, 1), component(h.Fields[1], 0, 4, 0))
	wantValues(t, "velocity_y", channel(last, 3), component(h.Fields[2], 1, 4, 1))
	wantValues(t, "stress_yx", channel(last, 6), component(h.Fields[3], 1, 4, 2))
	wantValues(t, "material", channel(w.Constant, 0), component(h.Fields[4], 1, 0, 0))
	wantValues(t, "obstacle", channel(w.Constant, 1), component(h.Fields[5], 0, 0, 0))
	profile := frameOf(h, h.Fields[6], 1, 0)
	for x := range 4 {
		wantValues(t, "profile", channel(w.Constant, 2)[5*x:5*x+5], profile)
	}
}

func TestSameFramesGiveTheSameBytes(t *testing.T) {
	for _, level := range []Compression{Uncompressed, 6} {
		h := allKinds(2)
		h.Compression = level
		var files [2][]byte
		for i := range files {
			var err error
			if files[i], err = os.ReadFile(writeFile(t, h)); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(files[0], files[1]) {
			t.Errorf("gzip %d: two files of %d and %d bytes differ", level, len(files[0]), len(files[1]))
		}
	}
}

func TestWriterRefusesWhatNoSimulationShouldContain(t *testing.T) {
	h := Header{
		DatasetName: "bad", GridType: "cartesian", Trajectories: 1, Time: []float32{0, 1, 2},
		Axes: []Axis{{"x", []float32{0, 1}}},
		Fields: []FieldInfo{
			{Field: field.Field{Name: "density"}, TimeVarying: true, SampleVarying: true, Positive: true},
			{Field: field.Field{Name: "pressure"}, TimeVarying: true, SampleVarying: true},
		},
	}
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	type frame struct {
		frame  int
		name   string
		values []float32
	}
	for _, c := range []struct {
		name, message string
		frames        []frame
	}{
		{"NaN", "value 1 is NaN", []frame{{0, "pressure", []float32{1, nan}}}},
		{"infinity", "value 0 is -Inf", []frame{{0, "pressure", []float32{inf, 1}}}},
		{"zero density", "value 1 is 0; expected values above zero", []frame{{0, "density", []float32{1, 0}}}},
		{"wrong size", "3 values; expected 2", []frame{{0, "density", []float32{1, 1, 1}}}},
		{"unknown field", `no field "heat"`, []frame{{0, "heat", []float32{1, 1}}}},
		{"frame past the end", "1 trajectories of 3 frames", []frame{{3, "density", []float32{1, 1}}}},
		{"twice", "written twice", []frame{{0, "density", []float32{1, 1}}, {0, "density", []float32{2, 1}}}},
		{"repeated frame", "frames 0 and 1 are the same in every field", []frame{
			{0, "density", []float32{1, 2}}, {0, "pressure", []float32{0, 2}}, {1, "density", []float32{1, 2}}, {1, "pressure", []float32{0, 2}},
		}},
		{"repeated frame, written backwards", "frames 1 and 2 are the same in every field", []frame{
			{2, "density", []float32{1, 2}}, {2, "pressure", []float32{0, 2}}, {1, "density", []float32{1, 2}}, {1, "pressure", []float32{0, 2}},
		}},
		{"gap", "t0_fields/density: trajectory 0, frame 1 was not written", []frame{{0, "density", []float32{1, 1}}, {2, "density", []float32{3, 1}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "bad.hdf5")
			w, err := Create(path, h)
			if err != nil {
				t.Fatal(err)
			}
			for i := 0; i < len(c.frames) && err == nil; i++ {
				err = w.WriteFrame(0, c.frames[i].frame, c.frames[i].name, c.frames[i].values)
			}
			if err == nil {
				err = w.Close()
			}
			w.Abort()
			if err == nil || !strings.Contains(err.Error(), c.message) || !strings.Contains(err.Error(), path) {
				t.Errorf("error %v; want one that names the file and says %q", err, c.message)
			}
			if left, _ := os.ReadDir(filepath.Dir(path)); len(left) > 0 {
				t.Errorf("%v was left behind", left)
			}
		})
	}
}

func TestOneFieldAtRestIsNoRepeatedFrame(t *testing.T) {
	h := allKinds(1)
	path := filepath.Join(t.TempDir(), "rest.hdf5")
	w, err := Create(path, h)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	writeAll(t, w, h, func(info FieldInfo, trajectory, frame int) []float32 {
		if info.Name == "velocity" {
			frame = 0
		}
		return frameOf(h, info, trajectory, frame)
	})
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}

func TestHeaderErrorsNameThePart(t *testing.T) {
	for _, c := range []struct {
		message string
		change  func(h *Header)
	}{
		{"no data set name", func(h *Header) { h.DatasetName = "" }},
		{`grid type "polar"`, func(h *Header) { h.GridType = "polar" }},
		{"axis x: the name is taken", func(h *Header) { h.Axes[1].Name = "x" }},
		{"axis y has no points", func(h *Header) { h.Axes[1].Coordinates = nil }},
		{"0 trajectories", func(h *Header) { h.Trajectories = 0 }},
		{"parameter Sc has 3 values; expected 1, or one for each of 2", func(h *Header) { h.Parameters[1].Values = make([]float64, 3) }},
		{"field velocity: the name is taken", func(h *Header) { h.Fields[0].Name = "velocity" }},
		{`field "a/b": not a name`, func(h *Header) { h.Fields[0].Name = "a/b" }},
		{"boundary group x_periodic: a mask of 3 points", func(h *Header) { h.Boundaries[0].Mask = make([]bool, 3) }},
		{`boundary group x_periodic: unknown axis "q"`, func(h *Header) { h.Boundaries[0].Axes = []string{"q"} }},
		{"field density: a scalar can not be symmetric", func(h *Header) { h.Fields[0].Symmetric = true }},
		{"compression level 12", func(h *Header) { h.Compression = 12 }},
	} {
		h := allKinds(2)
		c.change(&h)
		if _, err := Create(filepath.Join(t.TempDir(), "x.hdf5"), h); err == nil || !strings.Contains(err.Error(), c.message) {
			t.Errorf("error %v; want %q", err, c.message)
		}
	}
}
