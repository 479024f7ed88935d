//go:build emulate && linux && amd64

// Catches SIGILL, carries out the instruction that raised it on the registers in the signal's frame, and steps over it. Instructions behind
// it that the emulator knows too are carried out in the same signal, which costs a microsecond or two.

#include "emulate.h"

#include <cpuid.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static _Thread_local struct hidden hidden;

static struct sigaction previous;

static uint32_t ymm_offset; // in the area of XSAVE

// give_up prints why an instruction is not carried out, and leaves it to who handled the signal before: Go's runtime, which prints the
// goroutine and ends the program.
static void give_up(const uint8_t *code, const char *name, const char *reason) {
	char text[256];
	int n = snprintf(text, sizeof text, "emulate: %s: %s; the bytes at %p are", name, reason, (const void *)code);
	for (int i = 0; i < 15; i++) {
		n += snprintf(text + n, sizeof text - n, " %02x", code[i]);
	}
	text[n++] = '\n';
	if (write(STDERR_FILENO, text, n) < 0) {
		_exit(2);
	}
	sigaction(SIGILL, &previous, NULL);
}

// find_vectors points m to the vector registers in the signal's frame, which XSAVE writes (the manual, volume 1, chapter 13). Those that the
// frame holds as zeros by a flag are written out. It returns NULL or what is wrong.
static const char *find_vectors(struct machine *m, fpregset_t frame) {
	enum { SSE = 2, AVX = 4 };
	const struct _fpx_sw_bytes *layout = (const struct _fpx_sw_bytes *)((uint8_t *)frame + 464);
	if (layout->magic1 != FP_XSTATE_MAGIC1 || !(layout->xstate_bv & AVX)) {
		return "the signal's frame has no YMM registers";
	}
	if ((frame->mxcsr & 0xFFC0) != 0x1F80) {
		return "MXCSR is not as Go sets it";
	}
	m->xmm = (uint8_t(*)[16])frame->_xmm;
	m->ymm = (uint8_t(*)[16])((uint8_t *)frame + ymm_offset);
	uint64_t *in_use = &((struct _xstate *)frame)->xstate_hdr.xstate_bv;
	if (!(*in_use & SSE)) {
		memset(m->xmm, 0, 256);
	}
	if (!(*in_use & AVX)) {
		memset(m->ymm, 0, 256);
	}
	*in_use |= SSE | AVX;
	return NULL;
}

static void trapped(int signal, siginfo_t *info, void *context) {
	(void)signal, (void)info;
	mcontext_t *frame = &((ucontext_t *)context)->uc_mcontext;
	struct machine m = {.general = frame->gregs, .hidden = &hidden};
	greg_t *at = &frame->gregs[REG_RIP];
	struct operation o;
	struct instruction *known = decode(&o, (const uint8_t *)*at, &m);
	if (!known) {
		give_up((const uint8_t *)*at, "SIGILL", "an instruction that the emulator does not know");
		return;
	}
	const char *reason = find_vectors(&m, frame->fpregs);
	if (reason) {
		give_up((const uint8_t *)*at, known->name, reason);
		return;
	}
	for (; known; known = decode(&o, (const uint8_t *)*at, &m)) {
		reason = known->run(&m, &o);
		if (reason) {
			give_up((const uint8_t *)*at, known->name, reason);
			return;
		}
		__atomic_fetch_add(&known->count, 1, __ATOMIC_RELAXED);
		*at = (greg_t)o.next;
	}
}

const char *emulate_start(void) {
	unsigned size, reserved, flags;
	if (!__get_cpuid_count(0xD, 2, &size, &ymm_offset, &flags, &reserved) || size != 256) {
		return "the processor has no AVX";
	}
	decode_start();
	// Every signal waits, so that no handler of Go's finds this code on its stack; a fault of the emulated access then ends the process.
	struct sigaction action = {.sa_sigaction = trapped, .sa_flags = SA_SIGINFO | SA_ONSTACK};
	sigfillset(&action.sa_mask);
	return sigaction(SIGILL, &action, &previous) ? "sigaction fails" : NULL;
}

// emulate_call calls code, whose arguments are in RDI, RSI, RDX and RCX, and which may change what C lets a function change.
void emulate_call(const void *code, void *a, void *b, uint64_t c, uint64_t d) {
	((void (*)(void *, void *, uint64_t, uint64_t))code)(a, b, c, d);
}
