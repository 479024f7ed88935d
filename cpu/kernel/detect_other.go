//go:build !amd64 && !arm64

package kernel

// levels are those of this architecture.
var levels = []Level{Plain}

// Detect returns the highest level that this processor and operating system can run.
func Detect() Level { return Plain }

// Features names the extensions of the instruction set that Detect asks for: none.
func Features() []string { return nil }
