package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// newFileMode is what a new file gets, as os.Create does, before the umask; a replaced file's mode is kept.
const newFileMode fs.FileMode = 0o666

// File is a file being written that takes its final name at Commit. Until then it lives beside its target under a
// temporary name. End it with Commit or Discard; `defer f.Discard()` is safe, since Discard after Commit does nothing.
// Seeking (formats that patch their header) works as on any os.File.
type File struct {
	*os.File
	target string
	done   bool
}

// Create opens a temporary file that will become path. The folder must exist. Where path is a symbolic link, the file
// that the link points to is replaced and the link stays.
func Create(path string) (*File, error) {
	target := path
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		target = resolved
	}
	mode := newFileMode
	info, err := os.Stat(target)
	replaces := err == nil
	if replaces {
		if !info.Mode().IsRegular() {
			return nil, fmt.Errorf("atomicfile: %s: not a regular file (%s); expected a file or no file", path, info.Mode().Type())
		}
		mode = info.Mode().Perm()
	}
	temporary, err := createTemporary(target, mode)
	if err != nil {
		return nil, fmt.Errorf("atomicfile: %s: %w", path, err)
	}
	if replaces {
		// The umask took bits from the mode that the old file had; a failure here costs only those bits.
		_ = temporary.Chmod(mode)
	}
	return &File{File: temporary, target: target}, nil
}

// createTemporary opens a new file beside target, and locks it as long as it is being written. os.CreateTemp would do, but for its
// mode 0600, which Commit would then hand to files that others should read.
func createTemporary(target string, mode fs.FileMode) (*os.File, error) {
	sweep(target)
	folder, base := filepath.Split(target)
	for attempt := 0; ; attempt++ {
		name := filepath.Join(folder, fmt.Sprintf(".%s.%d-%d.tmp", base, os.Getpid(), attempt))
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil || hold(f, syscall.LOCK_SH) { // it may be read, but whoever sweeps sees a lock
			return f, err
		}
		f.Close() // another process swept it away before it was locked
	}
}

// sweep removes what processes that were killed have left of the same target: temporary files that nobody has a lock on.
func sweep(target string) {
	folder, base := filepath.Split(target)
	entries, err := os.ReadDir(filepath.Clean(folder + "."))
	if err != nil {
		return // creating the file will say why
	}
	for _, e := range entries {
		middle, ours := strings.CutPrefix(e.Name(), "."+base+".")
		middle, ends := strings.CutSuffix(middle, ".tmp")
		if !ours || !ends || strings.Trim(middle, "0123456789-") != "" || !e.Type().IsRegular() {
			continue
		}
		f, err := os.Open(filepath.Join(folder, e.Name()))
		if err != nil {
			continue
		}
		if Hold(f) {
			_ = os.Remove(f.Name()) // litter, and perhaps of somebody else
		}
		f.Close()
	}
}

// Target is the path that Commit will give the file.
func (f *File) Target() string { return f.target }

// Commit makes what was written durable and gives it its final name. On an error the temporary file is removed and the
// target is as it was before. Commit after Commit or Discard is an error.
func (f *File) Commit() error {
	if f.done {
		return fmt.Errorf("atomicfile: %s: already committed or discarded", f.target)
	}
	f.done = true
	err := f.Sync()
	if err == nil {
		err = os.Rename(f.Name(), f.target)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return fmt.Errorf("atomicfile: %s: %w", f.target, err)
	}
	syncFolder(filepath.Dir(f.target))
	return nil
}

// Discard closes and removes the temporary file; the target stays as it was. After Commit it does nothing.
func (f *File) Discard() error {
	if f.done {
		return nil
	}
	f.done = true
	removing := os.Remove(f.Name())
	closing := f.Close()
	if removing != nil {
		return fmt.Errorf("atomicfile: %s: %w", f.target, removing)
	}
	return closing
}

// syncFolder makes the new name itself durable. Some file systems refuse to sync a folder; the file's content is safe
// either way, so the error is not reported.
func syncFolder(path string) {
	folder, err := os.Open(path)
	if err != nil {
		return
	}
	_ = folder.Sync()
	_ = folder.Close()
}

// Write makes path hold what fill writes, or leaves it as it was: an error of fill (or a panic on its way through)
// discards everything. fill gets the bare file; wrap it in a bufio.Writer for many small writes.
func Write(path string, fill func(io.Writer) error) error {
	f, err := Create(path)
	if err != nil {
		return err
	}
	defer f.Discard()
	if err := fill(f); err != nil {
		return fmt.Errorf("atomicfile: %s: %w", path, err)
	}
	return f.Commit()
}
