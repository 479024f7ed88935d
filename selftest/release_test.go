package selftest

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/internal/released"
)

// releasedResults runs the files of a folder of released numbers whose name contains a string.
func releasedResults(t *testing.T, folder, only string) ([]Result, error) {
	t.Helper()
	e, err := engine.Open("")
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	var all []Result
	o := Options{Case: only, Weights: filepath.Join(released.Golden(t), "weights.safetensors")}
	err = Run(context.Background(), e, folder, o, func(r Result) { all = append(all, r) })
	return all, err
}

// everyday is the folder of the released numbers for the ordinary suite: without the first case of the network's evaluation, a single step from every
// window. The second, with a stride of two, and the rollouts stay.
func everyday(t *testing.T) string {
	t.Helper()
	from := released.Folder(t)
	if thorough() {
		return from
	}
	from, err := filepath.Abs(from)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	to := t.TempDir()
	const network = "network_evaluation.json"
	for _, e := range entries {
		if e.Name() != network {
			if err := os.Symlink(filepath.Join(from, e.Name()), filepath.Join(to, e.Name())); err != nil {
				t.Fatal(err)
			}
		}
	}
	text, err := os.ReadFile(filepath.Join(from, network))
	if err != nil {
		t.Fatal(err)
	}
	var file map[string]json.RawMessage
	var steps []json.RawMessage
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(file["one_step"], &steps); err != nil || len(steps) != 2 {
		t.Fatalf("%s: %d cases of single steps, %v; want 2", network, len(steps), err)
	}
	if file["one_step"], err = json.Marshal(steps[1:]); err != nil {
		t.Fatal(err)
	}
	if text, err = json.Marshal(file); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(to, network), text, 0o666); err != nil {
		t.Fatal(err)
	}
	return to
}

func TestEveryReleasedNumberIsReproduced(t *testing.T) {
	all, err := releasedResults(t, everyday(t), "")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, r := range all {
		file, _, _ := strings.Cut(r.Case, " ")
		seen[file+".json"] = true
		if !r.Passed {
			t.Errorf("%s, %s: error %.3g at %s, allowed %.3g", r.Case, r.What, r.Error, r.Worst, r.Allowed)
		}
	}
	for _, f := range releaseFiles {
		if !seen[f.name] {
			t.Errorf("nothing of %s was compared", f.name)
		}
	}
}

// spoilRelease copies some files of the released numbers with a change to one of them.
func spoilRelease(t *testing.T, change func(string) string, files ...string) string {
	t.Helper()
	to := t.TempDir()
	for i, name := range files {
		text, err := os.ReadFile(filepath.Join(released.Folder(t), name))
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			changed := change(string(text))
			if changed == string(text) {
				t.Fatalf("the change to %s does nothing", name)
			}
			text = []byte(changed)
		}
		if err := os.WriteFile(filepath.Join(to, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

func TestAWrongReleasedNumberIsFound(t *testing.T) {
	for _, c := range []struct {
		from, to, what string
		files          []string
	}{
		{`"token_grid_jitter_false": [
   32`, `"token_grid_jitter_false": [
   33`, "token grids", []string{"jitter.json", "jitter.safetensors"}},
		{`"open_boundary": 1.0`, `"open_boundary": 0.5`, "flags", []string{"jitter.json", "jitter.safetensors"}},
		{`"torch.mean": 0.25`, `"torch.mean": 0.26`, "averages", []string{"reductions.json"}},
		{`"torch.median": "nan"`, `"torch.median": 0.5`, "averages", []string{"reductions.json"}},
	} {
		folder := spoilRelease(t, func(text string) string { return strings.Replace(text, c.from, c.to, 1) }, c.files...)
		all, err := releasedResults(t, folder, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range all {
			if r.Passed == (r.What == c.what) {
				t.Errorf("%s spoiled: %s, %s passed: %v", c.what, r.Case, r.What, r.Passed)
			}
		}
	}
}

// A number that nothing is compared with is an error.
func TestAnUnknownEntryOfTheReleasedNumbersIsAnError(t *testing.T) {
	for _, c := range []struct{ from, to, named string }{
		{`"field_indices"`, `"field_numbers"`, "field_numbers"},
		{`"absmax"`, `"absmin"`, "absmin"},
	} {
		folder := spoilRelease(t, func(text string) string { return strings.Replace(text, c.from, c.to, -1) }, "jitter.json", "jitter.safetensors")
		if _, err := releasedResults(t, folder, ""); err == nil || !strings.Contains(err.Error(), c.named) {
			t.Errorf("%s: %v", c.named, err)
		}
	}
	if _, err := releasedResults(t, t.TempDir(), ""); err == nil || !strings.Contains(err.Error(), "jitter.json") {
		t.Errorf("an empty folder: %v", err)
	}
}
