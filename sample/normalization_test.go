package sample

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/well"
)

func TestNormalizationIsReadFromNamesAndReleasedClasses(t *testing.T) {
	for name, want := range map[string]Normalization{
		"": Samplewise, "samplewise": Samplewise, "dataset": DataSetWide,
		"walrus.trainer.normalization_strat.SamplewiseRevNormalization": Samplewise,
		"walrus.trainer.normalization_strat.GlobalRevNormalization":     DataSetWide,
		"RMSGlobalRevNormalization":                                     DataSetWide,
		Samplewise.Class():                                              Samplewise,
		DataSetWide.Class():                                             DataSetWide,
	} {
		if got, err := ParseNormalization(name); err != nil || got != want {
			t.Errorf("%q is %q (%v), want %q", name, got, err, want)
		}
	}
	for _, name := range []string{"global", "walrus.MeanStdGlobalRevNormalization"} {
		if n, err := ParseNormalization(name); err == nil {
			t.Errorf("%q was read as %q", name, n)
		}
	}
}

// Components are pooled over as many as the network sees: a vector in a plane of space has three.
func TestDataSetScalesPoolTheComponents(t *testing.T) {
	stats := []well.FieldStats{
		{Field: field.Field{Name: "pressure"}, RMS: []float64{2}, RMSDelta: []float64{0.5}},
		{Field: field.Field{Name: "velocity", Rank: field.Vector}, RMS: []float64{3, 4}, RMSDelta: []float64{0.3, 0.4}},
		{Field: field.Field{Name: "density"}, RMS: []float64{0}},
		{Field: field.Field{Name: "mask"}, RMS: []float64{1}},
	}
	for _, c := range []struct {
		curvilinear bool
		components  int
	}{{false, 3}, {true, 2}} {
		fields := flow2D("flow").fields
		fields.Curvilinear = c.curvilinear
		fields.setScales(stats)
		l, err := NewLayout(fields, nil, ReleasedVocabulary())
		if err != nil {
			t.Fatal(err)
		}
		value, delta := float32(math.Sqrt(25/float64(c.components))), float32(math.Sqrt(0.25/float64(c.components)))
		want := []Scale{{2, 0.5}}
		for range c.components {
			want = append(want, Scale{value, delta})
		}
		want = append(want, Scale{1e-5, 1}, Scale{1, 1})
		if diff := cmp.Diff(want, l.scales); diff != "" {
			t.Errorf("curvilinear %v: %s", c.curvilinear, diff)
		}
	}
	fields := flow2D("flow").fields
	fields.setScales(stats[:1])
	if _, err := NewLayout(fields, nil, ReleasedVocabulary()); err == nil || !strings.Contains(err.Error(), "velocity") {
		t.Errorf("error %v; want one that names the field without statistics", err)
	}
	fields.setScales(stats)
	if _, err := NewLayout(fields, map[string]Transform{"density": ZerosLike}, ReleasedVocabulary()); err == nil || !strings.Contains(err.Error(), "zeros_like_density") {
		t.Errorf("error %v; want one that names the transformed field", err)
	}
}

// planetswe's velocity has the components theta and phi, and no third one.
func TestCurvilinearVectorsAreNotPadded(t *testing.T) {
	globe := memory{
		name: "globe", grid: []int{4, 2}, sides: []field.Sides{field.Both(field.Open), field.Both(field.Periodic)}, windows: 3,
		fields: Fields{
			Variable: []field.Field{{Name: "height"}, {Name: "velocity", Rank: field.Vector}}, Axes: []string{"theta", "phi"}, Curvilinear: true,
		},
	}
	s := mustSampler(t, Options{Seed: 2, Rotation: SpaceRotation}, Entry{Source: globe, Batch: 1})
	turned := false
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
		turned = turned || b.Input.Shape[2] == 2
	}
	if !turned {
		t.Error("no batch was turned within the plane")
	}
}
