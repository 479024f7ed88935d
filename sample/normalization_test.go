package sample

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/well"
)

func TestNormalizationIsReadFromNamesAndReleasedClasses(t *testing.T) {
	for name, want := range map[string]Normalization{
		"": Samplewise, "samplewise": Samplewise, "dataset": DataSetWide,
		"walrus.trainer.normalization_strat.SamplewiseRevNormalization":    Samplewise,
		"walrus.trainer.normalization_strat.GlobalRevNormalization":        DataSetWide,
		"RMSGlobalRevNormalization":                                        DataSetWide,
		"RMSSamplewiseRevNormalization":                                    Samplewise,
		"MeanStdSamplewiseRevNormalization":                                SamplewiseMeanStd,
		"walrus.trainer.normalization_strat.MeanStdGlobalRevNormalization": DataSetMeanStd,
		Samplewise.Class():                                                 Samplewise,
		DataSetWide.Class():                                                DataSetWide,
		SamplewiseMeanStd.Class():                                          SamplewiseMeanStd,
		DataSetMeanStd.Class():                                             DataSetMeanStd,
	} {
		if got, err := ParseNormalization(name); err != nil || got != want {
			t.Errorf("%q is %q (%v), want %q", name, got, err, want)
		}
	}
	for _, name := range []string{"global", "walrus.GlobalNormalization", "walrus."} {
		if n, err := ParseNormalization(name); err == nil {
			t.Errorf("%q was read as %q", name, n)
		}
	}
}

// Components are pooled over as many as the network sees: a vector in a plane of space has three.
func TestDataSetScalesPoolTheComponents(t *testing.T) {
	stats := []well.FieldStats{
		{Field: field.Field{Name: "pressure"}, RMS: []float64{2}, RMSDelta: []float64{0.5}, Mean: []float64{-1}, Std: []float64{3}, MeanDelta: []float64{-2}, StdDelta: []float64{4}},
		{Field: field.Field{Name: "velocity", Rank: field.Vector}, RMS: []float64{3, 4}, RMSDelta: []float64{0.3, 0.4},
			Mean: []float64{-3, 4}, Std: []float64{6, 8}, MeanDelta: []float64{0.6, -0.8}, StdDelta: []float64{30, 40}},
		{Field: field.Field{Name: "density"}, RMS: []float64{3e-9}, Mean: []float64{1}, Std: []float64{7}},
		{Field: field.Field{Name: "mask"}, RMS: []float64{1}, Mean: []float64{0}, Std: []float64{1}},
	}
	for _, c := range []struct {
		curvilinear, centred bool
		components           float64
	}{{false, false, 3}, {true, false, 2}, {false, true, 3}, {true, true, 2}} {
		fields := flow2D("flow").fields
		fields.Curvilinear = c.curvilinear
		if err := fields.setScales(stats, c.centred); err != nil {
			t.Fatal(err)
		}
		root := func(length float64) float32 { return float32(math.Sqrt(length * length / c.components)) }
		want := map[string]Scale{
			"pressure": {Value: 2, Delta: 0.5}, "velocity": {Value: root(5), Delta: root(0.5)}, "density": {Value: 3e-9, Delta: 1}, "mask": {Value: 1, Delta: 1},
		}
		if c.centred { // the mean of a scalar has a sign, that of a vector is pooled like its scale
			want = map[string]Scale{
				"pressure": {Value: 3, Delta: 4, Mean: -1, DeltaMean: -2}, "density": {Value: 7, Delta: 1, Mean: 1}, "mask": {Value: 1, Delta: 1},
				"velocity": {Value: root(10), Delta: root(50), Mean: root(5), DeltaMean: root(1)},
			}
		}
		if diff := cmp.Diff(want, fields.Scales); diff != "" {
			t.Errorf("%+v: %s", c, diff)
		}
	}
	for name, broken := range map[string]func(s []well.FieldStats) []well.FieldStats{
		"mask":     func(s []well.FieldStats) []well.FieldStats { return s[:3] },
		"pressure": func(s []well.FieldStats) []well.FieldStats { s[0].RMSDelta = nil; return s },
		"density":  func(s []well.FieldStats) []well.FieldStats { s[2].RMS = []float64{0}; return s },
		"velocity": func(s []well.FieldStats) []well.FieldStats { s[1].RMS = []float64{1, 2, 3}; return s },
	} {
		fields := flow2D("flow").fields
		if err := fields.setScales(broken(slices.Clone(stats)), false); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("error %v; want one that names %s", err, name)
		}
	}
}

