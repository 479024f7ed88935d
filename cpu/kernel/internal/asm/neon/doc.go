// Command neon writes the kernels of package kernel for arm64, in vectors of four float32: matrix tiles of 1 to 6 rows by 4, 8,
// 12 or 16 columns, elementwise functions, reductions, steps of attention, correlations and rearrangements.
//
// Go's assembler knows few of the instructions on vectors. Those that calculate are therefore written as their bits
// (instructions.go), with what other assemblers call them in a comment, which a test compares with the bits; those that touch
// memory, and everything that is no vector, are written for Go's assembler. Kernels are described with any number of
// vectors, which get their registers last (registers.go).
package main
