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

/* The signal that stopped a guarded call since this was last asked, or 0. Until then all others fail without being made. */
int walrus_guard_fault(void);

/* How many guarded calls have begun, and the processor time in seconds that their thread has used; negative if unknown. */
unsigned long walrus_guard_calls(void);
double walrus_guard_time(void);

/* The most memory that guarded calls get at once, in builds that link libhdf5 statically; 0 for any. */
void walrus_guard_limit(unsigned long long bytes);

/* Ends the guarded call of this number, as a fault would, if it still runs. Such an end is not certain: ask again. A call is not ended
 * inside the C library, whose heap would be left locked, unless one insists. */
void walrus_guard_end(unsigned long call, int insist);

/* Tries after a fault whether heap and library still work. It may be ended as a call may. */
void walrus_guard_try(void);

/* After how many seconds without the processor a call counts as blocked by a lock that a fault has left taken; 0 for never. */
double walrus_guard_blocked(void);

/* Whether heap or library turned out to be lost, or a call had to be ended inside the C library. From then on guarded calls fail without being made. */
int walrus_guard_broken(void);

#define GUARDED(failed, result, name, parameters, arguments) result guarded_##name parameters;
#include "calls.h"
#undef GUARDED

#endif
