//go:build !linux

package kernel

import "unsafe"

// AdviseHuge does nothing on this operating system.
func AdviseHuge(unsafe.Pointer, int) {}
