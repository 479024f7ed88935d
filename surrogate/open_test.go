package surrogate

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gowalrus/walrus/checkpoint"
	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/frame"
	"github.com/gowalrus/walrus/internal/released"
	"github.com/gowalrus/walrus/sample"
	"github.com/gowalrus/walrus/well"
	"github.com/gowalrus/walrus/well/welltest"
)

// openData writes and opens a data set in a folder of the given name.
func openData(t *testing.T, m *Model, folder, name string, fields ...string) *well.Dataset {
	t.Helper()
	f := welltest.Flow{
		Name: name, Grid: [2]int{32, 32}, Frames: 4, Trajectories: 1, Boundaries: []field.Sides{field.Both(field.Wall), field.Both(field.Open)},
		Value: func(_, frame, channel, x, y int) float64 { return float64(1 + frame + channel + x*y) },
	}
	for _, name := range fields {
		f.Variable = append(f.Variable, field.Field{Name: name})
	}
	path := filepath.Join(t.TempDir(), folder)
	for _, file := range []string{"a.hdf5", "b.hdf5"} {
		f.Write(t, filepath.Join(path, "data", "test", file))
	}
	d, err := m.OpenData(path, "test", well.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// modelOf is the configuration of model67 with changes, without weights.
func modelOf(t *testing.T, o Options, change func(c *checkpoint.Config)) *Model {
	t.Helper()
	c, err := checkpoint.ReadConfig(filepath.Join(released.Folder(t), "model67", "extended_config.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(&c)
	}
	m, err := New(nil, c, o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// The released configuration has log10 of density and temperature for every 3-D flow; this one has no temperature.
func TestTransformsOfAbsentFieldsArePassedOver(t *testing.T) {
	m := modelOf(t, Options{}, nil)
	d := openData(t, m, "turbulent_radiative_layer_3D", "another name", "density", "pressure")
	s, err := m.For(d)
	if err != nil {
		t.Fatal(err)
	}
	layout, err := s.Layout(d)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"log10_density", "pressure"}, layout.Names); diff != "" {
		t.Error(diff)
	}
	if s.History != 3 || s.MinStride != 1 || s.MaxStride != 5 || s.BatchSize != 1 || !s.Jitter || s.Frame.NoJitterPadding {
		t.Errorf("read %+v; want half of the history and batch, strides 1 to 5, and jitter", s)
	}
}

func TestFieldsOutsideTheVocabularyAreErrors(t *testing.T) {
	m := modelOf(t, Options{}, nil)
	d := openData(t, m, "shear_flow", "shear_flow", "pressure", "salinity")
	s, err := m.For(d)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Layout(d); err == nil || !strings.Contains(err.Error(), "salinity") {
		t.Errorf("error %v; want one that names salinity", err)
	}
}

// Everything that a configuration says of a data set reaches its setting, and options win.
func TestSettingsAreThoseOfTheTraining(t *testing.T) {
	own := checkpoint.DataSetInfo{
		Name: "mine", Transforms: map[string]string{"pressure": "torch.log10"}, InputSteps: 4, OutputSteps: 1, MinStride: 2, MaxStride: 3, BatchSize: 7,
		Exclude: []string{"b.hdf5"}, NormalizationPath: "other.yaml", Grid: []int{64, 32}, NetworkPoints: map[int]int{66: 64},
	}
	change := func(c *checkpoint.Config) {
		c.DataSets = append(c.DataSets, own)
		c.Tokens, c.JitterPatches, c.Training.NormalizationEpsilon = 16, false, 1e-8
		c.Training.Normalization = sample.SamplewiseMeanStd.Class()
	}
	m := modelOf(t, Options{}, change)
	want := Setting{
		Predictor: m.Network, Vocabulary: m.vocabulary, Blocks: m.Config.Blocks, Transforms: map[string]sample.Transform{"pressure": sample.Log10},
		Normalization: sample.SamplewiseMeanStd, Statistics: "other.yaml", Epsilon: 1e-8, History: 4, OutputSteps: 1, MinStride: 2, MaxStride: 3, BatchSize: 7,
		Grid: own.Grid, NetworkPoints: own.NetworkPoints, Frame: frame.Options{Tokens: 16, NoJitterPadding: true},
	}
	check := func(m *Model, want Setting, files int) {
		t.Helper()
		d := openData(t, m, "mine", "shear_flow", "pressure")
		got, err := m.For(d)
		if err != nil {
			t.Fatal(err)
		}
		want.Vocabulary = m.vocabulary
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(sample.Vocabulary{})); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		if n := len(d.Files()); n != files {
			t.Errorf("%d files; want %d", n, files)
		}
	}
	check(m, want, 1)
	want.Transforms = map[string]sample.Transform{}
	want.History, want.MinStride, want.MaxStride, want.Frame.Tokens = 2, 1, 1, 8
	check(modelOf(t, Options{
		Tokens: 8, History: 2, Stride: 1, Transforms: map[string]sample.Transform{}, Include: []string{"hdf5"}, NoJitter: true,
	}, change), want, 2)
}

// No jitter that a caller asks for keeps the padding of a model that was made with it.
func TestNoJitterOfACallerKeepsThePadding(t *testing.T) {
	m := modelOf(t, Options{NoJitter: true}, nil)
	s, err := m.For(openData(t, m, "shear_flow", "shear_flow", "pressure"))
	if err != nil || s.Jitter || s.Frame.NoJitterPadding {
		t.Errorf("jitter %v, smaller padding %v (%v); want neither", s.Jitter, s.Frame.NoJitterPadding, err)
	}
}

// A data set is found by its place, by its folder, by the folder of the place that the configuration says, and by its name.
func TestDataSetsAreFoundByPlaceFolderAndName(t *testing.T) {
	c := checkpoint.Config{DataSets: []checkpoint.DataSetInfo{
		{Name: "folder", InputSteps: 1}, {Name: "x", Path: "/here/place/folder", InputSteps: 2}, {Name: "y", Path: "/there/other", InputSteps: 3}, {Name: "name", InputSteps: 4},
	}, Training: checkpoint.Training{InputSteps: 9}}
	for _, test := range []struct {
		path, name string
		history    int
	}{
		{"/here/place/folder/data/test/a.hdf5", "name", 2}, {"/elsewhere/folder", "name", 1}, {"/elsewhere/other/data", "name", 3}, {"/elsewhere/z", "name", 4}, {"/elsewhere/z", "z", 9},
	} {
		if info, found := Trained(c, test.path, test.name); info.InputSteps != test.history || found != (test.history != 9) {
			t.Errorf("%s of %s: found %+v; want that with history %d", test.name, test.path, info, test.history)
		}
	}
}

func TestNonsenseOptionsAreErrors(t *testing.T) {
	if _, err := New(nil, checkpoint.Config{}, Options{Stride: -1}); err == nil || !strings.Contains(err.Error(), "stride -1") {
		t.Errorf("error %v", err)
	}
	c, err := checkpoint.ReleasedConfig()
	if err != nil {
		t.Fatal(err)
	}
	c.Training.Normalization = "walrus.trainer.normalization_strat.Whitening"
	if _, err := New(nil, c, Options{}); err == nil || !strings.Contains(err.Error(), "Whitening") {
		t.Errorf("error %v; want one that names Whitening", err)
	}
}
