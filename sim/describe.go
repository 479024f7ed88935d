package sim

import (
	"strings"

	"github.com/gowalrus/walrus/sim/scenario"
)

// Description is a scenario as a list or a program needs it: what it says of itself, without its functions.
type Description struct {
	Name            string                 `json:"name"`
	Title           string                 `json:"title"`
	Equations       string                 `json:"equations"`
	Source          string                 `json:"source"`
	Simplified      string                 `json:"simplified,omitempty"`
	Axes            []string               `json:"axes"`
	Fields          []FieldDescription     `json:"fields"`
	Boundaries      []string               `json:"boundaries"`
	DefaultGrid     []int                  `json:"default_grid"`
	DefaultFrames   int                    `json:"default_frames"`
	PublishedGrid   []int                  `json:"published_grid"`
	PublishedFrames int                    `json:"published_frames"`
	Parameters      []ParameterDescription `json:"parameters"`
	Seconds         float64                `json:"seconds_per_trajectory"`
}

// FieldDescription is one of its fields.
type FieldDescription struct {
	Name     string `json:"name"`
	Rank     string `json:"rank"`
	Constant bool   `json:"constant"`
	Log10    bool   `json:"log10"` // field_transforms: log10 in the released model's training
}

// ParameterDescription is what varies between trajectories: some values, or a range.
type ParameterDescription struct {
	Name   string    `json:"name"`
	Doc    string    `json:"doc"`
	Values []float64 `json:"values,omitempty"`
	Low    float64   `json:"low,omitempty"`
	High   float64   `json:"high,omitempty"`
}

// DescribeAll describes all scenarios.
func DescribeAll() []Description {
	var all []Description
	for _, s := range All() {
		all = append(all, Describe(s))
	}
	return all
}

// Describe describes a scenario.
func Describe(s scenario.Scenario) Description {
	d := Description{Name: s.Name, Title: s.Title, Equations: s.Equations, Source: s.Source, Simplified: s.Simplified, Axes: s.Axes,
		DefaultGrid: s.DefaultGrid, DefaultFrames: s.DefaultFrames, PublishedGrid: s.PublishedGrid, PublishedFrames: s.PublishedFrames,
		Parameters: []ParameterDescription{}, Seconds: s.Seconds}
	typical := map[string]float64{}
	for _, q := range s.Parameters {
		d.Parameters = append(d.Parameters, ParameterDescription{q.Name, q.Doc, q.Values, q.Low, q.High})
		typical[q.Name] = q.Low
		if len(q.Values) > 0 {
			typical[q.Name] = q.Values[0]
		}
	}
	for _, q := range s.Fields {
		d.Fields = append(d.Fields, FieldDescription{q.Name, q.Rank.String(), q.Constant, q.Log10})
	}
	for i, b := range s.Domain(s.DefaultGrid, typical).Boundaries {
		d.Boundaries = append(d.Boundaries, s.Axes[i]+" "+strings.ToLower(b.String()))
	}
	return d
}
