package well

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gowalrus/walrus/field"
)

// golden is what h5py found in one data set: the sum of all values, and of x[i] (i mod 1009); the same for frames 2 and 4
// of trajectory 1.
type golden struct {
	Attributes map[string]any `json:"attrs"`
	Shape      []int
	Sum, Wsum  float64
	Strided    *struct {
		Sum, Wsum float64
		N         int
	}
}

func sums(values []float32) (sum, weighted, scale float64) {
	for i, v := range values {
		sum += float64(v)
		weighted += float64(v) * float64(i%1009)
		scale += math.Abs(float64(v))
	}
	return sum, weighted, scale
}

func TestFieldsAndWindowsMatchWhatH5pyReads(t *testing.T) { checkGolden(t, "testdata") }

func TestSharedFilesMatchWhatH5pyReads(t *testing.T) {
	shared := os.Getenv("WALRUS_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "shared")
	}
	folder := filepath.Join(shared, "wellfiles")
	if _, err := os.Stat(filepath.Join(folder, "expect.json")); err != nil {
		t.Skip("no shared/wellfiles beside the repository; set WALRUS_SHARED to the folder that holds it")
	}
	checkGolden(t, folder)
}

func checkGolden(t *testing.T, folder string) {
	text, err := os.ReadFile(filepath.Join(folder, "expect.json"))
	if err != nil {
		t.Fatal(err)
	}
	var files map[string]map[string]golden
	if err := json.Unmarshal(text, &files); err != nil {
		t.Fatal(err)
	}
	for name, objects := range files {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(folder, name)
			f := mustOpen(t, path)
			root := objects["/"].Attributes
			if h := f.Header(); h.DatasetName != root["dataset_name"] || float64(h.Trajectories) != root["n_trajectories"] || float64(len(h.Axes)) != root["n_spatial_dims"] {
				t.Errorf("header %s, %d trajectories, %d axes; want %v", h.DatasetName, h.Trajectories, len(h.Axes), root)
			}
			fields := 0
			for object, want := range objects {
				group, field, nested := strings.Cut(strings.TrimPrefix(object, "/"), "/")
				if nested && strings.HasSuffix(group, "_fields") {
					fields++
					checkGoldenField(t, f, field, want)
				}
			}
			if fields != len(f.Header().Fields) || fields == 0 {
				t.Errorf("%d fields read, want %d", len(f.Header().Fields), fields)
			}
			checkGoldenSides(t, f, objects)
			checkGoldenWindow(t, path, objects)
			violations, err := Check(context.Background(), path)
			if err != nil || (len(violations) > 0) != strings.HasPrefix(name, "fixed_strings") {
				t.Errorf("Check finds %v, %v; want violations for fixed-length strings only", violations, err)
			}
		})
	}
}

func checkGoldenField(t *testing.T, f *File, name string, want golden) {
	t.Helper()
	info, err := f.Field(name)
	if err != nil {
		t.Error(err)
		return
	}
	var values []float32
	trajectories := f.Trajectories()
	if !info.SampleVarying {
		trajectories = 1
	}
	for trajectory := range trajectories {
		a, err := f.ReadField(info, trajectory, 0, 1, f.Steps())
		if err != nil {
			t.Error(err)
			return
		}
		values = append(values, a.Data...)
	}
	wantSums(t, name, values, want.Sum, want.Wsum)
	if s := want.Strided; s != nil && info.TimeVarying {
		a, err := f.ReadField(info, 1, 2, 2, 2)
		if err != nil {
			t.Error(err)
			return
		}
		wantSums(t, name+", frames 2 and 4", a.Data, s.Sum, s.Wsum)
	}
}

// wantSums compares up to the rounding of float64 data to float32.
func wantSums(t *testing.T, what string, values []float32, sum, weighted float64) {
	t.Helper()
	gotSum, gotWeighted, scale := sums(values)
	if math.Abs(gotSum-sum) > 1e-7*scale || math.Abs(gotWeighted-weighted) > 1e-4*scale {
		t.Errorf("%s: sums %v and %v, want %v and %v", what, gotSum, gotWeighted, sum, weighted)
	}
}

// checkGoldenSides derives the sides from the names of the boundary groups, x_periodic or x_y_wall.
func checkGoldenSides(t *testing.T, f *File, objects map[string]golden) {
	t.Helper()
	want := make([]field.Sides, len(f.Sizes()))
	var groups []string
	for object := range objects {
		if group, found := strings.CutPrefix(object, "/boundary_conditions/"); found && !strings.Contains(group, "/") {
			groups = append(groups, group)
		}
	}
	slices.Sort(groups)
	for _, group := range groups {
		parts := strings.Split(group, "_")
		kind, err := field.ParseBoundary(parts[len(parts)-1])
		if err != nil {
			t.Fatal(err)
		}
		for _, axis := range parts[:len(parts)-1] {
			want[slices.Index(f.AxisNames(), axis)] = field.Both(kind)
		}
	}
	wantEqual(t, "boundaries", f.Boundaries(), want)
}

// checkGoldenWindow reads frames 2 and 4 of trajectory 1 as a window and compares the channels' sum with the fields'.
func checkGoldenWindow(t *testing.T, path string, objects map[string]golden) {
	t.Helper()
	d, err := OpenDataset(path, "", Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	w, err := d.Read(context.Background(), WindowSpec{Trajectory: 1, Start: 2, Stride: 2, Steps: 2})
	if err != nil {
		t.Fatal(err)
	}
	want, n := 0.0, 0
	for _, info := range d.Variable() {
		strided := objects["/"+info.path()].Strided
		want += strided.Sum
		n += strided.N
	}
	got, _, scale := sums(w.Frames.Data)
	if len(w.Frames.Data) != n || math.Abs(got-want) > 1e-7*scale {
		t.Errorf("window of %d values with sum %v; want %d and %v", len(w.Frames.Data), got, n, want)
	}
	if got, want := len(d.VariableChannels()), w.Frames.Axis(-1); got != want {
		t.Errorf("%d channel names for %d channels", got, want)
	}
}
