//go:build xla

package hook

/*
#cgo LDFLAGS: -ldl
#include <stdlib.h>
#include "hook.h"
*/
import "C"

import (
	"fmt"
	"strings"
	"sync"
	"unsafe"

	"github.com/gomlx/go-xla/pjrt"
)

var (
	loading sync.Mutex
	loaded  string            // the plugin that is hooked
	written func(text []byte) // takes the programs of the writer
)

// Load loads the plugin in a file, hooked, so that the bindings find it under the file's path. Only one plugin can be loaded
// in a process.
func Load(path string) error {
	loading.Lock()
	defer loading.Unlock()
	switch loaded {
	case path:
		return nil
	case "":
	default:
		return fmt.Errorf("the plugin %s is loaded already, and a process has one", loaded)
	}
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	var reason *C.char
	api := C.hooked(name, &reason)
	if api == nil {
		defer C.free(unsafe.Pointer(reason))
		return fmt.Errorf("the plugin %s can not be loaded: %s", path, C.GoString(reason))
	}
	if err := pjrt.RegisterPreloadedPlugin(path, uintptr(unsafe.Pointer(api))); err != nil {
		return fmt.Errorf("the plugin %s: %w", path, err)
	}
	loaded = path
	return nil
}

// LoadWriter makes a plugin that runs nothing and says that it is CUDA's: write gets each program, as CUDA's plugin would
// get it, and compiling it then fails with an error that IsWritten knows. It returns the path under which the bindings
// find it.
func LoadWriter(devices int, write func(text []byte)) (path string, err error) {
	const name = "/cuda-writer"
	loading.Lock()
	defer loading.Unlock()
	api := C.writer(C.int(devices))
	if api == nil {
		return "", fmt.Errorf("programs for %d devices; at most 64", devices)
	}
	written = write
	return name, pjrt.RegisterPreloadedPlugin(name, uintptr(unsafe.Pointer(api)))
}

// IsWritten reports whether an error is the end of a program of LoadWriter.
func IsWritten(err error) bool {
	return err != nil && strings.Contains(err.Error(), C.GoString(C.refusal()))
}

//export editProgram
func editProgram(code *C.char, size C.size_t, edited *C.size_t) *C.char {
	text := C.GoBytes(unsafe.Pointer(code), C.int(size))
	changed := Edit(text)
	*edited = C.size_t(len(changed))
	return (*C.char)(C.CBytes(changed))
}

//export writeProgram
func writeProgram(code *C.char, size C.size_t) {
	if written != nil {
		written(Edit(C.GoBytes(unsafe.Pointer(code), C.int(size))))
	}
}
