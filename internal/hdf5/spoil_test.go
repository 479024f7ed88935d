//go:build campaign

package hdf5

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// A fault inside the C library leaves its heap locked, and who asks it for memory then waits for ever. It runs in a process of its own.
func TestALockedHeapIsAnErrorAndNoHang(t *testing.T) {
	const variable = "WALRUS_TEST_SPOIL"
	if os.Getenv(variable) == "" {
		cmd := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$", "-test.v")
		cmd.Env = append(os.Environ(), variable+"=1")
		late := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
		defer late.Stop()
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	path := filepath.Join("..", "..", "well", "testdata", "chunks.hdf5")
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	other, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.spoil(); !errors.Is(err, ErrDamaged) {
		t.Errorf("error %v; want ErrDamaged", err)
	}
	if _, err := other.Attributes("/"); !errors.Is(err, ErrBroken) {
		t.Errorf("an open file: error %v; want ErrBroken", err)
	}
	if _, err := Open(path); !errors.Is(err, ErrBroken) {
		t.Errorf("another file: error %v; want ErrBroken", err)
	}
	if err := errors.Join(f.Close(), other.Close()); !errors.Is(err, ErrBroken) {
		t.Errorf("closing: error %v", err)
	}
}
