package cpu

import (
	"encoding/binary"
	"math/bits"
)

// philox is the counter-based generator Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
// SC 2011): the result depends on counter and key alone.
func philox(counter [4]uint32, key [2]uint32) [4]uint32 {
	const (
		multiply0, multiply1 = 0xD2511F53, 0xCD9E8D57
		weyl0, weyl1         = 0x9E3779B9, 0xBB67AE85
		rounds               = 10
	)
	for range rounds {
		high0, low0 := bits.Mul32(multiply0, counter[0])
		high1, low1 := bits.Mul32(multiply1, counter[2])
		counter = [4]uint32{high1 ^ counter[1] ^ key[0], low1, high0 ^ counter[3] ^ key[1], low0}
		key[0] += weyl0
		key[1] += weyl1
	}
	return counter
}

// lowerRandomBits fills a tensor with random bits. The state is the key and the 128-bit counter of the next block.
func lowerRandomBits(p *program, x *instr, in []located) {
	state := p.dense(in[0])
	next, out := p.fresh(x.out[0]), p.fresh(x.out[1])
	p.addOpaque(&opaqueOp{kind: "random bits", reads: []located{state}, out: []*storage{next.s, out.s}, run: func(e *execution) error {
		s := slice[uint64](e.base[state.s.id], state.s.size)[state.v.offset:]
		key := [2]uint32{uint32(s[0]), uint32(s[0] >> 32)}
		low, high := s[1], s[2]
		dst := slice[byte](e.base[out.s.id], out.s.bytes())
		for len(dst) > 0 {
			var block [16]byte
			for i, word := range philox([4]uint32{uint32(low), uint32(low >> 32), uint32(high), uint32(high >> 32)}, key) {
				binary.LittleEndian.PutUint32(block[4*i:], word)
			}
			dst = dst[copy(dst, block[:]):]
			if low++; low == 0 {
				high++
			}
		}
		copy(slice[uint64](e.base[next.s.id], 3), []uint64{s[0], low, high})
		return nil
	}})
}
