package collect

import (
	"fmt"

	"github.com/gowalrus/walrus/metric"
	"github.com/gowalrus/walrus/physics"
	"github.com/gowalrus/walrus/report"
)

// mostTotals is how many totals share a plot.
const mostTotals = 6

// physicsFigures shows the physics of rollouts of one data set: the drift of totals, the other checks, and spectra; of several rollouts medians
// with quartiles.
func physicsFigures(title string, records []physics.Record) ([]report.Figure, error) {
	if len(records) == 0 {
		return nil, nil
	}
	drift := report.LineSpec{Title: title + ": drift of totals", XLabel: "rollout step", YLabel: "change since the start, %", WholeX: true}
	var specs []report.LineSpec
	for _, check := range records[0].Checks {
		var all []physics.Series
		for _, r := range records {
			for _, s := range r.Checks {
				if s.Name == check.Name {
					all = append(all, s)
				}
			}
		}
		if check.Kind != physics.Total {
			specs = append(specs, report.LineSpec{Title: title + ": " + check.Name, XLabel: "rollout step", YLabel: string(check.Kind), WholeX: true,
				Series: overSteps("prediction", "truth", 1, all, func(_ physics.Series, v float64) float64 { return v })})
			continue
		}
		if len(drift.Series) < 2*mostTotals {
			name := check.Name
			if check.Closed {
				name += " (closed)"
			}
			drift.Series = append(drift.Series, overSteps(name, name+", truth", 1+len(drift.Series)/2, all, func(s physics.Series, v float64) float64 { return 100 * s.Drift(v) })...)
		}
	}
	if len(drift.Series) > 0 {
		specs = append([]report.LineSpec{drift}, specs...)
	}
	specs = append(specs, spectra(title, records)...)
	return lineFigures("", specs...)
}

// overSteps are two curves: the median over rollouts of the predictions, with quartiles where there are several, and that of the truth, dashed.
func overSteps(name, truth string, color int, all []physics.Series, of func(physics.Series, float64) float64) []report.Series {
	model, real := report.Series{Name: name, Color: color}, report.Series{Name: truth, Color: color, Dashed: true}
	for step := 0; ; step++ {
		var predicted, known []float64
		for _, s := range all {
			if step < len(s.Prediction) {
				predicted = append(predicted, of(s, s.Prediction[step]))
			}
			if step < len(s.Truth) {
				known = append(known, of(s, s.Truth[step]))
			}
		}
		if len(predicted) == 0 && len(known) == 0 {
			break
		}
		if len(predicted) > 0 {
			model.X, model.Y = append(model.X, float64(step+1)), append(model.Y, metric.Median(predicted))
			if len(all) > 1 {
				model.Low, model.High = append(model.Low, metric.Quantile(predicted, 0.25)), append(model.High, metric.Quantile(predicted, 0.75))
			}
		}
		if len(known) > 0 {
			real.X, real.Y = append(real.X, float64(step+1)), append(real.Y, metric.Median(known))
		}
	}
	return []report.Series{model, real}
}

// spectra has a plot a field: of the first, the middle and the last step that are kept, the prediction beside the truth.
func spectra(title string, records []physics.Record) []report.LineSpec {
	var specs []report.LineSpec
	for i, first := range records[0].Spectra {
		spec := report.LineSpec{Title: title + ": spectrum of " + first.Field, XLabel: "wavenumber", YLabel: "variance a shell", LogX: true, LogY: true}
		var shown []int
		for _, at := range []int{0, len(first.Steps) / 2, len(first.Steps) - 1} {
			if at >= 0 && at < len(first.Steps) && (len(shown) == 0 || shown[len(shown)-1] != at) {
				shown = append(shown, at)
			}
		}
		for color, at := range shown {
			var truth, prediction [][]float64
			for _, r := range records {
				if i >= len(r.Spectra) || r.Spectra[i].Field != first.Field {
					continue
				}
				if s := r.Spectra[i]; at < len(s.Truth) {
					truth = append(truth, s.Truth[at])
				}
				if s := r.Spectra[i]; at < len(s.Prediction) {
					prediction = append(prediction, s.Prediction[at])
				}
			}
			name := fmt.Sprintf("step %d", first.Steps[at])
			for _, of := range []struct {
				rows   [][]float64
				name   string
				dashed bool
			}{{prediction, name, false}, {truth, name + ", truth", true}} {
				if power := medians(of.rows); len(power) == len(first.Wavenumbers) {
					spec.Series = append(spec.Series, report.Series{Name: of.name, X: first.Wavenumbers, Y: power, Dashed: of.dashed, Color: color + 1})
				}
			}
		}
		if len(spec.Series) > 0 {
			specs = append(specs, spec)
		}
	}
	return specs
}

