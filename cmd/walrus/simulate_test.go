package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gowalrus/walrus/sim"
)

func TestGridsAreReadOrRefused(t *testing.T) {
	for text, want := range map[string][]int{"": nil, "64": {64}, "128x64": {128, 64}, "8x9x10": {8, 9, 10}} {
		if got, err := parseGrid("--grid", text); err != nil || cmp.Diff(want, got) != "" {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"x", "8x", "0x8", "-1", "8*8", "1e3"} {
		if got, err := parseGrid("--grid", text); !errors.As(err, new(usageError)) {
			t.Errorf("%q: read as %v, error %v; want a usage error", text, got, err)
		}
	}
}

func TestParametersAreReadOrRefused(t *testing.T) {
	got, err := parseSettings([]string{"gamma=1.4", "tcool=3e-2"})
	if diff := cmp.Diff(map[string]float64{"gamma": 1.4, "tcool": 0.03}, got); err != nil || diff != "" {
		t.Errorf("error %v, %s", err, diff)
	}
	for _, text := range []string{"gamma", "gamma=", "gamma=x", "gamma=NaN", "gamma=inf"} {
		if _, err := parseSettings([]string{text}); !errors.As(err, new(usageError)) {
			t.Errorf("%q: error %v; want a usage error", text, err)
		}
	}
}

// runSimulate runs the command and returns its standard output.
func runSimulate(t *testing.T, arguments ...string) ([]byte, error) {
	t.Helper()
	var out bytes.Buffer
	root := rootCommand()
	root.SetArgs(append([]string{"simulate"}, arguments...))
	root.SetOut(&out)
	root.SetErr(new(bytes.Buffer))
	err := root.ExecuteContext(t.Context())
	return out.Bytes(), err
}

func TestSimulateListDescribesEveryScenario(t *testing.T) {
	text, err := runSimulate(t, "list", "--json")
	if err != nil {
		t.Fatal(err)
	}
	var all []sim.Description
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	if len(all) != 19 {
		t.Errorf("%d scenarios, want the 19 that the released model was trained on", len(all))
	}
	for _, d := range all {
		if len(d.Boundaries) != len(d.Axes) || len(d.Fields) == 0 || d.Equations == "" || d.Seconds == 0 {
			t.Errorf("%s: incomplete: %+v", d.Name, d)
		}
	}
}

func TestSimulateChecksEveryNameBeforeTheFirstStarts(t *testing.T) {
	out := t.TempDir()
	_, err := runSimulate(t, "acoustic_scattering_maze", "no_such_scenario", "--out", out, "--grid", "8x8", "--steps", "2")
	if !errors.As(err, new(usageError)) {
		t.Errorf("error %v; want a usage error", err)
	}
	if entries, _ := os.ReadDir(out); len(entries) != 0 {
		t.Errorf("%d entries were written", len(entries))
	}
	if _, err := runSimulate(t); !errors.As(err, new(usageError)) || !strings.Contains(err.Error(), "simulate list") {
		t.Errorf("no name: error %v; want a usage error that points to the list", err)
	}
}

func TestSimulateWritesTheFoldersItNames(t *testing.T) {
	out := t.TempDir()
	text, err := runSimulate(t, "acoustic_scattering_maze", "--out", out, "--grid", "16x16", "--steps", "3", "--trajectories", "2", "--json")
	if err != nil {
		t.Fatal(err)
	}
	var written []struct{ Name, Folder string }
	if err := json.Unmarshal(text, &written); err != nil || len(written) != 1 {
		t.Fatalf("%s: %v", text, err)
	}
	for _, name := range []string{"stats.yaml", "data/train/acoustic_scattering_maze_0000.hdf5"} {
		if _, err := os.Stat(filepath.Join(written[0].Folder, name)); err != nil {
			t.Error(err)
		}
	}
}
