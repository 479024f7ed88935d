package hdf5

// #include "shim.h"
// #include <stdlib.h>
import "C"

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"unsafe"
)

// Dataset is an open array in a file. It closes with its file, or earlier with Close.
type Dataset struct {
	Type    Type
	Shape   []int    // nil for a single value
	Chunk   []int    // extents of a chunk; nil where the array is stored in one piece
	Filters []string // names of the filters that chunks went through, in order of writing

	file   *File
	id     C.hid_t
	path   string
	direct *direct // how values are read without the library; nil if they are not

	sources  sources   // of a virtual array
	decoders sync.Pool // of *chunkDecoder: memory for chunks between one reading and the next
}

// Dataset opens the array at path.
func (f *File) Dataset(path string) (*Dataset, error) {
	d := &Dataset{file: f, path: path}
	err := f.do(path, func(name *C.char) error {
		if d.id = C.guarded_H5Dopen2(f.id, name, C.H5P_DEFAULT); d.id < 0 {
			return f.unreachable(path, failure("open data set"))
		}
		if err := d.describe(); err != nil {
			release(d.id)
			return err
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return d, nil
}

// describe reads type, shape and storage, and refuses arrays that claim more than the file can hold.
func (d *Dataset) describe() error {
	stored := C.guarded_H5Dget_type(d.id)
	defer release(stored)
	space := C.guarded_H5Dget_space(d.id)
	defer release(space)
	properties := C.guarded_H5Dget_create_plist(d.id)
	defer release(properties)
	if stored < 0 || space < 0 || properties < 0 {
		return failure("describe")
	}
	d.Type = typeOf(stored)
	var some bool
	var err error
	if d.Shape, some, err = shapeOf(space); err != nil {
		return err
	}
	if !some {
		d.Shape = []int{0}
	}
	if C.guarded_H5Pget_layout(properties) == C.H5D_CHUNKED {
		extents := make([]C.hsize_t, mostDimensions)
		rank := C.guarded_H5Pget_chunk(properties, mostDimensions, &extents[0])
		if rank < 0 || int(rank) != len(d.Shape) {
			return failure("chunks of %d axes in an array of %d", rank, len(d.Shape))
		}
		for _, n := range extents[:rank] {
			d.Chunk = append(d.Chunk, int(n))
		}
	}
	if err := d.readFilters(properties); err != nil {
		return err
	}
	d.sources.files = map[string]int64{d.file.path: d.file.size}
	if err := d.checkSources(d.id, properties, d.file.path, 0); err != nil {
		return err
	}
	elsewhere := C.guarded_H5Pget_layout(properties) == C.H5D_VIRTUAL || C.guarded_H5Pget_external_count(properties) > 0
	if err := d.checkClaims(elsewhere); err != nil {
		return err
	}
	if !elsewhere {
		d.findDirect(stored)
	}
	return nil
}

// readFilters lists the filters and names those that this build can not undo.
func (d *Dataset) readFilters(properties C.hid_t) error {
	n := C.guarded_H5Pget_nfilters(properties)
	for i := C.int(0); i < n; i++ {
		var flags, config C.uint
		var values C.size_t
		var name [64]C.char
		id := C.guarded_H5Pget_filter2(properties, C.uint(i), &flags, &values, nil, C.size_t(len(name)), &name[0], &config)
		if id < 0 {
			return failure("filter %d", i)
		}
		label := C.GoString(&name[0])
		if label == "" {
			label = fmt.Sprintf("number %d", id)
		}
		d.Filters = append(d.Filters, label)
		if C.guarded_H5Zfilter_avail(id) <= 0 {
			C.guarded_H5Eclear2(C.H5E_DEFAULT)
			return fmt.Errorf("compressed with the filter %q (id %d), which this program can not undo; rewrite the file with h5repack -f GZIP=4", label, id)
		}
	}
	return nil
}

// smallClaim is how many bytes an array may always claim; sparse arrays below it need no check.
const smallClaim = 1 << 24

// mostExpansion bounds how many bytes a stored byte can stand for: deflate's limit is 1032.
const mostExpansion = 1100

// checkClaims compares the size of the array and of its chunks with what is stored: a damaged or hostile header must not
// make a reader allocate memory that no data stands behind.
func (d *Dataset) checkClaims(elsewhere bool) error {
	size := max(d.Type.Size, 1)
	n, _ := volume(d.Shape)
	if n > (1<<62)/size {
		return fmt.Errorf("shape %v of %d bytes a value is larger than any file", d.Shape, size)
	}
	limit := max(smallClaim, mostExpansion*min(d.file.size, 1<<50))
	stored := int64(C.guarded_H5Dget_storage_size(d.id))
	if elsewhere {
		if limit := max(smallClaim, mostExpansion*min(d.sources.bytes(), 1<<50)); int64(n*size) > limit && d.sources.parts > 0 {
			return fmt.Errorf("shape %v needs %d bytes, the files with its parts have %d; they are damaged or incomplete", d.Shape, n*size, d.sources.bytes())
		}
		return nil // the sizes of plain files with values were compared before
	}
	if d.Chunk == nil {
		if len(d.Filters) > 0 {
			return errors.New("filters on an array that is stored in one piece")
		}
		if stored > 0 && stored < int64(n*size) {
			return fmt.Errorf("shape %v needs %d bytes, %d are stored; the file is damaged or incomplete", d.Shape, n*size, stored)
		}
		limit = max(smallClaim, d.file.size)
	} else {
		chunk, fits := volume(d.Chunk)
		if !fits || int64(chunk) > limit/int64(size) {
			return fmt.Errorf("chunks of shape %v in a file of %d bytes; the file is damaged", d.Chunk, d.file.size)
		}
		limit = max(smallClaim, mostExpansion*min(stored, 1<<50))
	}
	if d.file.size > 0 && int64(n*size) > limit {
		return fmt.Errorf("shape %v needs %d bytes, the file has %d and stores %d for it; the file is damaged or incomplete", d.Shape, n*size, d.file.size, stored)
	}
	return nil
}

// Path is where the array stands in its file.
func (d *Dataset) Path() string { return d.path }

// Close closes the array. A second call does nothing.
func (d *Dataset) Close() {
	_ = locked(func() error {
		if d.file.id != 0 && !d.file.damaged {
			release(d.id)
		}
		d.id = 0
		return nil
	})
}

// ReadFloat32 reads a slab into values, row-major; nil is the whole array.
func (d *Dataset) ReadFloat32(values []float32, s *Slab) error {
	if d.direct != nil {
		if s == nil {
			s = d.all()
		}
		err := d.check(len(values), s)
		done := false
		if err == nil {
			done, err = d.readDirect(values, s)
		}
		if err != nil {
			return d.file.named(d.path, err)
		}
		if done {
			return nil
		}
	}
	return transfer(d, float32s, values, s, "read", d.read)
}

// ReadFloat64 reads a slab into values, row-major; nil is the whole array.
func (d *Dataset) ReadFloat64(values []float64, s *Slab) error {
	return transfer(d, float64s, values, s, "read", d.read)
}

// ReadInt64 reads a slab of integers into values, row-major; nil is the whole array. What does not fit is clipped.
func (d *Dataset) ReadInt64(values []int64, s *Slab) error {
	return transfer(d, int64s, values, s, "read", d.read)
}

// ReadBool reads a slab into values, row-major; nil is the whole array. Integers that are not zero are true.
func (d *Dataset) ReadBool(values []bool, s *Slab) error {
	raw := make([]int8, len(values))
	if err := transfer(d, int8s, raw, s, "read", d.read); err != nil {
		return err
	}
	for i, v := range raw {
		values[i] = v != 0
	}
	return nil
}

// WriteFloat32 writes values, row-major, to a slab; nil is the whole array.
func (d *Dataset) WriteFloat32(values []float32, s *Slab) error {
	return transfer(d, float32s, values, s, "write", d.write)
}

// WriteBool writes values, row-major, to a slab; nil is the whole array.
func (d *Dataset) WriteBool(values []bool, s *Slab) error {
	return d.operate("write", len(values), s, func(memory, place C.hid_t) error {
		allow(int64(len(values)), slowestWrite)
		kind := boolType()
		defer release(kind)
		raw := bytesOf(values)
		if kind < 0 || len(raw) > 0 && C.guarded_H5Dwrite(d.id, kind, memory, place, C.H5P_DEFAULT, pointer(&raw[0])) < 0 {
			return failure("write")
		}
		return nil
	})
}

// transferFunc moves numbers of one type between memory and a selected part of the array.
type transferFunc func(kind, memory, place C.hid_t, data unsafe.Pointer) C.herr_t

func (d *Dataset) read(kind, memory, place C.hid_t, data unsafe.Pointer) C.herr_t {
	return C.guarded_H5Dread(d.id, kind, memory, place, C.H5P_DEFAULT, data)
}

func (d *Dataset) write(kind, memory, place C.hid_t, data unsafe.Pointer) C.herr_t {
	return C.guarded_H5Dwrite(d.id, kind, memory, place, C.H5P_DEFAULT, data)
}

// transfer moves values between memory and the slab of the array.
func transfer[T any](d *Dataset, kind number, values []T, s *Slab, verb string, move transferFunc) error {
	return d.operate(verb, len(values), s, func(memory, place C.hid_t) error {
		if c := d.Type.Class; c == Text || c == Other {
			return fmt.Errorf("holds %s, expected numbers", d.Type)
		}
		rate := slowestRead
		if verb == "write" {
			rate = slowestWrite
		}
		allow(int64(len(values))*int64(unsafe.Sizeof(*new(T))), rate)
		if len(values) > 0 && move(C.guarded_walrus_memory_type(C.int(kind)), memory, place, pointer(&values[0])) < 0 {
			return failure("%s", verb)
		}
		return nil
	})
}

// operate checks the slab against the array and the number of values, and runs the operation with the two selections.
func (d *Dataset) operate(verb string, n int, s *Slab, operation func(memory, place C.hid_t) error) error {
	if s == nil {
		s = d.all()
	}
	return d.file.run(d.path, func() error {
		if d.id == 0 {
			return fs.ErrClosed
		}
		if err := d.check(n, s); err != nil {
			return err
		}
		allow(d.unpacked(s), slowestUnpack)
		place := C.guarded_H5Dget_space(d.id)
		defer release(place)
		if place < 0 {
			return failure("%s", verb)
		}
		var shape []int
		if d.Shape != nil {
			shape = []int{n}
		}
		memory := newSpace(shape)
		defer release(memory)
		if memory < 0 {
			return failure("%s", verb)
		}
		if len(d.Shape) > 0 && n > 0 {
			start, count, stride := sizes(s.Start), sizes(s.Count), sizes(s.Stride)
			step := &stride[0]
			if s.Stride == nil {
				step = nil
			}
			if C.guarded_H5Sselect_hyperslab(place, C.H5S_SELECT_SET, &start[0], step, &count[0], nil) < 0 {
				return failure("select start %v count %v stride %v", s.Start, s.Count, s.Stride)
			}
		}
		return operation(memory, place)
	})
}

// all selects the whole array.
func (d *Dataset) all() *Slab { return &Slab{Start: make([]int, len(d.Shape)), Count: d.Shape} }

// check reports a slab that leaves the array, or that has another number of elements than there are values.
func (d *Dataset) check(n int, s *Slab) error {
	if len(s.Start) != len(d.Shape) || len(s.Count) != len(d.Shape) || s.Stride != nil && len(s.Stride) != len(d.Shape) {
		return fmt.Errorf("a selection of %d axes in shape %v", len(s.Count), d.Shape)
	}
	for i, extent := range d.Shape {
		stride := 1
		if s.Stride != nil {
			stride = s.Stride[i]
		}
		if s.Start[i] < 0 || s.Count[i] < 0 || stride < 1 ||
			s.Count[i] > 0 && (s.Start[i] >= extent || s.Count[i]-1 > (extent-1-s.Start[i])/stride) {
			return fmt.Errorf("selection start %v count %v stride %v leaves shape %v", s.Start, s.Count, s.Stride, d.Shape)
		}
	}
	if want, fits := volume(s.Count); !fits || want != n {
		return fmt.Errorf("selection %v has %d elements, memory for %d was given", s.Count, want, n)
	}
	return nil
}

// CreateFloat32 makes an array of little-endian float32 at path; a nil shape is a single value.
func (f *File) CreateFloat32(path string, shape []int, s Storage) (*Dataset, error) {
	return f.create(path, shape, fileType(float32s), s)
}

// CreateBool makes an array of booleans at path.
func (f *File) CreateBool(path string, shape []int) (*Dataset, error) {
	return f.create(path, shape, boolType, Storage{})
}

func (f *File) create(path string, shape []int, makeType func() C.hid_t, s Storage) (*Dataset, error) {
	if s.Chunk != nil && (len(s.Chunk) != len(shape) || slices.Min(s.Chunk) < 1) || s.Gzip < 0 || s.Gzip > 9 || s.Gzip > 0 && s.Chunk == nil {
		return nil, fmt.Errorf("hdf5: %s: %s: storage %+v does not fit shape %v", f.path, path, s, shape)
	}
	d := &Dataset{file: f, path: path, Shape: slices.Clone(shape), Chunk: slices.Clone(s.Chunk)}
	err := f.do(path, func(name *C.char) error {
		kind := makeType()
		defer release(kind)
		space := newSpace(shape)
		defer release(space)
		chunk := sizes(s.Chunk)
		properties := C.guarded_walrus_dataset_properties(C.int(len(s.Chunk)), &chunk[0], C.int(s.Gzip))
		defer release(properties)
		if kind < 0 || space < 0 || properties < 0 {
			return failure("create data set")
		}
		d.Type = typeOf(kind)
		if d.id = C.guarded_H5Dcreate2(f.id, name, kind, space, C.H5P_DEFAULT, properties, C.H5P_DEFAULT); d.id < 0 {
			return failure("create data set")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return d, nil
}
