package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// pairs writes the AVX2 kernel for pairs of bfloat16, which are widened on the way: two multiply-adds a pair, the lower half first. Rows
// of b are whole tiles.
func (t *tile) pairs() {
	k, cols := t.begin("tilePairs", 8, func(int) Op { return YMM() })
	upper := YMM()
	VPCMPEQD(upper, upper, upper)
	VPSLLD(U8(16), upper, upper)
	split := func(from Op, load func(from, to Op)) (low, high Op) {
		low, high = YMM(), YMM()
		load(from, high)
		VPSLLD(U8(16), high, low)
		VPAND(upper, high, high)
		return low, high
	}
	TESTQ(k, k)
	JZ(LabelRef("end"))
	Label("loop")
	var low, high []Op
	for v := range t.vectors {
		l, h := split(Mem{Base: t.b, Disp: 32 * v}, func(from, to Op) { VMOVDQU(from, to) })
		low, high = append(low, l), append(high, h)
	}
	for i := range t.rows {
		l, h := split(t.element(i), func(from, to Op) { VPBROADCASTD(from, to) })
		for v := range t.vectors {
			VFMADD231PS(low[v], l, t.sum[i][v])
			VFMADD231PS(high[v], h, t.sum[i][v])
		}
	}
	for _, p := range t.rowPtr {
		ADDQ(t.aCol, p)
	}
	ADDQ(t.bRow, t.b)
	DECQ(k)
	JNZ(LabelRef("loop"))
	Label("end")
	CMPQ(cols, U8(8*t.vectors))
	JNE(LabelRef("masked"))
	c, cRow := result()
	t.storeWhole(c, cRow, 32)
	Label("masked")
	t.storeMasked(t.maskOf(cols))
}
