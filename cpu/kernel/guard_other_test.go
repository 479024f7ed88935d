//go:build !unix

package kernel

import "testing"

// guarded returns n elements; on this system without guard pages around them.
func guarded[T any](t testing.TB, n int, _ bool) []T {
	t.Helper()
	return make([]T, n)
}
