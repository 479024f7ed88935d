//go:build !xla

package engine

import "fmt"

// OpenWriter needs a build with XLA.
func OpenWriter(string, Options) (*Engine, error) {
	return nil, fmt.Errorf("engine: this build can not write programs for XLA; build with `make build-xla`")
}

// programWriter exists in builds with XLA only.
type programWriter struct{}

func (*programWriter) write(_ string, err error) error { return err }
