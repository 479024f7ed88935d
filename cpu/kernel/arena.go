package kernel

import "unsafe"

// cacheLine is the alignment of scratch memory, in bytes; it is also the width of the widest vector.
const cacheLine = 64

// Arena is scratch memory for one task at a time: slices are cut from it one after the other and all given back at once.
type Arena struct {
	block []float32
	used  int
	spill int // elements handed out beyond the block since the last Reset
}

// Float32 returns n elements aligned to a cache line, with arbitrary content, valid until the next Reset.
func (a *Arena) Float32(n int) []float32 {
	const line = cacheLine / 4
	rounded := (n + line - 1) / line * line
	if a.used+rounded > len(a.block) {
		a.spill += rounded
		return alignedFloat32(rounded)[:n:n]
	}
	s := a.block[a.used : a.used+n : a.used+n]
	a.used += rounded
	return s
}

// Reset gives back everything that Float32 returned; the arena grows to what was needed at once.
func (a *Arena) Reset() {
	if a.spill > 0 {
		a.block = alignedFloat32(a.used + a.spill)
	}
	a.used, a.spill = 0, 0
}

// Mark returns a position for Release.
func (a *Arena) Mark() int { return a.used }

// Release gives back what Float32 returned since the Mark.
func (a *Arena) Release(mark int) { a.used = mark }

// Size is the memory that the arena holds, in bytes.
func (a *Arena) Size() int { return 4 * len(a.block) }

// alignedFloat32 allocates n elements that start on a cache line.
func alignedFloat32(n int) []float32 {
	const line = cacheLine / 4
	s := make([]float32, n+line-1)
	if len(s) == 0 {
		return s
	}
	AdviseHuge(unsafe.Pointer(&s[0]), 4*len(s))
	skip := 0
	if rest := int(uintptr(unsafe.Pointer(&s[0]))%cacheLine) / 4; rest != 0 {
		skip = line - rest
	}
	return s[skip : skip+n : skip+n]
}

// Borrow returns an arena of the pool for the use of one task; Return gives it back. The pool keeps as many arenas as
// were ever borrowed at once.
func (p *Pool) Borrow() *Arena {
	p.arenas.Lock()
	defer p.arenas.Unlock()
	if n := len(p.arenas.free); n > 0 {
		a := p.arenas.free[n-1]
		p.arenas.free = p.arenas.free[:n-1]
		return a
	}
	return new(Arena)
}

// Return resets a borrowed arena and makes it available again.
func (p *Pool) Return(a *Arena) {
	a.Reset()
	p.arenas.Lock()
	p.arenas.free = append(p.arenas.free, a)
	p.arenas.Unlock()
}

// ScratchSize is the memory held by the arenas that are not borrowed now, in bytes.
func (p *Pool) ScratchSize() int {
	p.arenas.Lock()
	defer p.arenas.Unlock()
	size := 0
	for _, a := range p.arenas.free {
		size += a.Size()
	}
	return size
}
