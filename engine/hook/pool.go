//go:build xla

package hook

/*
#include <stdlib.h>
#include "pool.h"
*/
import "C"

import "unsafe"

// CUDADriver is the library of NVIDIA's driver.
const CUDADriver = "libcuda.so.1"

// HasPools reports whether a driver has cards, and each a memory pool of its own. XLA ends the process if it is to use pools
// and one card has none.
func HasPools(driver string) bool {
	name := C.CString(driver)
	defer C.free(unsafe.Pointer(name))
	return C.has_pools(name) != 0
}

// KeepPools lets the pools of a driver's cards keep what is freed, once XLA uses them, and reports whether it could. XLA leaves
// them at giving it back to the card whenever the host waits, so that every step would begin with taking its temporaries
// again.
func KeepPools(driver string) bool {
	name := C.CString(driver)
	defer C.free(unsafe.Pointer(name))
	return C.keep_pools(name) != 0
}
