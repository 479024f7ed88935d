package selftest

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gowalrus/walrus/engine"
)

// goldenFolder is the whole golden data where the specification is at hand, else the part that is kept here.
func goldenFolder() string {
	shared := os.Getenv("WALRUS_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "shared")
	}
	if whole := filepath.Join(shared, "golden"); exists(filepath.Join(whole, "config.json")) {
		return whole
	}
	return filepath.Join("testdata", "golden")
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// results runs a folder on the default engine.
func results(t *testing.T, folder, only string) ([]Result, error) {
	t.Helper()
	e, err := engine.Open("")
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	var all []Result
	err = Run(context.Background(), e, folder, only, func(r Result) { all = append(all, r) })
	return all, err
}

func TestEveryGoldenNumberIsReproduced(t *testing.T) {
	all, err := results(t, goldenFolder(), "")
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 3 {
		t.Errorf("only %d comparisons in %s", len(all), goldenFolder())
	}
	for _, r := range all {
		t.Logf("%-32s %-15s %9.2e of %9.2e  %s", r.Case, r.What, r.Error, r.Allowed, r.Worst)
		if !r.Passed {
			t.Errorf("%s, %s: error %.3g at %s, allowed %.3g", r.Case, r.What, r.Error, r.Worst, r.Allowed)
		}
	}
}

// spoil copies the small golden folder with one change to one file.
func spoil(t *testing.T, file string, change func([]byte) []byte) string {
	t.Helper()
	to := t.TempDir()
	from := filepath.Join("testdata", "golden")
	entries, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(from, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if e.Name() == file {
			data = change(bytes.Clone(data))
		}
		if err := os.WriteFile(filepath.Join(to, e.Name()), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

func TestAWrongNumberIsFound(t *testing.T) {
	folder := spoil(t, "fwd_g1_singleton_d.safetensors", func(b []byte) []byte {
		b[len(b)-1] ^= 0x01 // the exponent of the last output value
		return b
	})
	all, err := results(t, folder, "fwd_g1")
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 1 || all[0].Passed || !strings.Contains(all[0].Worst, "[1 0 1") && !strings.Contains(all[0].Worst, "output") {
		t.Errorf("one wrong output value: %+v", all)
	}
}

func TestBrokenFoldersAreErrors(t *testing.T) {
	manifest := "fwd_g1_singleton_d.json"
	replace := func(old, new string) func([]byte) []byte {
		return func(b []byte) []byte {
			if !bytes.Contains(b, []byte(old)) {
				t.Fatalf("%q is not in the file", old)
			}
			return bytes.Replace(b, []byte(old), []byte(new), 1)
		}
	}
	for name, folder := range map[string]string{
		"no such folder":      filepath.Join(t.TempDir(), "nothing"),
		"truncated manifest":  spoil(t, manifest, func(b []byte) []byte { return b[:len(b)/2] }),
		"truncated tensors":   spoil(t, "fwd_g1_singleton_d.safetensors", func(b []byte) []byte { return b[:len(b)-9] }),
		"a file outside":      spoil(t, manifest, replace(`"fwd_g1_singleton_d.safetensors"`, `"../../etc/passwd"`)),
		"other architecture":  spoil(t, manifest, replace(`"hidden_dim": 64`, `"hidden_dim": 32`)),
		"impossible heads":    spoil(t, "config.json", replace(`"heads": 4`, `"heads": 7`)),
		"unknown field index": spoil(t, manifest, replace(`"field_indices"`, `"other"`)),
	} {
		if _, err := results(t, folder, "fwd"); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
