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
	if diff := cmp.Diff([]string{"figures", Last, "step-0000000030", "step-0000000200.2", "step-notes"}, names); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got, err := LoadRun(dir); err != nil || got.Step != 200 || got.Epoch != 4 {
		t.Errorf("newest step %d of save %d, %v; want 200 of save 4", got.Step, got.Epoch, err)
	}
}

func TestNamedStatesStay(t *testing.T) {
	dir := t.TempDir()
	for i, save := range []struct {
		step  int
		names []string
	}{{10, []string{"best"}}, {20, []string{"epoch-2"}}, {30, nil}, {40, nil}, {40, []string{"best"}}, {50, nil}, {50, nil}, {60, nil}} {
		state := someState(t, save.step)
		state.Epoch = i
		if _, err := SaveRun(dir, state, 1, save.names...); err != nil {
			t.Fatal(err)
		}
		if save.step == 30 {
			if best, err := LoadRun(filepath.Join(dir, "best")); err != nil || best.Step != 10 {
				t.Errorf("the best is of step %d, %v; want 10", best.Step, err)
			}
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
	if diff := cmp.Diff([]string{"best", "epoch-2", Last, "step-0000000020", "step-0000000040.1", "step-0000000060"}, names); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for name, want := range map[string][2]int{"best": {40, 4}, "epoch-2": {20, 1}, Last: {60, 7}, ".": {60, 7}} {
		got, err := LoadRun(filepath.Join(dir, name))
		if err != nil || got.Step != want[0] || got.Epoch != want[1] {
			t.Errorf("%s: step %d of save %d, %v; want %v", name, got.Step, got.Epoch, err, want)
		}
		if c := open(t, filepath.Join(dir, name)); len(c.Tensors()) != 2 {
			t.Errorf("%s: %d tensors, want 2", name, len(c.Tensors()))
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "mine"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"mine", "a/b", "..", "", "step-3"} {
		if _, err := SaveRun(dir, someState(t, 70), 1, bad); err == nil {
			t.Errorf("a state was named %q", bad)
		}
	}
}

// A state that was saved again keeps the names that the first save had.
func TestNamesGoOverToTheNewSave(t *testing.T) {
	dir := t.TempDir()
	for i := range 2 {
		state := someState(t, 5)
		state.Epoch = i
		names := []string{"best"}
		if _, err := SaveRun(dir, state, 1, names[i:]...); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := LoadRun(filepath.Join(dir, "best")); err != nil || got.Epoch != 1 {
		t.Errorf("the best is of save %d, %v; want 1", got.Epoch, err)
	}
	path, err := filepath.EvalSymlinks(filepath.Join(dir, Last))
	if err != nil {
		t.Fatal(err)
	}
	if err := SetNotes(path, map[string]string{"tested": "yes"}); err != nil {
		t.Fatal(err)
	}
	if got, err := LoadRun(dir); err != nil || got.Notes["tested"] != "yes" || got.Epoch != 1 || len(got.Parameters) != 2 {
		t.Errorf("notes %v of save %d, %v", got.Notes, got.Epoch, err)
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
	if entries, _ := os.ReadDir(dir); len(entries) != 2 { // the state and the link to it
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

// A crash can come at any moment after the state has its place: before each of its names, and before anything is removed.
func TestAnInterruptedSaveIsFinished(t *testing.T) {
	for done := range 3 { // of the names last, best and epoch-2
		dir := t.TempDir()
		if _, err := SaveRun(dir, someState(t, 1), 1, "best"); err != nil {
			t.Fatal(err)
		}
		kept := filepath.Join(t.TempDir(), "step-0000000001")
		if err := os.CopyFS(kept, os.DirFS(filepath.Join(dir, "step-0000000001"))); err != nil {
			t.Fatal(err)
		}
		if _, err := SaveRun(dir, someState(t, 2), 1, "best", "epoch-2"); err != nil {
			t.Fatal(err)
		}
		want, err := links(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(filepath.Join(dir, "step-0000000001"), os.DirFS(kept)); err != nil {
			t.Fatal(err)
		}
		for i, name := range []string{Last, "best", "epoch-2"} {
			if i < done {
				continue
			}
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
			if i < 2 {
				if err := os.Symlink("step-0000000001", filepath.Join(dir, name)); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := os.Symlink("step-0000000002", filepath.Join(dir, unfinished+Last)); err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second time there is nothing to do
			if err := FinishSave(dir, 1); err != nil {
				t.Fatal(err)
			}
			got, err := links(dir)
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("%d names were given: %v (-want +got)\n%s", done, err, diff)
			}
			if left, _ := filepath.Glob(filepath.Join(dir, "*1")); len(left) > 0 {
				t.Errorf("%d names were given: %v is left", done, left)
			}
		}
	}
	if err := FinishSave(t.TempDir(), 1); err == nil {
		t.Error("a folder without a state was accepted")
	}
}
