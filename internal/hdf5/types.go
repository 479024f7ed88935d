package hdf5

// #include "shim.h"
import "C"

import (
	"fmt"
	"math"
)

// number is a type of numbers in memory; the values are those of the enumeration in shim.h.
type number C.int

const (
	float32s number = C.walrus_float32
	float64s number = C.walrus_float64
	int8s    number = C.walrus_int8
	int64s   number = C.walrus_int64
)

// typeOf describes an open type. The lock is held.
func typeOf(id C.hid_t) Type {
	t := Type{Size: int(C.guarded_H5Tget_size(id)), BigEndian: C.guarded_H5Tget_order(id) == C.H5T_ORDER_BE}
	switch C.guarded_H5Tget_class(id) {
	case C.H5T_INTEGER:
		t.Class = Integer
		t.Unsigned = C.guarded_H5Tget_sign(id) == C.H5T_SGN_NONE
	case C.H5T_FLOAT:
		t.Class = Float
	case C.H5T_STRING:
		t.Class = Text
		t.FixedLength = C.guarded_H5Tis_variable_str(id) <= 0
	case C.H5T_ENUM:
		t.Class = Integer
		if C.guarded_H5Tget_nmembers(id) == 2 && memberName(id, 0) == "FALSE" && memberName(id, 1) == "TRUE" {
			t.Class = Bool
		}
	}
	return t
}

// memberName is the name of a member of an enumeration; empty where it can not be read.
func memberName(id C.hid_t, i C.uint) string {
	name := C.guarded_H5Tget_member_name(id, i)
	if name == nil {
		return ""
	}
	defer C.guarded_H5free_memory(pointer(name))
	return C.GoString(name)
}

// mostDimensions bounds the rank of an array; libhdf5's own limit is 32.
const mostDimensions = 32

// shapeOf reads the extents of a data space: nil for a single value, and ok false for a null space, which has no value
// at all. The lock is held.
func shapeOf(space C.hid_t) (shape []int, ok bool, err error) {
	switch C.guarded_H5Sget_simple_extent_type(space) {
	case C.H5S_NULL:
		return nil, false, nil
	case C.H5S_SCALAR:
		return nil, true, nil
	}
	rank := C.guarded_H5Sget_simple_extent_ndims(space)
	if rank < 0 || rank > mostDimensions {
		return nil, false, failure("shape of %d dimensions", rank)
	}
	extents := make([]C.hsize_t, rank+1) // never empty, so that its address can be taken
	if C.guarded_H5Sget_simple_extent_dims(space, &extents[0], nil) < 0 {
		return nil, false, failure("shape")
	}
	for _, n := range extents[:rank] {
		if n > math.MaxInt {
			return nil, false, fmt.Errorf("an extent of %d", uint64(n))
		}
		shape = append(shape, int(n))
	}
	if _, fits := volume(shape); !fits {
		return nil, false, fmt.Errorf("shape %v has more elements than can be counted", shape)
	}
	return shape, true, nil
}

// volume is the number of elements of an array, and whether it can be counted in bytes of eight.
func volume(shape []int) (n int, fits bool) {
	n = 1
	for _, s := range shape {
		if s < 0 || s > 0 && n > math.MaxInt/16/s {
			return 0, false
		}
		n *= s
	}
	return n, true
}
