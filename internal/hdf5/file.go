package hdf5

// #include "shim.h"
// #include <stdlib.h>
import "C"

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"unsafe"
)

// Here tells whether this build has libhdf5.
const Here = true

// File is an open HDF5 file. Its methods may be called from several goroutines; they take turns.
type File struct {
	id   C.hid_t
	path string
	size int64 // bytes on disk when opened; bounds what its objects can claim

	memory  int64    // what the library gets at once; 0 without a bound, for a file that is written
	reader  *os.File // of a file opened for reading: its bytes, for what is read without the library
	damaged bool     // the library failed on it: it is left alone, even by Close
}

// Open opens a file for reading.
func Open(path string) (*File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("hdf5: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("hdf5: %w", fmt.Errorf("%s: not a regular file", path))
	}
	if err := beingWritten(path); err != nil {
		return nil, fmt.Errorf("hdf5: %s: %w", path, err)
	}
	f := &File{path: path, size: info.Size(), memory: memoryFor(info.Size())}
	err = f.start(func(name *C.char, access C.hid_t) error {
		if f.id = C.guarded_H5Fopen(name, C.H5F_ACC_RDONLY, access); f.id < 0 {
			return failure("open")
		}
		return nil
	})
	if err == nil {
		err = f.openReader()
	}
	if err != nil {
		return nil, err
	}
	return f, nil
}

// openReader opens the file's bytes, unless positions in them are not what the library says (a user block before the
// header shifts them).
func (f *File) openReader() error {
	userBlock := C.hsize_t(0)
	err := f.run("/", func() error {
		creation := C.guarded_H5Fget_create_plist(f.id)
		defer release(creation)
		if creation < 0 || C.guarded_H5Pget_userblock(creation, &userBlock) < 0 {
			return failure("file creation properties")
		}
		return nil
	})
	if err == nil && userBlock == 0 {
		f.reader, err = os.Open(f.path)
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	return nil
}

// memoryFor bounds what libhdf5 gets at once to read a file of so many bytes: a chunk, unpacked.
func memoryFor(bytes int64) int64 { return max(512<<20, 4*bytes) }

// Create creates an empty file for writing, in place of what stands at path. The same calls give the same bytes: nothing
// in the file depends on the time of writing.
func Create(path string) (*File, error) {
	f := &File{path: path}
	err := f.start(func(name *C.char, access C.hid_t) error {
		creation := C.guarded_walrus_create_properties()
		defer release(creation) // forgets the library's reason, which is asked for before
		if creation >= 0 {
			f.id = C.guarded_H5Fcreate(name, C.H5F_ACC_TRUNC, creation, access)
		}
		if creation < 0 || f.id < 0 {
			return failure("create")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return f, nil
}

// start runs the call that opens or creates the file and sets its id.
func (f *File) start(begin func(name *C.char, access C.hid_t) error) error {
	name := C.CString(f.path)
	defer C.free(unsafe.Pointer(name))
	err := within(f.memory, func() error {
		access := C.guarded_walrus_open_properties()
		defer release(access)
		if access < 0 {
			return failure("open")
		}
		return begin(name, access)
	})
	if err != nil {
		return fmt.Errorf("hdf5: %s: %w", f.path, err)
	}
	return nil
}

// Path is the name that the file was opened under.
func (f *File) Path() string { return f.path }

// Close writes what is still in memory and closes the file with all its data sets. A second call does nothing.
func (f *File) Close() error {
	if f.reader != nil {
		defer f.reader.Close() // it was only read
	}
	err := locked(func() error {
		if f.id == 0 || f.damaged {
			return nil
		}
		status := C.guarded_H5Fclose(f.id)
		f.id = 0
		if status < 0 {
			return failure("close")
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("hdf5: %s: %w", f.path, err)
	}
	return nil
}

// do runs one operation on the object at path, inside the lock; errors are given the file's and the object's name.
func (f *File) do(path string, operation func(name *C.char) error) error {
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	return f.run(path, func() error { return operation(name) })
}

// run runs an operation for the object at path on the library's thread.
func (f *File) run(path string, operation func() error) error {
	err := within(f.memory, func() error {
		switch {
		case f.damaged:
			return ErrDamaged
		case f.id == 0:
			return fs.ErrClosed
		}
		allow(f.size, slowestRead)
		return operation()
	})
	if err != nil {
		if errors.Is(err, ErrDamaged) {
			_ = locked(func() error { f.damaged = true; return nil })
		}
		return f.named(path, err)
	}
	return nil
}

// named gives an error the file's and the object's name, if it has none.
func (f *File) named(path string, err error) error {
	if has := (*Error)(nil); errors.As(err, &has) {
		return err
	}
	return &Error{File: f.path, Object: path, Err: err}
}

// withObject runs an operation on the opened object at path.
func (f *File) withObject(path string, operation func(object C.hid_t) error) error {
	return f.do(path, func(name *C.char) error {
		object := C.guarded_H5Oopen(f.id, name, C.H5P_DEFAULT)
		if object < 0 {
			return f.unreachable(path, failure("open"))
		}
		defer release(object)
		return operation(object)
	})
}
