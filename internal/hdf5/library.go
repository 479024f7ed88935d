package hdf5

// #include "shim.h"
import "C"

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
)

// ErrDamaged marks a file that made libhdf5 itself fail. Nothing more is read from it.
var ErrDamaged = errors.New("libhdf5 failed on it; the file is damaged")

// library gives the queue of work for the one thread that libhdf5 runs on. The library is a single state machine for the
// process, keeps its error stack per thread, and after a fault its locks belong to the thread that had it; with one
// thread all three are simple.
var library = sync.OnceValues(func() (chan<- func(), error) {
	queue := make(chan func())
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		started <- start()
		for work := range queue {
			work()
		}
	}()
	return queue, <-started
})

// start prepares the library on its thread.
func start() error {
	C.walrus_silence()
	if C.walrus_register_lzf() < 0 {
		return failure("register the lzf filter")
	}
	if C.walrus_guard_start() < 0 {
		return errors.New("signal handlers can not be installed")
	}
	return nil
}

// locked runs f on the library's thread, after all that other goroutines asked for before. A fault of the library in it
// is an error that wraps ErrDamaged.
func locked(f func() error) error {
	queue, err := library()
	if err != nil {
		return err
	}
	done := make(chan error)
	queue <- func() {
		err := f()
		if signal := C.walrus_guard_fault(); signal != 0 {
			err = fmt.Errorf("%w (signal %d)", ErrDamaged, int(signal))
		}
		done <- err
	}
	return <-done
}

// failure turns the library's error stack into an error that starts with what was attempted.
func failure(format string, args ...any) error {
	var text [512]C.char
	C.walrus_error_text(&text[0], C.size_t(len(text)))
	return fmt.Errorf("%s: %s", fmt.Sprintf(format, args...), C.GoString(&text[0]))
}

// release closes a handle of any kind but a file. Closing what was opened for reading can only fail for a handle that is
// already gone, as the handles of a closed file are, so that there is nothing to report.
func release(id C.hid_t) {
	if id > 0 {
		C.guarded_H5Idec_ref(id)
	}
}
