package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gowalrus/walrus/internal/released"
	"github.com/gowalrus/walrus/rollout"
)

// What rollout leaves behind becomes a page, with the truth beside the prediction.
func TestReportShowsWhatRolloutWrote(t *testing.T) {
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
	out, page := filepath.Join(folder, "out"), filepath.Join(folder, "page.html")
	if text, err := run("rollout", filepath.Join(released.Golden(t), "weights.safetensors"), set, "--split", "test", "--trajectory", "1", "--steps", "2", "--tokens", "4", "--out", out); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	p, err := rollout.ReadProvenance(filepath.Join(out, rollout.ProvenanceFile))
	if err != nil || p.Trajectory != 1 || p.Steps != 2 || p.Data != set || p.Split != "test" {
		t.Fatalf("provenance %+v, %v", p, err)
	}
	if text, err := run("report", out, "--out", page); err != nil || !strings.Contains(text, page) {
		t.Fatalf("%v: %s", err, text)
	}
	html, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Rollout: out", "Error against rollout step", `"columns":["truth","prediction","error"]`} {
		if !strings.Contains(string(html), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	prediction := filepath.Join(out, "prediction.hdf5")
	if _, err := run("report", out, "--out", prediction); err == nil || !strings.Contains(err.Error(), ".html") {
		t.Errorf("a page over the prediction: %v", err)
	}
}
