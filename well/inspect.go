package well

import (
	"math"
	"strings"
)

// Inspection is what a data set holds, with the warnings that its numbers give.
type Inspection struct {
	Name         string           `json:"name"`
	GridType     string           `json:"grid_type"`
	Axes         []string         `json:"axes"`
	Grid         []int            `json:"grid"`
	Boundaries   []string         `json:"boundaries"` // one an axis; "varies" where files differ
	Trajectories int              `json:"trajectories"`
	Files        []InspectedFile  `json:"files"`
	Fields       []InspectedField `json:"fields"`
	Warnings     []string         `json:"warnings,omitempty"`
}

// InspectedFile is one of its files.
type InspectedFile struct {
	Path         string `json:"path"`
	Trajectories int    `json:"trajectories"`
	Frames       int    `json:"frames"`
}

// InspectedField is one of its fields; without components where values were not read.
type InspectedField struct {
	Name       string               `json:"name"`
	Rank       string               `json:"rank"`
	Constant   bool                 `json:"constant"`
	Components []InspectedComponent `json:"components,omitempty"`
}

// InspectedComponent has nil for numbers that do not exist.
type InspectedComponent struct {
	Name      string   `json:"name"`
	Low       *float64 `json:"low"`
	High      *float64 `json:"high"`
	Mean      *float64 `json:"mean"`
	RMS       *float64 `json:"rms"`
	NotFinite int64    `json:"not_finite"`
}

// Inspect puts together what a data set holds. fields are those that Summarise gives; nil leaves out what takes reading all values.
func (d *Dataset) Inspect(fields []FieldSummary) Inspection {
	if fields == nil {
		for _, info := range d.Fields() {
			fields = append(fields, FieldSummary{FieldInfo: info})
		}
	}
	out := Inspection{Name: d.Name(), GridType: d.GridType(), Axes: d.Axes(), Grid: d.Sizes(), Trajectories: d.Trajectories(), Warnings: d.Uneven()}
	for _, s := range fields {
		if text := s.TooSmall(); text != "" {
			out.Warnings = append(out.Warnings, text)
		}
	}
	sides, agree := d.BoundariesAgree()
	for i := range out.Axes {
		text := "varies"
		if agree {
			text = strings.ToLower(sides[i].String())
		}
		out.Boundaries = append(out.Boundaries, text)
	}
	for _, file := range d.Files() {
		out.Files = append(out.Files, InspectedFile{file.Path, file.Trajectories, file.Steps})
	}
	for _, s := range fields {
		g := InspectedField{Name: s.Name, Rank: s.Rank.String(), Constant: !s.TimeVarying}
		for _, r := range s.Ranges {
			g.Components = append(g.Components, InspectedComponent{
				Name: r.Component, Low: finite(r.Low), High: finite(r.High), Mean: finite(r.Mean), RMS: finite(r.RMS), NotFinite: r.NotFinite,
			})
		}
		out.Fields = append(out.Fields, g)
	}
	return out
}

// finite is nil for what JSON can not hold.
func finite(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}
