//go:build emulate && linux && amd64

// Types that the parts of the emulator share: trap.c catches and steps, decode.c reads instructions, and amx.c, opmask.c, avx512.c
// and between.c carry them out, on the registers of registers.c and with the operands and masks of vector.c.
// "The manual" is Intel's Software Developer's Manual, volume 2, and for AMX the Instruction Set Extensions Reference.

#ifndef EMULATE_H
#define EMULATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ucontext.h>

enum { TILES = 8, TILE_ROWS = 16, TILE_BYTES = 64 }; // of palette 1

// The operand of LDTILECFG.
struct tile_config {
	uint8_t palette, start_row, reserved[14];
	uint16_t columns[16]; // bytes of a row
	uint8_t rows[16];
};

// The 64 bytes of a ZMM register.
typedef union {
	uint8_t bytes[64];
	uint16_t halves[32];
	uint32_t words[16];
	int32_t integers[16];
	uint64_t longs[8];
	float floats[16];
} vector;

// What this processor does not have, for each thread: kernels keep nothing in it while they may move to another one.
struct hidden {
	uint8_t upper[16][32];     // bits 256 to 511 of ZMM0 to ZMM15, as long as the rest is what it was when they were written:
	uint8_t lower[16][32];     // see read_vector
	vector high[16];           // ZMM16 to ZMM31
	uint64_t mask[8];          // k0 to k7
	struct tile_config config; // palette 0: not configured
	uint8_t tile[TILES][TILE_ROWS][TILE_BYTES];
};

// The state that an instruction works on.
struct machine {
	greg_t *general;    // of the interrupted thread, by ucontext's numbers: see general_register
	uint8_t (*xmm)[16]; // of the interrupted thread, XMM0 to XMM15
	uint8_t (*ymm)[16]; // bits 128 to 255 of YMM0 to YMM15
	struct hidden *hidden;
};

enum encoding { LEGACY, VEX, EVEX };

// An instruction in memory, decoded.
struct operation {
	const uint8_t *next; // the instruction behind it
	enum encoding encoding;
	uint8_t map, prefix, opcode; // map 0: none, 1: 0F, 2: 0F38, 3: 0F3A; prefix 0: none, 1: 66, 2: F3, 3: F2
	bool wide;                   // W
	uint8_t length;              // 0: 128 bits, 1: 256, 2: 512
	uint8_t reg, other, rm;      // numbers of ModRM.reg, vvvv and, unless memory, ModRM.rm
	bool memory;
	uint64_t address, stride; // of memory; stride is the scaled index, which tiles take as the distance of rows
	uint8_t immediate;        // the byte behind the address, where known has one
	const struct instruction *known;
	// Of EVEX alone:
	uint8_t mask;   // number of the register that chooses elements; 0: all
	bool zeroing;   // elements that are not chosen become 0, rather than stay
	bool broadcast; // memory is one element for all
};

// What the arithmetic of a vector instruction works on.
struct lanes {
	int count;   // of elements
	vector to;   // the result, before it the destination's value
	vector a, b; // the registers or memory that vvvv and ModRM.rm name
	uint8_t immediate;
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
	// Of EVEX alone: the arithmetic, bytes of an element in ModRM.reg and in ModRM.rm, and what else to know.
	void (*apply)(struct lanes *v);
	uint8_t to, from, flags;
	uint64_t count;           // how often it was carried out
	struct instruction *next; // of the same opcode
};

enum { ANY = -1, REGISTER = 0, MEMORY = 1 };

enum {
	IMMEDIATE = 1, // a byte follows the address
	SINGLE = 2,    // memory is one element
	CROSSING = 4,  // an element of the result depends on others than its own: memory is read whatever the mask
	BLENDING = 8,  // elements that are not chosen are those of vvvv
};

// elements is the number of elements that a mask chooses from.
int elements(const struct operation *o);

// decode_start fills in what decode looks up.
void decode_start(void);

// decode reads the instruction at code and finds it in the tables; NULL: it is none of them.
struct instruction *decode(struct operation *o, const uint8_t *code, const struct machine *m);

// general_register is the general register of that number in an instruction (0 is RAX, 4 is RSP).
greg_t *general_register(const struct machine *m, int number);

// read_vector and write_vector access ZMM0 to ZMM31; what is behind the bytes of a vector of 128 or 256 bits is written as zeros.
void read_vector(const struct machine *m, int number, vector *v);
void write_vector(struct machine *m, int number, const vector *v);

// What run is for instructions of AVX-512, by where the result goes: a vector, what ModRM.rm names, or a mask; apply does the arithmetic.
const char *to_vector(struct machine *m, const struct operation *o);
const char *to_operand(struct machine *m, const struct operation *o);
const char *to_mask(struct machine *m, const struct operation *o);
const char *from_mask(struct machine *m, const struct operation *o);

// has_avx512 tells whether the processor has the registers itself: then instructions on them are not emulated.
bool has_avx512(void);

// Ended by an instruction without a name.
extern struct instruction amx[], between[], opmask[], avx512[];

// set_flags replaces the arithmetic flags of the interrupted thread.
enum { CF = 0x1, PF = 0x4, AF = 0x10, ZF = 0x40, SF = 0x80, OF = 0x800 };
void set_flags(struct machine *m, int flags);

// For Go: emulate_start returns NULL or what is missing; emulate_known is the instruction of that number, or NULL behind the last.
const char *emulate_start(void);
const struct instruction *emulate_known(int number);
void emulate_call(const void *code, void *a, void *b, uint64_t c, uint64_t d);

#endif
