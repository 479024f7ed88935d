package hdf5

// #include "shim.h"
// #include <stdlib.h>
import "C"

import (
	"errors"
	"unsafe"
)

// MakeScale makes an array of one axis a dimension scale: what a NetCDF file calls a dimension with its coordinates.
func (d *Dataset) MakeScale(name string) error {
	text := C.CString(name)
	defer C.free(unsafe.Pointer(text))
	return d.file.run(d.path, func() error {
		if C.guarded_walrus_make_scale(d.id, text) < 0 {
			return failure("make a dimension scale")
		}
		return nil
	})
}

// AttachScales gives an array the dimension scales of its axes, one path an axis.
func (d *Dataset) AttachScales(paths ...string) error {
	if len(paths) != len(d.Shape) || len(paths) == 0 {
		return d.file.named(d.path, errors.New("one dimension scale an axis is expected"))
	}
	list := make([]*C.char, len(paths))
	for i, p := range paths {
		list[i] = C.CString(p)
		defer C.free(unsafe.Pointer(list[i]))
	}
	raw := C.malloc(C.size_t(len(list)) * C.size_t(unsafe.Sizeof(list[0])))
	if raw == nil {
		return errors.New("hdf5: out of memory")
	}
	defer C.free(raw)
	for i, text := range list {
		*(**C.char)(unsafe.Add(raw, i*int(unsafe.Sizeof(text)))) = text
	}
	return d.file.run(d.path, func() error {
		if C.guarded_walrus_attach_scales(d.file.id, d.id, C.int(len(paths)), (**C.char)(raw)) < 0 {
			return failure("attach dimension scales")
		}
		return nil
	})
}
