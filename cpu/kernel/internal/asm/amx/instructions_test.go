package main

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/mmcloughlin/avo/reg"
)

// TestInstructionsAreThoseOfAnAssembler compares with what GNU as 2.40 writes.
func TestInstructionsAreThoseOfAnAssembler(t *testing.T) {
	for _, c := range []struct {
		text string
		got  []byte
		want string
	}{
		{"ldtilecfg (%rsi)", onPointer(noPrefix, 0x49, reg.RSI), "c4e2784906"},
		{"ldtilecfg (%r9)", onPointer(noPrefix, 0x49, reg.R9), "c4c2784901"},
		{"tilerelease", onTiles(noPrefix, 0x49, 0, 0, 0), "c4e27849c0"},
		{"tilezero %tmm5", onTiles(prefixF2, 0x49, 5, 0, 0), "c4e27b49e8"},
		{"tileloadd 64(%rbx,%rcx,1),%tmm7", onMemory(prefixF2, 0x4b, 7, memory{reg.RBX, reg.RCX, 64}), "c4e27b4b7c0b40"},
		{"tilestored %tmm3,64(%r9,%r8,1)", onMemory(prefixF3, 0x4b, 3, memory{reg.R9, reg.R8, 64}), "c4827a4b5c0140"},
		{"tilestored %tmm1,127(%rdx,%r15,1)", onMemory(prefixF3, 0x4b, 1, memory{reg.RDX, reg.R15, 127}), "c4a27a4b4c3a7f"},
		{"tdpbf16ps %tmm7,%tmm4,%tmm1", onTiles(prefixF3, 0x5c, 1, 4, 7), "c4e2425ccc"},
		{"tdpbf16ps %tmm6,%tmm5,%tmm2", onTiles(prefixF3, 0x5c, 2, 5, 6), "c4e24a5cd5"},
	} {
		want, err := hex.DecodeString(c.want)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(c.got, want) {
			t.Errorf("%s is %x, expected %x", c.text, c.got, want)
		}
	}
}
