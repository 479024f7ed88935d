//go:build emulate && linux && amd64

// AMX with palette 1: eight tiles of at most 16 rows of 64 bytes. What lies outside a tile's configured rows and columns is zero.

#include "emulate.h"

#include <immintrin.h>
#include <string.h>

static const char unconfigured[] = "#UD: the tile is not configured", no_sib[] = "#UD: the address of a tile has no SIB byte";

static bool configured(const struct machine *m, int tile) { return tile < TILES && m->hidden->config.rows[tile] > 0; }

static bool has_sib(const struct operation *o) { return (o->rm & 7) == 4; }

static bool all_zero(const void *bytes, size_t n) {
	for (size_t i = 0; i < n; i++) {
		if (((const uint8_t *)bytes)[i]) {
			return false;
		}
	}
	return true;
}

static const char *load_config(struct machine *m, const struct operation *o) {
	struct tile_config c;
	memcpy(&c, (const void *)(o->address + o->stride), sizeof c);
	if (c.palette > 1) {
		return "#GP: a palette above 1";
	}
	if (c.palette == 0) {
		memset(&m->hidden->config, 0, sizeof c);
	} else {
		if (!all_zero(c.reserved, sizeof c.reserved) || !all_zero(c.columns + TILES, sizeof c.columns - TILES * sizeof *c.columns) ||
		    !all_zero(c.rows + TILES, sizeof c.rows - TILES)) {
			return "#GP: reserved bytes of the configuration are not zero";
		}
		for (int t = 0; t < TILES; t++) {
			if (c.rows[t] > TILE_ROWS || c.columns[t] > TILE_BYTES) {
				return "#GP: a tile of more than 16 rows or 64 bytes a row";
			}
			if ((c.rows[t] == 0) != (c.columns[t] == 0)) {
				return "#GP: a tile with rows or columns alone";
			}
		}
		m->hidden->config = c;
	}
	memset(m->hidden->tile, 0, sizeof m->hidden->tile);
	return NULL;
}

static const char *store_config(struct machine *m, const struct operation *o) {
	memcpy((void *)(o->address + o->stride), &m->hidden->config, sizeof m->hidden->config);
	return NULL;
}

static const char *release(struct machine *m, const struct operation *o) {
	if (o->reg || o->rm) {
		return "#UD: ModRM is not C0";
	}
	memset(&m->hidden->config, 0, sizeof m->hidden->config);
	memset(m->hidden->tile, 0, sizeof m->hidden->tile);
	return NULL;
}

static const char *zero(struct machine *m, const struct operation *o) {
	if (!configured(m, o->reg)) {
		return unconfigured;
	}
	memset(m->hidden->tile[o->reg], 0, sizeof m->hidden->tile[0]);
	m->hidden->config.start_row = 0;
	return NULL;
}

static const char *load(struct machine *m, const struct operation *o) {
	struct tile_config *c = &m->hidden->config;
	if (!configured(m, o->reg)) {
		return unconfigured;
	}
	if (!has_sib(o)) {
		return no_sib;
	}
	uint8_t(*tile)[TILE_BYTES] = m->hidden->tile[o->reg];
	for (int row = c->start_row; row < c->rows[o->reg]; row++) {
		memset(tile[row], 0, TILE_BYTES);
		memcpy(tile[row], (const void *)(o->address + row * o->stride), c->columns[o->reg]);
	}
	memset(tile[c->rows[o->reg]], 0, (TILE_ROWS - c->rows[o->reg]) * TILE_BYTES);
	c->start_row = 0;
	return NULL;
}

static const char *store(struct machine *m, const struct operation *o) {
	struct tile_config *c = &m->hidden->config;
	if (!configured(m, o->reg)) {
		return unconfigured;
	}
	if (!has_sib(o)) {
		return no_sib;
	}
	for (int row = c->start_row; row < c->rows[o->reg]; row++) {
		memcpy((void *)(o->address + row * o->stride), m->hidden->tile[o->reg][row], c->columns[o->reg]);
	}
	c->start_row = 0;
	return NULL;
}

// bfloat16 returns the float32 of an upper half.
static inline float bfloat16(uint32_t half) {
	uint32_t bits = half << 16;
	float x;
	memcpy(&x, &bits, sizeof x);
	return x;
}

// dot_row adds to sums the products of a row of pairs and the rows of b: the first of each pair and the second are summed apart, by fused
// multiply-adds, and added at the end.
__attribute__((target("avx2,fma"), noinline)) static void dot_row(float sums[16], int columns, const uint32_t *a, int pairs,
                                                                  uint32_t (*b)[16]) {
	float first[16] = {0}, second[16] = {0};
	for (int k = 0; k < pairs; k++) {
		for (int n = 0; n < 16; n++) {
			first[n] = __builtin_fmaf(bfloat16(a[k] & 0xFFFF), bfloat16(b[k][n] & 0xFFFF), first[n]);
			second[n] = __builtin_fmaf(bfloat16(a[k] >> 16), bfloat16(b[k][n] >> 16), second[n]);
		}
	}
	for (int n = 0; n < columns; n++) {
		float pair = first[n] + second[n];
		sums[n] += pair;
	}
}

static const char *dot(struct machine *m, const struct operation *o) {
	struct tile_config *c = &m->hidden->config;
	int sum = o->reg, a = o->rm, b = o->other;
	if (!configured(m, sum) || !configured(m, a) || !configured(m, b)) {
		return unconfigured;
	}
	if (sum == a || sum == b || a == b) {
		return "#UD: two operands are the same tile";
	}
	if (c->columns[sum] % 4 || c->columns[a] % 4 || c->columns[b] % 4) {
		return "#UD: the bytes of a row are no multiple of 4";
	}
	if (c->rows[sum] != c->rows[a] || c->columns[sum] != c->columns[b] || c->columns[a] / 4 != c->rows[b]) {
		return "#UD: rows and columns of the operands do not fit together";
	}
	unsigned saved = _mm_getcsr();
	_mm_setcsr(0x1F80 | 0x8040); // round to nearest even, no exception, denormal results and operands are zero
	for (int row = 0; row < c->rows[sum]; row++) {
		dot_row((float *)m->hidden->tile[sum][row], c->columns[sum] / 4, (const uint32_t *)m->hidden->tile[a][row], c->columns[a] / 4,
		        (uint32_t(*)[16])m->hidden->tile[b]);
	}
	_mm_setcsr(saved);
	c->start_row = 0;
	return NULL;
}

struct instruction amx[] = {
    {"LDTILECFG", VEX, 2, 0, 0x49, 0, 0, 0, MEMORY, false, load_config},
    {"STTILECFG", VEX, 2, 1, 0x49, 0, 0, 0, MEMORY, false, store_config},
    {"TILERELEASE", VEX, 2, 0, 0x49, 0, 0, 0, REGISTER, false, release},
    {"TILEZERO", VEX, 2, 3, 0x49, 0, 0, ANY, REGISTER, false, zero},
    {"TILELOADD", VEX, 2, 3, 0x4B, 0, 0, ANY, MEMORY, false, load},
    {"TILELOADDT1", VEX, 2, 1, 0x4B, 0, 0, ANY, MEMORY, false, load},
    {"TILESTORED", VEX, 2, 2, 0x4B, 0, 0, ANY, MEMORY, false, store},
    {"TDPBF16PS", VEX, 2, 2, 0x5C, 0, 0, ANY, REGISTER, true, dot},
    {0},
};
