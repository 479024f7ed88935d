package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestBuildsWithoutCgoSayThatTheyHaveNoHDF5 builds the program as Go does for other systems, and asks the one for this system to read a file.
func TestBuildsWithoutCgoSayThatTheyHaveNoHDF5(t *testing.T) {
	if os.Getenv("WALRUS_LONG") == "" {
		t.Skip("builds the program for three systems; WALRUS_LONG=1 does")
	}
	folder := t.TempDir()
	here := runtime.GOOS + "/" + runtime.GOARCH
	for _, system := range []string{"linux/arm64", "darwin/arm64", here} {
		name, architecture, _ := strings.Cut(system, "/")
		build := exec.Command("go", "build", "-o", filepath.Join(folder, name+architecture), ".")
		build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+name, "GOARCH="+architecture)
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("go build for %s without cgo: %v\n%s", system, err, out)
		}
	}
	program := filepath.Join(folder, runtime.GOOS+runtime.GOARCH)
	out, err := exec.Command(program, "data", "inspect", filepath.Join("..", "..", "well", "testdata", "chunks.hdf5")).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "without libhdf5") || !strings.Contains(string(out), "CGO_ENABLED=1") {
		t.Errorf("data inspect: %v\n%s\nexpected to hear that this build has no libhdf5, and how to get one", err, out)
	}
}
