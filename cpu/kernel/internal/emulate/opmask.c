//go:build emulate && linux && amd64

// Instructions on the masks k0 to k7, which have VEX prefixes and exist for 8, 16, 32 and 64 bits.

#include "emulate.h"

#include <string.h>

// width is the number of bits: of B and D the prefix is 66, but for D and Q between general and mask registers F2; of D and Q W is set. The
// exception is KMOVD with general registers, whose W is not.
static int width(const struct operation *o) {
	if (o->prefix == 3) {
		return o->wide ? 64 : 32;
	}
	return (o->wide ? 32 : 8) << (o->prefix == 0);
}

static uint64_t bits(const struct operation *o) { return ~0ull >> (64 - width(o)); }

static uint64_t *mask(const struct machine *m, int number) { return &m->hidden->mask[number & 7]; }

static const char *move(struct machine *m, const struct operation *o) {
	uint64_t value = 0;
	switch (o->opcode) {
	case 0x90: // from memory or a mask
		if (o->memory) {
			memcpy(&value, (const void *)(o->address + o->stride), width(o) / 8);
		} else {
			value = *mask(m, o->rm);
		}
		*mask(m, o->reg) = value & bits(o);
		break;
	case 0x91: // to memory
		memcpy((void *)(o->address + o->stride), mask(m, o->reg), width(o) / 8);
		break;
	case 0x92: // from a general register
		*mask(m, o->reg) = *general_register(m, o->rm) & bits(o);
		break;
	case 0x93: // to a general register
		*general_register(m, o->reg) = *mask(m, o->rm) & bits(o);
		break;
	}
	return NULL;
}

static const char *logic(struct machine *m, const struct operation *o) {
	uint64_t a = *mask(m, o->other), b = *mask(m, o->rm), value = 0;
	switch (o->opcode) {
	case 0x41: value = a & b; break;
	case 0x42: value = ~a & b; break;
	case 0x44: value = ~b; break;
	case 0x45: value = a | b; break;
	case 0x46: value = ~(a ^ b); break;
	case 0x47: value = a ^ b; break;
	}
	*mask(m, o->reg) = value & bits(o);
	return NULL;
}

// or_test sets ZF where no bit of either mask is set and CF where all of both together are, and clears the other flags.
static const char *or_test(struct machine *m, const struct operation *o) {
	uint64_t either = (*mask(m, o->reg) | *mask(m, o->rm)) & bits(o);
	set_flags(m, (either == 0 ? ZF : 0) | (either == bits(o) ? CF : 0));
	return NULL;
}

#define WIDTHS(name, opcode, length, form, three, run)                       \
	{name "W", VEX, 1, 0, opcode, 0, length, ANY, form, three, run},     \
	{name "Q", VEX, 1, 0, opcode, 1, length, ANY, form, three, run},     \
	{name "B", VEX, 1, 1, opcode, 0, length, ANY, form, three, run},     \
	{name "D", VEX, 1, 1, opcode, 1, length, ANY, form, three, run}

#define GENERAL(opcode)                                                      \
	{"KMOVW", VEX, 1, 0, opcode, 0, 0, ANY, REGISTER, false, move},      \
	{"KMOVB", VEX, 1, 1, opcode, 0, 0, ANY, REGISTER, false, move},      \
	{"KMOVD", VEX, 1, 3, opcode, 0, 0, ANY, REGISTER, false, move},      \
	{"KMOVQ", VEX, 1, 3, opcode, 1, 0, ANY, REGISTER, false, move}

struct instruction opmask[] = {
    WIDTHS("KMOV", 0x90, 0, ANY, false, move),
    WIDTHS("KMOV", 0x91, 0, MEMORY, false, move),
    GENERAL(0x92),
    GENERAL(0x93),
    WIDTHS("KAND", 0x41, 1, REGISTER, true, logic),
    WIDTHS("KANDN", 0x42, 1, REGISTER, true, logic),
    WIDTHS("KNOT", 0x44, 0, REGISTER, false, logic),
    WIDTHS("KOR", 0x45, 1, REGISTER, true, logic),
    WIDTHS("KXNOR", 0x46, 1, REGISTER, true, logic),
    WIDTHS("KXOR", 0x47, 1, REGISTER, true, logic),
    WIDTHS("KORTEST", 0x98, 0, REGISTER, false, or_test),
    {0},
};
