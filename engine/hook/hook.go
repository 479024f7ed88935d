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
	"log/slog"
	"os"
	"strings"
	"sync"
	"unsafe"

	"github.com/gomlx/go-xla/pjrt"
)

var (
	loading sync.Mutex
	loaded  string            // the plugin that is hooked
	kept    Programs          // of that plugin
	written func(text []byte) // takes the programs of the writer
)

// Programs says where compiled programs are kept, so that a later process need not compile them.
type Programs struct {
	Folder string // "" keeps none
	Made   string // what else a program depends on than its text, its options and the device: plugin and libraries (Identity)
	AtMost int64  // bytes of all files
}

// Load loads the plugin in a file, hooked, so that the bindings find it under the file's path. Only one plugin can be loaded
// in a process; what the last call says of its programs holds.
func Load(path string, p Programs) error {
	loading.Lock()
	defer loading.Unlock()
	switch loaded {
	case path:
		kept = p
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
	loaded, kept = path, p
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

// view is memory of C as Go sees it, for as long as C keeps it.
func view(b C.bytes) []byte { return unsafe.Slice((*byte)(unsafe.Pointer(b.start)), b.size) }

// programs is what the last Load said.
func programs() Programs {
	loading.Lock()
	defer loading.Unlock()
	return kept
}

func (p Programs) store() store { return store{p.Folder, p.AtMost} }

//export programFile
func programFile(code, options, platform, kind C.bytes) *C.char {
	p, flags := programs(), os.Getenv("XLA_FLAGS")
	if p.Folder == "" || strings.Contains(flags, "xla_dump") { // what is not compiled is not dumped
		return nil
	}
	return C.CString(p.store().file(view(code), view(options), view(platform), view(kind), []byte(flags), []byte(p.Made)))
}

//export readProgram
func readProgram(file *C.char, size *C.size_t) *C.char {
	program := programs().store().get(C.GoString(file))
	if program == nil {
		return nil
	}
	*size = C.size_t(len(program))
	return (*C.char)(C.CBytes(program))
}

//export keepProgram
func keepProgram(file *C.char, program C.bytes) {
	if err := programs().store().put(C.GoString(file), view(program)); err != nil {
		slog.Debug("xla: a compiled program is not kept", "error", err)
	}
}

//export noteFailure
func noteFailure(doing *C.char, reason C.bytes) {
	slog.Debug("xla: compiled programs are not kept or not found", "doing", C.GoString(doing), "error", string(view(reason)))
}
