package hdf5

// #include "shim.h"
import "C"

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"io/fs"
	"math"
	"runtime"
	"slices"
	"sync/atomic"
	"unsafe"

	"github.com/gowalrus/walrus/internal/fault"
)

// direct says how an array's values can be read or decoded without the library, by several goroutines at once:
// little-endian float32 in one piece, or in chunks that were deflated and perhaps shuffled before. It is what nearly all
// files of The Well are, and the library, which runs on one thread, would be the bottleneck of training.
type direct struct {
	offset   int64 // of the first value in the file; for one piece
	shuffled bool  // for chunks
}

// littleEndianHost tells whether values lie in memory as they do in the file.
var littleEndianHost = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// findDirect fills d.direct if the array can be read directly. The lock is held.
func (d *Dataset) findDirect(stored C.hid_t) {
	if d.file.reader == nil || !littleEndianHost || C.guarded_H5Tequal(stored, C.guarded_walrus_file_type(C.int(float32s))) <= 0 || len(d.Shape) == 0 {
		return
	}
	n, _ := volume(d.Shape)
	if d.Chunk == nil {
		offset := C.guarded_H5Dget_offset(d.id)
		if uint64(offset) <= math.MaxInt64 && int64(offset) <= d.file.size && int64(n) <= (d.file.size-int64(offset))/4 {
			d.direct = &direct{offset: int64(offset)}
		}
		return
	}
	switch {
	case slices.Equal(d.Filters, []string{"deflate"}):
		d.direct = &direct{}
	case slices.Equal(d.Filters, []string{"shuffle", "deflate"}):
		d.direct = &direct{shuffled: true}
	}
}

// readDirect reads a checked slab; done is false where the library has to do it.
func (d *Dataset) readDirect(values []float32, s *Slab) (done bool, err error) {
	if len(values) == 0 {
		return false, nil
	}
	if d.Chunk == nil {
		return true, d.readPiece(values, s)
	}
	return d.readChunks(values, s)
}

// stride is the step of a slab along an axis.
func (s *Slab) stride(axis int) int {
	if s.Stride == nil {
		return 1
	}
	return s.Stride[axis]
}

// readPiece reads from an array in one piece, in runs as long as the selection allows.
func (d *Dataset) readPiece(values []float32, s *Slab) error {
	strides := distances(d.Shape)
	outer := len(s.Count) - 1
	for outer > 0 && s.Count[outer] == d.Shape[outer] && s.stride(outer) == 1 {
		outer--
	}
	if s.stride(outer) > 1 && s.Count[outer] > 1 {
		outer++ // a run is a single step of this axis
	}
	run := 1
	for _, n := range s.Count[outer:] {
		run *= n
	}
	memory := bytesOf4(values)
	var walk func(axis, element int) error
	walk = func(axis, element int) error {
		if axis < outer {
			for i := range s.Count[axis] {
				if err := walk(axis+1, element+(s.Start[axis]+i*s.stride(axis))*strides[axis]); err != nil {
					return err
				}
			}
			return nil
		}
		if axis < len(s.Start) {
			element += s.Start[axis] * strides[axis]
		}
		_, err := d.file.reader.ReadAt(memory[:4*run], d.direct.offset+4*int64(element))
		memory = memory[4*run:]
		return err
	}
	return walk(0, 0)
}

// bytesOf4 is the memory of float32 values.
func bytesOf4(values []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(values))), 4*len(values))
}

// distances are how far apart neighbours along each axis are in a row-major array.
func distances(shape []int) []int {
	out := make([]int, len(shape))
	step := 1
	for i := len(shape) - 1; i >= 0; i-- {
		out[i] = step
		step *= shape[i]
	}
	return out
}

