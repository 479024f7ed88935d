package hdf5

// #include "shim.h"
// #include <stdlib.h>
import "C"

import (
	"bytes"
	"errors"
	"fmt"
	"unsafe"
)

// pointer gives a C pointer as the untyped one that libhdf5 takes.
func pointer[T any](p *T) unsafe.Pointer { return unsafe.Pointer(p) }

// largestAttribute bounds the memory for one attribute, in bytes.
const largestAttribute = 1 << 26

// Attributes reads all attributes of the object at path, sorted by name. Values of classes that this package does not
// read (references, compounds) come with their type alone.
func (f *File) Attributes(path string) ([]Attribute, error) {
	var attributes []Attribute
	err := f.withObject(path, func(object C.hid_t) error {
		n := C.guarded_H5Aget_num_attrs(object)
		if n < 0 {
			return failure("attributes")
		}
		for i := range n {
			a, err := attributeAt(object, C.hsize_t(i))
			if err != nil {
				return fmt.Errorf("attribute %d of %d: %w", i, n, err)
			}
			attributes = append(attributes, a)
		}
		return nil
	})
	return attributes, err
}

// attributeAt reads the i-th attribute by name of an open object.
func attributeAt(object C.hid_t, i C.hsize_t) (Attribute, error) {
	id := C.guarded_H5Aopen_by_idx(object, here, C.H5_INDEX_NAME, C.H5_ITER_INC, i, C.H5P_DEFAULT, C.H5P_DEFAULT)
	if id < 0 {
		return Attribute{}, failure("open")
	}
	defer release(id)
	name, err := nameOf(func(buffer *C.char, size C.size_t) C.ssize_t { return C.guarded_H5Aget_name(id, size, buffer) })
	if err != nil {
		return Attribute{}, err
	}
	a := Attribute{Name: name}
	if err := a.read(id); err != nil {
		return Attribute{}, fmt.Errorf("%q: %w", name, err)
	}
	return a, nil
}

// read fills the attribute's type, shape and values from its open handle.
func (a *Attribute) read(id C.hid_t) error {
	space := C.guarded_H5Aget_space(id)
	defer release(space)
	stored := C.guarded_H5Aget_type(id)
	defer release(stored)
	if space < 0 || stored < 0 {
		return failure("describe")
	}
	a.Type = typeOf(stored)
	var some bool
	var err error
	if a.Shape, some, err = shapeOf(space); err != nil {
		return err
	}
	n, _ := volume(a.Shape)
	if !some || n == 0 {
		if !some {
			a.Shape = []int{0}
		}
		return nil
	}
	if n > largestAttribute/max(a.Type.Size, 8) {
		return fmt.Errorf("%d values of %d bytes; at most %d bytes are read", n, a.Type.Size, largestAttribute)
	}
	switch a.Type.Class {
	case Integer, Bool:
		if a.Type.Unsigned && a.Type.Size == 8 { // int64 does not hold all of them
			a.Numbers = make([]float64, n)
			if C.guarded_H5Aread(id, C.guarded_walrus_memory_type(C.int(float64s)), pointer(&a.Numbers[0])) < 0 {
				return failure("read")
			}
			return nil
		}
		// An enumeration converts to integers only.
		values := make([]int64, n)
		if C.guarded_H5Aread(id, C.guarded_walrus_memory_type(C.int(int64s)), pointer(&values[0])) < 0 {
			return failure("read")
		}
		a.Numbers = make([]float64, n)
		for i, v := range values {
			a.Numbers[i] = float64(v)
		}
	case Float:
		a.Numbers = make([]float64, n)
		if C.guarded_H5Aread(id, C.guarded_walrus_memory_type(C.int(float64s)), pointer(&a.Numbers[0])) < 0 {
			return failure("read")
		}
	case Text:
		if a.Type.FixedLength {
			a.Text, err = readFixedText(id, stored, n, a.Type.Size)
		} else {
			a.Text, err = readVariableText(id, space, n)
		}
	}
	return err
}

// readFixedText reads strings of size bytes each; zeros and trailing spaces are padding.
func readFixedText(id, stored C.hid_t, n, size int) ([]string, error) {
	if size == 0 {
		return nil, errors.New("strings of length 0")
	}
	raw := make([]byte, n*size)
	if C.guarded_H5Aread(id, stored, pointer(&raw[0])) < 0 {
		return nil, failure("read")
	}
	text := make([]string, n)
	for i := range text {
		value, _, _ := bytes.Cut(raw[i*size:(i+1)*size], []byte{0})
		text[i] = string(bytes.TrimRight(value, " "))
	}
	return text, nil
}

