// Package hdf5 is a thin, safe layer over libhdf5: the few calls that reading and writing The Well's files needs.
//
// The one idea: libhdf5 itself decodes the format, and this package makes it behave like Go. Every return code is
// checked, every handle has one owner that closes it, all calls hold one lock (the library is a single state machine),
// the library's error stack becomes a Go error and is never printed, and every size that a file claims is compared with
// what the file really stores before memory is taken for it.
//
// Objects are named by their path inside the file ("t0_fields/density"). Numbers are read in the type that the caller
// asks for, whatever the file stores: byte order, width and booleans (an enumeration FALSE, TRUE) are converted.
//
// The library is linked statically by default; the build tag hdf5dynamic links the system's shared one instead.
// Without cgo there is none, and Open and Create say so.
package hdf5
