package cpu

import (
	"fmt"
	"reflect"
	"sync"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
)

// Buffer is a dense row-major tensor in main memory; it implements compute.Buffer.
type Buffer struct {
	backend *Backend
	shape   shapes.Shape
	device  compute.DeviceNum
	mu      sync.Mutex
	bytes   []byte // nil once finalized or donated
}

var _ compute.Buffer = (*Buffer)(nil)

func (b *Backend) newBuffer(device compute.DeviceNum, shape shapes.Shape) (*Buffer, error) {
	if err := b.checkDevice(device); err != nil {
		return nil, err
	}
	if shape.IsDynamic() || !storable(shape.DType) {
		return nil, fmt.Errorf("cpu: buffer of shape %s: unsupported data type or unknown dimension", shape)
	}
	return &Buffer{backend: b, shape: shape.Clone(), device: device, bytes: b.memory.take(shape.Size() * shape.DType.Size())}, nil
}

// storable tells whether tensors of this type are held as plain arrays of its Go type.
func storable(t dtypes.DType) bool {
	switch t {
	case dtypes.Bool, dtypes.Int8, dtypes.Int16, dtypes.Int32, dtypes.Int64,
		dtypes.Uint8, dtypes.Uint16, dtypes.Uint32, dtypes.Uint64,
		dtypes.Float16, dtypes.BFloat16, dtypes.Float32, dtypes.Float64:
		return true
	}
	return false
}

// BufferFromFlatData copies flat, a slice of the Go type of shape's data type, into a new buffer.
func (b *Backend) BufferFromFlatData(device compute.DeviceNum, flat any, shape shapes.Shape) (compute.Buffer, error) {
	buffer, err := b.newBuffer(device, shape)
	if err != nil {
		return nil, err
	}
	source, err := flatBytes(flat, shape)
	if err != nil {
		return nil, err
	}
	copy(buffer.bytes, source)
	return buffer, nil
}

// HasSharedBuffers returns true: every buffer is ordinary memory.
func (b *Backend) HasSharedBuffers() bool { return true }

// NewSharedBuffer returns a new buffer and the slice that is its memory.
func (b *Backend) NewSharedBuffer(device compute.DeviceNum, shape shapes.Shape) (compute.Buffer, any, error) {
	buffer, err := b.newBuffer(device, shape)
	if err != nil {
		return nil, nil, err
	}
	clear(buffer.bytes)
	return buffer, anySlice(shape.DType, buffer.bytes), nil
}

// flatBytes returns the memory of flat after checking its type and length against shape.
func flatBytes(flat any, shape shapes.Shape) ([]byte, error) {
	v := reflect.ValueOf(flat)
	if v.Kind() != reflect.Slice || dtypes.FromGoType(v.Type().Elem()) != shape.DType || v.Len() != shape.Size() {
		return nil, fmt.Errorf("cpu: flat data is %T; expected %d values of %s", flat, shape.Size(), shape.DType)
	}
	if v.Len() == 0 {
		return nil, nil
	}
	return unsafe.Slice((*byte)(v.UnsafePointer()), v.Len()*shape.DType.Size()), nil
}

func anySlice(t dtypes.DType, bytes []byte) any {
	n := len(bytes) / t.Size()
	if n == 0 {
		return dtypes.MakeAnySlice(t, 0)
	}
	return dtypes.UnsafeAnySliceFromBytes(unsafe.Pointer(&bytes[0]), t, n)
}

// Backend that owns the buffer.
func (b *Buffer) Backend() compute.Backend { return b.backend }

// Finalize gives the memory back for later buffers; it may be called more than once.
func (b *Buffer) Finalize() error {
	b.backend.memory.give(b.release())
	return nil
}

// release makes the buffer invalid and returns its memory, nil if it was invalid already.
func (b *Buffer) release() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	bytes := b.bytes
	b.bytes = nil
	return bytes
}

func (b *Buffer) content() ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bytes == nil {
		return nil, fmt.Errorf("cpu: buffer of shape %s was finalized or donated", b.shape)
	}
	return b.bytes, nil
}

// Shape of the tensor.
func (b *Buffer) Shape() (shapes.Shape, error) { return b.shape, nil }

// DeviceNum returns the device that the buffer belongs to.
func (b *Buffer) DeviceNum() (compute.DeviceNum, error) { return b.device, nil }

// ToFlatData copies the tensor into flat, a slice of its Go type and size.
func (b *Buffer) ToFlatData(flat any) error {
	target, err := flatBytes(flat, b.shape)
	if err != nil {
		return err
	}
	bytes, err := b.content()
	copy(target, bytes)
	return err
}

// Data returns the slice that is the tensor's memory.
func (b *Buffer) Data() (any, error) {
	bytes, err := b.content()
	if err != nil {
		return nil, err
	}
	return anySlice(b.shape.DType, bytes), nil
}

// CopyToDevice returns a copy of the buffer that belongs to a device.
func (b *Buffer) CopyToDevice(device compute.DeviceNum) (compute.Buffer, error) {
	bytes, err := b.content()
	if err != nil {
		return nil, err
	}
	twin, err := b.backend.newBuffer(device, b.shape)
	if err != nil {
		return nil, err
	}
	copy(twin.bytes, bytes)
	return twin, nil
}
