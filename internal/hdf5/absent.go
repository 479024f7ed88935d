package hdf5

// #include "shim.h"
import "C"

import (
	"fmt"
	"math"
	"os"
	"strings"
)

// Libhdf5 gives an array's fill value, mostly zero, for all that is not stored: chunks that were never written, files of
// other processes that were not copied along. A simulation has no such values, and here they are errors or NaN.

// mostNested bounds how deep virtual arrays may lead to other virtual arrays, and mostParts of how many parts in all.
const (
	mostNested = 8
	mostParts  = 1 << 17
)

// sources are the files that a virtual array takes values from, with their sizes in bytes.
type sources struct {
	files map[string]int64
	parts int
}

// bytes is the size of all files together.
func (s *sources) bytes() int64 {
	var n int64
	for _, size := range s.files {
		n += min(size, 1<<50)
	}
	return n
}

// checkSources reports what a virtual array, or one with values in other files, is made of and does not find. The lock is
// held.
func (d *Dataset) checkSources(id, properties C.hid_t, path string, depth int) error {
	switch {
	case C.guarded_H5Pget_layout(properties) == C.H5D_VIRTUAL:
		return d.checkVirtual(id, properties, path, depth)
	case C.guarded_H5Pget_external_count(properties) > 0:
		return checkExternal(properties)
	}
	return nil
}

// checkVirtual compares the parts of a virtual array with the arrays that they come from.
func (d *Dataset) checkVirtual(id, properties C.hid_t, path string, depth int) error {
	if depth > mostNested {
		return fmt.Errorf("virtual arrays that lead to each other more than %d times", mostNested)
	}
	var n C.size_t
	if C.guarded_H5Pget_virtual_count(properties, &n) < 0 {
		return failure("list the parts of a virtual array")
	}
	covered, countable := 0, true
	for i := range n {
		if d.sources.parts++; d.sources.parts > mostParts {
			return fmt.Errorf("a virtual array of more than %d parts", mostParts)
		}
		file, err := nameOf(func(buffer *C.char, size C.size_t) C.ssize_t {
			return C.guarded_H5Pget_virtual_filename(properties, i, buffer, size)
		})
		if err != nil {
			return err
		}
		object, err := nameOf(func(buffer *C.char, size C.size_t) C.ssize_t {
			return C.guarded_H5Pget_virtual_dsetname(properties, i, buffer, size)
		})
		if err != nil {
			return err
		}
		space := C.guarded_H5Pget_virtual_vspace(properties, i)
		points := C.guarded_H5Sget_select_npoints(space)
		release(space)
		if points < 0 || uint64(points) > math.MaxInt64/2 {
			countable = false // a part that grows with its source
		} else {
			covered += int(points)
		}
		if err := d.checkSource(id, properties, i, path, file, object, depth, int64(points)); err != nil {
			return err
		}
	}
	C.guarded_H5Eclear2(C.H5E_DEFAULT)
	if want, _ := volume(d.Shape); depth == 0 && countable && covered < want {
		return fmt.Errorf("a virtual array whose parts cover %d of %d values; the rest was never written", covered, want)
	}
	return nil
}

// checkSource opens the array that a part of a virtual array comes from.
func (d *Dataset) checkSource(id, properties C.hid_t, i C.size_t, path, file, object string, depth int, points int64) error {
	container, found := C.hid_t(-1), path
	if file == "." {
		container = C.guarded_H5Iget_file_id(id)
	} else {
		// %b stands for the number of a block, %% for a percent sign; the first block has to be there.
		name := strings.ReplaceAll(strings.ReplaceAll(file, "%b", "0"), "%%", "%")
		if found = besideFile(path, name, "HDF5_VDS_PREFIX"); found == "" {
			return fmt.Errorf("a virtual array of which %s in the file %s is a part; there is no such file; put it beside %s", object, file, path)
		}
		if info, err := os.Stat(found); err == nil {
			d.sources.files[found] = info.Size()
		}
		text := terminated(found)
		access := C.guarded_walrus_open_properties()
		container = C.guarded_H5Fopen(text, C.H5F_ACC_RDONLY, access)
		release(access)
		if container < 0 {
			return fmt.Errorf("a virtual array of which %s in the file %s is a part: %w", object, file, failure("open"))
		}
		defer C.guarded_H5Fclose(container)
	}
	text := terminated(strings.ReplaceAll(strings.ReplaceAll(object, "%b", "0"), "%%", "%"))
	source := C.guarded_H5Dopen2(container, text, C.H5P_DEFAULT)
	if source < 0 {
		err := failure("open")
		if file == "." {
			release(container)
		}
		return fmt.Errorf("a virtual array of which %s in the file %s is a part: %w", object, file, err)
	}
	defer release(source)
	if file == "." {
		release(container)
	}
	space := C.guarded_H5Dget_space(source)
	defer release(space)
	shape, _, err := shapeOf(space)
	if err != nil {
		return err
	}
	selected := C.guarded_H5Pget_virtual_srcspace(properties, i)
	defer release(selected)
	var low, high [mostDimensions]C.hsize_t
	if n, _ := volume(shape); C.guarded_H5Sget_select_type(selected) == C.H5S_SEL_ALL && points > int64(n) {
		return fmt.Errorf("a virtual array that takes %d values of %s in the file %s, which has %d; its writer was stopped early", points, object, file, n)
	}
	if int(C.guarded_H5Sget_simple_extent_ndims(selected)) == len(shape) && C.guarded_H5Sget_select_bounds(selected, &low[0], &high[0]) >= 0 {
		for axis, extent := range shape {
			if uint64(high[axis]) < math.MaxInt64 && int(high[axis]) >= extent {
				return fmt.Errorf("a virtual array that takes %d elements along axis %d of %s in the file %s, which has %d; its writer was stopped early", high[axis]+1, axis, object, file, extent)
			}
		}
	}
	inner := C.guarded_H5Dget_create_plist(source)
	defer release(inner)
	if n, total := unwritten(source, inner, shape); n > 0 {
		return fmt.Errorf("a virtual array of which %s in the file %s is a part; %d of its %d chunks were never written", object, file, n, total)
	}
	return d.checkSources(source, inner, found, depth+1)
}

