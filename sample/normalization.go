package sample

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/well"
)

// Normalization says how the fields are scaled before the network sees them: by what, and measured on what.
type Normalization string

const (
	// Samplewise divides by the root mean squares of each window, as the released model does (spec 3).
	Samplewise Normalization = "samplewise"
	// DataSetWide divides by the root mean squares of the whole data set in its statistics, as the released fine-tuned models
	// do (recipe, section 4).
	DataSetWide Normalization = "dataset"
	// SamplewiseMeanStd subtracts the mean and divides by the standard deviation of each window.
	SamplewiseMeanStd Normalization = "samplewise_mean_std"
	// DataSetMeanStd subtracts the mean and divides by the standard deviation of the whole data set.
	DataSetMeanStd Normalization = "dataset_mean_std"
)

// normalizations lists all, each with the class that released configurations name (trainer.revin._target_) and the other
// name that the release has for it.
var normalizations = []struct {
	Normalization
	class, alias string
}{
	{Samplewise, "SamplewiseRevNormalization", "RMSSamplewiseRevNormalization"},
	{DataSetWide, "GlobalRevNormalization", "RMSGlobalRevNormalization"},
	{SamplewiseMeanStd, "MeanStdSamplewiseRevNormalization", ""},
	{DataSetMeanStd, "MeanStdGlobalRevNormalization", ""},
}

// ParseNormalization reads a normalisation's name, or the Python class that a released configuration names; empty is
// Samplewise.
func ParseNormalization(name string) (Normalization, error) {
	if name == "" {
		return Samplewise, nil
	}
	class := name[strings.LastIndex(name, ".")+1:]
	var names, classes []string
	for _, n := range normalizations {
		if name == string(n.Normalization) || class == n.class || n.alias != "" && class == n.alias {
			return n.Normalization, nil
		}
		names, classes = append(names, string(n.Normalization)), append(classes, n.class)
	}
	return "", fmt.Errorf("sample: unknown normalization %q; expected one of %s, or of the released classes %s", name, strings.Join(names, ", "), strings.Join(classes, ", "))
}

// Class is the name of n in a released configuration.
func (n Normalization) Class() string {
	for _, known := range normalizations {
		if n == known.Normalization {
			return "walrus.trainer.normalization_strat." + known.class
		}
	}
	return Samplewise.Class()
}

// DataSet reports whether n needs the statistics of a data set.
func (n Normalization) DataSet() bool { return n == DataSetWide || n == DataSetMeanStd }

// centred reports whether n subtracts means.
func (n Normalization) centred() bool { return n == SamplewiseMeanStd || n == DataSetMeanStd }

// Scale normalises a field: values are (x - Mean) / Value, changes from frame to frame (dx - DeltaMean) / Delta. All
// components of a vector or tensor have the same.
type Scale struct {
	Value, Mean      float32
	Delta, DeltaMean float32 // 1 and 0 for a field that does not vary in time
}

// WellFieldsScaled lists what the windows of a data set hold, with what a normalisation needs. The statistics of a data set
// stand in the file that named gives: an absolute path, or one relative to the data set's folder; empty is stats.yaml there.
// They are looked up under the names that the files give the fields, whatever transforms do to them. A field without
// statistics is an error, and so are scales that nothing can be divided by.
func WellFieldsScaled(d *well.Dataset, n Normalization, named string) (Fields, error) {
	d.WarnOfSmallFields()
	fields := WellFields(d)
	fields.Measurement.Centred = n.centred()
	if !n.DataSet() {
		return fields, nil
	}
	path := d.StatsPath(named)
	stats, err := well.ReadStats(path)
	if err != nil { // it names the file
		return fields, fmt.Errorf("normalization by data set: %w", err)
	}
	if err := fields.setScales(stats.Fields, n.centred()); err != nil {
		return fields, fmt.Errorf("normalization by data set: %s: %w", path, err)
	}
	fields.Statistics = Statistics{Path: path, Made: stats.Made}
	return fields, nil
}

// Statistics are the file of a data set's statistics, and how they were made.
type Statistics struct {
	Path string
	Made well.Made
}

