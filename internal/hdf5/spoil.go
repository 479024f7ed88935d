//go:build campaign

package hdf5

// #include "guard.h"
// #include <stdlib.h>
//
// // Gives a block back twice, which the C library notices with its heap locked.
// static int twice(void)
// {
//     void *volatile block = malloc(2000);
//     free(block);
//     free(block);
//     return 0;
// }
//
// static int spoil(void) { return guarded_walrus_call(twice); }
import "C"

// spoil does to the heap what a damaged file may make libhdf5 do. The process is worth nothing afterwards: it is for tests.
func (f *File) spoil() error {
	return f.run("/", func() error {
		C.spoil()
		return nil
	})
}
