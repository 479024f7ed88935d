//go:build hdf5dynamic

package hdf5

// #cgo pkg-config: hdf5
// #cgo LDFLAGS: -lz
import "C"
