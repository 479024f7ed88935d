/* What cgo can not reach: libhdf5's constants that are expressions, and its callbacks. */
#ifndef WALRUS_HDF5_SHIM_H
#define WALRUS_HDF5_SHIM_H

#include "guard.h"
#include <stddef.h>

/* Number types, in memory and in files. The order is that of the Go constants of type number. */
enum { walrus_float32, walrus_float64, walrus_int8, walrus_int64 };

hid_t walrus_memory_type(int number);
hid_t walrus_file_type(int number);

/* Types that the caller closes: the boolean that h5py writes, and variable-length UTF-8 text. */
hid_t walrus_bool_type(void);
hid_t walrus_text_type(void);

/* Property lists that the caller closes. */
hid_t walrus_open_properties(void);
hid_t walrus_create_properties(void);
hid_t walrus_group_properties(void);
hid_t walrus_dataset_properties(int rank, const hsize_t *chunk, int gzip);

/* Memory of the C library's heap, cleared; NULL if there is none. */
void *walrus_take(size_t n, size_t size);
int walrus_give_back(void *memory);

/* Calls any function, so that it can be guarded. */
int walrus_call(int (*function)(void));

/* Turns the library's own printing of errors off for this thread, and its clearing up when the process ends: files are closed before, and
 * after a fault it might not come to an end. */
void walrus_silence(void);

/* Writes the outermost and the innermost message of the error stack to text, and clears the stack; negative on failure. */
int walrus_error_text(char *text, size_t size);

/* Registers the decoder of h5py's lzf filter. */
herr_t walrus_register_lzf(void);

/* Inflates a zlib stream into at most *length bytes and sets *length to how many there were; NULL, or what is wrong. */
const char *walrus_inflate(unsigned char *values, unsigned long *length, const unsigned char *source, unsigned long size);

/* What kind of link stands at name under location, and where it leads: the object of a soft link, the file and object of
 * an external one. file and object have size bytes each. */
enum { walrus_no_link, walrus_hard_link, walrus_soft_link, walrus_external_link, walrus_other_link };
int walrus_link(hid_t location, const char *name, char *file, char *object, size_t size);

/* The path of the dimension scale (NetCDF: the dimension) along an axis of an array; empty where there is none. */
int walrus_scale_name(hid_t object, int axis, char *name, size_t size);

/* Makes an array a dimension scale of this name, and gives an array the scales of its axes, named by their paths. Negative on failure. */
int walrus_make_scale(hid_t object, const char *name);
int walrus_attach_scales(hid_t file, hid_t object, int rank, const char *const *paths);

/* The numbers that tell an object from all others. Negative on failure. */
int walrus_identity(hid_t object, unsigned long long *file, unsigned long long *address);

#endif
