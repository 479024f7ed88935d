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
	"github.com/gowalrus/walrus/rollout"
)

// What rollout and eval leave behind becomes one page, with the truth beside the prediction.
func TestReportShowsWhatRolloutAndEvalWrote(t *testing.T) {
	set, folder := twoSets(t)[0], t.TempDir()
	run := func(args ...string) (string, error) {
		root := rootCommand()
		var out bytes.Buffer
		root.SetOut(&out)
		root.SetErr(io.Discard)
		root.SetArgs(args)
		err := root.Execute()
		return out.String(), err
	}
	out, page, scores := filepath.Join(folder, "out"), filepath.Join(folder, "page.html"), filepath.Join(folder, "scores.json")
	if text, err := run("rollout", filepath.Join(released.Golden(t), "weights.safetensors"), set, "--split", "test", "--trajectory", "1", "--steps", "3", "--tokens", "4", "--out", out); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	p, err := rollout.ReadProvenance(filepath.Join(out, rollout.ProvenanceFile))
	if err != nil || p.Trajectory != 1 || p.Steps != 3 || p.Data != set || p.Split != "test" {
		t.Fatalf("provenance %+v, %v", p, err)
	}
	text, err := evaluateSample(t, set, "--windows", "1:3", "--json", "--physics")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(scores, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	var document struct{ Command []string }
	if err := json.Unmarshal([]byte(text), &document); err != nil || len(document.Command) == 0 {
		t.Errorf("command %q, %v", document.Command, err)
	}
	if text, err := run("report", out, scores, "--out", page); err != nil || !strings.Contains(text, page) {
		t.Fatalf("%v: %s", err, text)
	}
	html, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Rollout: out", "Scores: scores", "Error against rollout step", "Physics: network_set, scores", `"columns":["truth","prediction","error"]`} {
		if !strings.Contains(string(html), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if _, err := run("report", scores, "--out", scores); err == nil || !strings.Contains(err.Error(), ".html") {
		t.Errorf("a page over the scores: %v", err)
	}
}
