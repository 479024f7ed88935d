//go:build emulate && linux && amd64

// Reads VEX and EVEX prefixes, ModRM, SIB and displacements (the manual, sections 2.1, 2.3 and 2.7).

#include "emulate.h"

#include <string.h>

static struct instruction *const tables[] = {amx, between, opmask, avx512};

// first begins the list of those with an encoding, map, prefix and opcode.
static struct instruction *first[3][4][4][256];

static int known_tables(void) { return has_avx512() ? 2 : sizeof tables / sizeof *tables; }

void decode_start(void) {
	for (int t = 0; t < known_tables(); t++) {
		for (struct instruction *i = tables[t]; i->name; i++) {
			struct instruction **place = &first[i->encoding][i->map][i->prefix][i->opcode];
			i->next = *place;
			*place = i;
		}
	}
}

greg_t *general_register(const struct machine *m, int number) {
	static const int order[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
	                              REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
	return &m->general[order[number]];
}

const struct instruction *emulate_known(int number) {
	for (int t = 0; t < known_tables(); t++) {
		for (const struct instruction *i = tables[t]; i->name; i++) {
			if (number-- == 0) {
				return i;
			}
		}
	}
	return NULL;
}

static bool either(int8_t wanted, int is) { return wanted == ANY || wanted == is; }

// find looks the decoded opcode up.
static struct instruction *find(const struct operation *o, int digit) {
	if (o->map > 3) {
		return NULL;
	}
	struct instruction *i = first[o->encoding][o->map][o->prefix][o->opcode];
	for (; i; i = i->next) {
		if (either(i->wide, o->wide) && either(i->length, o->length) && either(i->digit, digit) && either(i->form, o->memory) &&
		    (i->three || o->other == 0)) {
			return i;
		}
	}
	return NULL;
}

// evex reads the three bytes behind 62.
static const uint8_t *evex(struct operation *o, const uint8_t *code, int extend[3]) {
	uint8_t p0 = code[0], p1 = code[1], p2 = code[2];
	if ((p0 & 8) || !(p1 & 4)) {
		return NULL;
	}
	for (int i = 0; i < 3; i++) {
		extend[i] = (~p0 >> (7 - i) & 1) << 3;
	}
	extend[0] |= (~p0 >> 4 & 1) << 4;
	o->encoding = EVEX;
	o->map = p0 & 7;
	o->wide = p1 >> 7;
	o->other = (~p1 >> 3 & 15) | (~p2 >> 3 & 1) << 4;
	o->prefix = p1 & 3;
	o->zeroing = p2 >> 7;
	o->length = p2 >> 5 & 3;
	o->broadcast = p2 >> 4 & 1;
	o->mask = p2 & 7;
	return code + 3;
}

// legacy reads a REX prefix and the escape byte, which may both be missing.
static const uint8_t *legacy(struct operation *o, const uint8_t *code, int extend[3]) {
	uint8_t rex = (*code & 0xF0) == 0x40 ? *code++ : 0;
	for (int i = 0; i < 3; i++) {
		extend[i] = (rex >> (2 - i) & 1) << 3;
	}
	o->encoding = LEGACY;
	o->map = *code == 0x0F;
	o->wide = rex >> 3 & 1;
	o->prefix = o->length = o->other = 0;
	return code + o->map;
}

// prefixes reads what is before the opcode; extend gets R, X and B as bits 3 of ModRM.reg, the index and the base. It returns the opcode's
// place, or NULL.
static const uint8_t *prefixes(struct operation *o, const uint8_t *code, int extend[3]) {
	uint8_t last;
	switch (*code++) {
	case 0xC5:
		last = *code++;
		extend[0] = (~last >> 7 & 1) << 3;
		extend[1] = extend[2] = 0;
		o->map = 1;
		o->wide = false;
		break;
	case 0xC4:
		for (int i = 0; i < 3; i++) {
			extend[i] = (~*code >> (7 - i) & 1) << 3;
		}
		o->map = *code++ & 31;
		last = *code++;
		o->wide = last >> 7;
		break;
	case 0x62:
		return evex(o, code, extend);
	default:
		return legacy(o, code - 1, extend);
	}
	o->encoding = VEX;
	o->other = ~last >> 3 & 15;
	o->length = last >> 2 & 1;
	o->prefix = last & 3;
	return code;
}

int elements(const struct operation *o) {
	int widest = o->known->to > o->known->from ? o->known->to : o->known->from;
	return (16 << o->length) / widest;
}

// unit is what a displacement of one byte counts: the manual, section 2.7.5.
static int unit(const struct operation *o) {
	if (o->encoding != EVEX) {
		return 1;
	}
	return o->broadcast || (o->known->flags & SINGLE) ? o->known->from : elements(o) * o->known->from;
}

// locate reads SIB and displacement behind ModRM and computes the address. It returns the byte behind them.
static const uint8_t *locate(struct operation *o, const uint8_t *code, uint8_t modrm, const int extend[3], const struct machine *m) {
	int mode = modrm >> 6, base = (modrm & 7) | extend[2];
	o->address = o->stride = 0;
	bool relative = mode == 0 && (modrm & 7) == 5; // to the next instruction
	bool absolute = relative;
	if ((modrm & 7) == 4) {
		uint8_t sib = *code++;
		int index = (sib >> 3 & 7) | extend[1];
		base = (sib & 7) | extend[2];
		absolute = mode == 0 && (sib & 7) == 5;
		if (index != 4) {
			o->stride = (uint64_t)*general_register(m, index) << (sib >> 6);
		}
	}
	if (!absolute) {
		o->address = *general_register(m, base);
	}
	if (mode == 1) {
		o->address += (int8_t)*code++ * unit(o);
	} else if (mode == 2 || absolute) {
		int32_t displacement;
		memcpy(&displacement, code, 4);
		code += 4;
		o->address += displacement;
	}
	if (relative) {
		o->address += (uint64_t)code + (o->known->flags & IMMEDIATE ? 1 : 0);
	}
	return code;
}

struct instruction *decode(struct operation *o, const uint8_t *code, const struct machine *m) {
	int extend[3];
	code = prefixes(o, code, extend);
	if (!code) {
		return NULL;
	}
	o->opcode = *code++;
	uint8_t modrm = *code++;
	o->memory = modrm >> 6 != 3;
	if (o->encoding == EVEX && (o->length == 3 || (o->broadcast && !o->memory))) {
		return NULL; // without memory the bit of a broadcast means rounding other than MXCSR's, which is not emulated
	}
	o->reg = (modrm >> 3 & 7) | extend[0];
	o->rm = (modrm & 7) | extend[2];
	struct instruction *known = find(o, modrm >> 3 & 7);
	if (!known) {
		return NULL;
	}
	o->known = known;
	if (o->memory) {
		code = locate(o, code, modrm, extend, m);
	} else if (o->encoding == EVEX) {
		o->rm |= extend[1] << 1;
	}
	if (known->flags & IMMEDIATE) {
		o->immediate = *code++;
	}
	o->next = code;
	return known;
}
