//go:build emulate && linux && amd64

// Reads VEX and EVEX prefixes, ModRM, SIB and displacements (the manual, sections 2.1, 2.3 and 2.7).

#include "emulate.h"

#include <string.h>

static struct instruction *const tables[] = {amx};

greg_t *general_register(const struct machine *m, int number) {
	static const int order[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
	                              REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
	return &m->general[order[number]];
}

const struct instruction *emulate_known(int number) {
	for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
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
	for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
		for (struct instruction *i = tables[t]; i->name; i++) {
			if (i->encoding == o->encoding && i->map == o->map && i->prefix == o->prefix && i->opcode == o->opcode &&
			    either(i->wide, o->wide) && either(i->length, o->length) && either(i->digit, digit) && either(i->form, o->memory) &&
			    (i->three || o->other == 0)) {
				return i;
			}
		}
	}
	return NULL;
}

// prefixes reads a VEX prefix; extend gets R, X and B as bits 3 of ModRM.reg, the index and the base. It returns the opcode's place, or NULL.
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
	default:
		return NULL;
	}
	o->encoding = VEX;
	o->other = ~last >> 3 & 15;
	o->length = last >> 2 & 1;
	o->prefix = last & 3;
	return code;
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
		o->address += (int8_t)*code++;
	} else if (mode == 2 || absolute) {
		int32_t displacement;
		memcpy(&displacement, code, 4);
		code += 4;
		o->address += displacement;
	}
	if (relative) {
		o->address += (uint64_t)code;
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
	o->reg = (modrm >> 3 & 7) | extend[0];
	o->rm = (modrm & 7) | extend[2];
	struct instruction *known = find(o, modrm >> 3 & 7);
	if (!known) {
		return NULL;
	}
	o->next = o->memory ? locate(o, code, modrm, extend, m) : code;
	return known;
}
