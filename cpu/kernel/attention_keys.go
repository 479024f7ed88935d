package kernel

// keyed is K or V of one head as left operand of products, with its keys as rows or as columns. Pairs exist twice, along the dims
// and along the keys.
type keyed struct {
	*tiling
	keys, dim int
	data      []float32 // rows of keys, of float32 or of pairs of dims
	stride    int       // from key to key
	across    []float32 // pairs of keys: for every block of keys [dim, steps of a block]
}

// keyBlock is the number of keys whose scores are held at once: about 128, in whole tiles and whole steps.
func (t *tiling) keyBlock() int {
	whole := max(t.rows, t.depthOf(1))
	return max(1, 128/whole) * whole
}

// newKeyed locates K or V of one head. Where many queries pass over its rows and they lie apart, they are copied next to each
// other.
func (s *Set) newKeyed(arena *Arena, t *tiling, a *Attention, tokens *Tokens, batch, head int, many bool) keyed {
	x := keyed{tiling: t, keys: a.Keys, dim: a.Dim, stride: a.Dim}
	if a.Keys == 0 || a.Dim == 0 {
		return x
	}
	from := tokens.Data[tokens.at(batch, head, 0):]
	switch {
	case t.pairs:
		s.pairKeys(arena, &x, from, tokens.Token)
	case !many || tokens.Token == a.Dim:
		x.data, x.stride = from, tokens.Token
	default:
		x.data = arena.Float32(a.Keys * a.Dim)
		for key := range a.Keys {
			copy(x.data[key*a.Dim:(key+1)*a.Dim], from[key*tokens.Token:])
		}
	}
	return x
}

// pairKeys fills both forms of pairs from rows of keys with the given stride.
func (s *Set) pairKeys(arena *Arena, x *keyed, from []float32, stride int) {
	x.stride = x.steps(x.dim)
	x.data = arena.Float32(x.keys * x.stride)
	for key := range x.keys {
		s.pairsOf(x.data[key*x.stride:(key+1)*x.stride], from[key*stride:][:x.dim])
	}
	block := x.keyBlock()
	steps := x.steps(block)
	x.across = arena.Float32(ceilDiv(x.keys, block) * x.dim * steps)
	defer arena.Release(arena.Mark())
	turned := arena.Float32(steps * x.dim)
	for key := 0; key < x.keys; key += block {
		s.pairColumns(turned, x.dim, steps, from[key*stride:], stride, min(block, x.keys-key), x.dim)
		s.transpose(x.across[x.block(key):], steps, turned, x.dim, steps, x.dim)
	}
}

// block is where the block of keys that begins with key lies in across.
func (x *keyed) block(key int) int {
	n := x.keyBlock()
	return key / n * x.dim * x.steps(n)
}

// rows has the keys from the given one as rows, over the dims.
func (x *keyed) rows(key int) panelA { return panelA{at(x.data, key*x.stride), x.stride, 1} }

// columns has the dims as rows, over the keys of the block that begins with key.
func (x *keyed) columns(key int) panelA {
	if x.pairs {
		return panelA{at(x.across, x.block(key)), x.steps(x.keyBlock()), 1}
	}
	return panelA{at(x.data, key*x.stride), 1, x.stride}
}

// paired is x, [rows, lanes], as right operand over its rows: pairs of them in room, where the products are of pairs.
func (s *Set) paired(t *tiling, room, x []float32, lanes, rows int) []float32 {
	if !t.pairs {
		return x
	}
	s.pairColumns(room, lanes, t.steps(rows), x, lanes, rows, lanes)
	return room
}
