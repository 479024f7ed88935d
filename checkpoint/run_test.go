package checkpoint

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// someState is a small state with a trained parameter, one that has never had a gradient, and one of each kind of extra.
func someState(t *testing.T, step int) State {
	t.Helper()
	config, err := ParseConfig([]byte(minimal))
	if err != nil {
		t.Fatal(err)
	}
	return State{
		Config: config, Epoch: 3, Step: step,
		Parameters: []Parameter{
			{Name: "z", Shape: []int{2}, Value: []float32{1, float32(step)}, First: []float32{3, 4}, Second: []float32{5, 6}, Updates: 7},
			{Name: "a", Shape: []int{1, 1}, Value: []float32{8}},
		},
		Random: map[string][]byte{"jitter": {0, 255, 7}},
		Notes:  map[string]string{"best": "0.25"},
	}
}

func TestRunStateRoundTrips(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "run")
	want := someState(t, 12)
	path, err := SaveRun(dir, want, 3)
	if err != nil {
		t.Fatal(err)
	}
	for _, from := range []string{dir, path} {
		got, err := LoadRun(from)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Config{})); diff != "" {
			t.Errorf("%s (-saved +loaded)\n%s", from, diff)
		}
	}
	if c := open(t, dir); len(c.Tensors()) != 2 {
		t.Errorf("%d tensors opened as weights, want 2", len(c.Tensors()))
	}
	if config, err := FindConfig(dir); err != nil || config != filepath.Join(path, ConfigFile) {
		t.Errorf("configuration %q, %v", config, err)
	}
}

func TestOnlyTheNewestStatesAreKept(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{unfinished + "left", "step-notes", "figures"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for i, step := range []int{5, 30, 200, 200, 200, 7} {
		state := someState(t, step)
		state.Epoch = i
		if _, err := SaveRun(dir, state, 2); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if diff := cmp.Diff([]string{"figures", "step-0000000030", "step-0000000200.2", "step-notes"}, names); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got, err := LoadRun(dir); err != nil || got.Step != 200 || got.Epoch != 4 {
		t.Errorf("newest step %d of save %d, %v; want 200 of save 4", got.Step, got.Epoch, err)
	}
}

func TestAFailedSaveLeavesTheRunAsItWas(t *testing.T) {
	dir := t.TempDir()
	if _, err := SaveRun(dir, someState(t, 1), 1); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(s *State){
		"value":  func(s *State) { s.Parameters[0].Value = nil },
		"moment": func(s *State) { s.Parameters[0].Second = nil },
		"config": func(s *State) { s.Config.Heads = 5 },
	} {
		bad := someState(t, 2)
		spoil(&bad)
		if _, err := SaveRun(dir, bad, 1); err == nil {
			t.Errorf("%s: was saved", name)
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
	if got, err := LoadRun(dir); err != nil || got.Step != 1 {
		t.Errorf("step %d, %v; want 1", got.Step, err)
	}
}

func TestDamagedRunsAreErrors(t *testing.T) {
	for name, c := range map[string]struct{ file, old, new, want string }{
		"version":           {stateFile, `"version": 1`, `"version": 2`, "version 2; expected 1"},
		"unknown key":       {stateFile, `"epoch"`, `"epoche"`, "epoche"},
		"negative step":     {stateFile, `"step": 9`, `"step": -9`, "step -9"},
		"unknown parameter": {stateFile, `"z": 7`, `"y": 7`, `updates of "y"`},
		"one moment":        {optimizerFile, `second.z`, `secnod.z`, "one of its two moments"},
		"weights":           {WeightsFile, `"F32"`, `"F3x"`, "unsupported dtype"},
	} {
		t.Run(name, func(t *testing.T) {
			path, err := SaveRun(t.TempDir(), someState(t, 9), 0)
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(path, c.file)
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(text), c.old) {
				t.Fatalf("%s does not contain %q:\n%q", c.file, c.old, text)
			}
			if err := os.WriteFile(file, []byte(strings.Replace(string(text), c.old, c.new, 1)), 0o644); err != nil {
				t.Fatal(err)
			}
			if _, err := LoadRun(path); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v; want one with %q", err, c.want)
			}
		})
	}
	if _, err := LoadRun(t.TempDir()); err == nil || !strings.Contains(err.Error(), "no saved step") {
		t.Errorf("an empty directory: %v", err)
	}
}

func BenchmarkSaveRun(b *testing.B) {
	const values = 1 << 20
	data := make([]float32, values)
	config, err := ParseConfig([]byte(minimal))
	if err != nil {
		b.Fatal(err)
	}
	state := State{Config: config}
	for i := range 8 {
		state.Parameters = append(state.Parameters, Parameter{
			Name: fmt.Sprint(i), Shape: []int{values}, Value: data, First: data, Second: data, Updates: 1,
		})
	}
	b.SetBytes(8 * 3 * 4 * values)
	for b.Loop() {
		if _, err := SaveRun(b.TempDir(), state, 1); err != nil {
			b.Fatal(err)
		}
	}
}
