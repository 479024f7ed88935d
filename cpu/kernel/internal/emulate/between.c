//go:build emulate && linux && amd64

// Instructions that the processor has, but that stand between those of loops that it has not: carried out here they save a signal each, most of
// the time of a test.

#include "emulate.h"

void set_flags(struct machine *m, int flags) {
	m->general[REG_EFL] &= ~(CF | PF | AF | ZF | SF | OF);
	m->general[REG_EFL] |= flags;
}

static const char *nothing(struct machine *m, const struct operation *o) {
	(void)m, (void)o;
	return NULL;
}

static void add(struct machine *m, greg_t *to, int64_t b) {
	int64_t a = *to, sum;
	bool overflow = __builtin_add_overflow(a, b, &sum);
	*to = sum;
	set_flags(m, ((uint64_t)sum < (uint64_t)a ? CF : 0) | (__builtin_parity(sum & 0xFF) ? 0 : PF) | ((a ^ b ^ sum) & AF) |
	                 (sum == 0 ? ZF : 0) | (sum < 0 ? SF : 0) | (overflow ? OF : 0));
}

static const char *add_register(struct machine *m, const struct operation *o) {
	add(m, general_register(m, o->rm), *general_register(m, o->reg));
	return NULL;
}

static const char *add_immediate(struct machine *m, const struct operation *o) {
	add(m, general_register(m, o->rm), (int8_t)o->immediate);
	return NULL;
}

struct instruction between[] = {
    {"PREFETCH", LEGACY, 1, 0, 0x18, ANY, 0, ANY, MEMORY, false, nothing},
    {"ADD", LEGACY, 0, 0, 0x01, 1, 0, ANY, REGISTER, false, add_register},
    {"ADD", LEGACY, 0, 0, 0x83, 1, 0, 0, REGISTER, false, add_immediate, .flags = IMMEDIATE},
    {0},
};
