package main

import (
	"fmt"
	"sync"

	"github.com/gowalrus/walrus/cpu/kernel/internal/asm/lanes"
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const (
	bandSignature = "func(dst *float32, dstStride int, src *float32, srcStride int, rows, cols int)"
	bandDoc       = " transposes a band: dst[c*dstStride+r] = src[r*srcStride+c] for r below rows, c below cols; rows is 1 to "
)

func main() {
	ConstraintExpr("amd64")
	transposeWide()
	transposeNarrow()
	stripsWide()
	stripsNarrow()
	secondsWide()
	everySecondNarrow()
	halvesWide()
	halvesNarrow()
	pairsNarrow()
	Generate()
}

// band is the state of a transposition while it is written.
type band struct {
	dst, dstStride, src, srcStride, rows, cols reg.GPVirtual
}

// beginBand loads the arguments; strides are in bytes.
func beginBand(name, rows string) *band {
	TEXT(name, NOSPLIT, bandSignature)
	Doc(name + bandDoc + rows + ".")
	Pragma("noescape")
	b := &band{GP64(), GP64(), GP64(), GP64(), GP64(), GP64()}
	for _, p := range []struct {
		name string
		to   reg.GPVirtual
	}{{"dst", b.dst}, {"dstStride", b.dstStride}, {"src", b.src}, {"srcStride", b.srcStride}, {"rows", b.rows}, {"cols", b.cols}} {
		Load(Param(p.name), p.to)
	}
	SHLQ(U8(2), b.dstStride)
	SHLQ(U8(2), b.srcStride)
	return b
}

// loop writes the loop over blocks of n columns. load reads a row of the block; the address of a row beyond the band is
// that of its last row, whose lanes are never stored. transpose rearranges the rows in place, put stores one of them.
func (b *band) loop(n int, masks func(), load func(Mem) reg.VecVirtual, transpose func([]reg.VecVirtual) []reg.VecVirtual, put func(reg.VecVirtual, Mem)) {
	Label("block")
	masks()
	at, step, left := GP64(), GP64(), GP64()
	MOVQ(b.src, at)
	MOVQ(b.rows, left)
	zero, ahead := GP64(), GP64()
	XORQ(zero, zero)
	IMUL3Q(U8(n), b.srcStride, ahead)
	var rows []reg.VecVirtual
	for i := range n {
		rows = append(rows, load(Mem{Base: at}))
		PREFETCHT0(Mem{Base: at, Index: ahead, Scale: 1}) // the next band of the same columns
		if i < n-1 {
			MOVQ(b.srcStride, step)
			CMPQ(left, U8(i+1))
			CMOVQLE(zero, step)
			ADDQ(step, at)
		}
	}
	columns := transpose(rows)
	for i := range n {
		put(columns[i], Mem{Base: b.dst})
		ADDQ(b.dstStride, b.dst)
		DECQ(b.cols)
		JZ(LabelRef("done"))
	}
	ADDQ(I32(int32(4*n)), b.src)
	JMP(LabelRef("block"))
	Label("done")
	VZEROUPPER()
	RET()
}

// pairUp applies two complementary shuffles to pairs of registers: (a, b) at distance d become (low(a,b), high(a,b)).
func pairUp(v []reg.VecVirtual, distance int, vec func() reg.VecVirtual, low, high func(a, b, to reg.VecVirtual)) {
	for i := range v {
		if i&distance != 0 {
			continue
		}
		a, b := v[i], v[i+distance]
		x, y := vec(), vec()
		low(a, b, x)
		high(a, b, y)
		v[i], v[i+distance] = x, y
	}
}

// transposeWide writes the 16 x 16 transposition: exchanges of single and double words within 128-bit lanes, then of
// the lanes.
func transposeWide() {
	b := beginBand("transposeBandWide", "16")
	store := K()
	lanes := GP64()
	MOVQ(I64(-1), lanes)
	BZHIQ(b.rows, lanes, lanes)
	KMOVW(lanes.As32(), store)
	read := K()
	b.loop(16, func() {
		ones, n, limit := GP64(), GP64(), GP64()
		MOVQ(b.cols, n)
		MOVQ(U32(16), limit)
		CMPQ(n, limit)
		CMOVQGT(limit, n)
		MOVQ(I64(-1), ones)
		BZHIQ(n, ones, ones)
		KMOVW(ones.As32(), read)
	}, func(m Mem) reg.VecVirtual {
		v := ZMM()
		VMOVUPS_Z(m, read, v)
		return v
	}, func(v []reg.VecVirtual) []reg.VecVirtual {
		pairUp(v, 1, ZMM, func(a, b, to reg.VecVirtual) { VUNPCKLPS(b, a, to) }, func(a, b, to reg.VecVirtual) { VUNPCKHPS(b, a, to) })
		pairUp(v, 2, ZMM, func(a, b, to reg.VecVirtual) { VUNPCKLPD(b, a, to) }, func(a, b, to reg.VecVirtual) { VUNPCKHPD(b, a, to) })
		even := func(a, b, to reg.VecVirtual) { VSHUFF32X4(U8(0x88), b, a, to) }
		odd := func(a, b, to reg.VecVirtual) { VSHUFF32X4(U8(0xdd), b, a, to) }
		pairUp(v, 4, ZMM, even, odd)
		pairUp(v, 8, ZMM, even, odd)
		// The exchanges of words leave columns 1 and 2 of every four in each other's place.
		columns := make([]reg.VecVirtual, 16)
		for i, r := range v {
			columns[i&12|i&1<<1|i>>1&1] = r
		}
		return columns
	}, func(v reg.VecVirtual, m Mem) { VMOVUPS(v, store, m) })
}

// maskTable is 8 words of ones and 8 of zeros.
var maskTable = sync.OnceValue(func() Mem { return lanes.Masks("moveMasks", 8) })

// firstLanes loads the mask of the first n lanes, n limited to 8.
func firstLanes(n reg.GPVirtual, mask reg.VecVirtual) {
	at, words, eight := GP64(), GP64(), GP64()
	MOVQ(n, words)
	MOVQ(U32(8), eight)
	CMPQ(words, eight)
	CMOVQGT(eight, words)
	NEGQ(words)
	LEAQ(maskTable(), at)
	VMOVUPS(Mem{Base: at, Disp: 32, Index: words, Scale: 4}, mask)
}

// transposeNarrow writes the 8 x 8 transposition.
func transposeNarrow() {
	b := beginBand("transposeBandNarrow", "8")
	store, read := YMM(), YMM()
	firstLanes(b.rows, store)
	b.loop(8, func() { firstLanes(b.cols, read) }, func(m Mem) reg.VecVirtual {
		v := YMM()
		VMASKMOVPS(m, read, v)
		return v
	}, func(v []reg.VecVirtual) []reg.VecVirtual {
		pairUp(v, 1, YMM, func(a, b, to reg.VecVirtual) { VUNPCKLPS(b, a, to) }, func(a, b, to reg.VecVirtual) { VUNPCKHPS(b, a, to) })
		pairUp(v, 2, YMM, func(a, b, to reg.VecVirtual) { VUNPCKLPD(b, a, to) }, func(a, b, to reg.VecVirtual) { VUNPCKHPD(b, a, to) })
		pairUp(v, 4, YMM, func(a, b, to reg.VecVirtual) { VPERM2F128(U8(0x20), b, a, to) }, func(a, b, to reg.VecVirtual) { VPERM2F128(U8(0x31), b, a, to) })
		columns := make([]reg.VecVirtual, 8)
		for i, r := range v {
			columns[i&4|i&1<<1|i>>1&1] = r
		}
		return columns
	}, func(v reg.VecVirtual, m Mem) { VMASKMOVPS(v, store, m) })
}

// prefetched is the number of rows that the packing of a strip reads ahead.
const prefetched = 16

// strip writes the copy of n rows of a few elements, stride elements apart, to rows dstStride elements apart: at most the
// given number of vectors each. load and store move vector v of a row.
func strip(name string, vectors, size int, load func(m Mem, v int) reg.VecVirtual, store func(x reg.VecVirtual, m Mem, v int), masks func(cols reg.GPVirtual)) {
	TEXT(name, NOSPLIT, "func(dst *float32, dstStride int, src *float32, stride, n, cols int)")
	Doc(name + " copies dst[i*dstStride+j] = src[i*stride+j] for i below n (positive) and j below cols.")
	Pragma("noescape")
	dst, dstStride, src, stride, n, cols, ahead := GP64(), GP64(), GP64(), GP64(), GP64(), GP64(), GP64()
	Load(Param("dst"), dst)
	Load(Param("dstStride"), dstStride)
	Load(Param("src"), src)
	Load(Param("stride"), stride)
	Load(Param("n"), n)
	Load(Param("cols"), cols)
	masks(cols)
	SHLQ(U8(2), stride)
	SHLQ(U8(2), dstStride)
	IMUL3Q(U8(prefetched), stride, ahead)
	Label("loop")
	for v := range vectors {
		PREFETCHT0(Mem{Base: src, Index: ahead, Scale: 1, Disp: size * v})
		store(load(Mem{Base: src, Disp: size * v}, v), Mem{Base: dst, Disp: size * v}, v)
	}
	ADDQ(stride, src)
	ADDQ(dstStride, dst)
	DECQ(n)
	JNZ(LabelRef("loop"))
	VZEROUPPER()
	RET()
}

func stripsWide() {
	for vectors := 1; vectors <= 2; vectors++ {
		var lanes []reg.OpmaskVirtual
		strip(fmt.Sprintf("packStrip%dWide", vectors), vectors, 64, func(m Mem, v int) reg.VecVirtual {
			x := ZMM()
			VMOVUPS_Z(m, lanes[v], x)
			return x
		}, func(x reg.VecVirtual, m Mem, v int) { VMOVUPS(x, lanes[v], m) }, func(cols reg.GPVirtual) {
			ones := GP64()
			MOVQ(I64(-1), ones)
			BZHIQ(cols, ones, ones)
			for v := range vectors {
				if v > 0 {
					SHRQ(U8(16), ones)
				}
				k := K()
				KMOVW(ones.As32(), k)
				lanes = append(lanes, k)
			}
		})
	}
}

func stripsNarrow() {
	for vectors := 1; vectors <= 2; vectors++ {
		var lanes []reg.VecVirtual
		strip(fmt.Sprintf("packStrip%dNarrow", vectors), vectors, 32, func(m Mem, v int) reg.VecVirtual {
			x := YMM()
			VMASKMOVPS(m, lanes[v], x)
			return x
		}, func(x reg.VecVirtual, m Mem, v int) { VMASKMOVPS(x, lanes[v], m) }, func(cols reg.GPVirtual) {
			zero := GP64()
			XORQ(zero, zero)
			for range vectors {
				x := YMM()
				firstLanes(cols, x)
				lanes = append(lanes, x)
				SUBQ(U8(8), cols)
				CMOVQLT(zero, cols)
			}
		})
	}
}

// beginSeconds declares an access to every second of n elements.
func beginSeconds(name, doc string) (dst, src, n reg.GPVirtual) {
	TEXT(name, NOSPLIT, "func(dst, src *float32, n int)")
	Doc(name + doc)
	Pragma("noescape")
	dst, src, n = GP64(), GP64(), GP64()
	Load(Param("dst"), dst)
	Load(Param("src"), src)
	Load(Param("n"), n)
	return dst, src, n
}

// everySecondNarrow reads every second element of memory for AVX2, with the element after the last. To write them it has only masked stores, which are
// slow on AMD's processors.
func everySecondNarrow() {
	dst, src, n := beginSeconds("everySecondNarrow", " sets dst[i] = src[2i] and reads the element after the last too; n is a positive multiple of 8.")
	Label("loop")
	x := YMM()
	VMOVUPS(Mem{Base: src}, x)
	VSHUFPS(U8(0x88), Mem{Base: src, Disp: 32}, x, x) // in each half two of the lower eight, two of the upper
	VPERMPD(U8(0xd8), x, x)
	VMOVUPS(x, Mem{Base: dst})
	endConversion(dst, src, n, 8, 4, 8)
}

// secondsWide writes the access to every second element of memory for AVX-512; what lies between them is not touched.
func secondsWide() {
	evens := lanes.Numbers("everySecond", func(i int) int { return 2 * i })
	twice := []Mem{lanes.Numbers("lowTwice", func(i int) int { return i / 2 }), lanes.Numbers("highTwice", func(i int) int { return 8 + i/2 })}
	const multiple = "; n is a positive multiple of 16."
	mask := func(bits uint32) reg.OpmaskVirtual {
		word, k := GP32(), K()
		MOVL(U32(bits), word)
		KMOVW(word, k)
		return k
	}
	dst, src, n := beginSeconds("everySecondWide", " sets dst[i] = src[2i]"+multiple)
	last, order := mask(0x7fff), ZMM()
	VMOVUPS(evens, order)
	Label("loop")
	low, high, index := ZMM(), ZMM(), ZMM()
	VMOVUPS(Mem{Base: src}, low)
	VMOVUPS_Z(Mem{Base: src, Disp: 64}, last, high)
	VMOVAPS(order, index)
	VPERMI2PS(high, low, index)
	VMOVUPS(index, Mem{Base: dst})
	ADDQ(U32(128), src)
	ADDQ(U8(64), dst)
	SUBQ(U8(16), n)
	JNZ(LabelRef("loop"))
	VZEROUPPER()
	RET()

	dst, src, n = beginSeconds("toEverySecondWide", " sets dst[2i] = src[i]"+multiple)
	even := mask(0x5555)
	orders := []reg.VecVirtual{ZMM(), ZMM()}
	for i, m := range twice {
		VMOVUPS(m, orders[i])
	}
	Label("loop")
	for i, order := range orders {
		x := ZMM()
		VPERMPS(Mem{Base: src}, order, x)
		VMOVUPS(x, even, Mem{Base: dst, Disp: 64 * i})
	}
	ADDQ(U8(64), src)
	ADDQ(U32(128), dst)
	SUBQ(U8(16), n)
	JNZ(LabelRef("loop"))
	VZEROUPPER()
	RET()
}

// conversion declares a conversion of n values, n a positive multiple of the lanes.
func conversion(name, dst, src string) (to, from, n reg.GPVirtual) {
	TEXT(name, NOSPLIT, "func(dst *"+dst+", src *"+src+", n int)")
	Doc(name + " converts n values; n is a positive multiple of the number of lanes.")
	Pragma("noescape")
	to, from, n = GP64(), GP64(), GP64()
	Load(Param("dst"), to)
	Load(Param("src"), from)
	Load(Param("n"), n)
	Label("loop")
	return to, from, n
}

// endConversion writes the end of the loop.
func endConversion(to, from, n reg.GPVirtual, lanes, toSize, fromSize int) {
	ADDQ(U8(lanes*toSize), to)
	ADDQ(U8(lanes*fromSize), from)
	SUBQ(U8(lanes), n)
	JNZ(LabelRef("loop"))
	VZEROUPPER()
	RET()
}

// What rounding to nearest even adds to the bits of a float32: half of the last place that stays, less one where that place is even.
var (
	halfOne  = sync.OnceValue(func() Mem { return lanes.Numbers("halfOne", func(int) int { return 1 }) })
	halfBias = sync.OnceValue(func() Mem { return lanes.Numbers("halfBias", func(int) int { return 0x7fff }) })
)

// quietBit is what makes a NaN quiet.
var quietBit = sync.OnceValue(func() Mem { return lanes.Numbers("quietBit", func(int) int { return 0x400000 }) })

// roundedNarrow loads eight values and leaves them, rounded to bfloat16, in the upper halves of the lanes, with anything in the lower.
func roundedNarrow(from Mem) reg.VecVirtual {
	x, last, sum, odd := YMM(), YMM(), YMM(), YMM()
	VMOVUPS(from, x)
	VPSRLD(U8(16), x, last)
	VPAND(halfOne(), last, last)
	VPADDD(halfBias(), x, sum)
	VPADDD(last, sum, sum)
	VCMPPS(U8(3), x, x, odd)
	VPOR(quietBit(), x, x) // NaN: cut, and made quiet
	VBLENDVPS(odd, x, sum, sum)
	return sum
}

// halvesWide writes the conversions from and to bfloat16 for AVX-512.
func halvesWide() {
	to, from, n := conversion("widenBF16Wide", "float32", "uint16")
	v := ZMM()
	VPMOVZXWD(Mem{Base: from}, v)
	VPSLLD(U8(16), v, v)
	VMOVUPS(v, Mem{Base: to})
	endConversion(to, from, n, 16, 4, 2)

	one, bias, quiet := halfOne(), halfBias(), lanes.Numbers("halfQuiet", func(int) int { return 0x40 })
	to, from, n = conversion("narrowBF16Wide", "uint16", "float32")
	x := ZMM()
	VMOVUPS(Mem{Base: from}, x)
	odd := K()
	VCMPPS(U8(3), x, x, odd)
	last, sum := ZMM(), ZMM()
	VPSRLD(U8(16), x, last)
	VPANDD(one, last, last)
	VPADDD(bias, x, sum)
	VPADDD(last, sum, sum)
	VPSRLD(U8(16), sum, sum)
	VPSRLD(U8(16), x, odd, sum) // NaN: cut, and made quiet
	VPORD(quiet, sum, odd, sum)
	VPMOVDW(sum, Mem{Base: to})
	endConversion(to, from, n, 16, 2, 4)
}

// halvesNarrow writes the conversions from and to bfloat16 for AVX2.
func halvesNarrow() {
	to, from, n := conversion("widenBF16Narrow", "float32", "uint16")
	v := YMM()
	VPMOVZXWD(Mem{Base: from}, v)
	VPSLLD(U8(16), v, v)
	VMOVUPS(v, Mem{Base: to})
	endConversion(to, from, n, 8, 4, 2)

	to, from, n = conversion("narrowBF16Narrow", "uint16", "float32")
	x, y := roundedNarrow(Mem{Base: from}), roundedNarrow(Mem{Base: from, Disp: 32})
	VPSRLD(U8(16), x, x)
	VPSRLD(U8(16), y, y)
	VPACKUSDW(y, x, x) // within halves of the register: quarters 0 and 2, 1 and 3
	VPERMQ(U8(0b11_01_10_00), x, x)
	VMOVUPS(x, Mem{Base: to})
	endConversion(to, from, n, 16, 2, 4)
}

// pairsNarrow writes the rounding of two rows to pairs of bfloat16 for AVX2.
func pairsNarrow() {
	TEXT("pairRowsNarrow", NOSPLIT, "func(dst *uint32, low, high *float32, n int)")
	Doc("pairRowsNarrow sets dst[i] to low[i] and, in the upper half, high[i], rounded to bfloat16; n is a positive multiple of 8.")
	Pragma("noescape")
	dst, low, high, n := GP64(), GP64(), GP64(), GP64()
	Load(Param("dst"), dst)
	Load(Param("low"), low)
	Load(Param("high"), high)
	Load(Param("n"), n)
	Label("loop")
	a, b := roundedNarrow(Mem{Base: low}), roundedNarrow(Mem{Base: high})
	VPSRLD(U8(16), a, a)
	VPBLENDW(U8(0xaa), b, a, a)
	VMOVUPS(a, Mem{Base: dst})
	for _, p := range []reg.GPVirtual{low, high, dst} {
		ADDQ(U8(32), p)
	}
	SUBQ(U8(8), n)
	JNZ(LabelRef("loop"))
	VZEROUPPER()
	RET()
}
