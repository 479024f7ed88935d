//go:build emulate && linux && amd64 && cgo

package emulate

import (
	"encoding/binary"
	"testing"
)

// masks are the instructions on masks, from k1 and k2 or RCX to k3 or RAX, with 1 for KORTEST's flags; rows are for 8, 16, 32 and 64 bits.
var masks = []struct {
	name string
	code [4][]byte
	mean func(a, b, general uint64) uint64
}{
	{"KMOV", rows(0x90, 0xD9, 0xF9, 0xF8), func(a, _, _ uint64) uint64 { return a }}, // kmov %k1,%k3
	{"KMOV from RCX", [4][]byte{{0xC5, 0xF9, 0x92, 0xD9}, {0xC5, 0xF8, 0x92, 0xD9}, {0xC5, 0xFB, 0x92, 0xD9}, {0xC4, 0xE1, 0xFB, 0x92, 0xD9}},
		func(_, _, general uint64) uint64 { return general }}, // kmov %rcx,%k3
	{"KAND", rows(0x41, 0xDA, 0xF5, 0xF4), func(a, b, _ uint64) uint64 { return a & b }}, // kand %k2,%k1,%k3
	{"KANDN", rows(0x42, 0xDA, 0xF5, 0xF4), func(a, b, _ uint64) uint64 { return ^a & b }},
	{"KNOT", rows(0x44, 0xD9, 0xF9, 0xF8), func(a, _, _ uint64) uint64 { return ^a }}, // knot %k1,%k3
	{"KOR", rows(0x45, 0xDA, 0xF5, 0xF4), func(a, b, _ uint64) uint64 { return a | b }},
	{"KXNOR", rows(0x46, 0xDA, 0xF5, 0xF4), func(a, b, _ uint64) uint64 { return ^(a ^ b) }},
	{"KXOR", rows(0x47, 0xDA, 0xF5, 0xF4), func(a, b, _ uint64) uint64 { return a ^ b }},
}

// rows returns an instruction for 8, 16, 32 and 64 bits: with66 and without are the last bytes of the prefix for the first two, and with W
// for the others.
func rows(opcode, modrm, with66, without byte) [4][]byte {
	return [4][]byte{
		{0xC4, 0xE1, with66 &^ 0x80, opcode, modrm}, {0xC4, 0xE1, without &^ 0x80, opcode, modrm},
		{0xC4, 0xE1, with66 | 0x80, opcode, modrm}, {0xC4, 0xE1, without | 0x80, opcode, modrm},
	}
}

func number(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }

// TestMasksMeanWhatTheManualSays looks at all 64 bits of a result, those behind the width of an instruction too.
func TestMasksMeanWhatTheManualSays(t *testing.T) {
	r := random(t)
	for _, in := range masks {
		for i, code := range in.code {
			a, b, general := r.Uint64(), r.Uint64(), r.Uint64()>>1
			got := make([]byte, 8)
			run(t, binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, a), b), got, got, int(general),
				[]byte{0xC4, 0xE1, 0xF8, 0x90, 0x0F},       // kmovq (%rdi),%k1
				[]byte{0xC4, 0xE1, 0xF8, 0x90, 0x57, 8},    // kmovq 8(%rdi),%k2
				code, []byte{0xC4, 0xE1, 0xF8, 0x91, 0x1E}) // kmovq %k3,(%rsi)
			if want := in.mean(a, b, general) << (64 - 8<<i) >> (64 - 8<<i); number(got) != want {
				t.Errorf("%s of %d bits, of %x, %x and %x: %x, expected %x", in.name, 8<<i, a, b, general, number(got), want)
			}
		}
	}
}

