package well

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gowalrus/walrus/field"
)

func openFolder(t *testing.T, path, split string, o Options) *Dataset {
	t.Helper()
	d, err := OpenDataset(path, split, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func TestWindowIndexIsFileThenTrajectoryThenStart(t *testing.T) {
	d := openFolder(t, folderOf(t, allKinds(1), 9, 7), "train", Options{})
	w, err := d.Windows(2, 1, 2, 2) // a window spans 5 frames: 5 starts in the first file, 3 in the second
	if err != nil {
		t.Fatal(err)
	}
	if w.Len() != 2*5+2*3 {
		t.Fatalf("%d windows, want %d", w.Len(), 2*5+2*3)
	}
	i := 0
	for file, starts := range []int{5, 3} {
		for trajectory := range 2 {
			for start := range starts {
				got, err := w.At(i, nil)
				want := WindowSpec{File: file, Trajectory: trajectory, Start: start, Stride: 2, Steps: 3}
				if err != nil || got != want {
					t.Errorf("window %d is %+v, %v; want %+v", i, got, err, want)
				}
				i++
			}
		}
	}
	if _, err := w.At(i, nil); err == nil {
		t.Error("a window past the last one was given")
	}
}

func TestStridesAreDrawnAsFarAsTheWindowFits(t *testing.T) {
	d := openFolder(t, folderOf(t, allKinds(1), 12), "train", Options{})
	const highest = 5
	w, err := d.Windows(2, 1, 1, highest)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	seen := map[int]map[int]bool{}
	for range 4000 {
		s, err := w.At(rng.IntN(w.Len()), rng)
		if err != nil {
			t.Fatal(err)
		}
		if seen[s.Start] == nil {
			seen[s.Start] = map[int]bool{}
		}
		seen[s.Start][s.Stride] = true
	}
	for start := range 10 {
		limit := min(highest, (12-start-1)/2) // two strides must fit after the start
		for stride := 1; stride <= highest; stride++ {
			if seen[start][stride] != (stride <= limit) {
				t.Errorf("start %d: stride %d drawn: %v, want %v", start, stride, seen[start][stride], stride <= limit)
			}
		}
	}
}

func TestTrajectoriesShorterThanAWindowAreLeftOutAndSaid(t *testing.T) {
	var log bytes.Buffer
	d := openFolder(t, folderOf(t, allKinds(1), 9, 4, 7), "train", Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	w, err := d.Windows(3, 2, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	if w.Len() != 2*5+2*3 {
		t.Errorf("%d windows, want %d", w.Len(), 2*5+2*3)
	}
	for i := range w.Len() {
		if spec, err := w.At(i, nil); err != nil || spec.File != 2*min(1, i/10) {
			t.Errorf("window %d is %+v, %v", i, spec, err)
		}
	}
	if !strings.Contains(log.String(), "2 of 6 trajectories are shorter than the 5 frames of a window") {
		t.Errorf("log %q", &log)
	}
	_, err = d.Windows(8, 2, 1, 1)
	if err == nil || !strings.Contains(err.Error(), "a.hdf5: trajectories of 9 frames, the longest; windows of 8 + 2 frames with stride 1 need 10") {
		t.Errorf("error %v", err)
	}
}

func TestFullTrajectoriesHaveTheShortestLength(t *testing.T) {
	d := openFolder(t, folderOf(t, allKinds(1), 9, 7), "train", Options{})
	for _, c := range []struct{ inputs, first, stride, most, steps int }{
		{3, 0, 1, 0, 7}, {3, 2, 1, 0, 5}, {2, 0, 2, 0, 3}, {3, 0, 1, 2, 5},
	} {
		w, err := d.FullTrajectories(c.inputs, c.first, c.stride, c.most)
		if err != nil {
			t.Error(err)
			continue
		}
		if w.Len() != 4 || w.Steps() != c.steps {
			t.Errorf("%+v: %d windows of %d frames, want 4 of %d", c, w.Len(), w.Steps(), c.steps)
		}
		if s, _ := w.At(3, nil); s != (WindowSpec{File: 1, Trajectory: 1, Start: c.first, Stride: c.stride, Steps: c.steps}) {
			t.Errorf("%+v: last window %+v", c, s)
		}
	}
	if _, err := d.FullTrajectories(7, 0, 1, 0); err == nil {
		t.Error("a trajectory without output frames was accepted")
	}
}

func TestReplacedNaNIsReportedOnce(t *testing.T) {
	h := allKinds(1)
	path := writeFile(t, h)
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	first := littleEndian(frameOf(h, h.Fields[0], 0, 0)...)
	file = bytes.Replace(file, first, append(littleEndian(float32(math.NaN())), first[4:]...), 1)
	if err := os.WriteFile(path, file, 0o644); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	d := openFolder(t, path, "", Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	for range 3 {
		w, err := d.Read(context.Background(), WindowSpec{Stride: 1, Steps: 2})
		if err != nil {
			t.Fatal(err)
		}
		if w.Frames.Data[0] != 0 || w.Replaced != 1 || w.Frames.FirstNonFinite() >= 0 {
			t.Errorf("first value %v, %d replaced; want 0 and 1", w.Frames.Data[0], w.Replaced)
		}
	}
	if n := strings.Count(log.String(), "values=1"); n != 1 {
		t.Errorf("said %d times, want once:\n%s", n, log.String())
	}
}

func TestFoldersSplitsAndFiltersAreFound(t *testing.T) {
	base := folderOf(t, allKinds(1), 3, 3)
	train := filepath.Join(base, "data", "train")
	a, b := filepath.Join(train, "a.hdf5"), filepath.Join(train, "b.hdf5")
	for _, c := range []struct {
		path, split string
		options     Options
		want        []string
	}{
		{base, "train", Options{}, []string{a, b}},
		{base, "", Options{}, []string{a, b}},
		{filepath.Join(base, "data"), "train", Options{}, []string{a, b}},
		{train, "", Options{}, []string{a, b}},
		{train, "train", Options{}, []string{a, b}},
		{a, "", Options{}, []string{a}},
		{base, "train", Options{Include: []string{"b.h"}}, []string{b}},
		{base, "train", Options{Exclude: []string{"b.h"}}, []string{a}},
		{base, "valid", Options{}, nil},
		{base, "training", Options{}, nil},
		{base, "train", Options{Include: []string{"none"}}, nil},
		{filepath.Join(base, "nowhere"), "", Options{}, nil},
	} {
		got, err := FindFiles(c.path, c.split, c.options)
		if (err != nil) != (c.want == nil) {
			t.Errorf("%+v: error %v", c, err)
		}
		wantEqual(t, "files of "+c.path+" "+c.split, got, c.want)
	}
}

func TestFilesThatDisagreeAreRefused(t *testing.T) {
	for _, c := range []struct {
		message string
		change  func(h *Header)
	}{
		{"data set name other", func(h *Header) { h.DatasetName = "other" }},
		{"grid [3]", func(h *Header) {
			h.Axes = []Axis{{"x", []float32{0, 1, 2}}}
			h.Boundaries = BoundaryGroups(h.Axes, []field.Sides{field.Both(field.Periodic)})
		}},
		{"variable fields", func(h *Header) { h.Fields = h.Fields[1:] }},
	} {
		base := folderOf(t, allKinds(1), 3)
		h := allKinds(1)
		c.change(&h)
		writeFileAt(t, filepath.Join(base, "data", "train", "z.hdf5"), h)
		d, err := OpenDataset(base, "train", Options{})
		if err == nil {
			d.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.message) || !strings.Contains(err.Error(), "z.hdf5") {
			t.Errorf("error %v; want one that names the file and says %q", err, c.message)
		}
		paths, err := FindFiles(base, "train", Options{})
		if err != nil {
			t.Fatal(err)
		}
		found := CheckTogether(paths)
		if len(found) != 1 || filepath.Base(found[0].File) != "z.hdf5" || !strings.Contains(found[0].Problem, c.message) {
			t.Errorf("CheckTogether found %v; want one violation of z.hdf5 that says %q", found, c.message)
		}
	}
}

func TestManyReadersShareFewOpenFiles(t *testing.T) {
	h := allKinds(1)
	frames := make([]int, 20)
	for i := range frames {
		frames[i] = 3
	}
	d := openFolder(t, folderOf(t, h, frames...), "train", Options{})
	want := frameOf(h, h.Fields[0], 1, 2)
	var group sync.WaitGroup
	for reader := range 8 {
		group.Go(func() {
			for i := range 40 {
				w, err := d.Read(context.Background(), WindowSpec{File: (7*i + reader) % 20, Trajectory: 1, Start: 2, Stride: 1, Steps: 1})
				if err != nil {
					t.Error(err)
					return
				}
				if w.Frames.Data[0] != want[0] {
					t.Errorf("value %v, want %v", w.Frames.Data[0], want[0])
					return
				}
			}
		})
	}
	group.Wait()
}

func TestReadingStopsWithItsContext(t *testing.T) {
	d := openFolder(t, folderOf(t, allKinds(1), 3), "train", Options{})
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if _, err := d.Read(ctx, WindowSpec{Stride: 1, Steps: 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestFramesThatAreNotThereAreErrors(t *testing.T) {
	d := openFolder(t, folderOf(t, allKinds(1), 5), "train", Options{})
	for _, s := range []WindowSpec{
		{Stride: 1, Steps: 6}, {Stride: 2, Steps: 4}, {Start: 5, Stride: 1, Steps: 1}, {Start: -1, Stride: 1, Steps: 1},
		{Trajectory: 2, Stride: 1, Steps: 1}, {File: 1, Stride: 1, Steps: 1}, {Stride: 0, Steps: 1}, {Stride: 1}, {Stride: 1 << 62, Steps: 3},
	} {
		if _, err := d.Read(context.Background(), s); err == nil {
			t.Errorf("%+v was read", s)
		}
	}
}

func TestWallsMustFillTheirSide(t *testing.T) {
	axes := []Axis{{"x", make([]float32, 3)}, {"y", make([]float32, 2)}}
	group := func(b field.Boundary, mask ...bool) BoundaryGroup {
		return BoundaryGroup{Name: "g", Type: b, Axes: []string{"x", "y"}, Mask: mask}
	}
	open := field.Both(field.Open)
	for _, c := range []struct {
		name   string
		groups []BoundaryGroup
		want   []field.Sides
	}{
		{"nothing said", nil, []field.Sides{open, open}},
		{"wall on all of low x", []BoundaryGroup{group(field.Wall, true, true, false, false, false, false)}, []field.Sides{{Low: field.Wall, High: field.Open}, open}},
		{"wall on part of low x", []BoundaryGroup{group(field.Wall, true, false, false, false, false, false)}, []field.Sides{open, open}},
		{"periodic anywhere on high y", []BoundaryGroup{group(field.Periodic, false, false, false, true, false, false)}, []field.Sides{open, {Low: field.Open, High: field.Periodic}}},
		{"later groups override", []BoundaryGroup{group(field.Periodic, true, true, true, true, true, true), group(field.Wall, true, true, false, false, false, false)},
			[]field.Sides{{Low: field.Wall, High: field.Periodic}, field.Both(field.Periodic)}},
	} {
		wantEqual(t, c.name, sidesOf(axes, c.groups), c.want)
	}
}

func TestSplitsArePooledAndMissingOnesNamed(t *testing.T) {
	base := t.TempDir()
	for _, split := range []string{"valid", "test"} {
		folder := filepath.Join(base, "shared", "data", split)
		if err := os.MkdirAll(folder, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, split+".hdf5"), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	set := filepath.Join(base, "shared")
	names := func(paths []string) string {
		var list []string
		for _, p := range paths {
			list = append(list, filepath.Base(p))
		}
		return strings.Join(list, " ")
	}
	for split, want := range map[string]string{"": "valid.hdf5 test.hdf5", "test": "test.hdf5", "test, valid": "test.hdf5 valid.hdf5"} {
		if got, err := FindFiles(set, split, Options{}); err != nil || names(got) != want {
			t.Errorf("split %q: %v, %v; want %s", split, got, err, want)
		}
	}
	for split, want := range map[string]string{"train": "no split train; there are valid, test", "test,train": "there are valid, test", "test,test": "once each", "holdout": "expected train, valid, test"} {
		if _, err := FindFiles(set, split, Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("split %q: error %v, want one with %q", split, err, want)
		}
	}
	if got := SplitsOf(filepath.Join(set, "data", "test")); len(got) != 0 {
		t.Errorf("the folder of a split has splits %v", got)
	}
}

func TestDataSetsOfOneNameAreToldApartByFolderThenByPath(t *testing.T) {
	base := t.TempDir()
	set := func(name, path string) *Dataset {
		path = filepath.Join(base, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o666); err != nil {
			t.Fatal(err)
		}
		return &Dataset{header: Header{DatasetName: name}, files: []FileSummary{{Path: path}}}
	}
	a := set("supernova_explosion", "/data/supernova_explosion_64/data/test/a.hdf5")
	b := set("supernova_explosion", "/data/supernova_explosion_128/data/test/a.hdf5")
	c := set("shear_flow", "/data/shear/data/test/a.hdf5")
	d := set("supernova_explosion", "/old/supernova_explosion_64/data/test/a.hdf5")
	if got := Labels([]*Dataset{a, b, c}); !slices.Equal(got, []string{"supernova_explosion_64", "supernova_explosion_128", "shear_flow"}) {
		t.Errorf("labels %v", got)
	}
	if got := Labels([]*Dataset{a, d}); got[0] == got[1] {
		t.Errorf("the same label for two folders of one name: %v", got)
	}
	if got := Labels([]*Dataset{a, c}); got[0] != "supernova_explosion" {
		t.Errorf("labels %v of sets that names tell apart", got)
	}
	if got, want := Labels([]*Dataset{a, c, a}), []string{"supernova_explosion", "shear_flow", "supernova_explosion (2)"}; !slices.Equal(got, want) {
		t.Errorf("labels %v of a data set that is given twice; expected %v", got, want)
	}
}

func TestFiltersThatFitNoFileAreSaid(t *testing.T) {
	path := folderOf(t, allKinds(1), 3, 3) // train/a.hdf5 and train/b.hdf5
	for _, c := range []struct {
		options Options
		said    string
	}{
		{Options{Exclude: []string{"b.hdf"}}, ""},
		{Options{Exclude: []string{"b.hdf", "c.hdf"}}, `[\"c.hdf\"]`},
		{Options{Include: []string{"a.hdf", "A.hdf"}}, `[\"A.hdf\"]`},
	} {
		var log strings.Builder
		c.options.Logger = slog.New(slog.NewTextHandler(&log, nil))
		openFolder(t, path, "train", c.options)
		if got := log.String(); strings.Contains(got, "filters") != (c.said != "") || !strings.Contains(got, c.said) {
			t.Errorf("%v: logged %q; want %q", c.options.Include, got, c.said)
		}
	}
}
