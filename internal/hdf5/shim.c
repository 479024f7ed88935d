#include "shim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

hid_t walrus_memory_type(int number)
{
    switch (number) {
    case walrus_float32: return H5T_NATIVE_FLOAT;
    case walrus_float64: return H5T_NATIVE_DOUBLE;
    case walrus_int8: return H5T_NATIVE_INT8;
    default: return H5T_NATIVE_INT64;
    }
}

hid_t walrus_file_type(int number)
{
    switch (number) {
    case walrus_float32: return H5T_IEEE_F32LE;
    case walrus_float64: return H5T_IEEE_F64LE;
    case walrus_int8: return H5T_STD_I8LE;
    default: return H5T_STD_I64LE;
    }
}

/* Closes a half-made type or property list after a failed step. */
static hid_t checked(hid_t id, herr_t status)
{
    if (id >= 0 && status < 0) {
        guarded_H5Idec_ref(id);
        return -1;
    }
    return id;
}

hid_t walrus_bool_type(void)
{
    const signed char no = 0, yes = 1;
    hid_t type = H5Tenum_create(H5T_STD_I8LE);
    type = checked(type, type < 0 ? -1 : H5Tenum_insert(type, "FALSE", &no));
    return checked(type, type < 0 ? -1 : H5Tenum_insert(type, "TRUE", &yes));
}

hid_t walrus_text_type(void)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    type = checked(type, type < 0 ? -1 : H5Tset_size(type, H5T_VARIABLE));
    return checked(type, type < 0 ? -1 : H5Tset_cset(type, H5T_CSET_UTF8));
}

hid_t walrus_open_properties(void)
{
    hid_t list = H5Pcreate(H5P_FILE_ACCESS);
    list = checked(list, list < 0 ? -1 : H5Pset_fclose_degree(list, H5F_CLOSE_STRONG));
#if H5_VERSION_GE(1, 10, 7)
    /* File systems of clusters often have no locks, and what is written here has a temporary name that nobody else opens.
     * Files that another program is writing are found in locks.go. HDF5_USE_FILE_LOCKING overrides this in the library. */
    list = checked(list, list < 0 ? -1 : H5Pset_file_locking(list, 0, 1));
#endif
    return list;
}

hid_t walrus_create_properties(void)
{
    hid_t list = H5Pcreate(H5P_FILE_CREATE);
    return checked(list, list < 0 ? -1 : H5Pset_obj_track_times(list, 0));
}

hid_t walrus_group_properties(void)
{
    hid_t list = H5Pcreate(H5P_GROUP_CREATE);
    return checked(list, list < 0 ? -1 : H5Pset_obj_track_times(list, 0));
}

hid_t walrus_dataset_properties(int rank, const hsize_t *chunk, int gzip)
{
    hid_t list = H5Pcreate(H5P_DATASET_CREATE);
    list = checked(list, list < 0 ? -1 : H5Pset_obj_track_times(list, 0));
    if (rank == 0) /* contiguous: fixed place in the file, whatever the order of writing */
        return checked(list, list < 0 ? -1 : H5Pset_alloc_time(list, H5D_ALLOC_TIME_EARLY));
    list = checked(list, list < 0 ? -1 : H5Pset_chunk(list, rank, chunk));
    if (gzip == 0)
        return list;
    list = checked(list, list < 0 ? -1 : H5Pset_shuffle(list));
    return checked(list, list < 0 ? -1 : H5Pset_deflate(list, (unsigned)gzip));
}

void *walrus_take(size_t n, size_t size) { return calloc(n, size); }

int walrus_give_back(void *memory)
{
    free(memory);
    return 0;
}

int walrus_call(int (*function)(void)) { return function(); }

void walrus_silence(void)
{
    H5dont_atexit();
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

struct messages {
    const char *outer;
    const char *inner;
};

static herr_t collect(unsigned n, const H5E_error2_t *error, void *data)
{
    struct messages *m = data;
    if (error->desc == NULL || error->desc[0] == 0)
        return 0;
    if (m->outer == NULL)
        m->outer = error->desc;
    m->inner = error->desc;
    (void)n;
    return 0;
}

int walrus_error_text(char *text, size_t size)
{
    struct messages m = {NULL, NULL};
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, collect, &m);
    if (m.outer == NULL)
        snprintf(text, size, "libhdf5 gave no reason");
    else if (strcmp(m.outer, m.inner) == 0)
        snprintf(text, size, "%s", m.outer);
    else
        snprintf(text, size, "%s: %s", m.outer, m.inner);
    return H5Eclear2(H5E_DEFAULT);
}

const char *walrus_inflate(unsigned char *values, unsigned long *length, const unsigned char *source, unsigned long size)
{
    switch (uncompress(values, length, source, size)) {
    case Z_OK: return NULL;
    case Z_MEM_ERROR: return "out of memory";
    case Z_BUF_ERROR: return "the chunk ends early, or holds more than its shape";
    default: return "the chunk is damaged";
    }
}

