//go:build emulate && linux && amd64 && cgo

package emulate

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) {
	if err := Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// random is a generator whose seed is in the test's log.
func random(t *testing.T) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 1))
}

// program returns instructions and a RET in memory that can be executed.
func program(t testing.TB, code ...[]byte) []byte {
	t.Helper()
	joined := append(bytes.Join(code, nil), 0xC3)
	memory, err := unix.Mmap(-1, 0, len(joined), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Munmap(memory) })
	copy(memory, joined)
	if err := unix.Mprotect(memory, unix.PROT_READ|unix.PROT_EXEC); err != nil {
		t.Fatal(err)
	}
	return memory
}

// TestExceptionsEndTheProgram runs each mistake in a process of its own, which must say what it is.
func TestExceptionsEndTheProgram(t *testing.T) {
	whole := tile{16, 64}
	reserved := configuration(0, whole)
	reserved[2] = 1
	mistakes := []struct {
		name, message string
		config        []byte
		code          [][]byte
	}{
		{"unknown", "does not know; the bytes at", configuration(0), [][]byte{{0x0F, 0x0B}}},
		{"unconfigured", "TILEZERO: #UD: the tile is not configured", configuration(0, whole), [][]byte{loadConfig, zeroTile1}},
		{"reserved", "LDTILECFG: #GP: reserved bytes", reserved, [][]byte{loadConfig}},
		{"rows", "LDTILECFG: #GP: a tile of more than 16 rows", configuration(0, tile{17, 64}), [][]byte{loadConfig}},
		{"columns", "LDTILECFG: #GP: a tile of more than 16 rows", configuration(0, tile{1, 65}), [][]byte{loadConfig}},
		{"no rows", "LDTILECFG: #GP: a tile with rows or columns alone", configuration(0, tile{0, 64}), [][]byte{loadConfig}},
		{"fit", "TDPBF16PS: #UD: rows and columns", configuration(0, whole, whole, tile{15, 64}), [][]byte{loadConfig, dotTiles}},
		{"no multiple", "TDPBF16PS: #UD: the bytes of a row", configuration(0, tile{16, 62}, whole, tile{16, 62}), [][]byte{loadConfig, dotTiles}},
	}
	if name := os.Getenv("EMULATE_MISTAKE"); name != "" {
		for _, m := range mistakes {
			if m.name == name {
				run(t, m.config, make([]byte, 6144), make([]byte, 4096), 64, m.code...)
			}
		}
		return
	}
	for _, m := range mistakes {
		child := exec.Command(os.Args[0], "-test.run=^TestExceptionsEndTheProgram$")
		child.Env = append(os.Environ(), "EMULATE_MISTAKE="+m.name)
		out, err := child.CombinedOutput()
		last := m.code[len(m.code)-1]
		if err == nil || !strings.Contains(string(out), m.message) || !strings.Contains(string(out), fmt.Sprintf("are % x", last)) {
			t.Errorf("%s: %v, and the message\n%s\nhas no %q with the bytes % x", m.name, err, out, m.message, last)
		}
	}
}