// touched lists the positions of the first elements of the chunks that a slab touches.
func (d *Dataset) touched(s *Slab) [][]int {
	var list [][]int
	position := make([]int, len(d.Shape))
	var walk func(axis int)
	walk = func(axis int) {
		if axis == len(position) {
			list = append(list, slices.Clone(position))
			return
		}
		last := s.Start[axis] + (s.Count[axis]-1)*s.stride(axis)
		for p := s.Start[axis] / d.Chunk[axis] * d.Chunk[axis]; p <= last; p += d.Chunk[axis] {
			if first, end := s.within(axis, p, p+d.Chunk[axis]); first == end {
				continue // the stride steps over this chunk
			}
			position[axis] = p
			walk(axis + 1)
		}
	}
	walk(0)
	return list
}

// within gives the range of the slab's steps along an axis that lie in [low, high).
func (s *Slab) within(axis, low, high int) (first, end int) {
	step := s.stride(axis)
	first = max(0, (low-s.Start[axis]+step-1)/step)
	if low <= s.Start[axis] {
		first = 0
	}
	if high <= s.Start[axis] {
		return first, first
	}
	end = min(s.Count[axis], (high-s.Start[axis]+step-1)/step)
	return first, max(first, end)
}

// fetchBytes is about how many bytes of chunks, as they are in memory, are fetched from the library at a time.
const fetchBytes = 1 << 20

// readChunks decodes the chunks on all cores and copies their parts of the slab. done is false where one of them needs the
// library: it was never written, or skipped a filter.
func (d *Dataset) readChunks(values []float32, s *Slab) (done bool, err error) {
	positions := d.touched(s)
	size, _ := volume(d.Chunk) // bounded when the array was opened
	step := max(1, min(fetchBytes/(4*size), ceilDiv(len(positions), runtime.GOMAXPROCS(0))))
	var next atomic.Int64
	var unusual atomic.Bool
	var group fault.Group
	errs := make([]error, min(runtime.GOMAXPROCS(0), ceilDiv(len(positions), step)))
	for worker := range errs {
		group.Go(func() {
			decoder, _ := d.decoders.Get().(*chunkDecoder)
			if decoder == nil {
				decoder = &chunkDecoder{dataset: d, inflated: make([]byte, 4*size), values: make([]float32, size)}
			}
			defer d.decoders.Put(decoder)
			for errs[worker] == nil && !unusual.Load() {
				end := int(next.Add(int64(step)))
				if end-step >= len(positions) {
					return
				}
				usual, err := decoder.readSome(values, s, positions[end-step:min(end, len(positions))])
				if !usual {
					unusual.Store(true)
				}
				errs[worker] = err
			}
		})
	}
	group.Wait()
	return !unusual.Load(), cmp.Or(errs...)
}

// ceilDiv is the quotient rounded up.
func ceilDiv(a, b int) int { return (a + b - 1) / b }

// chunkDecoder keeps the memory for decoding one chunk after the other.
type chunkDecoder struct {
	dataset  *Dataset
	stored   []byte // chunks as they are in the file, one after the other
	ends     []int  // of each in stored
	inflated []byte
	values   []float32
}

// readSome fetches and decodes chunks, and copies their parts of the slab. usual is false where one needs the library.
func (c *chunkDecoder) readSome(values []float32, s *Slab, positions [][]int) (usual bool, err error) {
	if usual, err = c.fetch(positions); err != nil || !usual {
		return usual, err
	}
	from := 0
	for i, end := range c.ends {
		if err := c.decode(c.stored[from:end]); err != nil {
			return true, fmt.Errorf("chunk %v: %w", positions[i], err)
		}
		c.dataset.copyChunk(values, s, positions[i], c.values)
		from = end
	}
	return true, nil
}

