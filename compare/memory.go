package compare

import (
	"bufio"
	"bytes"
	"os"
	"runtime"
	"strconv"
	"strings"

	"github.com/gowalrus/walrus/internal/resident"
)

// kernelNumber is a number of kilobytes in a file of Linux' /proc, in bytes; 0 where there is none.
func kernelNumber(path, name string) int64 {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		if rest, found := strings.CutPrefix(lines.Text(), name+":"); found {
			if n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64); err == nil {
				return n << 10
			}
		}
	}
	return 0
}

// memoryInUse is the most that this process has had in memory so far, in bytes.
func memoryInUse() int64 {
	if n := resident.Peak(); n > 0 {
		return n
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.Sys)
}

// memoryFree is what the machine has left, in bytes; 0 where that is not known.
func memoryFree() int64 { return kernelNumber("/proc/meminfo", "MemAvailable") }

// workersFor is how many trajectories are predicted side by side where the first took so much memory: all may together take half of what is left. One where
// it is not known what is left.
func workersFor(taken, free int64, processors int) int {
	if free <= 0 {
		return 1
	}
	const least = 64 << 20 // what a measurement that shows nothing stands for
	return max(1, min(processors, 1+int(free/2/max(taken, least))))
}
