package well

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gowalrus/walrus/field"
)

// folderOf writes a data set of one file per number of frames.
func folderOf(t *testing.T, h Header, frames ...int) string {
	t.Helper()
	base := t.TempDir()
	folder := filepath.Join(base, "data", "train")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for i, n := range frames {
		h := h
		h.Time = nil
		for j := range n {
			h.Time = append(h.Time, float32(j))
		}
		writeFileAt(t, filepath.Join(folder, string(rune('a'+i))+".hdf5"), h)
	}
	return base
}

func TestStatsAreThoseOfAllValuesTogether(t *testing.T) {
	h := allKinds(2)
	base := folderOf(t, h, 5, 3)
	d, err := OpenDataset(base, "train", Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for _, o := range []StatsOptions{{}, {Stride: 2}, {Stride: 4, Transforms: map[string]Transform{"density": root{}, "stress": root{}}}} {
		var last, total int64
		got, err := ComputeStats(context.Background(), d, o, func(done, all int64) { last, total = done, all })
		if err != nil {
			t.Fatal(err)
		}
		if last != total || total == 0 {
			t.Errorf("progress ends at %d of %d bytes", last, total)
		}
		byName := map[string]FieldStats{}
		for _, s := range got.Fields {
			byName[s.Name] = s
		}
		for _, info := range h.Fields {
			want := plainStats(h, info, o, 5, 3)
			if diff := cmp.Diff(want, byName[info.Name], cmpopts.EquateApprox(1e-12, 0)); diff != "" {
				t.Errorf("%+v: %s (-want +got)\n%s", o, info.Name, diff)
			}
		}
		if len(byName["obstacle"].MeanDelta) != 0 || len(byName["density"].MeanDelta) != 1 {
			t.Error("changes in time belong to fields that vary in time, and to no others")
		}
		want := Made{Stride: max(1, o.Stride)}
		if o.Transforms != nil {
			want.Transforms = map[string]string{"density": "root", "stress": "root"}
		}
		if diff := cmp.Diff(want, got.Made); diff != "" {
			t.Error(diff)
		}
	}
	for want, o := range map[string]StatsOptions{
		"no field warmth": {Transforms: map[string]Transform{"warmth": root{}}},
		"lie 5 apart":     {Stride: 5},
	} {
		if _, err := ComputeStats(context.Background(), d, o, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want one that says %q", o, err, want)
		}
	}
}

// root is the square root as a transform.
type root struct{}

func (root) String() string { return "root" }

func (root) Apply(values []float32) (refused, first int, value float32) {
	for i, v := range values {
		if v < 0 {
			if refused++; refused == 1 {
				first, value = i, v
			}
		}
		values[i] = float32(math.Sqrt(float64(v)))
	}
	return refused, first, value
}

func TestValuesThatATransformCanNotTakeAreNamed(t *testing.T) {
	h := allKinds(2)
	h.Trajectories, h.Time = 2, []float32{0, 1, 2, 3}
	path := filepath.Join(t.TempDir(), "sub.hdf5")
	w, err := Create(path, h)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	writeAll(t, w, h, func(info FieldInfo, trajectory, frame int) []float32 {
		values := frameOf(h, info, trajectory, frame)
		if info.Name == "velocity" && trajectory == 1 && frame > 1 { // two values in each of two frames
			values[13], values[14] = -7, -8 // point 6 of a grid of 4 x 5, its second component, and point 7
		}
		return values
	})
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	d, err := OpenDataset(path, "", Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	_, err = ComputeStats(context.Background(), d, StatsOptions{Stride: 2, Transforms: map[string]Transform{"velocity": root{}}}, nil)
	want := path + ": t1_fields/velocity: 4 values have no root; the first is -7 at trajectory 1, frame 2, grid point [1 1]"
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v\nwant %s", err, want)
	}
}

// plainStats gathers all values of a field in memory and applies the definitions.
func plainStats(h Header, info FieldInfo, o StatsOptions, frames ...int) FieldStats {
	stride := max(1, o.Stride)
	components := info.Rank.Components(len(h.Axes))
	values, deltas := make([][]float64, components), make([][]float64, components)
	for _, n := range frames {
		trajectories := 1
		if info.SampleVarying {
			trajectories = h.Trajectories
		}
		if !info.TimeVarying {
			n = 1
		}
		for trajectory := range trajectories {
			var past [][]float32
			for frame := range n {
				current := frameOf(h, info, trajectory, frame)
				if o.Transforms[info.Name] != nil {
					o.Transforms[info.Name].Apply(current)
				}
				for i, v := range current {
					values[i%components] = append(values[i%components], float64(v))
					if frame >= stride {
						deltas[i%components] = append(deltas[i%components], float64(v)-float64(past[frame-stride][i]))
					}
				}
				past = append(past, current)
			}
		}
	}
	s := FieldStats{Field: info.Field}
	s.Mean, s.Std, s.RMS = definitions(values)
	s.MeanDelta, s.StdDelta, s.RMSDelta = definitions(deltas)
	return s
}

func definitions(components [][]float64) (mean, std, rms []float64) {
	for _, values := range components {
		if len(values) == 0 {
			return nil, nil, nil
		}
		m1, m2 := 0.0, 0.0
		for _, v := range values {
			m1 += v / float64(len(values))
			m2 += v * v / float64(len(values))
		}
		mean, std, rms = append(mean, m1), append(std, math.Sqrt(m2-m1*m1)), append(rms, math.Sqrt(m2))
	}
	return mean, std, rms
}

func TestStatsOfSmallChangesOnALargeMeanDoNotCancel(t *testing.T) {
	var m []moments = make([]moments, 1)
	for frame := range 8 {
		values := make([]float32, 1000)
		for i := range values {
			values[i] = 1e6 + float32(i%2) + float32(frame%2)
		}
		accumulate(values, nil, m, make([]moments, 1))
	}
	if got, want := m[0].std(), math.Sqrt(0.5); math.Abs(got-want) > 1e-9 {
		t.Errorf("standard deviation %v, want %v", got, want)
	}
}

func TestValuesThatAreNotNumbersAreLeftOutOfStats(t *testing.T) {
	nan := float32(math.NaN())
	m := momentsOf([]float32{nan, 1, nan, 3}, 0, 1)
	if m.n != 2 || m.mean != 2 || m.variance() != 1 {
		t.Errorf("%+v; want 2 values of mean 2 and variance 1", m)
	}
}

func TestStatsFileRoundTripsAndLooksAsPublished(t *testing.T) {
	stats := []FieldStats{
		{Field: field.Field{Name: "density", Rank: field.Scalar}, Mean: []float64{1.25}, Std: []float64{0.5}, RMS: []float64{2}, MeanDelta: []float64{-1e-7}, StdDelta: []float64{3}, RMSDelta: []float64{4}},
		{Field: field.Field{Name: "velocity", Rank: field.Vector}, Mean: []float64{1, 2}, Std: []float64{3, 4}, RMS: []float64{5, 6}, MeanDelta: []float64{1, 2}, StdDelta: []float64{3, 4}, RMSDelta: []float64{5, 6}},
		{Field: field.Field{Name: "D", Rank: field.Tensor}, Mean: []float64{1, 2, 3, 4}, Std: []float64{1, 2, 3, 4}, RMS: []float64{1, 2, 3, 4}},
	}
	path := filepath.Join(t.TempDir(), "stats.yaml")
	written := Stats{Fields: stats, Made: Made{Stride: 5, Transforms: map[string]string{"density": "log10"}}}
	if err := WriteStats(path, written); err != nil {
		t.Fatal(err)
	}
	got, err := ReadStats(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(written, got); diff != "" {
		t.Errorf("(-written +read)\n%s", diff)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"made_with:\n  stride: 5\n  transforms:\n    density: log10\nmean:\n", "density: 1.2500E+00\n", "velocity: [1.0000E+00, 2.0000E+00]\n", "D: [[1.0000E+00, 2.0000E+00], [3.0000E+00, 4.0000E+00]]\n", "density: -1.0000E-07\n"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no line %q in\n%s", want, text)
		}
	}
}

func TestBrokenStatsFilesAreErrors(t *testing.T) {
	for _, text := range []string{
		"mean: {a: x}\n", "mean: {a: [1, [2]]}\n", "mean: {a: [[1, 2], [3]]}\n", "mean: {a: 1}\n", "mean: {a: []}\n", "mean: [1]\n",
		"made_with: 5\n", "made_with: {stride: 0}\n", "made_with: {stride: x}\n", "made_with: {transforms: {a: log10}}\n", "made_with: {stride: 1, transforms: log10}\n", "made_with: {speed: 1}\n", "mean: 1\n",
		"mean: {a: 1}\nstd: {a: [1, 2]}\nrms: {a: 1}\n", "mean: {a: .nan}\nstd: {a: 1}\nrms: {a: 1}\n",
	} {
		if stats, err := parseStats([]byte(text)); err == nil {
			t.Errorf("%q was read as %+v", text, stats)
		}
	}
	if _, err := ReadStats(filepath.Join(t.TempDir(), "stats.yaml")); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "walrus data stats") {
		t.Errorf("error %v; want one that says how to compute the file", err)
	}
}

func FuzzParseStats(f *testing.F) {
	f.Add([]byte("mean: {a: 1, b: [1, 2], c: [[1, 2], [3, 4]]}\nstd: {a: 1, b: [1, 2], c: [[1, 2], [3, 4]]}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		stats, err := parseStats(text)
		for _, s := range stats.Fields {
			if err == nil && (len(s.Mean) != len(s.Std) || len(s.Mean) != len(s.RMS)) {
				t.Errorf("%+v: unequal numbers of components", s)
			}
		}
	})
}
