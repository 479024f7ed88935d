//go:build emulate && linux && amd64 && cgo

package emulate

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"
)

// trial is an instruction with random operands.
type trial struct {
	in           *instruction
	e            encoding
	n, size      int    // elements, and bytes of one in the result
	numbers      [3]int // of the registers of before, a and b
	before, a, b vector // the destination's value and the operands
	mask         uint64 // the value of k1 to k7
	memory       []byte // RDX is its middle
	at           int    // of the operand in memory, or 0
}

func draw(in *instruction, r *rand.Rand) *trial {
	t := &trial{in: in, before: in.fill(r), a: in.fill(r), b: in.fill(r), mask: r.Uint64(), size: in.to}
	t.numbers = [3]int(r.Perm(32))
	f, e := in.form, &t.e
	*e = encoding{reg: t.numbers[0], rm: t.numbers[2], mask: r.IntN(8), length: f.shortest + r.IntN(3-f.shortest)}
	t.n = (16 << e.length) / max(in.to, in.from)
	if f.unmasked {
		e.mask = 0
	}
	if f.immediates > 0 {
		e.immediate = r.IntN(f.immediates)
	}
	if f.three {
		e.other = t.numbers[1]
	}
	switch {
	case f.digit > 0:
		e.reg, e.other = f.digit, t.numbers[0]
	case f.toMask:
		e.reg = r.IntN(8)
	case f.fromMask:
		e.rm = 1 + r.IntN(7)
		binary.LittleEndian.PutUint64(t.b[:], t.mask)
	case f.store:
		e.reg, e.rm, t.size = t.numbers[2], t.numbers[0], in.from
	}
	t.memory = bytes.Repeat([]byte{0xEE}, 1024)
	if f.memory || !f.fromMask && r.IntN(2) == 0 {
		t.place(r)
	}
	e.zeroing = e.mask > 0 && !f.toMask && !(f.store && t.at > 0) && r.IntN(2) == 0
	return t
}

// place moves the operand of ModRM.rm to memory.
func (t *trial) place(r *rand.Rand) {
	t.e.broadcast = !t.in.form.whole && !t.in.form.store && r.IntN(2) == 0
	unit := t.n * t.in.from
	if t.e.broadcast || t.in.form.single {
		unit = t.in.from
	}
	d := r.IntN(7) - 3
	t.e.rm, t.e.displacement, t.at = 2, []byte{byte(d)}, 512+d*unit
	if r.IntN(2) == 0 {
		t.e.displacement, t.at = binary.LittleEndian.AppendUint32(nil, uint32(d)), 512+d
	}
	if t.in.form.store {
		copy(t.memory[t.at:][:unit], t.before[:])
		return
	}
	copy(t.memory[t.at:][:unit], t.b[:])
	for i := unit; t.e.broadcast && i < 64; i++ {
		t.b[i] = t.b[i-unit]
	}
}

// want is what the destination must hold: chosen elements, what is in the others' place, and zeros.
func (t *trial) want() (want vector) {
	chosen := func(i int) bool { return t.e.mask == 0 || t.mask>>i&1 == 1 }
	made := t.before
	t.in.mean(&made, &t.a, &t.b, t.n, t.e.immediate)
	for i := range t.n {
		from := &t.before
		switch {
		case t.in.form.toMask:
			if chosen(i) {
				want[i/8] |= made[i/8] & (1 << (i % 8))
			}
			continue
		case chosen(i):
			from = &made
		case t.e.zeroing:
			from = &vector{}
		case t.in.form.blend:
			from = &t.a
		}
		copy(want[t.size*i:][:t.size], from[t.size*i:])
	}
	return want
}

// Instructions around the one that is tried: vectors and a mask from memory at RDI and to memory at RSI.
var vectorLoad, vectorStore = &instruction{space: 1, prefix: 2, opcode: 0x6F, w: 1}, &instruction{space: 1, prefix: 2, opcode: 0x7F, w: 1}

func loadVector(number int, displacement byte) []byte {
	return vectorLoad.encode(encoding{reg: number, rm: 7, length: 2, displacement: []byte{displacement, 0, 0, 0}})
}

func storeVector(number int) []byte {
	return vectorStore.encode(encoding{reg: number, rm: 6, length: 2, displacement: []byte{0, 0, 0, 0}})
}

func loadMask(number int) []byte { // kmovq 192(%rdi),%k
	return []byte{0xC4, 0xE1, 0xF8, 0x90, 0x87 | byte(number)<<3, 192, 0, 0, 0}
}

func storeMask(number int) []byte { // kmovq %k,64(%rsi)
	return []byte{0xC4, 0xE1, 0xF8, 0x91, 0x46 | byte(number)<<3, 64}
}

// isRight runs the trial and compares. Any NaN equals any other.
func (t *trial) isRight(test *testing.T) bool {
	state := bytes.Join([][]byte{t.before[:], t.a[:], t.b[:], binary.LittleEndian.AppendUint64(nil, t.mask)}, nil)
	var code [][]byte
	for i, number := range t.numbers {
		code = append(code, loadVector(number, byte(64*i)))
	}
	for k := 1; k < 8; k++ {
		code = append(code, loadMask(k))
	}
	code = append(code, t.in.encode(t.e), storeVector(t.numbers[0]), storeMask(t.e.reg&7))
	out, memory := make([]byte, 72), bytes.Clone(t.memory)
	run(test, state, out, memory[512:], 0, code...)

	got, want := vector(out[:64]), t.want()
	switch {
	case t.in.form.toMask:
		got = vector{}
		copy(got[:], out[64:])
	case t.in.form.store && t.at > 0:
		got = vector{}
		result := memory[t.at:][:t.n*t.size]
		copy(got[:], result)
		copy(result, t.memory[t.at:])
	}
	if !bytes.Equal(memory, t.memory) {
		test.Errorf("% x writes to memory beside its operand", t.in.encode(t.e))
		return false
	}
	for i := range 16 {
		if got.word(i) != want.word(i) && !(math.IsNaN(float64(got.float(i))) && math.IsNaN(float64(want.float(i)))) {
			test.Errorf("% x gives\n% x, expected\n% x\nof % x,\n% x and\n% x, mask %x", t.in.encode(t.e), got, want, t.before, t.a, t.b, t.mask)
			return false
		}
	}
	return true
}