// StatisticsNote says in what the statistics that scale the fields were made otherwise than a run with these strides and
// transforms uses them, for its user to judge; it is empty where they fit or where every window has its own scales. The
// changes from frame to frame grow with the stride: divided by the scale of another, they are wrong by that factor.
func (f Fields) StatisticsNote(minStride, maxStride int, transforms map[string]Transform) string {
	if f.Scales == nil {
		return ""
	}
	made := f.Statistics.Made
	strides := fmt.Sprint(minStride)
	if maxStride != minStride {
		strides = fmt.Sprintf("%d to %d", minStride, maxStride)
	}
	switch published := max(1, made.Stride); {
	case minStride == published && maxStride == published:
	case made.Stride == 0:
		return fmt.Sprintf("%s does not say at which stride its changes were taken (the published ones at 1), and this run has stride %s", f.Statistics.Path, strides)
	default:
		return fmt.Sprintf("%s has the changes at stride %d, and this run has stride %s: walrus data stats --stride makes others", f.Statistics.Path, made.Stride, strides)
	}
	if made.Stride == 0 {
		return ""
	}
	for _, of := range slices.Concat(f.Variable, f.Constant) {
		if was, is := strings.TrimPrefix(made.Transforms[of.Name], "torch."), string(transforms[of.Name]); was != is && is != string(ZerosLike) {
			return fmt.Sprintf("%s has statistics of the field %s with the transform %q, and this run has it with %q: walrus data stats --transform makes others", f.Statistics.Path, of.Name, was, is)
		}
	}
	return ""
}

// setScales takes the scales of all fields from a data set's statistics.
func (f *Fields) setScales(stats []well.FieldStats, centred bool) error {
	byName := map[string]well.FieldStats{}
	for _, s := range stats {
		byName[s.Name] = s
	}
	f.Scales = map[string]Scale{}
	for i, fields := range [][]field.Field{f.Variable, f.Constant} {
		for _, of := range fields {
			s, found := byName[of.Name]
			if !found {
				return fmt.Errorf("no statistics of the field %s; make them anew (walrus data stats), or normalise samplewise", of.Name)
			}
			scale, err := f.scaleOf(of, s, centred, i == 0)
			if err != nil {
				return fmt.Errorf("field %s: %w", of.Name, err)
			}
			f.Scales[of.Name] = scale
		}
	}
	return nil
}

// scaleOf reads the scale of one field from its statistics.
func (f *Fields) scaleOf(of field.Field, s well.FieldStats, centred, varies bool) (Scale, error) {
	scale := Scale{Delta: 1}
	var failed error
	read := func(to *float32, what string, components []float64, divides bool) {
		if failed != nil {
			return
		}
		if want := of.Rank.Components(len(f.Axes)); s.Rank != of.Rank || len(components) != want {
			failed = fmt.Errorf("%s has %d values of a %v; the field is a %v of %d components", what, len(components), s.Rank, of.Rank, want)
			return
		}
		*to = pooled(components, of.Rank.Components(f.dims()))
		if size := float64(*to); math.IsNaN(size) || math.IsInf(size, 0) || divides && size == 0 {
			failed = fmt.Errorf("%s is %v, and nothing can be divided by its %v; the field may be the same everywhere: exclude it, or normalise samplewise", what, components, *to)
		}
	}
	values, deltas := s.RMS, s.RMSDelta
	names := [2]string{"rms", "rms_delta"}
	if centred {
		values, deltas, names = s.Std, s.StdDelta, [2]string{"std", "std_delta"}
		read(&scale.Mean, "mean", s.Mean, false)
	}
	read(&scale.Value, names[0], values, true)
	if varies {
		if centred {
			read(&scale.DeltaMean, "mean_delta", s.MeanDelta, false)
		}
		read(&scale.Delta, names[1], deltas, true)
	}
	return scale, failed
}

// pooled is the one number that stands for all components of a vector or tensor: the root of the mean of their squares over
// all components that the network sees, those that only pad included. That of a scalar is its own, with its sign.
func pooled(components []float64, seen int) float32 {
	if len(components) == 1 && seen == 1 {
		return float32(components[0])
	}
	var sum float64
	for _, v := range components {
		sum += v * v
	}
	return float32(math.Sqrt(sum / float64(seen)))
}

// scales lists what the channels of a layout are normalised by; nil where every window has its own scales.
func (f Fields) scales() []Scale {
	if f.Scales == nil {
		return nil
	}
	var list []Scale
	for _, fields := range [][]field.Field{f.predicted(), f.given()} {
		for _, of := range fields {
			for range of.Rank.Components(f.dims()) {
				list = append(list, f.Scales[of.Name])
			}
		}
	}
	return list
}
