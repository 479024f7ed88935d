//go:build campaign

package campaign

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// mount gives a file system of its own, in memory, and changes its size or makes it read-only; where that is not allowed the test is
// skipped.
type mount struct{ folder string }

func newMount(t *testing.T) mount {
	t.Helper()
	m := mount{t.TempDir()}
	if err := syscall.Mount("tmpfs", m.folder, "tmpfs", 0, "size=4096"); err != nil {
		t.Skipf("no file system can be mounted here (%v); as root it can", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(m.folder, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return m
}

func (m mount) change(t *testing.T, flags uintptr, bytes int64) {
	t.Helper()
	if err := syscall.Mount("tmpfs", m.folder, "tmpfs", syscall.MS_REMOUNT|flags, fmt.Sprintf("size=%d", bytes)); err != nil {
		t.Fatal(err)
	}
}

// used is how many bytes are taken.
func (m mount) used(t *testing.T) int64 {
	t.Helper()
	var s syscall.Statfs_t
	if err := syscall.Statfs(m.folder, &s); err != nil {
		t.Fatal(err)
	}
	return int64(s.Blocks-s.Bfree) * s.Bsize
}

// room is more than any of the commands writes.
const room = 1 << 30

// A disk that becomes full at any place: the command says so and ends, what is on disk is whole, and with room it goes on to the same
// bytes.
func TestAFullDiskCostsNothingButTime(t *testing.T) {
	in := newInputs(t)
	for _, c := range commands(in) {
		t.Run(c.name, func(t *testing.T) {
			c.disturb(t, "full disks", func(state *tally, reference map[string]string, _ time.Duration) { c.fillDisk(t, state, reference) })
		})
	}
}

// fillDisk runs a command on a disk that holds a part of what it writes: one of evenly spaced sizes.
func (c command) fillDisk(t *testing.T, state *tally, reference map[string]string) {
	t.Helper()
	m := newMount(t)
	m.change(t, 0, room)
	if code, text := run(t, m.folder, c.env, c.first); code != 0 {
		t.Fatal(text)
	}
	most := m.used(t) + 8*4096 // what is there for a moment only, too
	if err := syscall.Unmount(m.folder, syscall.MNT_DETACH); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", m.folder, "tmpfs", 0, "size=4096"); err != nil {
		t.Fatal(err)
	}
	size := most * int64(state.Done+1) / int64(*kills)
	m.change(t, 0, max(4096, size&^4095))
	code, text := run(t, m.folder, c.env, c.first)
	switch {
	case crashed(text):
		state.find(t, "%d bytes: %s", size, text)
	case code == 0:
		state.Outcomes["had room"]++
		return
	case !strings.Contains(text, "no space left on device") && !strings.Contains(text, "the disk is full"):
		state.find(t, "%d bytes: exit code %d, and it does not say that the disk is full: %s", size, code, text)
	default:
		state.Outcomes["said that the disk is full"]++
	}
	if err := c.whole(m.folder, reference); err != nil {
		state.find(t, "%d bytes: afterwards: %v", size, err)
	}
	m.change(t, 0, room)
	if code, text := run(t, m.folder, c.env, c.goOn(m.folder)); code != 0 {
		state.find(t, "%d bytes: going on with room: exit code %d: %s", size, code, text)
		return
	}
	got, err := digests(m.folder)
	if err != nil {
		t.Fatal(err)
	}
	if different := compare(reference, got); len(different) > 0 {
		state.find(t, "%d bytes: other bytes than with room from the start: %v", size, different)
	}
}

// A folder that can only be read, empty or as an interrupted command has left it: every command that writes says which file, in a line.
func TestReadOnlyFoldersAreNamed(t *testing.T) {
	in := newInputs(t)
	data := filepath.Join(in.folder, "data", "gray_scott_reaction_diffusion")
	list := commands(in)
	for name, args := range map[string][]string{
		"rollout": {"rollout", "nano", data, "--steps", "2", "--out", "there/rollout"},
		"stats":   {"data", "stats", "there/copy"},
	} {
		list = append(list, command{name: name, first: args})
	}
	for _, c := range list {
		for _, when := range []string{"from the start", "in the middle"} {
			m := newMount(t)
			m.change(t, 0, room)
			if c.name == "stats" {
				if err := os.CopyFS(filepath.Join(m.folder, "there", "copy"), os.DirFS(data)); err != nil {
					t.Fatal(err)
				}
				if err := os.Remove(filepath.Join(m.folder, "there", "copy", "stats.yaml")); err != nil {
					t.Fatal(err)
				}
			}
			args := c.first
			if when == "in the middle" {
				m.change(t, 0, m.used(t)+128<<10)
				if code, text := run(t, m.folder, c.env, args); code == 0 || crashed(text) {
					t.Logf("%s: exit code %d on a small disk", c.name, code)
				}
				args = c.goOn(m.folder)
			}
			m.change(t, syscall.MS_RDONLY, room)
			code, text := run(t, m.folder, c.env, args)
			if code == 0 || crashed(text) || !strings.Contains(text, "read-only file system") {
				t.Errorf("%s, read-only %s: exit code %d: %s", c.name, when, code, text)
			}
		}
	}
}
