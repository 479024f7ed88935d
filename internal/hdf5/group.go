package hdf5

// #include "shim.h"
import "C"

import (
	"errors"
	"fmt"
	"strings"
)

// Members lists the objects in a group, sorted by name.
func (f *File) Members(group string) ([]Entry, error) {
	var entries []Entry
	err := f.withObject(group, func(object C.hid_t) error {
		if C.guarded_H5Iget_type(object) != C.H5I_GROUP {
			return errors.New("not a group")
		}
		var info C.H5G_info_t
		if C.guarded_H5Gget_info(object, &info) < 0 {
			return failure("list")
		}
		for i := C.hsize_t(0); i < info.nlinks; i++ {
			name, err := nameOf(func(buffer *C.char, size C.size_t) C.ssize_t {
				return C.guarded_H5Lget_name_by_idx(object, here, C.H5_INDEX_NAME, C.H5_ITER_INC, i, buffer, size, C.H5P_DEFAULT)
			})
			if err != nil {
				return fmt.Errorf("member %d of %d: %w", i, info.nlinks, err)
			}
			entries = append(entries, entryOf(object, name))
		}
		return nil
	})
	return entries, err
}

// here is the name of an object relative to itself, as libhdf5 wants it.
var here = C.CString(".")

// longestName bounds the names of members and attributes, in bytes.
const longestName = 1 << 12

// nameOf asks for a name's length, then for the name.
func nameOf(get func(buffer *C.char, size C.size_t) C.ssize_t) (string, error) {
	n := get(nil, 0)
	if n < 0 {
		return "", failure("name")
	}
	if n > longestName {
		return "", fmt.Errorf("a name of %d bytes; at most %d are read", n, longestName)
	}
	buffer := make([]C.char, n+1)
	if get(&buffer[0], C.size_t(len(buffer))) < 0 {
		return "", failure("name")
	}
	return C.GoString(&buffer[0]), nil
}

// kindOf tells what stands at path under location. The lock is held.
func kindOf(location C.hid_t, path string) Kind { return entryOf(location, path).Kind }

// entryOf describes the object at path under location. The lock is held.
func entryOf(location C.hid_t, path string) Entry {
	e := Entry{Name: path}
	name := terminated(path)
	object := C.guarded_H5Oopen(location, name, C.H5P_DEFAULT)
	if object < 0 {
		C.guarded_H5Eclear2(C.H5E_DEFAULT)
		return e
	}
	defer release(object)
	var file, address C.ulonglong
	if C.guarded_walrus_identity(object, &file, &address) >= 0 {
		e.ID = [2]uint64{uint64(file), uint64(address)}
	}
	switch C.guarded_H5Iget_type(object) {
	case C.H5I_GROUP:
		e.Kind = KindGroup
	case C.H5I_DATASET:
		e.Kind = KindDataset
	}
	return e
}

// Has reports whether an object of this kind stands at path. Damaged parts of a file count as absent.
func (f *File) Has(path string, kind Kind) bool {
	found := KindOther
	err := f.do(path, func(*C.char) error {
		// A missing link on the way is an error to libhdf5, so that each part of the path is asked for in turn.
		parts := strings.Split(strings.Trim(path, "/"), "/")
		for i := range parts {
			if C.guarded_H5Lexists(f.id, terminated(strings.Join(parts[:i+1], "/")), C.H5P_DEFAULT) <= 0 {
				return nil
			}
		}
		found = kindOf(f.id, path)
		return nil
	})
	return err == nil && found == kind
}

// CreateGroup makes a group; its parent must exist.
func (f *File) CreateGroup(path string) error {
	return f.do(path, func(name *C.char) error {
		properties := C.guarded_walrus_group_properties()
		defer release(properties)
		if properties < 0 {
			return failure("create group")
		}
		group := C.guarded_H5Gcreate2(f.id, name, C.H5P_DEFAULT, properties, C.H5P_DEFAULT)
		if group < 0 {
			return failure("create group")
		}
		release(group)
		return nil
	})
}
