package main

import "fmt"

// tileRows and tileVectors are the largest tile: 24 sums, four vectors of b and elements of a in the 32 registers.
const tileRows, tileVectors = 6, 4

// tiles are the kernels of products; see tileFunc in package kernel. Each is for its number of columns and up to three less.
func tiles() (all []*kernel) {
	for rows := 1; rows <= tileRows; rows++ {
		for vectors := 1; vectors <= tileVectors; vectors++ {
			all = append(all, newTile(rows, vectors))
		}
	}
	return all
}

// tile is the kernel of a product while it is written.
type tile struct {
	*kernel
	k, aRow, aCol, b, bRow, c, cRow, rest, count, at register // rest: columns in the last vector, if not all
	a                                                [tileRows]register
	sums                                             [tileRows][]vector
	rows, vectors                                    int
}

func newTile(rows, vectors int) *kernel {
	name := fmt.Sprintf("tile%dx%d", rows, 4*vectors)
	k := newKernel(name, "k int, a *float32, aRow, aCol int, b *float32, bRow int, c *float32, cRow, cols int, accumulate bool)",
		fmt.Sprintf("multiplies a tile of %d rows by %d to %d columns; see tileFunc.", rows, 4*vectors-3, 4*vectors))
	t := tile{kernel: k, rows: rows, vectors: vectors, k: k.argument("k"), aRow: k.bytes("aRow"), aCol: k.bytes("aCol"), b: k.argument("b"), bRow: k.bytes("bRow"),
		c: k.argument("c"), cRow: k.bytes("cRow"), rest: k.argument("cols"), count: k.register(), at: k.register()}
	t.a[0] = k.argument("a")
	for i := 1; i < rows; i++ {
		t.a[i] = k.register()
		k.linef("ADD %s, %s, %s", t.aRow, t.a[i-1], t.a[i])
	}
	for i := range rows {
		for range vectors {
			t.sums[i] = append(t.sums[i], k.fresh(0))
		}
	}
	partly := k.label()
	k.linef("ANDS $3, %s", t.rest)
	k.branch("BNE", partly)
	t.write(func(from register, v int) vector { return k.loadAt(from, 16*v) },
		func(x vector, to register, v int) { k.line(fmt.Sprintf("FMOVQ F%%d, %d(%s)", 16*v, to), x) })
	k.line("RET")
	k.at(partly)
	t.write(func(from register, v int) vector {
		if v < vectors-1 {
			return k.loadAt(from, 16*v)
		}
		k.linef("ADD $%d, %s, %s", 16*v, from, t.at)
		return k.loadSome(t.at, t.rest, 0)
	}, func(x vector, to register, v int) {
		if v < vectors-1 {
			k.line(fmt.Sprintf("FMOVQ F%%d, %d(%s)", 16*v, to), x)
			return
		}
		k.linef("ADD $%d, %s, %s", 16*v, to, t.at)
		k.storeSome(x, t.at, t.rest)
	})
	return k
}

// write writes the sums and their storage; load and store access vector v of a row.
func (t *tile) write(load func(from register, v int) vector, store func(x vector, to register, v int)) {
	loop, done, overwrite := t.label(), t.label(), t.label()
	t.linef("MOVD %s, %s", t.k, t.count)
	t.branch(fmt.Sprintf("CBZ %s,", t.count), done)
	t.kernel.at(loop)
	var b []vector
	for v := range t.vectors {
		b = append(b, load(t.b, v))
	}
	for i := range t.rows {
		x := t.splat(fmt.Sprintf("(%s)(%s)", t.a[i], t.aCol))
		for v, sum := range t.sums[i] {
			t.do(fmla, sum, b[v], x)
		}
	}
	t.linef("ADD %s, %s", t.bRow, t.b)
	t.linef("SUBS $1, %s", t.count)
	t.branch("BNE", loop)
	t.kernel.at(done)
	t.linef("MOVBU %s, %s", t.parameter("accumulate"), t.count)
	t.branch(fmt.Sprintf("CBZ %s,", t.count), overwrite)
	t.linef("MOVD %s, %s", t.c, t.count)
	for i := range t.rows {
		for v, sum := range t.sums[i] {
			t.do(fadd, sum, sum, load(t.count, v))
		}
		t.linef("ADD %s, %s", t.cRow, t.count)
	}
	t.kernel.at(overwrite)
	for i := range t.rows {
		for v, sum := range t.sums[i] {
			store(sum, t.c, v)
		}
		t.linef("ADD %s, %s", t.cRow, t.c)
	}
}

// peakSums is the number of independent multiply-adds that hide each other's latency.
const peakSums = 16

// peak is a loop of independent multiply-adds.
func peak() *kernel {
	k := newKernel("peak", "rounds int)", fmt.Sprintf("does rounds times %d multiply-adds of a vector in registers; rounds is at least 1.", peakSums))
	rounds := k.argument("rounds")
	x := k.fresh(0)
	var sums []vector
	for range peakSums {
		sums = append(sums, k.fresh(0))
	}
	loop := k.label()
	k.at(loop)
	for _, sum := range sums {
		k.do(fmla, sum, x, x)
	}
	k.linef("SUBS $1, %s", rounds)
	k.branch("BNE", loop)
	return k
}
