//go:build emulate && linux && amd64

// The vector registers: what the processor has of them lies in the signal's frame, the rest in struct hidden.

#include "emulate.h"

#include <cpuid.h>
#include <string.h>

bool has_avx512(void) {
	unsigned a, b, c, d;
	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_AVX512F);
}

// The processor writes YMM and below itself, in instructions that do not come here; all of those with a VEX prefix zero what is above. So the
// upper half of a register counts as long as the lower one is what it was when the upper one was written. What escapes: an instruction
// that writes to a register the very bits that are there; and an SSE instruction, which would keep the upper half.
void read_vector(const struct machine *m, int number, vector *v) {
	if (number >= 16) {
		*v = m->hidden->high[number - 16];
		return;
	}
	memcpy(v->bytes, m->xmm[number], 16);
	memcpy(v->bytes + 16, m->ymm[number], 16);
	if (memcmp(v->bytes, m->hidden->lower[number], 32) == 0) {
		memcpy(v->bytes + 32, m->hidden->upper[number], 32);
	} else {
		memset(v->bytes + 32, 0, 32);
	}
}

void write_vector(struct machine *m, int number, const vector *v) {
	if (number >= 16) {
		m->hidden->high[number - 16] = *v;
		return;
	}
	memcpy(m->xmm[number], v->bytes, 16);
	memcpy(m->ymm[number], v->bytes + 16, 16);
	memcpy(m->hidden->lower[number], v->bytes, 32);
	memcpy(m->hidden->upper[number], v->bytes + 32, 32);
}
