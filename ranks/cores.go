package ranks

import (
	"fmt"
	"os"
	"runtime"
	"strings"
)

// Cores is the share of this machine's processor cores that belongs to this process. Processes that a launcher has bound to cores of
// their own have these; those that may run on the same cores share them evenly.
func (g *Group) Cores() (int, error) {
	cores := runtime.NumCPU() // those that this process may run on
	if g.Size() == 1 {
		return cores, nil
	}
	all, err := g.Share([]byte(allowedCores()))
	if err != nil {
		return 0, err
	}
	sharing := 0
	for i, allowed := range all {
		if g.Host(i) == g.Host(g.rank) && string(allowed) == string(all[g.rank]) {
			sharing++
		}
	}
	return max(1, cores/sharing), nil
}

// allowedCores tells sets of cores apart. Where the system does not say, all processes have the same.
func allowedCores() string {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if list, found := strings.CutPrefix(line, "Cpus_allowed_list:"); found {
			return fmt.Sprint(strings.TrimSpace(list))
		}
	}
	return ""
}
