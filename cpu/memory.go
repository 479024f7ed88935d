package cpu

import (
	"slices"
	"sync"
	"unsafe"

	"github.com/gowalrus/walrus/cpu/kernel"
)

// memoryAlignment is that of a cache line, the widest vector.
const memoryAlignment = 64

// memoryPool keeps freed memory for the next request of exactly the same size: an optimisation step asks for the same
// sizes every time. Content of taken memory is arbitrary.
type memoryPool struct {
	mu   sync.Mutex
	free map[int][][]byte
	held int // bytes

	arenas [][]byte // of executions that ended, at most arenasKept, the largest ones
}

// arenasKept is the number of arenas kept for later executions; more only exist while executions run side by side.
const arenasKept = 1

// takeArena returns memory of at least size bytes, with arbitrary content: that of an earlier execution if it is large
// enough, because new memory costs a page fault every few kilobytes.
func (p *memoryPool) takeArena(size int) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, arena := range p.arenas {
		if len(arena) >= size {
			p.arenas = slices.Delete(p.arenas, i, i+1)
			return arena
		}
	}
	p.arenas = nil // too small for what runs now: let the memory go before more is taken
	return alignedBytes(size)
}

func (p *memoryPool) giveArena(arena []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.arenas = append(p.arenas, arena)
	slices.SortFunc(p.arenas, func(a, b []byte) int { return len(b) - len(a) })
	if len(p.arenas) > arenasKept {
		clear(p.arenas[arenasKept:])
		p.arenas = p.arenas[:arenasKept]
	}
}

// heldLimit bounds the memory kept for reuse, in bytes.
const heldLimit = 256 << 20

func (p *memoryPool) take(size int) []byte {
	p.mu.Lock()
	if list := p.free[size]; len(list) > 0 {
		bytes := list[len(list)-1]
		p.free[size] = list[:len(list)-1]
		p.held -= size
		p.mu.Unlock()
		return bytes
	}
	p.mu.Unlock()
	return alignedBytes(size)
}

func (p *memoryPool) give(bytes []byte) {
	if len(bytes) == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held+len(bytes) > heldLimit {
		return
	}
	if p.free == nil {
		p.free = make(map[int][][]byte)
	}
	p.free[len(bytes)] = append(p.free[len(bytes)], bytes)
	p.held += len(bytes)
}

func (p *memoryPool) drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free, p.held, p.arenas = nil, 0, nil
}

// alignedBytes allocates size bytes at an aligned address; the result is never nil.
func alignedBytes(size int) []byte {
	block := make([]byte, size+memoryAlignment)
	kernel.AdviseHuge(unsafe.Pointer(&block[0]), len(block))
	skip := 0
	if rest := int(uintptr(unsafe.Pointer(&block[0])) % memoryAlignment); rest != 0 {
		skip = memoryAlignment - rest
	}
	return block[skip : skip+size : skip+size]
}
