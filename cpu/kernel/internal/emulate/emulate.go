//go:build emulate && linux && amd64 && cgo

package emulate

// #cgo CFLAGS: -D_GNU_SOURCE -Wall -Wextra -Wno-missing-field-initializers
// #cgo LDFLAGS: -lm
// #include "emulate.h"
import "C"

import (
	"errors"
	"sync"
	"unsafe"
)

// Start catches missing instructions from now on, in all threads. It may be called again.
var Start = sync.OnceValue(func() error {
	if missing := C.emulate_start(); missing != nil {
		return errors.New("emulate: " + C.GoString(missing))
	}
	return nil
})

// Counts tells how often each instruction was carried out since the start of the program, by its name in the manual.
func Counts() map[string]uint64 {
	counts := map[string]uint64{}
	for i := C.int(0); ; i++ {
		known := C.emulate_known(i)
		if known == nil {
			return counts
		}
		counts[C.GoString(known.name)] += uint64(known.count)
	}
}

// call runs machine code, which finds its arguments in RDI, RSI, RDX and RCX, ends with RET, and may change the registers that a function
// of C may change.
func call(code []byte, a, b unsafe.Pointer, c, d uint64) {
	C.emulate_call(unsafe.Pointer(&code[0]), a, b, C.uint64_t(c), C.uint64_t(d))
}
