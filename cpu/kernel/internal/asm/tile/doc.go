// Command tile writes the matrix tile kernels of package kernel: 1 to 14 rows by 8, 16, 24 or 32 columns for
// AVX-512, of float32 and (16 and 32) of pairs of bfloat16, 1 to 6 rows by 8 or 16 columns for AVX2. All sums of a tile stay in registers.
package main
