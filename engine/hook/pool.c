//go:build xla

#include "pool.h"
#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>

// Of CUDA's driver interface, cuda.h.
enum { MEMORY_POOLS_SUPPORTED = 115 }; // CUdevice_attribute
enum { RELEASE_THRESHOLD = 4 };        // CUmemPool_attribute

// A card is a number for the driver, and every function returns 0 if it did what it should.
typedef int (*visitor)(void *library, int card);

static int each_card(const char *driver, visitor visit) {
	void *library = dlopen(driver, RTLD_LAZY | RTLD_LOCAL);
	if (library == NULL) return 0;
	int (*init)(unsigned) = (int (*)(unsigned))dlsym(library, "cuInit");
	int (*get_count)(int *) = (int (*)(int *))dlsym(library, "cuDeviceGetCount");
	int (*get)(int *, int) = (int (*)(int *, int))dlsym(library, "cuDeviceGet");
	int count = 0, card;
	if (init == NULL || get_count == NULL || get == NULL || init(0) || get_count(&count)) return 0;
	for (int i = 0; i < count; i++) {
		if (get(&card, i) || !visit(library, card)) return 0;
	}
	return count > 0;
}

static int has_pool(void *library, int card) {
	int (*get)(int *, int, int) = (int (*)(int *, int, int))dlsym(library, "cuDeviceGetAttribute");
	int has = 0;
	return get != NULL && !get(&has, MEMORY_POOLS_SUPPORTED, card) && has;
}

static int keep_pool(void *library, int card) {
	int (*get)(void **, int) = (int (*)(void **, int))dlsym(library, "cuDeviceGetDefaultMemPool");
	int (*set)(void *, int, void *) = (int (*)(void *, int, void *))dlsym(library, "cuMemPoolSetAttribute");
	void *pool = NULL;
	uint64_t all = UINT64_MAX;
	return get != NULL && set != NULL && !get(&pool, card) && !set(pool, RELEASE_THRESHOLD, &all);
}

int has_pools(const char *driver) { return each_card(driver, has_pool); }

int keep_pools(const char *driver) { return each_card(driver, keep_pool); }
