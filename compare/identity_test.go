package compare

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/gowalrus/walrus/weights"
)

// A model that the program carries has the identity of the same files on disk, and other values another.
func TestWeightsHaveTheIdentityOfTheirValues(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"model.safetensors", "config.yaml"} {
		f, err := weights.Open("nano/" + name)
		if err != nil {
			t.Fatal(err)
		}
		to, err := os.Create(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		if _, err = to.ReadFrom(f); err != nil {
			t.Fatal(err)
		}
		if err = to.Close(); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	carried, err := WeightsIdentity("nano", "")
	if err != nil {
		t.Fatal(err)
	}
	if copied, err := WeightsIdentity(folder, ""); err != nil || copied != carried {
		t.Errorf("a copy on disk: %s, %v; want %s", copied, err, carried)
	}
	path := filepath.Join(folder, "model.safetensors")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	content[len(content)-2] ^= 1
	if err := os.WriteFile(path, content, 0o666); err != nil {
		t.Fatal(err)
	}
	if changed, err := WeightsIdentity(folder, ""); err != nil || changed == carried {
		t.Errorf("with one bit changed: %s, %v; want another than %s", changed, err, carried)
	}
	if id, err := WeightsIdentity("persistence", ""); err != nil || id != "persistence" {
		t.Errorf("persistence: %q, %v", id, err)
	}
}
