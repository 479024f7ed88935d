package score

import (
	"math"

	"github.com/gowalrus/walrus/metric"
	"github.com/gowalrus/walrus/physics"
	"github.com/gowalrus/walrus/report"
)

// PhysicsRecord is what was measured of the physics along one rollout.
type PhysicsRecord struct {
	DataSet           string
	Trajectory, First int // counted from 0; First is the frame of the data that step 1 is
	Steps             int
	Times             []float64 // physical, one a step; nil where they are not known
	*physics.Record
}

// record begins the physics of a rollout; nil where it is not asked for or the forecast does not say where its channels lie.
func (r *Result) record(f Forecast) (*physics.Record, error) {
	if !r.protocol.Physics || f.OneStep || f.Domain == nil {
		return nil, nil
	}
	return physics.Start(*f.Domain, f.Last, f.steps())
}

// Physics lists the records by data set, in the order of the rollouts.
func (r *Result) Physics() []PhysicsRecord {
	var list []PhysicsRecord
	for _, d := range r.sets {
		list = append(list, d.physics...)
	}
	return list
}

// PhysicsTable has a row for each check of a data set: the medians over its rollouts at the start, and of truth and prediction at the last step that the
// prediction reaches; how far either went from the start at most, in percent of the scale; and how many predictions stopped before the end.
func (r *Result) PhysicsTable(dataSet string) report.Table {
	t := report.Table{Title: dataSet + ": physics" + r.sampled(dataSet),
		Columns: report.Columns("check", "closed", "start", "truth, last step", "prediction, last step", "truth, largest drift %", "prediction, largest drift %")}
	d := r.set(dataSet)
	if d == nil || len(d.physics) == 0 {
		return t
	}
	for i, check := range d.physics[0].Checks {
		columns := make([][]float64, 5)
		for _, record := range d.physics {
			if i >= len(record.Checks) || record.Checks[i].Name != check.Name {
				continue // positivity is left out where a trajectory starts below zero
			}
			s := record.Checks[i]
			n := min(len(s.Truth), len(s.Prediction))
			if n == 0 {
				continue
			}
			for c, v := range []float64{s.Start, s.Truth[n-1], s.Prediction[n-1], 100 * largestDrift(s, s.Truth), 100 * largestDrift(s, s.Prediction)} {
				columns[c] = append(columns[c], v)
			}
		}
		closed := report.Missing()
		if check.Kind == physics.Total {
			closed = report.Text(map[bool]string{true: "yes", false: "no"}[check.Closed])
		}
		row := []report.Cell{report.Text(check.Name), closed}
		for c, values := range columns {
			if len(values) == 0 || c > 2 && check.Kind != physics.Total {
				row = append(row, report.Missing())
				continue
			}
			row = append(row, report.Number(metric.Median(values)))
		}
		t.Add(row...)
	}
	return t
}

// largestDrift is the drift of largest magnitude, as a magnitude.
func largestDrift(s physics.Series, values []float64) float64 {
	largest := 0.0
	for _, v := range values {
		largest = math.Max(largest, math.Abs(s.Drift(v)))
	}
	return largest
}

// PhysicsLeftOut lists the checks of a data set that could not be made in some rollout, each with its first reason.
func (r *Result) PhysicsLeftOut(dataSet string) []physics.Omission {
	var list []physics.Omission
	seen := map[string]bool{}
	if d := r.set(dataSet); d != nil {
		for _, record := range d.physics {
			for _, o := range record.LeftOut {
				if !seen[o.Check] {
					seen[o.Check] = true
					list = append(list, o)
				}
			}
		}
	}
	return list
}

// The JSON of the physics; docs/evaluation.md explains it.
type (
	physicsDocument struct {
		DataSet    string             `json:"data_set"`
		Trajectory int                `json:"trajectory"`
		First      int                `json:"first"`
		Steps      int                `json:"steps"`
		Times      []report.Value     `json:"times"`
		Checks     []checkDocument    `json:"checks"`
		Spectra    []spectrumDocument `json:"spectra"`
		LeftOut    []physics.Omission `json:"left_out"`
	}
	checkDocument struct {
		Name       string         `json:"check"`
		Kind       physics.Kind   `json:"kind"`
		Fields     []string       `json:"fields"`
		Closed     bool           `json:"closed"`
		Start      report.Value   `json:"start"`
		Scale      report.Value   `json:"scale"`
		Truth      []report.Value `json:"truth"`
		Prediction []report.Value `json:"prediction"`
	}
	spectrumDocument struct {
		Field       string           `json:"field"`
		Wavenumbers []report.Value   `json:"wavenumbers"`
		Start       []report.Value   `json:"start"`
		Steps       []int            `json:"steps"`
		Truth       [][]report.Value `json:"truth"`
		Prediction  [][]report.Value `json:"prediction"`
	}
)

// physicsDocuments writes records for JSON: lists are never null.
func physicsDocuments(records []PhysicsRecord) []physicsDocument {
	list := make([]physicsDocument, 0, len(records))
	rows := func(all [][]float64) [][]report.Value {
		out := make([][]report.Value, 0, len(all))
		for _, row := range all {
			out = append(out, report.Values(row))
		}
		return out
	}
	for _, r := range records {
		d := physicsDocument{
			DataSet: r.DataSet, Trajectory: r.Trajectory, First: r.First, Steps: r.Steps, Times: report.Values(r.Times),
			Checks: []checkDocument{}, Spectra: []spectrumDocument{}, LeftOut: append([]physics.Omission{}, r.LeftOut...),
		}
		for _, s := range r.Checks {
			d.Checks = append(d.Checks, checkDocument{s.Name, s.Kind, s.Fields, s.Closed, report.Value(s.Start), report.Value(s.Scale), report.Values(s.Truth), report.Values(s.Prediction)})
		}
		for _, s := range r.Spectra {
			d.Spectra = append(d.Spectra, spectrumDocument{s.Field, report.Values(s.Wavenumbers), report.Values(s.Start), s.Steps, rows(s.Truth), rows(s.Prediction)})
		}
		list = append(list, d)
	}
	return list
}
