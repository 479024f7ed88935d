//go:build emulate && linux && amd64 && cgo

package kernel

import (
	"fmt"
	"os"
	"testing"

	"github.com/gowalrus/walrus/cpu/kernel/internal/emulate"
)

// TestMain lets every test run instructions that the processor lacks.
func TestMain(m *testing.M) {
	if err := emulate.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}
