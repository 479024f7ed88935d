package cpu_test

import (
	"testing"

	"github.com/gomlx/compute/support/backendtest"
	"github.com/gowalrus/walrus/cpu"
)

// TestComplianceSuite runs GoMLX's own tests for every operation the backend declares.
func TestComplianceSuite(t *testing.T) {
	b := cpu.New(cpu.Options{Threads: 2})
	defer b.Finalize()
	backendtest.RunAll(t, b, nil)
}