int walrus_link(hid_t location, const char *name, char *file, char *object, size_t size)
{
    H5L_info_t info;
    file[0] = object[0] = 0;
    if (guarded_H5Lget_info(location, name, &info, H5P_DEFAULT) < 0)
        return walrus_no_link;
    if (info.type == H5L_TYPE_HARD)
        return walrus_hard_link;
    char value[4096];
    if (info.u.val_size > sizeof value || guarded_H5Lget_val(location, name, value, sizeof value, H5P_DEFAULT) < 0)
        return walrus_other_link;
    if (info.type == H5L_TYPE_SOFT) {
        snprintf(object, size, "%s", value);
        return walrus_soft_link;
    }
    const char *path, *target;
    if (info.type != H5L_TYPE_EXTERNAL || H5Lunpack_elink_val(value, info.u.val_size, NULL, &path, &target) < 0)
        return walrus_other_link;
    snprintf(file, size, "%s", path);
    snprintf(object, size, "%s", target);
    return walrus_external_link;
}

int walrus_identity(hid_t object, unsigned long long *file, unsigned long long *address)
{
    H5O_info_t info;
    if (guarded_H5Oget_info(object, &info) < 0)
        return -1;
    *file = info.fileno;
    *address = (unsigned long long)info.addr;
    return 0;
}

int walrus_scale_name(hid_t object, int axis, char *name, size_t size)
{
    name[0] = 0;
    if (H5Aexists(object, "DIMENSION_LIST") <= 0)
        return 0;
    hid_t id = guarded_H5Aopen(object, "DIMENSION_LIST", H5P_DEFAULT);
    hid_t type = id < 0 ? -1 : guarded_H5Aget_type(id), inner = type < 0 ? -1 : H5Tget_super(type), space = id < 0 ? -1 : guarded_H5Aget_space(id);
    hvl_t lists[H5S_MAX_RANK];
    if (inner >= 0 && space >= 0 && H5Tget_class(type) == H5T_VLEN && H5Tequal(inner, H5T_STD_REF_OBJ) > 0 && H5Sget_simple_extent_npoints(space) <= H5S_MAX_RANK
        && axis < H5Sget_simple_extent_npoints(space) && guarded_H5Aread(id, type, lists) >= 0) {
        hid_t scale = lists[axis].len > 0 ? guarded_H5Rdereference2(object, H5P_DEFAULT, H5R_OBJECT, lists[axis].p) : -1;
        if (scale >= 0 && guarded_H5Iget_name(scale, name, size) < 0)
            name[0] = 0;
        if (scale >= 0)
            guarded_H5Idec_ref(scale);
        guarded_H5Dvlen_reclaim(type, space, H5P_DEFAULT, lists);
    }
    hid_t all[] = {inner, space, type, id};
    for (int i = 0; i < 4; i++)
        if (all[i] >= 0)
            guarded_H5Idec_ref(all[i]);
    H5Eclear2(H5E_DEFAULT);
    return 0;
}

/* Writes an attribute of a type that this closes. */
static int write_attribute(hid_t object, const char *name, hid_t type, hid_t space, const void *data)
{
    hid_t id = type < 0 || space < 0 ? -1 : guarded_H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    herr_t status = id < 0 ? -1 : guarded_H5Awrite(id, type, data);
    hid_t all[] = {id, space, type};
    for (int i = 0; i < 3; i++)
        if (all[i] >= 0)
            guarded_H5Idec_ref(all[i]);
    return status < 0 ? -1 : 0;
}

/* Text of fixed length: what readers of dimension scales ask for. */
static int write_fixed_text(hid_t object, const char *name, const char *value)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    type = checked(type, type < 0 ? -1 : H5Tset_size(type, strlen(value) + 1));
    return write_attribute(object, name, type, H5Screate(H5S_SCALAR), value);
}

int walrus_make_scale(hid_t object, const char *name)
{
    return write_fixed_text(object, "CLASS", "DIMENSION_SCALE") < 0 || write_fixed_text(object, "NAME", name) < 0 ? -1 : 0;
}

int walrus_attach_scales(hid_t file, hid_t object, int rank, const char *const *paths)
{
    hobj_ref_t references[H5S_MAX_RANK];
    hvl_t lists[H5S_MAX_RANK];
    if (rank < 1 || rank > H5S_MAX_RANK)
        return -1;
    for (int i = 0; i < rank; i++) {
        if (guarded_H5Rcreate(&references[i], file, paths[i], H5R_OBJECT, -1) < 0)
            return -1;
        lists[i].len = 1;
        lists[i].p = &references[i];
    }
    hsize_t extent = (hsize_t)rank;
    return write_attribute(object, "DIMENSION_LIST", H5Tvlen_create(H5T_STD_REF_OBJ), H5Screate_simple(1, &extent, NULL), lists);
}
