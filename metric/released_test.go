package metric

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/internal/released"
)

// perFrame is a metric of the released code: [sample][step][channel].
type perFrame [][][]float64

// releasedMetrics are all metrics that the released code gives for a case.
type releasedMetrics map[string]json.RawMessage

// tables flattens the metrics: the spectral ones are one level deeper.
func (r releasedMetrics) tables(t *testing.T) map[string]perFrame {
	t.Helper()
	all := map[string]perFrame{}
	for name, text := range r {
		var one perFrame
		if json.Unmarshal(text, &one) == nil {
			all[name] = one
			continue
		}
		var several map[string]perFrame
		if err := json.Unmarshal(text, &several); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for part, values := range several {
			all[part] = values
		}
	}
	return all
}

// ourName is what the released name of a metric is here.
func ourName(name string) string {
	kind, band, found := strings.Cut(strings.TrimPrefix(name, "spectral_error_"), "_per_bin_")
	if !found {
		return name
	}
	return "spectral " + strings.ToUpper(kind) + " " + band
}

func TestMetricsAreThoseOfTheReleasedCode(t *testing.T) {
	var file struct {
		Cases []struct {
			Name       string
			Shape      []int `json:"shape_B_T_space_C"`
			Dimensions int   `json:"n_spatial_dims"`
			X, Y       []float32
			Metrics    map[string]releasedMetrics // by "eps=..."
			Float64    releasedMetrics            `json:"metrics_float64"` // of epsilon 1e-7
			Edges      []float64                  `json:"spectral_edges"`
			Counts     []int                      `json:"spectral_counts"`
		}
	}
	released.Read(t, "metrics.json", &file)
	if len(file.Cases) == 0 {
		t.Fatal("no cases")
	}
	for _, c := range file.Cases {
		t.Run(c.Name, func(t *testing.T) {
			checked := 0
			check := func(epsilon float64, want map[string]perFrame, tolerance float64) {
				ours := map[string]perFrame{}
				for b := range c.Shape[0] {
					for step := range c.Shape[1] {
						x, y := frameOf(c.X, c.Shape, b, step), frameOf(c.Y, c.Shape, b, step)
						for _, m := range All(epsilon) {
							values, err := m.Compare(x, y)
							if err != nil {
								t.Fatal(err)
							}
							for i, name := range m.Names {
								if step == 0 {
									ours[name] = append(ours[name], nil)
								}
								ours[name][b] = append(ours[name][b], values[i])
							}
						}
					}
				}
				for name, table := range want {
					got, found := ours[ourName(name)]
					if !found {
						t.Errorf("no metric for the released %s", name)
						continue
					}
					for b := range table {
						for step := range table[b] {
							for channel, w := range table[b][step] {
								checked++
								if g := got[b][step][channel]; math.Abs(g-w) > tolerance*math.Abs(w)+1e-12 {
									t.Errorf("epsilon %g: %s of sample %d, step %d, channel %d is %.9g, released %.9g", epsilon, name, b, step, channel, g, w)
								}
							}
						}
					}
				}
			}
			for key, metrics := range c.Metrics {
				epsilon, err := strconv.ParseFloat(strings.TrimPrefix(key, "eps="), 64)
				if err != nil {
					t.Fatal(err)
				}
				check(epsilon, metrics.tables(t), 2e-5)
			}
			check(Epsilon, c.Float64.tables(t), 3e-6) // the release computes epsilon and bands in float32 there too
			if checked == 0 {
				t.Error("nothing was compared")
			}
			sizes := c.Shape[2 : len(c.Shape)-1]
			if len(sizes) != c.Dimensions {
				t.Errorf("%d dimensions, shape %v", c.Dimensions, c.Shape)
			}
			edges := bandEdges(sizes)
			counts := make([]int, SpectralBins+1) // the last: beyond the last edge, where nothing is
			for _, b := range bandOfPoint(sizes, edges) {
				counts[b]++
			}
			if !slices.Equal(counts, c.Counts) {
				t.Errorf("%v points in the bands, released %v", counts, c.Counts)
			}
			for i, want := range c.Edges {
				if !near(edges[i], want, 1e-6) {
					t.Errorf("edge %d is %.9g, released %.9g", i, edges[i], want)
				}
			}
		})
	}
}

// frameOf cuts one frame (*N, C) out of (B, T, *N, C).
func frameOf(values []float32, shape []int, b, step int) field.Array {
	points := field.Volume(shape[2:])
	at := (b*shape[1] + step) * points
	return field.Array{Shape: shape[2:], Data: values[at : at+points]}
}

