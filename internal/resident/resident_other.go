//go:build !unix

package resident

// Peak is not known on this system.
func Peak() int64 { return 0 }
