package checkpoint

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
	"unsafe"

	"github.com/gowalrus/walrus/field"
)

// maxRank bounds the number of axes of a tensor; a released tensor has at most six.
const maxRank = 16

// Tensor is a named tensor whose values are read on demand. It is a small value; copying it copies no data.
type Tensor struct {
	Name  string
	DType DType // how it is stored; Float32 hands it out as float32 in any case
	Shape []int

	values source
}

// source produces the values of a tensor, row-major.
type source interface {
	read(dst []float32) error
}

// NewTensor makes a tensor of values in memory, row-major; it keeps a reference to data.
func NewTensor(name string, shape []int, data []float32) (Tensor, error) {
	volume, err := checkedVolume(shape)
	if err != nil {
		return Tensor{}, fmt.Errorf("checkpoint: tensor %s: %w", name, err)
	}
	if volume != int64(len(data)) {
		return Tensor{}, fmt.Errorf("checkpoint: tensor %s: %d values do not fit shape %v", name, len(data), shape)
	}
	return Tensor{Name: name, DType: Float32, Shape: slices.Clone(shape), values: memory(data)}, nil
}

// memory is a source that is already there.
type memory []float32

func (m memory) read(dst []float32) error {
	copy(dst, m)
	return nil
}

// Len is the number of values.
func (t Tensor) Len() int { return field.Volume(t.Shape) }

// Float32 reads the values into dst, row-major. dst must have exactly Len elements.
func (t Tensor) Float32(dst []float32) error {
	if len(dst) != t.Len() {
		return fmt.Errorf("checkpoint: tensor %s %v: destination holds %d values, expected %d", t.Name, t.Shape, len(dst), t.Len())
	}
	if err := t.values.read(dst); err != nil {
		return fmt.Errorf("checkpoint: tensor %s %v: %w", t.Name, t.Shape, err)
	}
	return nil
}

// Array reads the values into a new array.
func (t Tensor) Array() (field.Array, error) {
	a := field.NewArray(t.Shape...)
	return a, t.Float32(a.Data)
}

// checkedVolume is the product of the extents, or an error where one is negative, there are too many, or it overflows.
func checkedVolume(shape []int) (int64, error) {
	if len(shape) > maxRank {
		return 0, fmt.Errorf("%d axes; expected at most %d", len(shape), maxRank)
	}
	volume, empty := int64(1), false
	for _, extent := range shape {
		switch {
		case extent < 0:
			return 0, fmt.Errorf("shape %v has a negative extent", shape)
		case extent == 0:
			empty = true
		case volume > math.MaxInt64/8/int64(extent): // room for eight bytes an element
			return 0, fmt.Errorf("shape %v is larger than any file", shape)
		default:
			volume *= int64(extent)
		}
	}
	if empty {
		return 0, nil
	}
	return volume, nil
}

// stored is a source in a file: a view with strides into a run of little-endian elements.
type stored struct {
	file    io.ReaderAt
	start   int64 // byte of element zero of the view
	dtype   DType
	shape   []int
	strides []int // in elements; nil means row-major without gaps
}

// chunkBytes is how much of a file is in memory at once while it is converted.
const chunkBytes = 1 << 18

func (s stored) read(dst []float32) error {
	if s.strides != nil && !contiguous(s.shape, s.strides) {
		return s.readStrided(dst)
	}
	if s.dtype == Float32 && littleEndian {
		return readFully(s.file, float32Bytes(dst), s.start)
	}
	size := s.dtype.Size()
	chunk := make([]byte, min(chunkBytes, len(dst)*size))
	for at := s.start; len(dst) > 0; at += int64(len(chunk)) {
		chunk = chunk[:min(len(chunk), len(dst)*size)]
		if err := readFully(s.file, chunk, at); err != nil {
			return err
		}
		n := len(chunk) / size
		if err := s.dtype.decode(dst[:n], chunk); err != nil {
			return err
		}
		dst = dst[n:]
	}
	return nil
}

// contiguous reports whether the strides are those of a row-major tensor without gaps. Axes of one point do not matter.
func contiguous(shape, strides []int) bool {
	expected := 1
	for axis := len(shape) - 1; axis >= 0; axis-- {
		if shape[axis] != 1 && strides[axis] != expected {
			return false
		}
		expected *= shape[axis]
	}
	return true
}

// viewAxis is one axis of a strided view: its extent, and how far a step takes us in the file and in the result.
type viewAxis struct{ extent, from, to int }

// readStrided walks the view in the order of the file, whatever the order of its axes, so that a window of one chunk
// passes over the file once and memory stays bounded.
func (s stored) readStrided(dst []float32) error {
	if len(dst) == 0 {
		return nil
	}
	axes := make([]viewAxis, len(s.shape))
	to := 1
	for i := len(s.shape) - 1; i >= 0; i-- {
		axes[i] = viewAxis{s.shape[i], s.strides[i], to}
		to *= s.shape[i]
	}
	slices.SortStableFunc(axes, func(a, b viewAxis) int { return b.from - a.from })

	size := s.dtype.Size()
	window := window{file: s.file, end: s.start + int64(size)*(lastElement(s.shape, s.strides)+1)}
	position := make([]int, len(axes))
	var from, into int64
	for range dst {
		element, err := window.at(s.start+from*int64(size), size)
		if err != nil {
			return err
		}
		if err := s.dtype.decode(dst[into:into+1], element); err != nil {
			return err
		}
		for i := len(axes) - 1; i >= 0; i-- { // the next point, as an odometer turns
			position[i]++
			from += int64(axes[i].from)
			into += int64(axes[i].to)
			if position[i] < axes[i].extent {
				break
			}
			from -= int64(axes[i].from) * int64(axes[i].extent)
			into -= int64(axes[i].to) * int64(axes[i].extent)
			position[i] = 0
		}
	}
	return nil
}

// lastElement is the highest element that a view reaches, counted from its start. The view must not be empty.
func lastElement(shape, strides []int) int64 {
	var last int64
	for i, extent := range shape {
		last += int64(extent-1) * int64(strides[i])
	}
	return last
}

// window is the part of a file that is in memory while it is passed over upwards.
type window struct {
	file       io.ReaderAt
	end        int64 // no byte at or beyond this one is asked for
	start      int64
	data, room []byte
}

// at returns size bytes at the given place of the file; they are valid until the next call.
func (w *window) at(place int64, size int) ([]byte, error) {
	if place < w.start || place+int64(size) > w.start+int64(len(w.data)) {
		if w.room == nil {
			w.room = make([]byte, chunkBytes)
		}
		w.start, w.data = place, w.room[:min(chunkBytes, w.end-place)]
		if err := readFully(w.file, w.data, place); err != nil {
			w.data = nil
			return nil, err
		}
	}
	return w.data[place-w.start:][:size], nil
}

// readFully fills dst from the given place of the file.
func readFully(file io.ReaderAt, dst []byte, place int64) error {
	n, err := file.ReadAt(dst, place)
	if n == len(dst) {
		return nil
	}
	if err == io.EOF {
		return fmt.Errorf("the file ends at byte %d; expected %d more", place+int64(n), len(dst)-n)
	}
	return fmt.Errorf("read %d bytes at %d: %w", len(dst), place, err)
}

// littleEndian says whether a float32 in memory looks as it does on disk.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// float32Bytes is the memory of values, as bytes.
func float32Bytes(values []float32) []byte {
	if len(values) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(values))), 4*len(values))
}
