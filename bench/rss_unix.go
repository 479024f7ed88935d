//go:build unix

package bench

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// peakRSS is the largest resident size of this process so far, in GiB; 0 if the system does not say.
func peakRSS() float64 {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	bytes := float64(usage.Maxrss)
	if runtime.GOOS != "darwin" { // there in bytes, elsewhere in KiB
		bytes *= 1024
	}
	return bytes / (1 << 30)
}
