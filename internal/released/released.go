package released

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// Folder is the folder of the released numbers.
func Folder(t testing.TB) string {
	t.Helper()
	return find("release", "metrics.json", "testdata")
}

// Golden is the folder of the golden numbers of the network, with its weights and configuration: weights.safetensors and
// extended_config.yaml.
func Golden(t testing.TB) string {
	t.Helper()
	return find("golden", "extended_config.yaml", filepath.Join("..", "..", "selftest", "testdata", "golden"))
}

// Read decodes a JSON file of Folder. Values that are not finite stand there as the texts "NaN", "Infinity" and "-Infinity": Number reads them.
func Read(t testing.TB, file string, to any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(Folder(t), file))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, to); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// find is the folder of the specification if it is there, else the copy, which is given relative to this file.
func find(name, file, copied string) string {
	_, here, _, _ := runtime.Caller(0)
	here = filepath.Dir(here)
	shared := os.Getenv("WALRUS_SHARED")
	if shared == "" {
		shared = filepath.Join(here, "..", "..", "..", "shared")
	}
	whole := filepath.Join(shared, name)
	if _, err := os.Stat(filepath.Join(whole, file)); err == nil {
		return whole
	}
	return filepath.Join(here, copied)
}

// Number is a value of the files that may be a text where JSON has no number for it.
type Number float64

// UnmarshalJSON reads a number, "NaN", "Infinity" or "-Infinity".
func (n *Number) UnmarshalJSON(text []byte) error {
	v, err := strconv.ParseFloat(strings.Trim(string(text), `"`), 64)
	*n = Number(v)
	return err
}