// medians is the median over rows of every column; rows of other lengths than the first are left out.
func medians(rows [][]float64) []float64 {
	if len(rows) == 0 {
		return nil
	}
	list := make([]float64, len(rows[0]))
	for k := range list {
		var values []float64
		for _, row := range rows {
			if len(row) == len(list) {
				values = append(values, row[k])
			}
		}
		list[k] = metric.Median(values)
	}
	return list
}

// leftOut says which checks could not be made, each reason once.
func leftOut(records []physics.Record) string {
	text := ""
	seen := map[physics.Omission]bool{}
	for _, r := range records {
		for _, o := range r.LeftOut {
			if !seen[o] {
				seen[o] = true
				text += fmt.Sprintf(" Left out: %s, since %s.", o.Check, o.Reason)
			}
		}
	}
	return text
}

// physicsRecord is one rollout's physics in a file of scores (docs/evaluation.md).
type physicsRecord struct {
	DataSet    string `json:"data_set"`
	Trajectory int    `json:"trajectory"`
	Checks     []struct {
		Name       string         `json:"check"`
		Kind       physics.Kind   `json:"kind"`
		Fields     []string       `json:"fields"`
		Closed     bool           `json:"closed"`
		Start      report.Value   `json:"start"`
		Scale      report.Value   `json:"scale"`
		Truth      []report.Value `json:"truth"`
		Prediction []report.Value `json:"prediction"`
	} `json:"checks"`
	Spectra []struct {
		Field       string           `json:"field"`
		Wavenumbers []report.Value   `json:"wavenumbers"`
		Steps       []int            `json:"steps"`
		Truth       [][]report.Value `json:"truth"`
		Prediction  [][]report.Value `json:"prediction"`
	} `json:"spectra"`
	LeftOut []physics.Omission `json:"left_out"`
}

// record is what was measured, as package physics has it.
func (p physicsRecord) record() physics.Record {
	r := physics.Record{LeftOut: p.LeftOut}
	for _, c := range p.Checks {
		r.Checks = append(r.Checks, physics.Series{
			Check: physics.Check{Name: c.Name, Kind: c.Kind, Fields: c.Fields, Closed: c.Closed},
			Start: float64(c.Start), Scale: float64(c.Scale), Truth: report.Numbers(c.Truth), Prediction: report.Numbers(c.Prediction),
		})
	}
	for _, s := range p.Spectra {
		spectrum := physics.Spectrum{Field: s.Field, Wavenumbers: report.Numbers(s.Wavenumbers), Steps: s.Steps}
		for _, row := range s.Truth {
			spectrum.Truth = append(spectrum.Truth, report.Numbers(row))
		}
		for _, row := range s.Prediction {
			spectrum.Prediction = append(spectrum.Prediction, report.Numbers(row))
		}
		r.Spectra = append(r.Spectra, spectrum)
	}
	return r
}

// physicsSections has a section for each data set of a file whose physics was measured.
func (f scoresFile) physicsSections() ([]report.Section, error) {
	var list []report.Section
	var sets []string
	records := map[string][]physics.Record{}
	for _, p := range f.Physics {
		if records[p.DataSet] == nil {
			sets = append(sets, p.DataSet)
		}
		records[p.DataSet] = append(records[p.DataSet], p.record())
	}
	for _, set := range sets {
		figures, err := physicsFigures(set, records[set])
		if err != nil {
			return nil, err
		}
		list = append(list, report.Section{Name: "Physics: " + set + ", " + f.label(), Figures: figures,
			Text: fmt.Sprintf("Of %d rollouts: the median, and where there are several the band between the quartiles; the truth is dashed. No law is assumed: what the truth does not keep is not held against the prediction.%s",
				len(records[set]), leftOut(records[set]))})
	}
	return list, nil
}