// checkExternal looks for the files that hold an array's values in place of its own file.
func checkExternal(properties C.hid_t) error {
	for i := C.uint(0); i < C.uint(C.guarded_H5Pget_external_count(properties)); i++ {
		var name [longestName]C.char
		var offset C.off_t
		var size C.hsize_t
		if C.guarded_H5Pget_external(properties, i, C.size_t(len(name)), &name[0], &offset, &size) < 0 {
			return failure("files with the values of an array")
		}
		path := C.GoString(&name[0])
		if prefix := os.Getenv("HDF5_EXTFILE_PREFIX"); prefix != "" && !strings.HasPrefix(path, "/") {
			path = prefix + "/" + path
		}
		info, err := os.Stat(path)
		if err != nil {
			return fmt.Errorf("its values are in another file, which is not there: %w; libhdf5 looks for it in the working folder, or where HDF5_EXTFILE_PREFIX says", err)
		}
		if uint64(size) != math.MaxUint64 && uint64(info.Size()) < uint64(offset)+uint64(size) {
			return fmt.Errorf("its values are in the file %s, which has %d bytes; expected %d", path, info.Size(), uint64(offset)+uint64(size))
		}
	}
	return nil
}

// unwritten counts the chunks of an array that were never written, and all of them. An array in one piece counts as one
// chunk. The lock is held.
func unwritten(id, properties C.hid_t, shape []int) (missing, total int) {
	n, _ := volume(shape)
	if n == 0 {
		return 0, 0
	}
	switch C.guarded_H5Pget_layout(properties) {
	case C.H5D_CONTIGUOUS:
		if C.guarded_H5Pget_external_count(properties) == 0 && C.guarded_H5Dget_storage_size(id) == 0 {
			return 1, 1
		}
		return 0, 1
	case C.H5D_CHUNKED:
		var extents [mostDimensions]C.hsize_t
		rank := int(C.guarded_H5Pget_chunk(properties, mostDimensions, &extents[0]))
		if rank != len(shape) {
			return 0, 0
		}
		total = 1
		for i, extent := range shape {
			total *= ceilDiv(extent, int(extents[i]))
		}
		var stored C.hsize_t
		space := C.guarded_H5Dget_space(id)
		defer release(space)
		if C.guarded_H5Dget_num_chunks(id, space, &stored) < 0 {
			C.guarded_H5Eclear2(C.H5E_DEFAULT)
			return 0, total // reading says what is wrong
		}
		return max(0, total-int(stored)), total
	}
	return 0, 0
}

// Unwritten counts the array's chunks that were never written, and all of its chunks; an array in one piece counts as one.
// Reading gives the fill value, mostly zero, for what was never written.
func (d *Dataset) Unwritten() (missing, total int, err error) {
	err = d.file.run(d.path, func() error {
		properties := C.guarded_H5Dget_create_plist(d.id)
		defer release(properties)
		if properties < 0 {
			return failure("describe")
		}
		missing, total = unwritten(d.id, properties, d.Shape)
		return nil
	})
	return missing, total, err
}

// isWritten tells whether the chunk that begins at a position was ever written. The lock is held.
func (d *Dataset) isWritten(position []int) bool {
	where := sizes(position)
	var size C.hsize_t
	defer C.guarded_H5Eclear2(C.H5E_DEFAULT)
	if len(d.Filters) > 0 { // the size of a chunk without filters is the same whether or not it was written
		return C.guarded_H5Dget_chunk_storage_size(d.id, &where[0], &size) >= 0 && size > 0
	}
	var mask C.uint
	address := C.haddr_t(undefined)
	return C.guarded_H5Dget_chunk_info_by_coord(d.id, &where[0], &mask, &address, &size) >= 0 && uint64(address) != undefined
}

// undefined is the address of what has none in a file (HADDR_UNDEF).
const undefined = math.MaxUint64

// MarkUnwritten overwrites with NaN what of a slab's values comes from chunks that were never written.
func (d *Dataset) MarkUnwritten(values []float64, s *Slab) error {
	if s == nil {
		s = d.all()
	}
	if err := d.check(len(values), s); err != nil {
		return d.file.named(d.path, err)
	}
	if d.Chunk == nil {
		if missing, _, err := d.Unwritten(); err != nil || missing == 0 {
			return err
		}
		for i := range values {
			values[i] = math.NaN()
		}
		return nil
	}
	positions := d.touched(s)
	return d.file.run(d.path, func() error {
		for _, position := range positions {
			if d.isWritten(position) {
				continue
			}
			strides := distances(s.Count)
			var mark func(axis, at int)
			mark = func(axis, at int) {
				if axis == len(position) {
					values[at] = math.NaN()
					return
				}
				first, end := s.within(axis, position[axis], position[axis]+d.Chunk[axis])
				for i := first; i < end; i++ {
					mark(axis+1, at+i*strides[axis])
				}
			}
			mark(0, 0)
		}
		return nil
	})
}
