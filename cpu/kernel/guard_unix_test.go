//go:build unix

package kernel

import (
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// guarded returns n elements directly before (or after) a page that can not be touched: a kernel that reads or writes
// past the slice crashes the test.
func guarded[T any](t testing.TB, n int, atEnd bool) []T {
	t.Helper()
	page := unix.Getpagesize()
	var zero T
	size := n * int(unsafe.Sizeof(zero))
	body := (size + page - 1) / page * page
	mem, err := unix.Mmap(-1, 0, body+2*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		t.Fatalf("mmap of %d bytes: %v", body+2*page, err)
	}
	t.Cleanup(func() { _ = unix.Munmap(mem) })
	for _, guard := range [][]byte{mem[:page], mem[page+body:]} {
		if err := unix.Mprotect(guard, unix.PROT_NONE); err != nil {
			t.Fatalf("mprotect: %v", err)
		}
	}
	start := page
	if atEnd {
		start = page + body - size
	}
	if n == 0 {
		return nil
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&mem[start])), n)
}
