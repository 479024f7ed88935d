package hdf5

// #include "shim.h"
import "C"

import (
	"fmt"
	"runtime"
	"sync"
)

// library serialises every call into libhdf5, which is one state machine for the whole process.
var library struct {
	sync.Mutex
	ready bool
}

// locked runs f with the library's lock held, on one thread: libhdf5 keeps its error stack per thread, so that the code
// that asks for the error must run where the failing call ran.
func locked(f func() error) error {
	library.Lock()
	defer library.Unlock()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	C.walrus_silence()
	if !library.ready {
		if C.walrus_register_lzf() < 0 {
			return failure("register the lzf filter")
		}
		library.ready = true
	}
	return f()
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
		C.H5Idec_ref(id)
	}
}
