package checkpoint

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gowalrus/walrus/internal/hub"
)

// cacheModel puts files into the cache as the model polymathic-ai/name.
func cacheModel(t *testing.T, name string, files map[string]string) (folder string) {
	t.Helper()
	t.Setenv("HF_HUB_CACHE", t.TempDir())
	commit := strings.Repeat("ab", 20)
	model := filepath.Join(hub.CacheFolder(), "models--"+hub.Owner+"--"+name)
	files[filepath.Join("..", "..", "refs", "main")] = commit
	folder = filepath.Join(model, "snapshots", commit)
	for file, content := range files {
		path := filepath.Join(folder, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func TestNamesMeanDownloadedModelsUnlessThePathIsOnDisk(t *testing.T) {
	folder := cacheModel(t, "walrus", map[string]string{"walrus.safetensors": "", "walrus.pt": "", "extended_config.yaml": ""})
	t.Chdir(t.TempDir())
	for _, name := range []string{"walrus", "polymathic-ai/walrus"} {
		if got, err := weightsIn(name); err != nil || got != filepath.Join(folder, "walrus.safetensors") {
			t.Errorf("%s: %s, %v", name, got, err)
		}
		if got, err := FindConfig(name); err != nil || got != filepath.Join(folder, "extended_config.yaml") {
			t.Errorf("%s: configuration %s, %v", name, got, err)
		}
	}
	for _, path := range []string{"walrus.pt", "./walrus", "a/b/walrus", "walrus/"} {
		if got, err := weightsIn(path); err == nil || strings.Contains(err.Error(), "walrus download") {
			t.Errorf("%s: %s, %v; want that there is no such file", path, got, err)
		}
	}
	if err := os.WriteFile("walrus", []byte("\x7fELF program"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Open("walrus"); err == nil || !strings.Contains(err.Error(), "the downloaded model is polymathic-ai/walrus") {
		t.Errorf("a program walrus: error %v; want the other name", err)
	}
	if _, err := FindConfig("walrus"); err == nil || !strings.Contains(err.Error(), "the downloaded model is polymathic-ai/walrus") {
		t.Errorf("a program walrus: error %v; want the other name", err)
	}
}

func TestNamesOfModelsThatAreNotThereSayHowToGetThem(t *testing.T) {
	t.Setenv("HF_HUB_CACHE", t.TempDir())
	t.Chdir(t.TempDir())
	for name, want := range map[string]string{
		"walrus": "walrus download walrus", "owner/other": "walrus download owner/other", "walrus_ft_CERM": "did you mean walrus_ft_CE-RM?",
	} {
		if _, err := Open(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v; want %q", name, err, want)
		}
	}
}
