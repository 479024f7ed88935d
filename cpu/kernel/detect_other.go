//go:build !amd64

package kernel

// Detect returns the highest level that this processor and operating system can run.
func Detect() Level { return Plain }
