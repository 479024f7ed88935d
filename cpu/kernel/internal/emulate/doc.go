//go:build emulate && linux && amd64 && cgo

// Package emulate carries out vector instructions that the processor lacks, so that the tests of kernels for AVX-512 and AMX run on every
// amd64 machine with AVX2: go test -tags emulate. Nothing but such tests is built with the tag.
//
// The one idea: a missing instruction raises SIGILL, whose frame holds all registers. A handler in C reads the instruction, does on that frame
// what Intel's manual says, and continues behind it. What the processor has no registers for (upper halves of vectors, masks, tiles) is kept by
// thread, which is enough for kernels: assembly is not preempted, and leaves nothing there.
//
// It knows AMX for bfloat16 and those instructions of AVX-512 that kernels use; avx512.c lists them, and a new one is a line there and a case
// in the tests. An instruction that it does not know, and operands for which the processor would raise an exception, end the program with
// the bytes of the instruction and Go's report of the goroutine.
//
// What it does not show: an access to memory that is not there ends the program with SIGSEGV and no report. The processor itself carries
// out instructions on 128 and 256 bits with other prefixes; they zero the upper half of their result also here, except where the lower half
// keeps the very bits that it has (registers.c). Flags of floating-point exceptions are not set, alignment is not asked for, and which of
// two NaN an operation returns may differ. Where the processor has AVX-512 it runs that, and AMX alone is emulated.
package emulate
