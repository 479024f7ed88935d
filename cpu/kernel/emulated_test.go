package kernel

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// TestKernelsOfARM64PassTheirTests runs the tests of this package, built for linux/arm64, in an emulator of that processor.
func TestKernelsOfARM64PassTheirTests(t *testing.T) {
	if runtime.GOARCH == "arm64" {
		t.Skip("this is arm64: the other tests have run them")
	}
	if os.Getenv("WALRUS_LONG") == "" {
		t.Skip("emulates a processor for a minute; WALRUS_LONG=1 runs it")
	}
	emulator, err := exec.LookPath("qemu-aarch64")
	if err != nil {
		t.Skip("qemu-aarch64 is missing (apt-get install qemu-user)")
	}
	program := filepath.Join(t.TempDir(), "kernel.test")
	build := exec.Command("go", "test", "-c", "-o", program, ".")
	build.Env = append(os.Environ(), "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go test -c for linux/arm64: %v\n%s", err, out)
	}
	run := exec.Command(emulator, program, "-test.v", "-test.timeout=20m")
	// A level that is forced is one of the machine below.
	run.Env = append(os.Environ(), "WALRUS_TEST_LEVEL=")
	out, err := run.CombinedOutput()
	if err != nil {
		t.Fatalf("the tests of linux/arm64: %v\n%s", err, out)
	}
	t.Logf("%s", out)
}
