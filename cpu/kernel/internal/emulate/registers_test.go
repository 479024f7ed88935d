//go:build emulate && linux && amd64 && cgo

package emulate

import (
	"bytes"
	"testing"
)

// TestTheProcessorsOwnInstructionsClearUpperHalves: what it writes to a register with a VEX prefix is followed by zeros, here too.
func TestTheProcessorsOwnInstructionsClearUpperHalves(t *testing.T) {
	r := random(t)
	for _, c := range []struct {
		name string
		code []byte
		keep int // bytes that stay
	}{
		{"vzeroupper", []byte{0xC5, 0xF8, 0x77}, 16},
		{"vmovaps %ymm1,%ymm0", []byte{0xC5, 0xFC, 0x28, 0xC1}, 0},
		{"vmovaps %xmm1,%xmm0", []byte{0xC5, 0xF8, 0x28, 0xC1}, 0},
		{"nop", []byte{0x90}, 64},
	} {
		in, got := randomBytes(r, 64), make([]byte, 64)
		run(t, in, got, got, 0, []byte{0xC5, 0xF0, 0x57, 0xC9}, loadVector(0, 0), c.code, storeVector(0)) // vxorps %xmm1,%xmm1,%xmm1
		if want := append(bytes.Clone(in[:c.keep]), make([]byte, 64-c.keep)...); !bytes.Equal(got, want) {
			t.Errorf("after %s the register is\n% x, expected\n% x", c.name, got, want)
		}
	}
}

// TestShortVectorsAreSeenByTheProcessor: an emulated instruction writes XMM and YMM registers where the processor's own find them.
func TestShortVectorsAreSeenByTheProcessor(t *testing.T) {
	r := random(t)
	for length := range 3 {
		in, got := randomBytes(r, 64), make([]byte, 64)
		load := vectorLoad.encode(encoding{reg: 15, rm: 7, length: length, displacement: []byte{0}})
		run(t, in, got, got, 0, load, []byte{0xC5, 0x7C, 0x11, 0x3E}) // vmovups %ymm15,(%rsi)
		bits := 128 << min(length, 1)
		if want := append(bytes.Clone(in[:bits/8]), make([]byte, 64-bits/8)...); !bytes.Equal(got, want) {
			t.Errorf("length %d: the processor sees\n% x, expected\n% x", length, got, want)
		}
	}
}
