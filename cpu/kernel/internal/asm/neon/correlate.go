package main

// correlateRows is the number of rows of a correlation whose sums are in registers at once.
const correlateRows = 8

// correlation is a correlation while it is written.
type correlation struct {
	*kernel
	dst, x, w, stride                        register // of the present channels; stride in bytes
	toRow, fromRow, at, from, factor, rounds register
}

// correlate is the sum of products of shifted rows, four channels at a time; see Correlation in package kernel.
func correlate() *kernel {
	k := newKernel("correlate", "dst, x, w *float32, stride, channels, outer, inner int)", "is correlatePlain in vectors.")
	c := correlation{kernel: k, dst: k.argument("dst"), x: k.argument("x"), w: k.argument("w"), stride: k.bytes("stride"),
		toRow: k.register(), fromRow: k.register(), at: k.register(), from: k.register(), factor: k.register(), rounds: k.register()}
	left := k.argument("channels")
	channels, rest, end := k.label(), k.label(), k.label()
	k.at(channels)
	k.linef("SUBS $4, %s", left)
	k.branch("BLT", rest)
	c.rows(correlateRows, func(from register) vector { return k.load(from, 0) }, func(x vector, to register) { k.store(x, to, 0) })
	for _, p := range []register{c.dst, c.x, c.w} {
		k.linef("ADD $16, %s", p)
	}
	k.branch("JMP", channels)
	k.at(rest)
	k.linef("ADDS $4, %s", left)
	k.branch("BEQ", end)
	lanes := k.register()
	c.rows(1, func(from register) vector {
		k.linef("MOVD %s, %s", from, lanes)
		return k.loadSome(lanes, left, 0)
	}, func(x vector, to register) {
		k.linef("MOVD %s, %s", to, lanes)
		k.storeSome(x, lanes, left)
	})
	k.at(end)
	return k
}

// rows goes through the rows of dst, for the channels of one vector: many at a time, then one by one.
func (c correlation) rows(many int, load func(from register) vector, store func(x vector, to register)) {
	outer := c.argument("outer")
	c.linef("MOVD %s, %s", c.dst, c.toRow)
	c.linef("MOVD %s, %s", c.x, c.fromRow)
	for n := many; n > 0; n /= correlateRows { // many, then 1
		loop, end := c.label(), c.label()
		c.kernel.at(loop)
		c.linef("CMP $%d, %s", n, outer)
		c.branch("BLT", end)
		c.block(n, load, store)
		c.linef("SUB $%d, %s", n, outer)
		c.branch("JMP", loop)
		c.kernel.at(end)
	}
}

// block does n rows of dst and moves on behind them.
func (c correlation) block(n int, load func(from register) vector, store func(x vector, to register)) {
	var sums []vector
	c.linef("MOVD %s, %s", c.toRow, c.at)
	for range n {
		sums = append(sums, load(c.at))
		c.linef("ADD %s, %s", c.stride, c.at)
	}
	c.linef("MOVD %s, %s", c.fromRow, c.from)
	c.linef("MOVD %s, %s", c.w, c.factor)
	c.linef("MOVD %s, %s", c.parameter("inner"), c.rounds)
	loop := c.label()
	c.kernel.at(loop)
	factor := load(c.factor)
	c.linef("ADD %s, %s", c.stride, c.factor)
	c.linef("MOVD %s, %s", c.from, c.at)
	for _, sum := range sums {
		c.do(fmla, sum, factor, load(c.at))
		c.linef("ADD %s, %s", c.stride, c.at)
	}
	c.linef("ADD %s, %s", c.stride, c.from)
	c.linef("SUBS $1, %s", c.rounds)
	c.branch("BNE", loop)
	for _, sum := range sums {
		store(sum, c.toRow)
		c.linef("ADD %s, %s", c.stride, c.toRow)
	}
	c.linef("MOVD $%d, %s", n, c.at)
	c.linef("MADD %s, %s, %s, %s", c.at, c.fromRow, c.stride, c.fromRow)
}
