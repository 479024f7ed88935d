package main

import (
	"fmt"
	"path/filepath"
	"slices"

	"github.com/gowalrus/walrus/internal/atomicfile"
	"github.com/gowalrus/walrus/metric"
	"github.com/gowalrus/walrus/report"
)

// extend adds a point to a curve: the median over the seeds, between the least and the greatest.
func extend(s report.Series, x float64, rows []row, persistence *float64) report.Series {
	if len(rows) == 0 {
		return s
	}
	var values []float64
	for _, m := range rows {
		values = append(values, m.value)
		if persistence != nil {
			*persistence = m.persistence
		}
	}
	s.X, s.Y = append(s.X, x), append(s.Y, metric.Median(values))
	s.Low, s.High = append(s.Low, slices.Min(values)), append(s.High, slices.Max(values))
	return s
}

// appendDrawn adds a curve that has points.
func appendDrawn(list []report.Series, s report.Series) []report.Series {
	if len(s.X) == 0 {
		return list
	}
	return append(list, s)
}

// plot writes OUT/NAME.png.
func (l *lab) plot(name string, spec report.LineSpec) error {
	path := filepath.Join(l.out, name+".png")
	f, err := atomicfile.Create(path)
	if err != nil {
		return err
	}
	defer f.Discard()
	spec.Theme = report.Light()
	if err := report.Lines(f, spec, report.PNG); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return f.Commit()
}
