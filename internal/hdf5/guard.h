/* libhdf5 trusts the files it reads: a damaged one can make it read outside its memory. The guarded calls turn such a
 * fault (a signal of the processor, or an abort of the C library) into a failed call, and a call that does not end too.
 * Faults of other threads, and of Go code, go to the handlers of the Go runtime as before. */
#ifndef WALRUS_HDF5_GUARD_H
#define WALRUS_HDF5_GUARD_H

#if defined(__has_include)
#if !__has_include(<hdf5.h>)
#error "HDF5's header files are missing: on Debian and Ubuntu apt-get install libhdf5-dev libaec-dev zlib1g-dev; elsewhere install HDF5 and build with -tags hdf5dynamic, which finds it by pkg-config (README.md, Install)"
#endif
#endif
#include <hdf5.h>
#include <sys/types.h>

/* Installs the signal handlers, once in a process, on the thread of all guarded calls. Negative on failure. */
int walrus_guard_start(void);

/* The signal that stopped a guarded call since this was last asked, or 0. */
int walrus_guard_fault(void);

/* How many guarded calls have begun, and the processor time in seconds that their thread has used; negative if unknown. */
unsigned long walrus_guard_calls(void);
double walrus_guard_time(void);

/* Ends the guarded call of this number, as a fault would, if it still runs. Such an end is not certain: ask again. */
void walrus_guard_end(unsigned long call);

#define GUARDED(failed, result, name, parameters, arguments) result guarded_##name parameters;
#include "calls.h"
#undef GUARDED

#endif
