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

// TestTheEmulatorRanTheWideKernels: what the tests of a level compare would else be the processor's.
func TestTheEmulatorRanTheWideKernels(t *testing.T) {
	if cpu.X86.HasAVX512F {
		t.Skip("the processor has AVX-512")
	}
	const name = "VFMADD231PS"
	before := emulate.Counts()[name]
	s, err := For(AVX512)
	if err != nil {
		t.Fatal(err)
	}
	s.peak(1)
	if n := emulate.Counts()[name] - before; n != 14 {
		t.Errorf("a round of multiply-adds ran %s %d times under the emulator, expected 14", name, n)
	}
}
