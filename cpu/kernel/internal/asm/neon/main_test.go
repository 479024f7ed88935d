package main

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// kernels are the written files, seen from here.
const kernels = "../../../neon_arm64"

func TestWrittenFilesAreThoseOfTheGenerator(t *testing.T) {
	assembly, declarations := generate()
	for name, want := range map[string]string{kernels + ".s": assembly, kernels + ".go": declarations} {
		got, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("%s is not what the generator writes; run go generate ./cpu/kernel", filepath.Base(name))
		}
	}
}

// TestBitsAreTheInstructionsOfTheirComments hands the comments of the assembly to another assembler.
func TestBitsAreTheInstructionsOfTheirComments(t *testing.T) {
	assembler, err := exec.LookPath("aarch64-linux-gnu-as")
	if err != nil {
		t.Skip("aarch64-linux-gnu-as is missing (apt-get install binutils-aarch64-linux-gnu)")
	}
	text, err := os.ReadFile(kernels + ".s")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`WORD \$(0x[0-9a-f]{8}) // (.+)`).FindAllStringSubmatch(string(text), -1)
	if len(found) == 0 {
		t.Fatal("no instructions in the assembly")
	}
	var source strings.Builder
	for _, f := range found {
		source.WriteString(f[2] + "\n")
	}
	object, code := filepath.Join(t.TempDir(), "object"), filepath.Join(t.TempDir(), "code")
	assemble := exec.Command(assembler, "-o", object, "-")
	assemble.Stdin = strings.NewReader(source.String())
	for _, c := range []*exec.Cmd{assemble, exec.Command("aarch64-linux-gnu-objcopy", "-O", "binary", "-j", ".text", object, code)} {
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", c.Args, err, out)
		}
	}
	words, err := os.ReadFile(code)
	if err != nil {
		t.Fatal(err)
	}
	if len(words) != 4*len(found) {
		t.Fatalf("%d bytes of code for %d instructions", len(words), len(found))
	}
	for i, f := range found {
		want := binary.LittleEndian.Uint32(words[4*i:])
		if got, err := strconv.ParseUint(f[1], 0, 32); err != nil || uint32(got) != want {
			t.Errorf("%s is written as %s, and is 0x%08x", f[2], f[1], want)
		}
	}
}
