package hdf5

// #include "shim.h"
// #include <signal.h>
import "C"

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"unsafe"

	"github.com/gowalrus/walrus/internal/fault"
)

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

// locked is within without a bound.
func locked(f func() error) error { return within(0, f) }

// within runs f on the library's thread, after all that other goroutines asked for before; the library gets at most so many bytes at once
// (0: no bound). A fault of the library in it is an error that wraps ErrDamaged.
func within(memory int64, f func() error) error {
	queue, err := library()
	if err != nil {
		return err
	}
	done := make(chan error)
	queue <- func() {
		if C.walrus_guard_broken() != 0 {
			done <- ErrBroken
			return
		}
		C.walrus_guard_limit(C.ulonglong(memory))
		watched := watch()
		err := fault.Catch(f)
		signal := C.walrus_guard_fault()
		if signal != 0 {
			C.walrus_guard_try()
		}
		watched.end()
		switch signal {
		case 0:
		case C.SIGXCPU:
			err = fmt.Errorf("%w (it came to no end)", ErrDamaged)
		default:
			err = fmt.Errorf("%w (signal %d)", ErrDamaged, int(signal))
		}
		if C.walrus_guard_broken() != 0 {
			err = fmt.Errorf("%w; libhdf5 has spoiled its memory on it, and reads no other file until the program is started again", err)
		}
		done <- err
	}
	return <-done
}

// terminated is a text as C has it, in Go's memory: the library's thread takes nothing from the C library's heap unguarded, which a
// damaged file may have spoiled.
func terminated(text string) *C.char {
	bytes := append([]byte(text), 0)
	return (*C.char)(unsafe.Pointer(&bytes[0]))
}

// failure turns the library's error stack into an error: what was attempted, what that means for the user's file where it
// is known, and the library's own words for those who look them up.
func failure(format string, args ...any) error {
	var text [512]C.char
	C.guarded_walrus_error_text(&text[0], C.size_t(len(text)))
	return fmt.Errorf("%s: %s", fmt.Sprintf(format, args...), explain(C.GoString(&text[0])))
}

// meanings say what the library's messages mean for a file, and the way out. The first that occurs in a message counts.
var meanings = []struct{ message, meaning string }{
	{"signature not found", "not an HDF5 file, or its start is damaged"},
	{"truncated file", "the file ends early: it was not copied whole, or its writer was stopped; copy or write it again"},
	{"lock", "the file system refuses locks; set HDF5_USE_FILE_LOCKING=FALSE"},
	{"already open for", "another program has it open for writing, or one that did was killed; where none has: h5clear -s FILE"},
	{"No such file", "there is no such file"},
	{"Permission denied", "reading or writing it is not permitted"},
	{"No space left", "the disk is full"},
	{"version", "written in an encoding that is newer than libhdf5 " + libraryVersion + " reads, or damaged; rewrite it with: h5repack --high=v110 OLD NEW (in h5py: libver=(\"earliest\", \"v110\"))"},
	{"doesn't exist", "it is not in the file"},
	{"not found", "it is not in the file"},
	{"filter", "compressed values can not be unpacked: they are damaged, or need a filter that this program lacks; try: h5repack -f GZIP=4 OLD NEW"},
	{"out of range", "a part of the file is missing or damaged"},
	{"overflow", "a part of the file is missing or damaged"},
	{"addr", "a part of the file is missing or damaged"},
}

// libraryVersion is the version of libhdf5 that the program was built with.
var libraryVersion = fmt.Sprintf("%d.%d.%d", C.H5_VERS_MAJOR, C.H5_VERS_MINOR, C.H5_VERS_RELEASE)

// explain puts the meaning of one of the library's messages before it.
func explain(message string) string {
	for _, m := range meanings {
		if strings.Contains(message, m.message) {
			return fmt.Sprintf("%s (libhdf5: %s)", m.meaning, message)
		}
	}
	return fmt.Sprintf("the file is damaged, or is not what was expected (libhdf5: %s)", message)
}

// release closes a handle of any kind but a file. Closing what was opened for reading can only fail for a handle that is
// already gone, as the handles of a closed file are, so that there is nothing to report.
func release(id C.hid_t) {
	if id > 0 {
		C.guarded_H5Idec_ref(id)
	}
}
