package well

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// littleEndian is how a file stores the values.
func littleEndian(values ...float32) []byte {
	var b []byte
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

// TestCheckNamesEachViolation changes bytes of a sound file, one rule at a time.
func TestCheckNamesEachViolation(t *testing.T) {
	h := allKinds(2)
	density := h.Fields[0]
	first, second := littleEndian(frameOf(h, density, 1, 2)...), littleEndian(frameOf(h, density, 1, 3)...)
	nan := append(littleEndian(float32(math.NaN())), first[4:]...)
	for _, c := range []struct {
		name     string
		old, new []byte
		want     []string // parts of violations, in any order
	}{
		{"sound", nil, nil, nil},
		{"grid type", []byte("cartesian"), []byte("cartesiaN"), []string{`grid_type is "cartesiaN"`}},
		{"boundary type", []byte("PERIODIC"), []byte("PERIODIK"), []string{`boundary_conditions/x_periodic: bc_type`}},
		{"missing attribute", []byte("dataset_name"), []byte("dataset_Name"), []string{"no attribute dataset_name"}},
		{"missing list", []byte("\x00spatial_dims"), []byte("\x00spatial_dimZ"), []string{"dimensions: no attribute spatial_dims"}},
		{"value that is no number", first, nan, []string{"t0_fields/density: trajectory 1, frame 2: value 0 is NaN"}},
		{"time stands still", littleEndian(0.5, 1, 1.5), littleEndian(0.5, 0.5, 1.5), []string{"dimensions/time: value 2 is 0.5 after 0.5"}},
		{"one field at rest", first, second, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := writeFile(t, h)
			file, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if c.old != nil {
				if !bytes.Contains(file, c.old) {
					t.Fatalf("the file does not hold %q", c.old)
				}
				file = bytes.ReplaceAll(file, c.old, c.new)
			}
			if err := os.WriteFile(path, file, 0o644); err != nil {
				t.Fatal(err)
			}
			violations, err := Check(context.Background(), path)
			if err != nil {
				t.Fatal(err)
			}
			var text strings.Builder
			for _, v := range violations {
				text.WriteString(v.String() + "\n")
			}
			for _, want := range c.want {
				if !strings.Contains(text.String(), want) {
					t.Errorf("no violation says %q; found\n%s", want, text.String())
				}
			}
			if len(c.want) == 0 && len(violations) > 0 {
				t.Errorf("found %s in a file that breaks no rule", text.String())
			}
		})
	}
}

func TestCheckFindsRepeatedFrames(t *testing.T) {
	h := allKinds(1)
	path := writeFile(t, h)
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, info := range h.Fields {
		trajectory := 1
		if !info.SampleVarying {
			trajectory = 0
		}
		if info.TimeVarying {
			file = bytes.ReplaceAll(file, littleEndian(frameOf(h, info, trajectory, 3)...), littleEndian(frameOf(h, info, trajectory, 2)...))
		}
	}
	if err := os.WriteFile(path, file, 0o644); err != nil {
		t.Fatal(err)
	}
	violations, err := Check(context.Background(), path)
	if err != nil || len(violations) != 1 || !strings.Contains(violations[0].Problem, "trajectory 1: frame 3 repeats frame 2 in every field") {
		t.Errorf("found %v, %v; want one repeated frame", violations, err)
	}
}

// An error that joins several has no single cause.
func TestCheckOfAFileThatCanNotBeOpenedIsAViolation(t *testing.T) {
	for name, path := range map[string]string{"none": filepath.Join(t.TempDir(), "none.hdf5"), "a folder": t.TempDir()} {
		found, err := Check(t.Context(), path)
		if err != nil || len(found) != 1 || found[0].Problem == "" || strings.Contains(found[0].Problem, path+": "+path) {
			t.Errorf("%s: %v, %v", name, found, err)
		}
	}
}

func TestCheckOfNoHDF5FileIsAViolation(t *testing.T) {
	path := t.TempDir() + "/text.hdf5"
	if err := os.WriteFile(path, []byte("this is no HDF5 file"), 0o644); err != nil {
		t.Fatal(err)
	}
	violations, err := Check(context.Background(), path)
	if err != nil || len(violations) != 1 {
		t.Errorf("found %v, %v; want one violation", violations, err)
	}
}

// A damaged count of trajectories must not be counted up to.
func TestCheckDoesNotCountToWhatAFileClaims(t *testing.T) {
	content, err := os.ReadFile(filepath.Join("testdata", "chunks.hdf5"))
	if err != nil {
		t.Fatal(err)
	}
	name := []byte("n_trajectories\x00")
	value := bytes.Index(content, name) + 40 // of a 64-bit integer, behind its type and extent
	for _, claimed := range []uint64{1 << 20, 1 << 40} {
		binary.LittleEndian.PutUint64(content[value:], claimed)
		path := filepath.Join(t.TempDir(), "claims.hdf5")
		if err := os.WriteFile(path, content, 0o666); err != nil {
			t.Fatal(err)
		}
		found, err := Check(t.Context(), path)
		if err != nil || len(found) == 0 || len(found) > 8 || !strings.Contains(fmt.Sprint(found), fmt.Sprint(claimed)) {
			t.Errorf("%d trajectories: %d violations, the first of them %v, error %v", claimed, len(found), found[:min(1, len(found))], err)
		}
	}
}
