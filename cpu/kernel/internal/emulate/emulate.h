//go:build emulate && linux && amd64

// Types that the parts of the emulator share: trap.c catches and steps, decode.c reads instructions, amx.c carries them out.
// "The manual" is Intel's Software Developer's Manual, volume 2, and for AMX the Instruction Set Extensions Reference.

#ifndef EMULATE_H
#define EMULATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/ucontext.h>

enum { TILES = 8, TILE_ROWS = 16, TILE_BYTES = 64 }; // of palette 1

// The operand of LDTILECFG.
struct tile_config {
	uint8_t palette, start_row, reserved[14];
	uint16_t columns[16]; // bytes of a row
	uint8_t rows[16];
};

// What this processor does not have, for each thread: kernels keep nothing in it while they may move to another one.
struct hidden {
	struct tile_config config; // palette 0: not configured
	uint8_t tile[TILES][TILE_ROWS][TILE_BYTES];
};

// The state that an instruction works on.
struct machine {
	greg_t *general; // of the interrupted thread, by ucontext's numbers: see general_register
	struct hidden *hidden;
};

enum encoding { VEX, EVEX };

// An instruction in memory, decoded.
struct operation {
	const uint8_t *next; // the instruction behind it
	enum encoding encoding;
	uint8_t map, prefix, opcode; // map 1: 0F, 2: 0F38, 3: 0F3A; prefix 0: none, 1: 66, 2: F3, 3: F2
	bool wide;                   // W
	uint8_t length;              // 0: 128 bits, 1: 256, 2: 512
	uint8_t reg, other, rm;      // numbers of ModRM.reg, vvvv and, unless memory, ModRM.rm
	bool memory;
	uint64_t address, stride; // of memory; stride is the scaled index, which tiles take as the distance of rows
};

// An instruction that the emulator knows. run returns NULL, or why the processor would raise an exception.
struct instruction {
	const char *name;
	enum encoding encoding;
	uint8_t map, prefix, opcode;
	int8_t wide, length; // what W and the length must be, or ANY
	int8_t digit;        // what ModRM.reg must be, or ANY
	int8_t form;         // MEMORY, REGISTER or ANY
	bool three;          // vvvv names an operand; else it must be none
	const char *(*run)(struct machine *m, const struct operation *o);
	uint64_t count; // how often it was carried out
};

enum { ANY = -1, REGISTER = 0, MEMORY = 1 };

// decode reads the instruction at code and finds it in the tables; NULL: it is none of them.
struct instruction *decode(struct operation *o, const uint8_t *code, const struct machine *m);

// general_register is the general register of that number in an instruction (0 is RAX, 4 is RSP).
greg_t *general_register(const struct machine *m, int number);

extern struct instruction amx[];

// For Go: emulate_start returns NULL or what is missing; emulate_known is the instruction of that number, or NULL behind the last.
const char *emulate_start(void);
const struct instruction *emulate_known(int number);
void emulate_call(const void *code, void *a, void *b, uint64_t c, uint64_t d);

#endif