// planetswe's velocity has the components theta and phi, and no third one.
func TestCurvilinearVectorsAreNeitherPaddedNorTurned(t *testing.T) {
	globe := memory{
		name: "globe", grid: []int{4, 2}, sides: []field.Sides{field.Both(field.Open), field.Both(field.Periodic)}, windows: 3,
		fields: Fields{
			Variable: []field.Field{{Name: "height"}, {Name: "velocity", Rank: field.Vector}}, Axes: []string{"theta", "phi"}, Curvilinear: true,
		},
	}
	s := mustSampler(t, Options{Seed: 2, Rotation: SpaceRotation}, Entry{Source: globe, Batch: 1})
	for n := range uint64(20) {
		b, err := s.Batch(context.Background(), n)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"height", "velocity_theta", "velocity_phi"}, b.Names); diff != "" {
			t.Fatal(diff)
		}
		if len(b.Input.Shape) != 5 || b.Input.Axis(-1) != 3 || len(b.Boundaries) != 2 {
			t.Fatalf("input of shape %v between %v; want two axes and three channels", b.Input.Shape, b.Boundaries)
		}
		if b.Input.Shape[2] != 4 || !b.Curvilinear {
			t.Fatalf("input of shape %v was turned", b.Input.Shape)
		}
	}
}

func TestStatisticsOfAnotherStrideOrTransformAreSaid(t *testing.T) {
	fields := flow2D("flow").fields
	if note := fields.StatisticsNote(5, 5, nil); note != "" {
		t.Errorf("every window has its own scales, but: %s", note)
	}
	fields.Scales = map[string]Scale{"pressure": {Value: 1, Delta: 1}}
	log := map[string]Transform{"pressure": Log10}
	for _, c := range []struct {
		made       well.Made
		low, high  int
		transforms map[string]Transform
		want       string // part of the note
	}{
		{well.Made{}, 1, 1, log, ""}, // the published ones do not say, and are of stride 1
		{well.Made{}, 5, 5, nil, "does not say"},
		{well.Made{Stride: 5}, 5, 5, nil, ""},
		{well.Made{Stride: 5}, 1, 1, nil, "at stride 5, and this run has stride 1"},
		{well.Made{Stride: 1}, 1, 5, nil, "stride 1 to 5"},
		{well.Made{Stride: 1, Transforms: map[string]string{"pressure": "torch.log10"}}, 1, 1, log, ""},
		{well.Made{Stride: 1, Transforms: map[string]string{"temperature": "log10"}}, 1, 1, nil, ""},
		{well.Made{Stride: 1}, 1, 1, log, "pressure"},
		{well.Made{Stride: 1, Transforms: map[string]string{"pressure": "log10"}}, 1, 1, nil, "pressure"},
		{well.Made{Stride: 1}, 1, 1, map[string]Transform{"pressure": ZerosLike}, ""},
	} {
		fields.Statistics = Statistics{Path: "stats.yaml", Made: c.made}
		if note := fields.StatisticsNote(c.low, c.high, c.transforms); (note == "") != (c.want == "") || !strings.Contains(note, c.want) {
			t.Errorf("%+v with strides %d to %d and %v: %q, want one that says %q", c.made, c.low, c.high, c.transforms, note, c.want)
		}
	}
}
