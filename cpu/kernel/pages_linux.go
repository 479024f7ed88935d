package kernel

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// hugePage is the size of the large pages of amd64, in bytes.
const hugePage = 2 << 20

// AdviseHuge asks the kernel to back memory with large pages: strips of a matrix lie on as many small pages as they have
// rows, more than the processor remembers, and the first touch of every small page is a fault. Memory below a few
// large pages is left alone. It is advice: nothing is lost where it is not taken.
func AdviseHuge(p unsafe.Pointer, size int) {
	skip := -int(uintptr(p)) & (hugePage - 1)
	if size-skip < hugePage {
		return
	}
	whole := (size - skip) / hugePage * hugePage
	_ = unix.Madvise(unsafe.Slice((*byte)(unsafe.Add(p, skip)), whole), unix.MADV_HUGEPAGE) // see above
}
