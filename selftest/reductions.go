package selftest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/gowalrus/walrus/metric"
)

// reductionFile is reductions.json: averages of a few values, and the time windows of rollouts.
type reductionFile struct {
	Batches map[string]struct {
		Values json.RawMessage `json:"values"` // a list, or the text of one with NaN or Inf in it
		Mean   *number         `json:"torch.mean"`
		Median *number         `json:"torch.median"`
		Std    *number         `json:"torch.std"`
	} `json:"batch_aggregation"`
	Edges   map[string][]int `json:"time_window_edges_num_time_intervals_5"` // by the number of steps
	Lossy   []int            `json:"lengths_whose_last_step_is_in_no_window"`
	Empty   []int            `json:"lengths_with_an_empty_window"`
	Omitted int              `json:"windows_are_omitted_if_edges_at_most"` // the release's; ours has one for one step
}

// reductions compares averages with torch's, and time windows with the released ones, repaired.
func (r *runner) reductions(_ context.Context, name string) ([]Result, error) {
	var file reductionFile
	if err := r.folder.whole(name, &file); err != nil {
		return nil, err
	}
	averages, windows := newGroup(stemOf(name), "averages"), newGroup(stemOf(name), "windows")
	for _, key := range slices.Sorted(maps.Keys(file.Batches)) {
		c := file.Batches[key]
		values, err := numbersOf(c.Values)
		if err != nil {
			return nil, fmt.Errorf("selftest: %s: batch_aggregation: %s: %w", name, key, err)
		}
		for _, a := range []struct {
			what string
			got  float64
			want *number
		}{{"mean", metric.Mean(values), c.Mean}, {"median", metric.Median(values), c.Median}, {"std", metric.Std(values), c.Std}} {
			if a.want != nil {
				averages.number(fmt.Sprintf("%s of %v", a.what, values), a.got, float64(*a.want), releaseTolerance)
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(file.Edges)) {
		steps, err := strconv.Atoi(key)
		if err != nil || steps < 1 || len(file.Edges[key]) < 2 {
			return nil, fmt.Errorf("selftest: %s: edges %v of a rollout of %q steps", name, file.Edges[key], key)
		}
		file.compareWindows(windows, steps, file.Edges[key])
	}
	return []Result{averages.Result, windows.Result}, nil
}

// compareWindows compares the windows of a rollout. Ours cover each step once. The release leaves steps out and has windows of
// none: its edges are powers by exp and log, which may miss a whole number from below. Edges that do are raised, empty windows left out.
func (f reductionFile) compareWindows(g *group, steps int, edges []int) {
	var want []metric.Interval
	empty, root, first := false, max(1, len(edges)-2), 0
	for i, end := range edges[1:] {
		empty = empty || end <= edges[i]
		if n := end + 1; math.Abs(float64(root)*math.Log(float64(n))-float64(i)*math.Log(float64(steps))) < 1e-9 {
			end = n
		}
		if end > first {
			want = append(want, metric.Interval{First: first, End: end})
			first = end
		}
	}
	where := fmt.Sprintf("windows of %d steps", steps)
	g.exact(where, metric.LogarithmicWindows(steps), want)
	g.exact(where+": the release loses the last step", edges[len(edges)-1] < steps, slices.Contains(f.Lossy, steps))
	g.exact(where+": the release has an empty window", empty, slices.Contains(f.Empty, steps))
}

// numbersOf reads a list of numbers, or the text of one as Python prints it.
func numbersOf(text json.RawMessage) ([]float64, error) {
	var printed string
	if json.Unmarshal(text, &printed) != nil {
		printed = string(text)
	}
	var values []float64
	for part := range strings.SplitSeq(strings.Trim(strings.TrimSpace(printed), "[]"), ",") {
		v, err := strconv.ParseFloat(strings.TrimSpace(part), 64)
		if err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return values, nil
}