func TestReductionsAreThoseOfTorch(t *testing.T) {
	var file struct {
		Batches map[string]struct {
			Values json.RawMessage
			Mean   *released.Number `json:"torch.mean"`
			Median *released.Number `json:"torch.median"`
			Std    *released.Number `json:"torch.std"`
		} `json:"batch_aggregation"`
	}
	released.Read(t, "reductions.json", &file)
	if len(file.Batches) == 0 {
		t.Fatal("no cases")
	}
	same := func(got float64, want released.Number) bool {
		w := float64(want)
		return got == w || math.IsNaN(got) && math.IsNaN(w) || math.Abs(got-w) <= 2e-5*math.Abs(w)
	}
	for name, c := range file.Batches {
		values := numbers(t, c.Values)
		for _, r := range []struct {
			what string
			got  float64
			want *released.Number
		}{{"mean", Mean(values), c.Mean}, {"median", Median(values), c.Median}, {"std", Std(values), c.Std}} {
			switch {
			case r.want == nil && r.what == "std" && len(values) == 1:
				if !math.IsNaN(r.got) {
					t.Errorf("%s: std of one value is %g, want NaN", name, r.got)
				}
			case r.want != nil && !same(r.got, *r.want):
				t.Errorf("%s: %s of %v is %g, torch has %g", name, r.what, values, r.got, float64(*r.want))
			}
		}
	}
}

// numbers reads a list of values; one that JSON could not hold stands there as Python prints it.
func numbers(t *testing.T, text json.RawMessage) []float64 {
	t.Helper()
	var printed string
	if json.Unmarshal(text, &printed) != nil {
		printed = string(text)
	}
	var values []float64
	for _, part := range strings.Split(strings.Trim(strings.TrimSpace(printed), "[]"), ",") {
		v, err := strconv.ParseFloat(strings.Trim(part, " \"\n\t"), 64)
		if err != nil {
			t.Fatal(err)
		}
		values = append(values, v)
	}
	return values
}

// Where the released windows cover each step once, ours are the same; else ours differ just so far that they do: windows of
// no step are left out, and the last ends with the rollout. Edges inside differ where the power is a whole number, which the release's
// exp and log may miss from below: 25 steps have an edge at 25^(1/2) = 5, the release at 4.
func TestLogarithmicWindowsDifferFromTheReleasedOnlyWhereThoseAreDefective(t *testing.T) {
	var file struct {
		Edges     map[string][]int `json:"time_window_edges_num_time_intervals_5"`
		Lossy     []int            `json:"lengths_whose_last_step_is_in_no_window"`
		Empty     []int            `json:"lengths_with_an_empty_window"`
		OmittedAt int              `json:"windows_are_omitted_if_edges_at_most"`
	}
	released.Read(t, "reductions.json", &file)
	if len(file.Edges) == 0 {
		t.Fatal("no edges")
	}
	for key, edges := range file.Edges {
		steps, err := strconv.Atoi(key)
		if err != nil {
			t.Fatal(err)
		}
		empty, root := false, max(1, len(edges)-2)
		repaired := slices.Clone(edges)
		for i := range edges[1:] {
			empty = empty || edges[i+1] <= edges[i]
			if n := edges[i+1] + 1; math.Abs(float64(root)*math.Log(float64(n))-float64(i)*math.Log(float64(steps))) < 1e-9 {
				repaired[i+1] = n // a whole number
			}
		}
		var want []Interval
		first := 0
		for _, end := range repaired[1:] {
			if end > first {
				want = append(want, Interval{first, end})
				first = end
			}
		}
		if got := LogarithmicWindows(steps); !slices.Equal(got, want) || first != steps {
			t.Errorf("%d steps: %v, the released edges %v repaired are %v", steps, got, edges, want)
		}
		if lossy := edges[len(edges)-1] < steps; slices.Contains(file.Lossy, steps) != lossy {
			t.Errorf("%d steps: edges %v, lossy %v, which the file contradicts", steps, edges, lossy)
		}
		if slices.Contains(file.Empty, steps) != empty {
			t.Errorf("%d steps: edges %v, an empty window %v, which the file contradicts", steps, edges, empty)
		}
	}
	// The release leaves the windows out altogether where there are two edges, that is for one step; ours is that step.
	if got := fmt.Sprint(LogarithmicWindows(file.OmittedAt - 1)); got != "[{0 1}]" {
		t.Errorf("windows of one step: %s", got)
	}
}
