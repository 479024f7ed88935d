package hdf5

// #include "shim.h"
import "C"

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"unsafe"
)

// direct says how an array's values can be read without the library, by several goroutines at once: little-endian
// float32 in one piece, or in chunks that were deflated and perhaps shuffled before. It is what nearly all files of The
// Well are, and the library, which runs on one thread, would be the bottleneck of training.
type direct struct {
	offset   int64 // of the first value in the file; for one piece
	shuffled bool  // for chunks
}

// littleEndianHost tells whether values lie in memory as they do in the file.
var littleEndianHost = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// findDirect fills d.direct if the array can be read directly. The lock is held.
func (d *Dataset) findDirect(stored C.hid_t) {
	if d.file.reader == nil || !littleEndianHost || C.H5Tequal(stored, C.walrus_file_type(C.int(float32s))) <= 0 || len(d.Shape) == 0 {
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
	chunks, err := d.findChunks(s)
	if err != nil || chunks == nil {
		return false, err
	}
	return true, d.readChunks(values, s, chunks)
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

// chunk is a stored chunk: its first element's position, and where its bytes are.
type chunk struct {
	first  []int
	offset int64
	size   int64
}

// findChunks lists the chunks that a slab touches; nil where one of them needs the library.
func (d *Dataset) findChunks(s *Slab) ([]chunk, error) {
	var chunks []chunk
	unusual := false
	err := d.file.run(d.path, func() error {
		position := make([]int, len(d.Shape))
		var walk func(axis int) error
		walk = func(axis int) error {
			if axis == len(position) {
				var mask C.unsigned
				var address C.haddr_t
				var size C.hsize_t
				where := sizes(position)
				if C.guarded_H5Dget_chunk_info_by_coord(d.id, &where[0], &mask, &address, &size) < 0 {
					return failure("find chunk %v", position)
				}
				if mask != 0 || uint64(address) > math.MaxInt64 || int64(address) > d.file.size || uint64(size) > uint64(d.file.size) {
					unusual = true // a chunk that was never written, or skipped a filter
					return nil
				}
				chunks = append(chunks, chunk{slices.Clone(position), int64(address), int64(size)})
				return nil
			}
			last := s.Start[axis] + (s.Count[axis]-1)*s.stride(axis)
			for p := s.Start[axis] / d.Chunk[axis] * d.Chunk[axis]; p <= last && !unusual; p += d.Chunk[axis] {
				if a, b := s.within(axis, p, p+d.Chunk[axis]); a == b {
					continue // the stride steps over this chunk
				}
				position[axis] = p
				if err := walk(axis + 1); err != nil {
					return err
				}
			}
			return nil
		}
		return walk(0)
	})
	if err != nil || unusual {
		return nil, err
	}
	return chunks, nil
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

// readChunks decodes the chunks on all cores and copies their parts of the slab.
func (d *Dataset) readChunks(values []float32, s *Slab, chunks []chunk) error {
	var group sync.WaitGroup
	errs := make([]error, min(runtime.GOMAXPROCS(0), len(chunks)))
	for worker := range errs {
		group.Go(func() {
			decoder, _ := d.decoders.Get().(*chunkDecoder)
			if decoder == nil {
				decoder = &chunkDecoder{dataset: d}
			}
			defer d.decoders.Put(decoder)
			for i := worker; i < len(chunks) && errs[worker] == nil; i += len(errs) {
				var decoded []float32
				if decoded, errs[worker] = decoder.decode(chunks[i]); errs[worker] == nil {
					d.copyChunk(values, s, chunks[i].first, decoded)
				}
			}
		})
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// chunkDecoder keeps the memory for decoding one chunk after the other.
type chunkDecoder struct {
	dataset  *Dataset
	stored   []byte
	inflated []byte
	values   []float32
}

// decode reads a chunk and undoes its filters. The result is valid until the next call.
func (c *chunkDecoder) decode(at chunk) ([]float32, error) {
	n, _ := volume(c.dataset.Chunk) // bounded when the array was opened
	if c.values == nil {
		c.values, c.inflated = make([]float32, n), make([]byte, 4*n)
	}
	c.stored = slices.Grow(c.stored[:0], int(at.size))[:at.size]
	if _, err := c.dataset.file.reader.ReadAt(c.stored, at.offset); err != nil {
		return nil, fmt.Errorf("chunk %v: %w", at.first, err)
	}
	if err := c.inflate(); err != nil {
		return nil, fmt.Errorf("chunk %v: %w", at.first, err)
	}
	memory := bytesOf4(c.values)
	if !c.dataset.direct.shuffled {
		copy(memory, c.inflated)
		return c.values, nil
	}
	// Shuffling put the first bytes of all values first, then the second ones, and so on.
	b0, b1, b2, b3 := c.inflated[:n], c.inflated[n:][:n], c.inflated[2*n:][:n], c.inflated[3*n:][:n]
	for i := range c.values {
		c.values[i] = math.Float32frombits(uint32(b0[i]) | uint32(b1[i])<<8 | uint32(b2[i])<<16 | uint32(b3[i])<<24)
	}
	return c.values, nil
}

// inflate undoes deflate; the chunk must come out at its full size. zlib comes with libhdf5, is thread-safe, and faster than
// inflaters in Go.
func (c *chunkDecoder) inflate() error {
	if len(c.stored) == 0 {
		return errors.New("deflate: no bytes")
	}
	length := C.ulong(len(c.inflated))
	status := C.walrus_inflate((*C.uchar)(&c.inflated[0]), &length, (*C.uchar)(&c.stored[0]), C.ulong(len(c.stored)))
	if status != nil {
		return fmt.Errorf("deflate: %s", C.GoString(status))
	}
	if int(length) != len(c.inflated) {
		return fmt.Errorf("deflate: %d bytes; expected %d", int(length), len(c.inflated))
	}
	return nil
}

// copyChunk copies what the slab selects of a decoded chunk.
func (d *Dataset) copyChunk(values []float32, s *Slab, first []int, decoded []float32) {
	from, to := distances(d.Chunk), distances(s.Count)
	var walk func(axis, source, target int)
	walk = func(axis, source, target int) {
		begin, end := s.within(axis, first[axis], first[axis]+d.Chunk[axis])
		source += (s.Start[axis] + begin*s.stride(axis) - first[axis]) * from[axis]
		target += begin * to[axis]
		if axis == len(first)-1 {
			if s.stride(axis) == 1 {
				copy(values[target:target+end-begin], decoded[source:])
				return
			}
			for i := range end - begin {
				values[target+i] = decoded[source+i*s.stride(axis)]
			}
			return
		}
		for range end - begin {
			walk(axis+1, source, target)
			source += s.stride(axis) * from[axis]
			target += to[axis]
		}
	}
	walk(0, 0, 0)
}