// TestMasksMoveToMemoryAndRegisters writes less than eight bytes to memory, and all of a general register.
func TestMasksMoveToMemoryAndRegisters(t *testing.T) {
	r := random(t)
	toMemory := rows(0x91, 0x0E, 0xF9, 0xF8) // kmov %k1,(%rsi)
	toRAX := [4][]byte{{0xC5, 0xF9, 0x93, 0xC1}, {0xC5, 0xF8, 0x93, 0xC1}, {0xC5, 0xFB, 0x93, 0xC1}, {0xC4, 0xE1, 0xFB, 0x93, 0xC1}}
	for i := range 4 {
		a, before, keep := r.Uint64(), r.Uint64(), ^uint64(0)<<(8<<i)
		got := binary.LittleEndian.AppendUint64(nil, before)
		run(t, binary.LittleEndian.AppendUint64(nil, a), got, got, 0, []byte{0xC4, 0xE1, 0xF8, 0x90, 0x0F}, toMemory[i])
		if want := before&keep | a&^keep; number(got) != want {
			t.Errorf("%d bits to memory: %x, expected %x", 8<<i, number(got), want)
		}
		run(t, binary.LittleEndian.AppendUint64(nil, a), got, got, 0, []byte{0xC4, 0xE1, 0xF8, 0x90, 0x0F}, toRAX[i],
			[]byte{0x48, 0x89, 0x06}) // mov %rax,(%rsi)
		if want := a &^ keep; number(got) != want {
			t.Errorf("%d bits to RAX: %x, expected %x", 8<<i, number(got), want)
		}
	}
}

// TestKortestSetsItsFlagsAlone reads them with PUSHF after an addition that has set all others.
func TestKortestSetsItsFlagsAlone(t *testing.T) {
	const zero, carry, all = 0x40, 0x1, 0x8D5
	kortest := rows(0x98, 0xCA, 0xF9, 0xF8) // kortest %k2,%k1
	for i, code := range kortest {
		ones := ^uint64(0) >> (64 - 8<<i)
		for _, c := range []struct{ a, b, want uint64 }{{0, 0, zero}, {^ones, 0, zero}, {ones &^ 5, 5, carry}, {1, 2, 0}} {
			if i == 3 && c.a == ^ones {
				continue
			}
			got := make([]byte, 8)
			run(t, binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, c.a), c.b), got, got, 0,
				[]byte{0xC4, 0xE1, 0xF8, 0x90, 0x0F}, []byte{0xC4, 0xE1, 0xF8, 0x90, 0x57, 8},
				[]byte{0x48, 0xC7, 0xC0, 0xFF, 0xFF, 0xFF, 0x80, 0x48, 0x01, 0xC0}, // mov $-0x7f000001,%rax; add %rax,%rax
				code, []byte{0x9C, 0x58, 0x48, 0x89, 0x06}) // pushf; pop %rax; mov %rax,(%rsi)
			if flags := number(got) & all; flags != c.want {
				t.Errorf("KORTEST of %d bits of %x and %x: flags %x, expected %x", 8<<i, c.a, c.b, flags, c.want)
			}
		}
	}
}

// TestAdditionsAreThoseOfTheProcessor adds with an emulated instruction before it, which takes the addition along, and without.
func TestAdditionsAreThoseOfTheProcessor(t *testing.T) {
	r := random(t)
	result := []byte{0x9C, 0x58, 0x48, 0x89, 0x07, 0x48, 0x89, 0x0E} // pushf; pop %rax; mov %rax,(%rdi); mov %rcx,(%rsi)
	values := []uint64{0, 1, 15, 16, 127, 1 << 63, 1<<63 - 1, ^uint64(0), 1 << 32}
	for range 200 {
		a, b := values[r.IntN(len(values))], values[r.IntN(len(values))]
		if r.IntN(2) == 0 {
			a, b = r.Uint64(), r.Uint64()
		}
		for _, add := range [][]byte{{0x48, 0x01, 0xD1}, {0x48, 0x83, 0xC1, byte(r.Uint32())}} { // add %rdx,%rcx; add $x,%rcx
			var flags, sum [2][]byte
			for i, before := range [][]byte{nil, {0xC4, 0xE2, 0x78, 0x49, 0xC0}} { // tilerelease
				flags[i], sum[i] = binary.LittleEndian.AppendUint64(nil, b), make([]byte, 8)
				run(t, flags[i], sum[i], sum[i], int(a), []byte{0x48, 0x8B, 0x17}, before, add, result) // mov (%rdi),%rdx
			}
			if number(sum[0]) != number(sum[1]) || number(flags[0]) != number(flags[1]) {
				t.Errorf("% x with %x and %x gives %x and flags %x, expected %x and %x", add, a, b, number(sum[1]), number(flags[1]), number(sum[0]), number(flags[0]))
			}
		}
	}
}
