package well

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/internal/released"
)

func TestFiltersKeepTheFilesThatTheReleaseKeeps(t *testing.T) {
	var sampling struct {
		Filters struct {
			Files []string `json:"files"`
			Cases []struct {
				Include []string `json:"include_filters"`
				Exclude []string `json:"exclude_filters"`
				Kept    []string `json:"kept"`
			} `json:"cases"`
		} `json:"filters"`
	}
	released.Read(t, "sampling.json", &sampling)
	// The filters see the whole path, so nothing but the data set's name may match them.
	base, err := os.MkdirTemp("", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(base) })
	folder := filepath.Join(base, "cube")
	if err := os.MkdirAll(filepath.Join(folder, "data", "train"), 0o777); err != nil {
		t.Fatal(err)
	}
	for _, name := range sampling.Filters.Files {
		if err := os.WriteFile(filepath.Join(folder, "data", "train", name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range sampling.Filters.Cases {
		found, err := FindFiles(folder, "train", Options{Include: c.Include, Exclude: c.Exclude})
		if err != nil {
			t.Errorf("include %q, exclude %q: %v", c.Include, c.Exclude, err)
		}
		for i := range found {
			found[i] = filepath.Base(found[i])
		}
		// The release lists a file once for every filter that it matches, which makes its windows as much likelier: a defect.
		if diff := cmp.Diff(slices.Compact(slices.Clone(c.Kept)), found); diff != "" {
			t.Errorf("include %q, exclude %q: %s", c.Include, c.Exclude, diff)
		}
	}
	if _, err := FindFiles(folder, "train", Options{Include: []string{"nothing like this"}}); err == nil || !strings.Contains(err.Error(), "filters") {
		t.Errorf("nothing is left: error %v, want one that names the filters", err)
	}
}

// readKeyed reads the value of the one key of a file that begins with a prefix, and the rest of the key.
func readKeyed(t *testing.T, file, prefix string, to any) string {
	t.Helper()
	var keys map[string]json.RawMessage
	released.Read(t, file, &keys)
	for key, text := range keys {
		if rest, found := strings.CutPrefix(key, prefix); found {
			if err := json.Unmarshal(text, to); err != nil {
				t.Fatalf("%s: %s: %v", file, key, err)
			}
			return rest
		}
	}
	t.Fatalf("%s has no key that begins with %s", file, prefix)
	return ""
}

func TestRestrictionsKeepAsMuchAsTheReleaseAndAllOfItDistinct(t *testing.T) {
	var cases []struct {
		Trajectories Part `json:"restrict_num_trajectories"`
		Samples      Part `json:"restrict_num_samples"`
		Windows      int  `json:"windows"`
	}
	name, _, _ := strings.Cut(readKeyed(t, "sampling.json", "restrictions_with_seed_0_on_", &cases), "_windows")
	name, total, _ := cutLast(name, "_")
	var sampling struct {
		Sets []struct {
			Name   string `json:"data_set"`
			Inputs int    `json:"n_steps_input"`
		} `json:"per_set"`
	}
	released.Read(t, "sampling.json", &sampling)
	inputs := 0
	for _, set := range sampling.Sets {
		if set.Name == name {
			inputs = set.Inputs
		}
	}
	d, err := OpenDataset(filepath.Join(released.Folder(t), "data", name), "valid", Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for _, c := range cases {
		restricted := func(seed uint64) []WindowSpec {
			w, err := d.Windows(inputs, 1, 1, 1)
			if err != nil {
				t.Fatal(err)
			}
			if fmt.Sprint(w.Len()) != total {
				t.Fatalf("%s has %d windows, want %s", name, w.Len(), total)
			}
			if err := w.Restrict(c.Trajectories, c.Samples, rand.New(rand.NewPCG(seed, 0))); err != nil {
				t.Fatal(err)
			}
			list := make([]WindowSpec, w.Len())
			for i := range list {
				if list[i], err = w.At(i, nil); err != nil {
					t.Fatal(err)
				}
			}
			return list
		}
		list := restricted(1)
		if len(list) != c.Windows {
			t.Errorf("restricted to %v trajectories, %v samples: %d windows, want %d", c.Trajectories, c.Samples, len(list), c.Windows)
		}
		windows, trajectories := map[WindowSpec]bool{}, map[[2]int]int{}
		for _, s := range list {
			windows[s] = true
			trajectories[[2]int{s.File, s.Trajectory}]++
		}
		// The release repeats the windows of one trajectory: a defect. Here as many trajectories are whole as were asked for.
		if len(windows) != len(list) {
			t.Errorf("restricted to %v trajectories, %v samples: %d of %d windows are distinct", c.Trajectories, c.Samples, len(windows), len(list))
		}
		if want := c.Trajectories.Of(d.Trajectories()); c.Trajectories > 0 && len(trajectories) != want {
			t.Errorf("restricted to %v trajectories: windows of %d, want %d", c.Trajectories, len(trajectories), want)
		}
		if !cmp.Equal(list, restricted(1)) {
			t.Errorf("restricted to %v trajectories, %v samples: another choice at the second time", c.Trajectories, c.Samples)
		}
		others := 0
		for seed := range uint64(20) {
			if !cmp.Equal(list, restricted(seed+2)) {
				others++
			}
		}
		if all := fmt.Sprint(len(list)) == total; all != (others == 0) {
			t.Errorf("restricted to %v trajectories, %v samples: %d of 20 other seeds make another choice", c.Trajectories, c.Samples, others)
		}
	}
}

// cutLast cuts around the last separator.
func cutLast(s, separator string) (before, after string, found bool) {
	if i := strings.LastIndex(s, separator); i >= 0 {
		return s[:i], s[i+len(separator):], true
	}
	return s, "", false
}

func TestSmallerRestrictionsLieWithinLargerOnes(t *testing.T) {
	d := &Dataset{files: []FileSummary{{Trajectories: 3, Steps: 9}, {Trajectories: 4, Steps: 12}}}
	chosen := func(trajectories, samples Part) (list []WindowSpec) {
		w, err := d.Windows(2, 1, 1, 1)
		if err == nil {
			err = w.Restrict(trajectories, samples, rand.New(rand.NewPCG(3, 0)))
		}
		if err != nil {
			t.Fatal(err)
		}
		for i := range w.Len() {
			s, _ := w.At(i, nil)
			list = append(list, s)
			if w.Group(i) != 0 {
				t.Fatalf("window %d is of group %d; all files have the same boundaries", i, w.Group(i))
			}
		}
		return list
	}
	for _, pair := range [][2][2]Part{{{2, 0}, {5, 0}}, {{0, 7}, {0, 30}}, {{0, 0.2}, {0, 0.7}}, {{3, 5}, {3, 0.5}}} {
		large := chosen(pair[1][0], pair[1][1])
		for _, s := range chosen(pair[0][0], pair[0][1]) {
			if !slices.Contains(large, s) {
				t.Errorf("%v has %+v, %v does not", pair[0], s, pair[1])
			}
		}
	}
	for _, bad := range []Part{-1, 2.5, Part(math.NaN()), Part(math.Inf(1))} {
		w, _ := d.Windows(2, 1, 1, 1)
		w.dataset.header.DatasetName = "set"
		if err := w.Restrict(bad, 0, rand.New(rand.NewPCG(0, 0))); err == nil || !strings.Contains(err.Error(), "set") {
			t.Errorf("restricted to %v trajectories: error %v", bad, err)
		}
	}
}

func TestStridesReachAsFarAsTheFirstFrameLetsThem(t *testing.T) {
	var cases map[string]struct {
		Strides []int   `json:"strides_drawn"`
		Lowest  float64 `json:"share_of_lowest"`
	}
	rest := readKeyed(t, "sampling.json", "stride_by_t0_of_", &cases)
	var frames, inputs, outputs, lowest, highest int
	if _, err := fmt.Sscanf(rest, "%d_frames_%d_plus_%d_stride_%d_to_%d", &frames, &inputs, &outputs, &lowest, &highest); err != nil {
		t.Fatal(err)
	}
	d := &Dataset{files: []FileSummary{{Trajectories: 1, Steps: frames, Boundaries: []field.Sides{}}}}
	w, err := d.Windows(inputs, outputs, lowest, highest)
	if err != nil {
		t.Fatal(err)
	}
	const draws = 4000
	random := rand.New(rand.NewPCG(1, 2))
	for text, c := range cases {
		var start int
		fmt.Sscan(text, &start)
		counts := map[int]int{}
		for range draws {
			s, err := w.At(start, random)
			if err != nil {
				t.Fatal(err)
			}
			if s.Start != start {
				t.Fatalf("window %d starts at frame %d", start, s.Start)
			}
			counts[s.Stride]++
		}
		var drawn []int
		for stride := range counts {
			drawn = append(drawn, stride)
		}
		slices.Sort(drawn)
		if !slices.Equal(drawn, c.Strides) {
			t.Errorf("first frame %d: strides %v, want %v", start, drawn, c.Strides)
		}
		for stride, n := range counts { // uniform: four standard deviations
			p := 1 / float64(len(c.Strides))
			if got := float64(n) / draws; math.Abs(got-p) > 4*math.Sqrt(p*(1-p)/draws) {
				t.Errorf("first frame %d: stride %d has a share of %.3f, want %.3f", start, stride, got, p)
			}
		}
	}
}
