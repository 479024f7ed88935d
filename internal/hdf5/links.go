package hdf5

// #include "shim.h"
import "C"

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// unreachable says why the object at path can not be opened: it is absent, a link on the way leads nowhere, or the
// library's reason. The lock is held.
func (f *File) unreachable(path string, reason error) error {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	for i := range parts {
		part := strings.Join(parts[:i+1], "/")
		if part == "" {
			return reason
		}
		var file, object [2048]C.char
		kind := C.guarded_walrus_link(f.id, terminated(part), &file[0], &object[0], C.size_t(len(file)))
		C.guarded_H5Eclear2(C.H5E_DEFAULT)
		if kind == C.walrus_no_link {
			return ErrAbsent
		}
		if kind == C.walrus_hard_link || kindOf(f.id, part) != KindOther {
			continue
		}
		target := C.GoString(&object[0])
		switch kind {
		case C.walrus_soft_link:
			return fmt.Errorf("%s is a link to %s, which is not in the file", part, target)
		case C.walrus_external_link:
			other := C.GoString(&file[0])
			if found := besideFile(f.path, other, "HDF5_EXT_PREFIX"); found == "" {
				return fmt.Errorf("%s is a link to %s in the file %s, which does not exist; put that file beside this one", part, target, other)
			}
			return fmt.Errorf("%s is a link to %s in the file %s, which can not be opened there", part, target, other)
		}
		return fmt.Errorf("%s is a link of a kind that this program does not know", part)
	}
	return reason
}

// besideFile finds a file that another one names, where libhdf5 looks for it: under the folders of an environment
// variable, beside the file, and in the working folder. Empty where it is in none of them.
func besideFile(main, name, variable string) string {
	var tried []string
	if filepath.IsAbs(name) {
		tried = append(tried, name)
		name = filepath.Base(name)
	}
	for _, folder := range filepath.SplitList(os.Getenv(variable)) {
		tried = append(tried, filepath.Join(strings.ReplaceAll(folder, "${ORIGIN}", filepath.Dir(main)), name))
	}
	real := main
	if resolved, err := filepath.EvalSymlinks(main); err == nil {
		real = resolved
	}
	tried = append(tried, filepath.Join(filepath.Dir(main), name), name, filepath.Join(filepath.Dir(real), name))
	for _, path := range tried {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path
		}
	}
	return ""
}

// ScaleNames are the paths of the dimension scales along the axes of the array at path, as NetCDF-4 files and others name
// what their axes are; empty where an axis has none.
func (f *File) ScaleNames(path string) ([]string, error) {
	var names []string
	err := f.withObject(path, func(object C.hid_t) error {
		space := C.guarded_H5Dget_space(object)
		defer release(space)
		shape, _, err := shapeOf(space)
		for axis := range shape {
			var name [longestName]C.char
			C.guarded_walrus_scale_name(object, C.int(axis), &name[0], C.size_t(len(name)))
			names = append(names, C.GoString(&name[0]))
		}
		return err
	})
	return names, err
}
