package atomicfile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	err := Write(path, func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func wantContent(t *testing.T, path, want string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s holds %q, want %q", filepath.Base(path), got, want)
	}
}

func wantFiles(t *testing.T, folder string, want int) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != want {
		t.Errorf("%d files in the folder, want %d: %v", len(entries), want, entries)
	}
}

func TestWriteReplacesAndLeavesNothingBehind(t *testing.T) {
	path := filepath.Join(t.TempDir(), "scores.csv")
	write(t, path, "first, and longer")
	write(t, path, "second")
	wantContent(t, path, "second")
	wantFiles(t, filepath.Dir(path), 1)
}

func TestFailedWriteKeepsTheOldFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.safetensors")
	write(t, path, "old")
	broken := errors.New("disk on fire")
	err := Write(path, func(w io.Writer) error {
		if _, err := io.WriteString(w, "half of the new"); err != nil {
			return err
		}
		return broken
	})
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v, want one that names %s and wraps %v", err, path, broken)
	}
	wantContent(t, path, "old")
	wantFiles(t, filepath.Dir(path), 1)
}

func TestPanicInFillLeavesNothingBehind(t *testing.T) {
	folder := t.TempDir()
	func() {
		defer func() { _ = recover() }()
		_ = Write(filepath.Join(folder, "a"), func(io.Writer) error { panic("stop") })
	}()
	wantFiles(t, folder, 0)
}

func TestTargetAppearsOnlyAtCommit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rollout.h5")
	f, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("HEADER"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("before Commit the target can be seen (error %v)", err)
	}
	if _, err := f.WriteAt([]byte("h"), 0); err != nil {
		t.Fatal(err)
	}
	if err := f.Commit(); err != nil {
		t.Fatal(err)
	}
	wantContent(t, path, "hEADER")
	if err := f.Discard(); err != nil {
		t.Errorf("Discard after Commit: %v, want nil", err)
	}
	wantContent(t, path, "hEADER")
	if err := f.Commit(); err == nil {
		t.Error("a second Commit was accepted")
	}
}

func TestModeOfTheOldFileIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "private")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	write(t, path, "new")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, want -rw-------", info.Mode())
	}
}

func TestSymbolicLinkStaysALink(t *testing.T) {
	folder := t.TempDir()
	target, link := filepath.Join(folder, "target"), filepath.Join(folder, "link")
	write(t, target, "old")
	if err := os.Symlink(target, link); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	write(t, link, "new")
	wantContent(t, target, "new")
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link became %v (error %v)", info, err)
	}
}

func TestImpossibleTargetsAreErrors(t *testing.T) {
	folder := t.TempDir()
	for name, path := range map[string]string{
		"a folder":                folder,
		"a folder that is absent": filepath.Join(folder, "absent", "file"),
	} {
		if f, err := Create(path); err == nil {
			_ = f.Discard()
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestWritersAtTheSameTimeDoNotMix(t *testing.T) {
	path := filepath.Join(t.TempDir(), "shared")
	texts := []string{strings.Repeat("a", 10_000), strings.Repeat("b", 20_000)}
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() { write(t, path, texts[i%2]) })
	}
	group.Wait()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != texts[0] && string(got) != texts[1] {
		t.Errorf("%d bytes that are neither writer's", len(got))
	}
	wantFiles(t, filepath.Dir(path), 1)
}

func TestLitterOfAKilledProcessIsSweptAndTheFilesOfOthersAreNot(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "a.hdf5")
	for _, name := range []string{".a.hdf5.123-0.tmp", ".b.hdf5.123-0.tmp", ".a.hdf5.note.tmp"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte("half"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	other, err := Create(path) // as another process would that is writing the same file
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.WriteString("other"); err != nil {
		t.Fatal(err)
	}
	wantFiles(t, folder, 3)
	write(t, path, "mine")
	wantContent(t, path, "mine")
	if err := other.Commit(); err != nil {
		t.Errorf("the other's file was swept away: %v", err)
	}
	wantContent(t, path, "other")
	wantFiles(t, folder, 3)
}

func TestALockIsRefusedUntilItIsGivenBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), ".lock")
	first, err := Lock(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(path); !errors.Is(err, ErrBusy) {
		t.Errorf("error %v, want ErrBusy", err)
	}
	if err := Unlock(first); err != nil {
		t.Fatal(err)
	}
	wantFiles(t, filepath.Dir(path), 0)
	second, err := Lock(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	if third, err := Lock(path); err != nil {
		t.Errorf("a file that nobody holds: %v", err)
	} else {
		third.Close()
	}
}
