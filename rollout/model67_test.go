package rollout

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gowalrus/walrus/checkpoint"
	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/internal/released"
	"github.com/gowalrus/walrus/network"
	"github.com/gowalrus/walrus/surrogate"
	"github.com/gowalrus/walrus/well"
)

// model67 is the path of a tiny model with the released vocabulary and configuration: the released code's where it is at hand,
// else one with weights of our own drawing.
func model67(t *testing.T) string {
	t.Helper()
	folder := filepath.Join(released.Folder(t), "model67")
	if path := filepath.Join(folder, "walrus_tiny67.pt"); exists(path) {
		return path
	}
	config, err := os.ReadFile(filepath.Join(folder, "extended_config.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := checkpoint.ParseConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	var tensors []checkpoint.Tensor
	for _, w := range network.ConfigOf(c).Weights() {
		values := make([]float32, field.Volume(w.Shape))
		w.Initialise(values, 1)
		tensor, err := checkpoint.NewTensor(w.Name, w.Shape, values)
		if err != nil {
			t.Fatal(err)
		}
		tensors = append(tensors, tensor)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "extended_config.yaml"), config, 0o666); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "walrus.safetensors")
	if err := checkpoint.Write(path, tensors, nil); err != nil {
		t.Fatal(err)
	}
	return path
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// The released configuration takes the logarithm of a temperature that turbulent_radiative_layer_3D does not have, and gives 3-D
// data half of the history.
func TestReleasedConfigurationPredictsDataWithoutEveryField(t *testing.T) {
	path := filepath.Join(t.TempDir(), "turbulent_radiative_layer_3D", "data", "test", "tcool_0.03.hdf5")
	writeCube(t, path)
	e, err := engine.Open("")
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	m, err := surrogate.Open(e, model67(t), surrogate.Options{Tokens: 4})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	d, err := m.OpenData(path, "", well.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	s, err := m.For(d)
	if err != nil {
		t.Fatal(err)
	}
	c, err := ReadCase(context.Background(), d, s, Piece{Steps: 2})
	if err != nil {
		t.Fatal(err)
	}
	result, err := c.Predict(context.Background(), Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"log10_density", "pressure", "velocity_x", "velocity_y", "velocity_z"}, c.Start.Names); diff != "" {
		t.Error(diff)
	}
	if c.Start.History.Shape[1] != 3 || !cmp.Equal(result.Prediction.Shape, []int{1, 2, 16, 16, 16, 5}) {
		t.Errorf("history %v, prediction %v; want 3 frames, and two frames of 5 channels", c.Start.History.Shape, result.Prediction.Shape)
	}
	if moved := result.Prediction.Index(0).Index(1).Data[0] - c.Last().Data[0]; moved == 0 || moved != moved {
		t.Errorf("the prediction moved by %v", moved)
	}
}

// writeCube writes a trajectory of a smooth flow in three dimensions.
func writeCube(t *testing.T, path string) {
	t.Helper()
	const n, frames = 16, 5
	h := well.Header{DatasetName: "turbulent_radiative_layer_3D", GridType: "cartesian", Trajectories: 1}
	for i := range frames {
		h.Time = append(h.Time, float32(i))
	}
	for _, name := range []string{"x", "y", "z"} {
		axis := well.Axis{Name: name}
		for i := range n {
			axis.Coordinates = append(axis.Coordinates, float32(i))
		}
		h.Axes = append(h.Axes, axis)
	}
	h.Boundaries = well.BoundaryGroups(h.Axes, []field.Sides{field.Both(field.Periodic), field.Both(field.Periodic), field.Both(field.Open)})
	for _, q := range []field.Field{{Name: "density"}, {Name: "pressure"}, {Name: "velocity", Rank: field.Vector}} {
		h.Fields = append(h.Fields, well.FieldInfo{Field: q, TimeVarying: true, SampleVarying: true})
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	w, err := well.Create(path, h)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	for _, q := range h.Fields {
		for frame := range frames {
			values := make([]float32, n*n*n*q.Rank.Components(3))
			for i := range values {
				values[i] = float32(1 + i%7 + (i/n+frame)%5)
			}
			if err := w.WriteFrame(0, frame, q.Name, values); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}
