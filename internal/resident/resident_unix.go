//go:build unix

package resident

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// Peak is the largest resident size of this process so far, in bytes; 0 if the system does not say.
func Peak() int64 {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	bytes := int64(usage.Maxrss)
	if runtime.GOOS != "darwin" { // there in bytes, elsewhere in KiB
		bytes <<= 10
	}
	return bytes
}
