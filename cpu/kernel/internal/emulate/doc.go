//go:build emulate && linux && amd64 && cgo

// Package emulate carries out vector instructions that the processor lacks, so that the tests of kernels for AMX run on every amd64 machine
// with AVX2: go test -tags emulate. Nothing but such tests is built with the tag.
//
// The one idea: a missing instruction raises SIGILL, whose frame holds all registers. A handler in C reads the instruction, does on that frame
// what the manual says, and continues behind it. What the processor has no registers for (tiles) is kept by thread, which is enough for
// kernels: assembly is not preempted, and leaves nothing there.
//
// An instruction that it does not know, and operands for which the processor would raise an exception, end the program with the bytes of the
// instruction and Go's report of the goroutine. An access to memory that is not there ends it with SIGSEGV and no report.
package emulate
