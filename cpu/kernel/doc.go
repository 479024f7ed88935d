// Package kernel holds the arithmetic below the cpu backend: matrix products, attention, elementwise mathematics,
// reductions and strided copies of float32, as SIMD code for amd64 (AVX-512, AVX2 with FMA; products of bfloat16 also with AMX) and
// arm64 (NEON) and as plain Go everywhere.
//
// The one idea: every kernel has a plain twin, named xxxPlain, that is its definition; a [Set] is one table of kernels,
// chosen once by [Detect] or forced by a test, and nothing else in the package keeps state. Work is split over a [Pool]
// into partitions that never change the order of additions of an element, so results are bit-identical for any
// number of threads.
//
// Strides and extents are counted in elements. Functions on tiles (Set.Unary, Set.Binary, ...) take contiguous slices,
// work best on 256 to 4096 elements at a time and allow a destination that is exactly one of the sources; slices that
// overlap in another way, or sources shorter than the destination, are programming errors (the latter panic like an
// index out of range). Whole operations (Gemm, Attention, ...) check their arguments and return errors.
package kernel

// For arm64 on any machine; the other generators are named beside what they write.
//go:generate go run ./internal/asm/neon -out neon_arm64.s -stubs neon_arm64.go
