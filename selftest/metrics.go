package selftest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/metric"
)

// number is a value of the released files: a JSON number, or a text where JSON has none for it ("NaN", "inf"). null, which
// stands for a bare NaN, is NaN.
type number float64

// UnmarshalJSON reads all those.
func (n *number) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		*n = number(math.NaN())
		return nil
	}
	v, err := strconv.ParseFloat(strings.Trim(string(text), `"`), 64)
	*n = number(v)
	return err
}

// metricCase is a prediction x and a truth y with every metric of each sample, step and channel.
type metricCase struct {
	Name       string                                `json:"name"`
	Shape      []int                                 `json:"shape_B_T_space_C"`
	Dimensions int                                   `json:"n_spatial_dims"`
	X          []float32                             `json:"x"`
	Y          []float32                             `json:"y"`
	Metrics    map[string]map[string]json.RawMessage `json:"metrics"`         // by "eps=1e-07"
	Float64    map[string]json.RawMessage            `json:"metrics_float64"` // of epsilon 1e-7
	Edges      []number                              `json:"spectral_edges"`
	Counts     []int                                 `json:"spectral_counts"` // the last: beyond the last edge
}

// perFrame are the numbers of a metric: [sample][step][channel].
type perFrame [][][]number

// metrics compares the scores of single frames.
func (r *runner) metrics(_ context.Context, name string) ([]Result, error) {
	var file struct {
		About string       `json:"about"`
		Cases []metricCase `json:"cases"`
	}
	if err := r.folder.whole(name, &file); err != nil {
		return nil, err
	}
	var results []Result
	for _, c := range file.Cases {
		path := fmt.Sprintf("selftest: %s: %s", filepath.Join(r.folder.path, name), c.Name)
		if len(c.Shape) < 4 || slices.Min(c.Shape) < 1 || field.Volume(c.Shape) != len(c.X) || len(c.X) != len(c.Y) {
			return results, fmt.Errorf("%s: shape %v with %d and %d values; expected (B, T, space, C)", path, c.Shape, len(c.X), len(c.Y))
		}
		g := newGroup(stemOf(name)+" "+c.Name, "metrics")
		for key, tables := range c.Metrics {
			epsilon, err := strconv.ParseFloat(strings.TrimPrefix(key, "eps="), 64)
			if err != nil {
				return results, fmt.Errorf("%s: metrics of %q; expected eps=NUMBER", path, key)
			}
			if err := c.compareTables(g, key, epsilon, tables); err != nil {
				return results, fmt.Errorf("%s: %w", path, err)
			}
		}
		if err := c.compareTables(g, "float64", metric.Epsilon, c.Float64); err != nil {
			return results, fmt.Errorf("%s: %w", path, err)
		}
		bands, err := c.compareBands(stemOf(name) + " " + c.Name)
		if err != nil {
			return results, fmt.Errorf("%s: %w", path, err)
		}
		results = append(results, g.Result, bands)
	}
	return results, nil
}

// frame is one frame (*N, C) of (B, T, *N, C).
func (c metricCase) frame(values []float32, sample, step int) field.Array {
	size := field.Volume(c.Shape[2:])
	return field.Array{Shape: c.Shape[2:], Data: values[(sample*c.Shape[1]+step)*size:][:size]}
}

// compareTables compares every metric of the file with ours of the same name; the spectral ones lie a level deeper, one a band.
func (c metricCase) compareTables(g *group, where string, epsilon float64, released map[string]json.RawMessage) error {
	ours := map[string][]float64{} // flat: sample, step, channel
	for sample := range c.Shape[0] {
		for step := range c.Shape[1] {
			for _, m := range metric.All(epsilon) {
				values, err := m.Compare(c.frame(c.X, sample, step), c.frame(c.Y, sample, step))
				if err != nil {
					return err
				}
				for i, name := range m.Names {
					ours[name] = append(ours[name], values[i]...)
				}
			}
		}
	}
	tables := map[string]perFrame{}
	for name, text := range released {
		var bands map[string]perFrame
		if json.Unmarshal(text, &bands) != nil {
			var table perFrame
			if err := json.Unmarshal(text, &table); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			bands = map[string]perFrame{name: table}
		}
		maps.Copy(tables, bands)
	}
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		short := name
		if kind, band, spectral := strings.Cut(strings.TrimPrefix(name, "spectral_error_"), "_per_bin_"); spectral {
			short = "spectral " + strings.ToUpper(kind) + " " + band
		}
		var want []number
		for _, sample := range tables[name] {
			want = append(want, slices.Concat(sample...)...)
		}
		got, known := ours[short]
		if !known || len(got) != len(want) {
			return fmt.Errorf("%s: %d numbers; expected %d", name, len(want), len(got))
		}
		for i, w := range want {
			g.number(fmt.Sprintf("%s %s, number %d", where, short, i), got[i], float64(w), releaseTolerance)
		}
	}
	return nil
}

// compareBands compares the edges of the spectral bands and how many points lie in each, which the flat spectrum of one wrong
// point counts.
func (c metricCase) compareBands(name string) (Result, error) {
	g := newGroup(name, "bands")
	shape := append(slices.Clone(c.Shape[2:len(c.Shape)-1]), 1)
	points := field.Volume(shape)
	impulse := field.NewArray(shape...)
	impulse.Data[0] = 1
	spectrum, err := metric.Spectral(impulse, field.NewArray(shape...))
	if err != nil {
		return g.Result, err
	}
	g.exact("dimensions", len(shape)-1, c.Dimensions)
	for i, want := range c.Edges {
		if i < len(spectrum.Edges) {
			g.number(fmt.Sprintf("edge %d", i), spectrum.Edges[i], float64(want), releaseTolerance)
		}
	}
	counts := make([]int, metric.SpectralBins+1)
	for b := range metric.SpectralBins {
		counts[b] = int(math.Round(spectrum.MSE[b][0] * float64(points) * float64(points)))
	}
	if c.Counts != nil {
		g.exact("points in the bands", counts, c.Counts)
	}
	return g.Result, nil
}
