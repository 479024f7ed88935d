package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gowalrus/walrus/internal/released"
)

// A file that can not be written is said before the work, not after it; a folder that is missing is made.
func TestOutputsAreTriedBeforeTheWork(t *testing.T) {
	data := twoSets(t)[0]
	base := t.TempDir()
	taken := filepath.Join(base, "file")
	if err := os.WriteFile(taken, []byte("text"), 0o666); err != nil {
		t.Fatal(err)
	}
	weights := filepath.Join(released.Golden(t), "weights.safetensors")
	files, err := filepath.Glob(filepath.Join(data, "data", "*", "*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	prediction := filepath.Join(base, "again", "prediction.hdf5")
	if err := os.MkdirAll(filepath.Dir(prediction), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(files[0], prediction); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want string // of the error; empty for a file that is written
		file string
	}{
		{[]string{"data", "stats", data, "--out", filepath.Join(taken, "s.yaml")}, "--out: ", ""},
		{[]string{"data", "stats", data, "--out", filepath.Join(base, "new", "s.yaml")}, "", filepath.Join(base, "new", "s.yaml")},
		{[]string{"data", "preview", data, "--out", filepath.Join(base, "pictures", "p.png")}, "", filepath.Join(base, "pictures", "p.png")},
		{[]string{"data", "preview", data, "--out", filepath.Join(taken, "p.png")}, "--out: ", ""},
		{[]string{"eval", weights, data, "--csv", filepath.Join(taken, "s.csv")}, "--csv: ", ""},
		{[]string{"eval", weights, data, "--curves", filepath.Join(taken, "s.csv")}, "--curves: ", ""},
		{[]string{"rollout", weights, data, "--out", taken}, "--out: ", ""},
		{[]string{"rollout", weights, prediction, "--out", filepath.Dir(prediction)}, "is one of the inputs", ""}, // once more from a prediction
	} {
		root := rootCommand()
		var notes bytes.Buffer
		root.SetOut(io.Discard)
		root.SetErr(&notes)
		root.SetArgs(c.args)
		err := root.Execute()
		switch {
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%q: error %v; want one with %q", c.args, err, c.want)
		case c.want != "" && strings.ContainsAny(notes.String(), "0123456789"):
			t.Errorf("%q: there was progress before the error: %s", c.args, &notes)
		case c.want == "" && err != nil:
			t.Errorf("%q: %v", c.args, err)
		}
		if c.file != "" {
			if _, err := os.Stat(c.file); err != nil {
				t.Error(err)
			}
		}
	}
}
