//go:build campaign

package campaign

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gowalrus/walrus/checkpoint"
	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/rollout"
	"github.com/gowalrus/walrus/surrogate"
	"github.com/gowalrus/walrus/well"
)

// resources are what a process may not lose.
type resources struct {
	goroutines, files int
	heapMB, rssMB     float64
}

func measure(t *testing.T) resources {
	t.Helper()
	time.Sleep(100 * time.Millisecond) // for goroutines on their way out
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("no /proc here:", err)
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	kb, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return resources{runtime.NumGoroutine(), len(open), float64(m.HeapAlloc) / (1 << 20), float64(kb) / 1024}
}

// leaks repeats something and holds what it keeps to nothing: after a tenth of the repetitions, caches are full.
func leaks(t *testing.T, times int, once func(i int) error) {
	t.Helper()
	var before resources
	began := time.Now()
	for i := range times {
		if err := once(i); err != nil {
			t.Fatalf("number %d: %v", i, err)
		}
		if i == times/10 {
			before = measure(t)
		}
	}
	after := measure(t)
	t.Logf("%d times in %.0f s; after a tenth and at the end: goroutines %d and %d, files %d and %d, heap %.1f and %.1f MB, resident %.1f and %.1f MB", times, time.Since(began).Seconds(),
		before.goroutines, after.goroutines, before.files, after.files, before.heapMB, after.heapMB, before.rssMB, after.rssMB)
	if after.goroutines > before.goroutines || after.files > before.files {
		t.Error("goroutines or open files are left")
	}
	if grown := after.rssMB - before.rssMB; grown > 16 {
		t.Errorf("%.1f MB of memory more", grown)
	}
}

func TestRolloutsLeaveNothingBehind(t *testing.T) {
	folder := t.TempDir()
	if code, text := run(t, folder, nil, []string{"simulate", "shear_flow", "--grid", "32x32", "--steps", "10", "--trajectories", "3", "--splits", "0.4,0.3,0.3", "--out", "."}); code != 0 {
		t.Fatal(text)
	}
	ctx := context.Background()
	e, err := engine.Open(engine.Default)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	model, err := surrogate.Open(e, filepath.Join(root, "selftest/testdata/golden/weights.safetensors"), surrogate.Options{Tokens: 8})
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	out := filepath.Join(t.TempDir(), "prediction.hdf5")
	leaks(t, *opens, func(i int) error {
		data, err := model.OpenData(filepath.Join(folder, "shear_flow"), "test", well.Options{})
		if err != nil {
			return err
		}
		defer data.Close()
		setting, err := model.For(data)
		if err != nil {
			return err
		}
		c, err := rollout.ReadCase(ctx, data, setting, rollout.Piece{Steps: 3})
		if err != nil {
			return err
		}
		result, err := c.Predict(ctx, rollout.Options{Seed: uint64(i)})
		if err != nil {
			return err
		}
		return c.Write(out, data, result)
	})
}

func TestOpenedFilesLeaveNothingBehind(t *testing.T) {
	whole := filepath.Join(root, "well/testdata/chunks.hdf5")
	content, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(t.TempDir(), "cut.hdf5")
	if err := os.WriteFile(cut, content[:len(content)/2], 0o666); err != nil {
		t.Fatal(err)
	}
	mustFail := func(err error) error {
		if err == nil {
			return fmt.Errorf("a file that was cut is accepted")
		}
		return nil
	}
	for name, once := range map[string]func(int) error{
		"HDF5":     func(int) error { return readWell(whole) },
		"HDF5 cut": func(int) error { return mustFail(readWell(cut)) },
		"safetensors": func(int) error {
			return readCheckpoint(filepath.Join(root, "selftest/testdata/golden/weights.safetensors"))
		},
		"torch":        func(int) error { return readCheckpoint(filepath.Join(root, "checkpoint/testdata/views.pt")) },
		"no such file": func(int) error { _, err := checkpoint.Open(cut + ".none"); return mustFail(err) },
	} {
		t.Run(name, func(t *testing.T) { leaks(t, *opens, once) })
	}
}
