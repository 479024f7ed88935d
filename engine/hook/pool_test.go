//go:build xla

package hook

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// driver is a library that stands for NVIDIA's: CARDS cards, of which the last has a pool if LAST says so. A threshold is
// taken only for the pool of the right card, and only if it is all of memory.
const driver = `
#include <stdint.h>
static int ready, kept;
int cuInit(unsigned flags) { ready = 1; return flags; }
int cuDeviceGetCount(int *n) { *n = CARDS; return !ready; }
int cuDeviceGet(int *card, int i) { *card = 10 + i; return i >= CARDS; }
int cuDeviceGetAttribute(int *value, int attribute, int card) { *value = card < 9 + CARDS || LAST; return attribute != 115; }
int cuDeviceGetDefaultMemPool(void **pool, int card) { *pool = &kept + card; return 0; }
int cuMemPoolSetAttribute(void *pool, int attribute, void *value) {
	return attribute != 4 || pool != &kept + 10 + kept++ || *(uint64_t *)value != UINT64_MAX;
}
`

// build makes a driver.
func build(t *testing.T, flags ...string) string {
	t.Helper()
	dir := t.TempDir()
	source, library := filepath.Join(dir, "driver.c"), filepath.Join(dir, "libcuda.so.1")
	if err := os.WriteFile(source, []byte(driver), 0o666); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("cc", append(flags, "-shared", "-fPIC", "-o", library, source)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return library
}

func TestPoolsOfADriver(t *testing.T) {
	for _, c := range []struct {
		name   string
		driver string
		has    bool
	}{
		{"two cards", build(t, "-DCARDS=2", "-DLAST=1"), true},
		{"the second has no pool", build(t, "-DCARDS=2", "-DLAST=0"), false},
		{"no card", build(t, "-DCARDS=0", "-DLAST=0"), false},
		{"no driver", filepath.Join(t.TempDir(), "absent"), false},
	} {
		if got := HasPools(c.driver); got != c.has {
			t.Errorf("%s: has pools %v", c.name, got)
		}
		if c.has && !KeepPools(c.driver) {
			t.Errorf("%s: the pools are not kept", c.name)
		}
	}
	if library := build(t, "-DCARDS=1", "-DLAST=1", "-DcuMemPoolSetAttribute=other"); KeepPools(library) {
		t.Error("a driver without that function is said to keep its pools")
	}
}
