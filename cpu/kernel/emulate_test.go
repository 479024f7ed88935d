//go:build emulate && linux && amd64 && cgo

package kernel

import (
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/cpu"

	"github.com/gowalrus/walrus/cpu/kernel/internal/emulate"
)

// TestMain lets every test run the levels whose instructions the processor lacks. Where it has AVX-512 it runs those itself.
func TestMain(m *testing.M) {
	if err := emulate.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if !cpu.X86.HasAVX512F {
		pretend(ofAVX512)
		pretend(ofBF16)
	}
	if !cpu.X86.HasAMXBF16 {
		pretend(ofAMX)
		tilesAllowed = func() bool { return true }
	}
	os.Exit(m.Run())
}

// pretend lets Detect find the extensions.
func pretend(list []feature) {
	for i := range list {
		list[i].here = true
	}
}
