//go:build emulate && linux && amd64

// Operands, masks and results of instructions with an EVEX prefix.

#include "emulate.h"

#include <string.h>

// all has a bit for each element, chosen for those that the mask of the instruction chooses.
static uint64_t all(const struct operation *o) { return ~0ull >> (64 - elements(o)); }

static uint64_t chosen(const struct machine *m, const struct operation *o) {
	return all(o) & (o->mask ? m->hidden->mask[o->mask] : ~0ull);
}

// load reads the operand in memory. What the mask does not choose is not touched, and need not be there.
static const char *load(vector *v, const struct operation *o, uint64_t mask) {
	const uint8_t *memory = (const uint8_t *)(o->address + o->stride);
	int size = o->known->from;
	if (o->known->flags & SINGLE) {
		memcpy(v, memory, size);
		return NULL;
	}
	if (o->broadcast && size < 4) {
		return "#UD: a broadcast of elements below 32 bits";
	}
	if ((mask == all(o) || o->known->flags & CROSSING) && !o->broadcast) {
		memcpy(v, memory, elements(o) * size);
		return NULL;
	}
	for (int i = 0; i < elements(o); i++) {
		if (mask >> i & 1 || o->known->flags & CROSSING) {
			memcpy(v->bytes + i * size, o->broadcast ? memory : memory + i * size, size);
		}
	}
	return NULL;
}

// operands fills v but for the result. It returns NULL or what is wrong.
static const char *operands(const struct machine *m, const struct operation *o, uint64_t mask, struct lanes *v) {
	memset(v, 0, sizeof *v);
	v->count = elements(o);
	v->immediate = o->immediate;
	read_vector(m, o->other, &v->a);
	if (o->memory) {
		return load(&v->b, o, mask);
	}
	read_vector(m, o->rm, &v->b);
	return NULL;
}

// write_chosen puts the chosen elements of the result into a register, behind which there are zeros.
static void write_chosen(struct machine *m, const struct operation *o, uint64_t mask, int number, int size, const vector *result,
                         const vector *before) {
	vector v = {0};
	if (mask == all(o)) {
		memcpy(&v, result, elements(o) * size);
		write_vector(m, number, &v);
		return;
	}
	for (int i = 0; i < elements(o); i++) {
		if (mask >> i & 1) {
			memcpy(v.bytes + i * size, result->bytes + i * size, size);
		} else if (!o->zeroing) {
			memcpy(v.bytes + i * size, before->bytes + i * size, size);
		}
	}
	write_vector(m, number, &v);
}

const char *to_vector(struct machine *m, const struct operation *o) {
	struct lanes v;
	uint64_t mask = chosen(m, o);
	const char *reason = operands(m, o, mask, &v);
	if (reason) {
		return reason;
	}
	int number = o->known->digit == ANY ? o->reg : o->other; // where ModRM.reg is part of the opcode, vvvv is the result
	vector before;
	read_vector(m, number, &before);
	v.to = before;
	o->known->apply(&v);
	if (o->known->flags & BLENDING) {
		before = v.a;
	}
	write_chosen(m, o, mask, number, o->known->to, &v.to, &before);
	return NULL;
}

const char *to_operand(struct machine *m, const struct operation *o) {
	struct lanes v = {.count = elements(o)};
	uint64_t mask = chosen(m, o);
	int size = o->known->from;
	read_vector(m, o->reg, &v.b);
	o->known->apply(&v);
	if (!o->memory) {
		vector before;
		read_vector(m, o->rm, &before);
		write_chosen(m, o, mask, o->rm, size, &v.to, &before);
		return NULL;
	}
	if (o->zeroing || o->broadcast) {
		return "#UD: a store with zeros or a broadcast";
	}
	for (int i = 0; i < v.count; i++) {
		if (mask >> i & 1) {
			memcpy((uint8_t *)(o->address + o->stride) + i * size, v.to.bytes + i * size, size);
		}
	}
	return NULL;
}

const char *to_mask(struct machine *m, const struct operation *o) {
	struct lanes v;
	uint64_t mask = chosen(m, o);
	const char *reason = operands(m, o, mask, &v);
	if (reason) {
		return reason;
	}
	if (o->zeroing || o->reg > 7) {
		return "#UD: zeroing of a mask, or no mask";
	}
	o->known->apply(&v);
	m->hidden->mask[o->reg] = v.to.longs[0] & mask;
	return NULL;
}

const char *from_mask(struct machine *m, const struct operation *o) {
	struct lanes v = {.count = elements(o)};
	v.b.longs[0] = m->hidden->mask[o->rm & 7];
	o->known->apply(&v);
	write_chosen(m, o, all(o), o->reg, o->known->to, &v.to, &v.to);
	return NULL;
}