// fetch has the library look up chunks and read their bytes as they are. Asking it for their places instead, to read them
// in parallel, is far slower in a large array: it then passes over all the array's chunks for each of them.
func (c *chunkDecoder) fetch(positions [][]int) (usual bool, err error) {
	d := c.dataset
	c.stored, c.ends = c.stored[:0], c.ends[:0]
	usual = true
	err = d.file.run(d.path, func() error {
		if d.id == 0 {
			return fs.ErrClosed
		}
		for _, position := range positions {
			where := sizes(position)
			var size C.hsize_t
			if C.guarded_H5Dget_chunk_storage_size(d.id, &where[0], &size) < 0 || size == 0 {
				C.guarded_H5Eclear2(C.H5E_DEFAULT)
				usual = false // never written, or damaged, which the library will say when it reads
				return nil
			}
			if uint64(size) > uint64(d.file.size) {
				return fmt.Errorf("chunk %v claims %d bytes, the file has %d; the file is damaged", position, uint64(size), d.file.size)
			}
			from := len(c.stored)
			c.stored = slices.Grow(c.stored, int(size))[:from+int(size)]
			var mask C.uint32_t
			if C.guarded_H5Dread_chunk(d.id, C.H5P_DEFAULT, &where[0], &mask, pointer(&c.stored[from])) < 0 {
				return failure("read chunk %v", position)
			}
			if usual = mask == 0; !usual { // a filter was skipped
				return nil
			}
			c.ends = append(c.ends, len(c.stored))
		}
		return nil
	})
	return usual, err
}

// decode undoes the filters of a chunk, into c.values.
func (c *chunkDecoder) decode(stored []byte) error {
	if !c.dataset.direct.shuffled {
		return c.inflate(bytesOf4(c.values), stored)
	}
	if err := c.inflate(c.inflated, stored); err != nil {
		return err
	}
	// Shuffling put the first bytes of all values first, then the second ones, and so on.
	n := len(c.values)
	b0, b1, b2, b3 := c.inflated[:n], c.inflated[n:][:n], c.inflated[2*n:][:n], c.inflated[3*n:][:n]
	for i := range c.values {
		c.values[i] = math.Float32frombits(uint32(b0[i]) | uint32(b1[i])<<8 | uint32(b2[i])<<16 | uint32(b3[i])<<24)
	}
	return nil
}

// inflate undoes deflate; the chunk must come out at its full size. zlib comes with libhdf5, is thread-safe, and faster than
// inflaters in Go.
func (c *chunkDecoder) inflate(whole, stored []byte) error {
	length := C.ulong(len(whole))
	status := C.walrus_inflate((*C.uchar)(&whole[0]), &length, (*C.uchar)(&stored[0]), C.ulong(len(stored)))
	if status != nil {
		return fmt.Errorf("deflate: %s", C.GoString(status))
	}
	if int(length) != len(whole) {
		return fmt.Errorf("deflate: %d bytes; expected %d", int(length), len(whole))
	}
	return nil
}

// copyChunk copies what the slab selects of a decoded chunk.
func (d *Dataset) copyChunk(values []float32, s *Slab, first []int, decoded []float32) {
	from, to := distances(d.Chunk), distances(s.Count)
	source, target := 0, 0
	var axes []copyAxis
	for i := range first {
		begin, end := s.within(i, first[i], first[i]+d.Chunk[i])
		source += (s.Start[i] + begin*s.stride(i) - first[i]) * from[i]
		target += begin * to[i]
		if end-begin != 1 {
			axes = append(axes, copyAxis{end - begin, s.stride(i) * from[i], to[i]})
		}
	}
	run := 1 // values next to each other in both
	for n := len(axes); n > 0 && axes[n-1].source == run && axes[n-1].target == run; n = len(axes) {
		run *= axes[n-1].extent
		axes = axes[:n-1]
	}
	copyRuns(values[target:], decoded[source:], axes, run)
}

// copyAxis is an axis of a copy: its extent, and how far apart its steps are in the source and the target.
type copyAxis struct{ extent, source, target int }

// copyRuns copies runs of values, one for each step of the axes.
func copyRuns(target, source []float32, axes []copyAxis, run int) {
	if len(axes) == 0 {
		copy(target[:run], source)
		return
	}
	a := axes[0]
	switch {
	case len(axes) > 1:
		for i := range a.extent {
			copyRuns(target[i*a.target:], source[i*a.source:], axes[1:], run)
		}
	case run == 1:
		for i := range a.extent {
			target[i*a.target] = source[i*a.source]
		}
	default:
		for i := range a.extent {
			copy(target[i*a.target:][:run], source[i*a.source:])
		}
	}
}
