package sample

import (
	"fmt"
	"math"
	"strings"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/well"
)

// Normalization says what the fields are divided by before the network sees them.
type Normalization string

const (
	// Samplewise divides by the root mean squares of each window, as the released model does (spec 3).
	Samplewise Normalization = "samplewise"
	// DataSetWide divides by the root mean squares of the whole data set in its stats.yaml, as the released fine-tuned models
	// do (recipe, section 4).
	DataSetWide Normalization = "dataset"
)

// classes are the names that released configurations give normalisations (trainer.revin._target_).
var classes = map[string]Normalization{
	"SamplewiseRevNormalization":    Samplewise,
	"RMSSamplewiseRevNormalization": Samplewise,
	"GlobalRevNormalization":        DataSetWide,
	"RMSGlobalRevNormalization":     DataSetWide,
}

// ParseNormalization reads a normalisation's name, or the Python class that a released configuration names; empty is
// Samplewise.
func ParseNormalization(name string) (Normalization, error) {
	switch n := Normalization(name); n {
	case "":
		return Samplewise, nil
	case Samplewise, DataSetWide:
		return n, nil
	}
	if n, known := classes[name[strings.LastIndex(name, ".")+1:]]; known {
		return n, nil
	}
	return "", fmt.Errorf("sample: unknown normalization %q; expected %s, %s, or one of the released classes SamplewiseRevNormalization and GlobalRevNormalization", name, Samplewise, DataSetWide)
}

// Class is the name of n in a released configuration.
func (n Normalization) Class() string {
	name := "SamplewiseRevNormalization"
	if n == DataSetWide {
		name = "GlobalRevNormalization"
	}
	return "walrus.trainer.normalization_strat." + name
}

// Scale is what a field is divided by: all components of a vector or tensor by the same.
type Scale struct {
	Value float32 // root mean square of the values
	Delta float32 // and of their change from frame to frame; 1 for a field that does not vary in time
}

// smallestScale is the least that is divided by, as for the scales of a window (spec 3).
const smallestScale = 1e-5

// setScales takes the scales of the fields from a data set's statistics. Components are pooled: the root of their mean
// square over all components that the network sees, those that only pad included.
func (f *Fields) setScales(stats []well.FieldStats) {
	f.Scales = map[string]Scale{}
	for _, s := range stats {
		pooled := func(components []float64) float32 {
			var sum float64
			for _, v := range components {
				sum += v * v
			}
			return float32(max(math.Sqrt(sum/float64(s.Rank.Components(f.dims()))), smallestScale))
		}
		scale := Scale{Value: pooled(s.RMS), Delta: 1}
		if len(s.RMSDelta) > 0 {
			scale.Delta = pooled(s.RMSDelta)
		}
		f.Scales[s.Name] = scale
	}
}

// scales lists what the channels of a layout are divided by; nil where every window is normalised by its own scales.
func (f Fields) scales(transforms map[string]Transform) ([]Scale, error) {
	if f.Scales == nil {
		return nil, nil
	}
	var list []Scale
	add := func(fields []field.Field, varies bool) error {
		for _, own := range fields {
			renamed := transforms[own.Name].rename(own)
			s, found := f.Scales[renamed.Name]
			if !found || varies && !(s.Delta > 0) {
				return fmt.Errorf("sample: the statistics of the data set have no field %s, which normalization by data set needs; make stats.yaml anew, or normalise samplewise", renamed.Name)
			}
			for range renamed.Rank.Components(f.dims()) {
				list = append(list, s)
			}
		}
		return nil
	}
	if err := add(f.Variable, true); err != nil {
		return nil, err
	}
	return list, add(f.Constant, false)
}

// WellFieldsScaled lists what the windows of a data set hold, with the scales that a normalisation asks for: those of the
// stats.yaml beside the data.
func WellFieldsScaled(d *well.Dataset, n Normalization) (Fields, error) {
	fields := WellFields(d)
	if n != DataSetWide {
		return fields, nil
	}
	stats, err := well.ReadStats(well.StatsPath(d.Files()[0].Path))
	if err != nil {
		return fields, fmt.Errorf("normalization by data set: %w", err)
	}
	fields.setScales(stats)
	return fields, nil
}
