// Command move writes the kernels of package kernel that rearrange or convert values: transposition of blocks, every
// second element, and bfloat16, alone and in pairs, for AVX-512 (names end in Wide) and AVX2 (Narrow).
package main
