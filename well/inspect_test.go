package well

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gowalrus/walrus/internal/released"
)

// Fields stand for their components, components for themselves, in the order asked for.
func TestInspectionAndChannelsNameTheSameComponents(t *testing.T) {
	d, err := OpenDataset(filepath.Join(released.Folder(t), "data", "evalset_equal"), "", Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if got, err := d.ChannelsOf([]string{"velocity", "density"}); err != nil || !slices.Equal(got, []int{1, 2, 0}) {
		t.Errorf("velocity, density: channels %v, %v; want 1, 2, 0", got, err)
	}
	if got, err := d.ChannelsOf([]string{"velocity_y"}); err != nil || !slices.Equal(got, []int{2}) {
		t.Errorf("velocity_y: channels %v, %v; want 2", got, err)
	}
	if _, err := d.ChannelsOf([]string{"velocity_z"}); err == nil || !strings.Contains(err.Error(), "velocity_y") {
		t.Errorf("velocity_z: error %v; want one that names those that there are", err)
	}
	fields, err := Summarise(context.Background(), d, nil)
	if err != nil {
		t.Fatal(err)
	}
	quick, found := d.Inspect(nil), d.Inspect(fields)
	var names []string
	for i, f := range found.Fields {
		if quick.Fields[i].Name != f.Name || quick.Fields[i].Components != nil {
			t.Errorf("from headers alone: %+v; want %s without components", quick.Fields[i], f.Name)
		}
		for _, c := range f.Components {
			names = append(names, c.Name)
			if c.Low == nil || c.High == nil || *c.Low >= *c.High {
				t.Errorf("%s: range %v to %v", c.Name, c.Low, c.High)
			}
		}
	}
	if !slices.Equal(names, d.VariableChannels()) || !slices.Equal(found.Boundaries, []string{"periodic", "wall"}) || found.Trajectories != 4 || len(found.Files) != 2 {
		t.Errorf("components %v, boundaries %v, %d trajectories in %d files", names, found.Boundaries, found.Trajectories, len(found.Files))
	}
}
