// The memory pools that CUDA's driver itself has, one a card.
#ifndef WALRUS_ENGINE_HOOK_POOL
#define WALRUS_ENGINE_HOOK_POOL

// has_pools returns whether the driver in a library has cards and each of them has a pool.
int has_pools(const char *driver);

// keep_pools lets the pools keep what is freed, and returns whether all do.
int keep_pools(const char *driver);
#endif
