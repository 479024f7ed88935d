package importer

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/internal/hdf5"
	"github.com/gowalrus/walrus/well/welltest"
)

// TestDraftsDescribeTheirFiles imports files by the drafts made of them, as they are.
func TestDraftsDescribeTheirFiles(t *testing.T) {
	array := func(name string, shape ...int) string {
		return writeFile(t, filepath.Join(t.TempDir(), name+".npy"), npy("<f4", false, shape, fill("btxyc"[:len(shape)], shape)))
	}
	folders := filepath.Join(t.TempDir(), "folders.h5")
	f, err := hdf5.Create(folders)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		group := fmt.Sprintf("%04d", i)
		if err = f.CreateGroup(group); err != nil {
			break
		}
		var d *hdf5.Dataset
		if d, err = f.CreateFloat32(group+"/data", []int{3, 4, 5}, hdf5.Storage{}); err == nil {
			err = d.WriteFloat32(float32s(fill("txy", []int{3, 4, 5})), nil)
		}
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what, want string
		paths      []string
	}{
		{"names of the file", "layout: [time, x, y]", []string{filepath.Join("testdata", "classic1.nc")}},
		{"times of the file", "time: {variable: time}", []string{filepath.Join("testdata", "classic5.nc")}},
		{"channels", "layout: [trajectory, time, x, y, component]", []string{array("d", 2, 3, 12, 10, 4)}},
		{"a channel", "channel: 3", []string{array("d", 2, 3, 12, 10, 4)}},
		{"a vector", "rank: vector", []string{array("d", 2, 3, 12, 10, 2)}},
		{"a file a trajectory", "in 2 places", []string{array("u", 3, 12, 10), array("u", 3, 12, 10)}},
		{"a group a trajectory", `variables: ["*/data"]`, []string{folders}},
		{"a file of The Well", "layout: [trajectory, time, x, y]", []string{wellFile(t)}},
		{"positions by their number", "coordinates: c", []string{array("u", 3, 12, 10), writeFile(t, filepath.Join(t.TempDir(), "c.npy"), npy("<f8", false, []int{12}, fill("x", []int{12})))}},
	} {
		text, err := Draft(c.paths)
		if err != nil || !strings.Contains(text, c.want) {
			t.Errorf("%s: %v; want %q in\n%s", c.what, err, c.want, text)
			continue
		}
		config, err := parseConfig([]byte(text))
		if err == nil {
			_, err = Import(context.Background(), config, c.paths, filepath.Join(t.TempDir(), "o.hdf5"), Options{})
		}
		if err != nil {
			t.Errorf("%s: the draft can not be imported: %v\n%s", c.what, err, text)
		}
	}
}

// Numbers of the run are offered, not taken: a file has many that say nothing of the physics.
func TestDraftsOfferTheNumbersOfARun(t *testing.T) {
	u := writeFile(t, filepath.Join(t.TempDir(), "u.npy"), npy("<f4", false, smallShape, smallValues()))
	nu := writeFile(t, filepath.Join(t.TempDir(), "nu.npy"), npy("<f8", false, nil, []float64{0.1}))
	text, err := Draft([]string{u, nu})
	if err != nil || !strings.Contains(text, "\n# parameters: {nu: nu}") {
		t.Fatalf("%v; want the parameter nu in\n%s", err, text)
	}
	config, err := parseConfig([]byte(strings.Replace(text, "# parameters", "parameters", 1)))
	if err == nil {
		_, err = Import(context.Background(), config, []string{u, nu}, filepath.Join(t.TempDir(), "o.hdf5"), Options{})
	}
	if err != nil {
		t.Errorf("the draft can not be imported: %v\n%s", err, text)
	}
}

// wellFile writes a file in the format of The Well, whose axes are equally long, and gives its path.
func wellFile(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "w.hdf5")
	welltest.Flow{
		Name: "w", Grid: [2]int{6, 6}, Frames: 4, Trajectories: 3, Boundaries: []field.Sides{field.Both(field.Wall), field.Both(field.Wall)},
		Variable: []field.Field{{Name: "pressure"}, {Name: "velocity", Rank: field.Vector}},
		Value:    func(b, frame, c, x, y int) float64 { return value(b, frame, x, y, c) },
	}.Write(t, path)
	return path
}