// readVariableText reads strings that libhdf5 allocates, and gives their memory back.
func readVariableText(id, space C.hid_t, n int) ([]string, error) {
	kind := C.guarded_walrus_text_type()
	defer release(kind)
	if kind < 0 {
		return nil, failure("text type")
	}
	raw := (*[largestAttribute / 8]*C.char)(C.guarded_walrus_take(C.size_t(n), C.size_t(unsafe.Sizeof((*C.char)(nil)))))
	if raw == nil {
		return nil, errors.New("out of memory")
	}
	defer C.guarded_walrus_give_back(unsafe.Pointer(raw))
	if C.guarded_H5Aread(id, kind, unsafe.Pointer(raw)) < 0 {
		return nil, failure("read")
	}
	text := make([]string, n)
	for i := range text {
		if raw[i] != nil {
			text[i] = C.GoString(raw[i])
		}
	}
	if C.guarded_H5Dvlen_reclaim(kind, space, C.H5P_DEFAULT, unsafe.Pointer(raw)) < 0 {
		return nil, failure("free")
	}
	return text, nil
}

// WriteText writes a single string, of variable length and in UTF-8.
func (f *File) WriteText(path, name, value string) error {
	return f.writeText(path, name, nil, []string{value})
}

// WriteTexts writes a list of strings. As in h5py's files an empty list is a list of no float64.
func (f *File) WriteTexts(path, name string, values []string) error {
	if len(values) == 0 {
		return f.writeAttribute(path, name, []int{0}, fileType(float64s), nil)
	}
	return f.writeText(path, name, []int{len(values)}, values)
}

func (f *File) writeText(path, name string, shape []int, values []string) error {
	size := C.size_t(unsafe.Sizeof((*C.char)(nil)))
	raw := C.malloc(C.size_t(len(values)) * size)
	if raw == nil {
		return errors.New("hdf5: out of memory")
	}
	defer C.free(raw)
	for i, v := range values {
		s := C.CString(v)
		defer C.free(unsafe.Pointer(s))
		*(**C.char)(unsafe.Add(raw, i*int(size))) = s
	}
	return f.writeAttribute(path, name, shape, func() C.hid_t { return C.guarded_walrus_text_type() }, raw)
}

// WriteInteger writes a 64-bit integer.
func (f *File) WriteInteger(path, name string, value int) error {
	v := int64(value)
	return f.writeAttribute(path, name, nil, fileType(int64s), pointer(&v))
}

// WriteNumbers writes a float64, or where there are several a list of them; there must be one at least.
func (f *File) WriteNumbers(path, name string, values []float64) error {
	var shape []int
	if len(values) > 1 {
		shape = []int{len(values)}
	}
	return f.writeAttribute(path, name, shape, fileType(float64s), pointer(&values[0]))
}

// WriteBool writes a boolean as h5py does.
func (f *File) WriteBool(path, name string, value bool) error {
	b := byteOf(value)
	return f.writeAttribute(path, name, nil, boolType, pointer(&b))
}

// WriteBools writes a list of booleans; it may not be empty.
func (f *File) WriteBools(path, name string, values []bool) error {
	raw := bytesOf(values)
	return f.writeAttribute(path, name, []int{len(values)}, boolType, pointer(&raw[0]))
}

// fileType makes a type of numbers for a file; the caller closes it. Copies, since the library's own must stay open.
func fileType(n number) func() C.hid_t {
	return func() C.hid_t { return C.guarded_H5Tcopy(C.guarded_walrus_file_type(C.int(n))) }
}

func boolType() C.hid_t { return C.guarded_walrus_bool_type() }

func byteOf(b bool) int8 {
	if b {
		return 1
	}
	return 0
}

func bytesOf(values []bool) []int8 {
	raw := make([]int8, len(values))
	for i, v := range values {
		raw[i] = byteOf(v)
	}
	return raw
}

// writeAttribute creates an attribute and writes data, which must already be in the file's type.
func (f *File) writeAttribute(path, name string, shape []int, makeType func() C.hid_t, data unsafe.Pointer) error {
	key := C.CString(name)
	defer C.free(unsafe.Pointer(key))
	return f.withObject(path, func(object C.hid_t) error {
		kind := makeType()
		defer release(kind)
		space := newSpace(shape)
		defer release(space)
		if kind < 0 || space < 0 {
			return failure("attribute %q", name)
		}
		id := C.guarded_H5Acreate2(object, key, kind, space, C.H5P_DEFAULT, C.H5P_DEFAULT)
		if id < 0 {
			return failure("create attribute %q", name)
		}
		defer release(id)
		if data != nil && C.guarded_H5Awrite(id, kind, data) < 0 {
			return failure("write attribute %q", name)
		}
		return nil
	})
}

// newSpace makes the data space of a shape; nil is a single value. The caller closes it; negative for failure.
func newSpace(shape []int) C.hid_t {
	if shape == nil {
		return C.guarded_H5Screate(C.H5S_SCALAR)
	}
	extents := sizes(shape)
	return C.guarded_H5Screate_simple(C.int(len(shape)), &extents[0], nil)
}

// sizes gives extents in libhdf5's type. The result has one element more than shape, so that its address can be taken.
func sizes(shape []int) []C.hsize_t {
	out := make([]C.hsize_t, len(shape)+1)
	for i, n := range shape {
		out[i] = C.hsize_t(n)
	}
	return out
}
