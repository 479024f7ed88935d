package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gowalrus/walrus/internal/released"
)

// evaluateSample runs the command with the golden weights, coarsely and on a sample, and returns what it prints.
func evaluateSample(t *testing.T, args ...string) (string, error) {
	t.Helper()
	root := rootCommand()
	var out bytes.Buffer
	root.SetOut(&out)
	root.SetErr(io.Discard)
	line := append([]string{"eval", filepath.Join(released.Golden(t), "weights.safetensors")}, args...)
	root.SetArgs(append(line, "--tokens", "4", "--sample", "2", "--no-jitter"))
	err := root.Execute()
	return out.String(), err
}

// twoSets are two copies of one data set under different folders: their files say the same name.
func twoSets(t *testing.T) []string {
	t.Helper()
	base := t.TempDir()
	from := os.DirFS(filepath.Join(released.Folder(t), "data", "network_set"))
	var paths []string
	for _, name := range []string{"cold", "warm"} {
		path := filepath.Join(base, name)
		if err := os.CopyFS(path, from); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}

func TestEvalPrintsABlockForEachSet(t *testing.T) {
	sets := twoSets(t)
	text, err := evaluateSample(t, sets[0], sets[1], "--windows", "1:5,6:500,90:99")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"cold: split test; a SAMPLE", "warm: VRMSE (sample: 2 of 72 windows, 2 of 3 trajectories)", "rollouts: 2 of 3 trajectories, 11 steps from frame 17 (the shortest trajectory has 28 frames)",
		"steps 1:5", "steps 6:11", "without steps 90:99", "25 %", "persistence",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the output lacks %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "500") || strings.Contains(text, "velocity_z") || strings.Contains(text, "network_set") {
		t.Errorf("a window beyond the data, a component that pads or a name of two sets is shown:\n%s", text)
	}
}

func TestEvalWritesAllThereIs(t *testing.T) {
	curves, table := filepath.Join(t.TempDir(), "curves.csv"), filepath.Join(t.TempDir(), "scores.csv")
	text, err := evaluateSample(t, twoSets(t)[0], "--first", "-1", "--windows", "log,1:2", "--metric", "vrmse,pearson", "--curves", curves, "--csv", table, "--json")
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Sets   []map[string]any `json:"data_sets"`
		Scores []map[string]any
		Single []struct{ Score []float64 } `json:"single_steps"`
		Curves []struct{ Score []float64 } `json:"rollouts"`
	}
	if err := json.Unmarshal([]byte(text), &document); err != nil {
		t.Fatal(err)
	}
	const fields, metrics, steps = 4, 2, 22 // three fields and their mean; 28 frames less the history
	if len(document.Sets) != 1 || document.Sets[0]["steps"] != float64(steps) || len(document.Curves) != 2*fields*metrics || len(document.Curves[0].Score) != steps {
		t.Errorf("sets %v, %d curves", document.Sets, len(document.Curves))
	}
	windows := map[any]bool{}
	for _, s := range document.Scores {
		windows[s["window"]] = true
		if s["metric"] == "" || s["split"] != "test" || !strings.HasPrefix(s["sample"].(string), "sample: ") {
			t.Errorf("score %v", s)
		}
	}
	if len(windows) != 1+6 || len(document.Scores) != len(windows)*fields*metrics || !windows["one-step"] || !windows["1:2"] {
		t.Errorf("windows %v, %d scores", windows, len(document.Scores))
	}
	for path, rows := range map[string]int{curves: 1 + 2*fields*steps, table: 1 + len(document.Scores)} {
		written, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(string(written), "\n"); got != rows || !strings.Contains(string(written), "sample: ") {
			t.Errorf("%s has %d rows, want %d, each labelled as of a sample", filepath.Base(path), got, rows)
		}
	}
}

func TestEvalNamesTheSplitsAndFramesThatThereAre(t *testing.T) {
	set := twoSets(t)[0]
	for want, args := range map[string][]string{
		"there are test":      {set, "--split", "valid"},
		"--first between 7":   {set, "--first", "28"},
		"expected train":      {set, "--split", "tset"},
		"choose --first -1":   {set, "--stride", "4"},
		"--windows none":      {set, "--stride", "4", "--history", "7"},
		"data/valid or valid": {filepath.Join(set, "data", "test"), "--split", "valid"},
	} {
		if text, err := evaluateSample(t, args...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: error %v, want one with %q\n%s", args, err, want, text)
		}
	}
	for _, path := range []string{filepath.Join(set, "data", "test"), filepath.Join(set, "data", "test", "a.hdf5")} {
		if text, err := evaluateSample(t, path, "--windows", "none"); err != nil || strings.Contains(text, "split") {
			t.Errorf("%s has no splits: error %v\n%s", path, err, text)
		}
	}
}
