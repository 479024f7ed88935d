package main

// moves are rearrangements and conversions.
func moves() []*kernel {
	return []*kernel{transposeBand(), packStrip(), everySecond(), widenBF16(), narrowBF16()}
}

// transposeBand transposes four rows, four columns at a time: neighbours change places, then pairs of them.
func transposeBand() *kernel {
	k := newKernel("transposeBand", "dst *float32, dstStride int, src *float32, srcStride, cols int)",
		"transposes a band of four rows: dst[c*dstStride+r] = src[r*srcStride+c] for c below cols, a positive multiple of four.")
	dst, dstStride, src, srcStride, cols := k.argument("dst"), k.bytes("dstStride"), k.argument("src"), k.bytes("srcStride"), k.argument("cols")
	from := []register{src}
	for i := range 3 {
		from = append(from, k.register())
		k.linef("ADD %s, %s, %s", srcStride, from[i], from[i+1])
	}
	loop := k.label()
	k.at(loop)
	var rows []vector
	for _, p := range from {
		rows = append(rows, k.load(p, 16))
	}
	even, odd := [2]vector{}, [2]vector{} // columns 0 and 2, or 1 and 3, of two rows
	for i := range even {
		even[i], odd[i] = k.of(trn1, rows[2*i], rows[2*i+1]), k.of(trn2, rows[2*i], rows[2*i+1])
	}
	for _, pair := range []instruction{trn1Pair, trn2Pair} {
		for _, columns := range [][2]vector{even, odd} {
			k.store(k.of(pair, columns[0], columns[1]), dst, 0)
			k.linef("ADD %s, %s", dstStride, dst)
		}
	}
	k.linef("SUBS $4, %s", cols)
	k.branch("BNE", loop)
	return k
}

// packStrip copies short rows.
func packStrip() *kernel {
	k := newKernel("packStrip", "dst *float32, dstStride int, src *float32, stride, n, cols int)", "copies dst[i*dstStride+j] = src[i*stride+j] for i below n (positive) and j below cols.")
	dst, dstStride, src, stride, n, cols := k.argument("dst"), k.bytes("dstStride"), k.argument("src"), k.bytes("stride"), k.argument("n"), k.argument("cols")
	to, from, left := k.register(), k.register(), k.register()
	loop := k.label()
	k.at(loop)
	k.linef("MOVD %s, %s", dst, to)
	k.linef("MOVD %s, %s", src, from)
	k.linef("MOVD %s, %s", cols, left)
	k.walk(left, to, []register{from}, 0, func(v []vector) vector { return v[0] })
	k.linef("ADD %s, %s", dstStride, dst)
	k.linef("ADD %s, %s", stride, src)
	k.linef("SUBS $1, %s", n)
	k.branch("BNE", loop)
	return k
}

// pointers writes a loop over n elements, a positive multiple of those that a round does: body reads and writes them, and moves the
// addresses on.
func pointers(name, signature, doc string, addresses []string, round int, body func(k *kernel, at []register)) *kernel {
	k := newKernel(name, signature, doc)
	var at []register
	for _, a := range addresses {
		at = append(at, k.argument(a))
	}
	n, loop := k.argument("n"), k.label()
	k.at(loop)
	body(k, at)
	k.linef("SUBS $%d, %s", round, n)
	k.branch("BNE", loop)
	return k
}

func everySecond() *kernel {
	return pointers("everySecond", "dst, src *float32, n int)", "sets dst[i] = src[2i]; n is a positive multiple of 4, and src has 2n elements.", []string{"dst", "src"}, 4,
		func(k *kernel, at []register) {
			low := k.load(at[1], 16)
			k.store(k.of(uzp1, low, k.load(at[1], 16)), at[0], 16)
		})
}

func widenBF16() *kernel {
	return pointers("widenBF16", "dst *float32, src *uint16, n int)", "converts n values, a positive multiple of 8.", []string{"dst", "src"}, 8, func(k *kernel, at []register) {
		halves := k.load(at[1], 16)
		k.store(k.of(shll, halves), at[0], 16)
		k.store(k.of(shll2, halves), at[0], 16)
	})
}

// narrowBF16 rounds to nearest even; NaN is cut and made quiet. The upper halves of the words are the result.
func narrowBF16() *kernel {
	return pointers("narrowBF16", "dst *uint16, src *float32, n int)", "converts n values, a positive multiple of 8.", []string{"dst", "src"}, 8, func(k *kernel, at []register) {
		var parts []vector
		for range 2 {
			x := k.load(at[1], 16)
			last := k.of(and, k.of(ushr(16), x), k.word(1))
			rounded := k.of(add, k.of(add, x, k.word(0x7fff)), last)
			parts = append(parts, k.choose(k.of(fcmeq, x, x), rounded, k.of(orr, x, k.word(0x400000))))
		}
		k.store(k.of(uzp2Half, parts[0], parts[1]), at[0], 16)
	})
}

// choices are comparisons to, and choices by, booleans of a byte each, 16 at a time.
func choices() (all []*kernel) {
	for _, c := range []struct {
		name     string
		relation func(k *kernel, a, b vector) vector
	}{
		{"equal", func(k *kernel, a, b vector) vector { return k.of(fcmeq, a, b) }},
		{"notEqual", func(k *kernel, a, b vector) vector { return k.of(not, k.of(fcmeq, a, b)) }},
		{"less", func(k *kernel, a, b vector) vector { return k.of(fcmgt, b, a) }},
		{"lessEqual", func(k *kernel, a, b vector) vector { return k.of(fcmge, b, a) }},
	} {
		all = append(all, pointers(c.name, "dst *bool, a, b *float32, n int)", "compares n values, a positive multiple of 16.", []string{"dst", "a", "b"}, 16, func(k *kernel, at []register) {
			var words []vector
			for range 4 {
				words = append(words, c.relation(k, k.load(at[1], 16), k.load(at[2], 16)))
			}
			bytes := k.of(uzp1Byte, k.of(uzp1Half, words[0], words[1]), k.of(uzp1Half, words[2], words[3]))
			k.store(k.of(and, bytes, k.word(0x01010101)), at[0], 16)
		}))
	}
	return append(all, pointers("choose", "dst *float32, cond *bool, a, b *float32, n int)", "sets dst[i] = a[i] where cond[i], else b[i], for n values, a positive multiple of 16.",
		[]string{"dst", "cond", "a", "b"}, 16, func(k *kernel, at []register) {
			cond := k.load(at[1], 16)
			bytes := k.of(tested, cond, cond)
			for _, half := range []vector{k.of(zip1Byte, bytes, bytes), k.of(zip2Byte, bytes, bytes)} {
				for _, word := range []vector{k.of(zip1Half, half, half), k.of(zip2Half, half, half)} {
					k.store(k.choose(word, k.load(at[2], 16), k.load(at[3], 16)), at[0], 16)
				}
			}
		}))
}
