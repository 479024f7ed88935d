// Command vector writes the elementwise kernels, reductions and softmax steps of package kernel, for AVX-512 (names end
// in Wide) and AVX2 (Narrow). The arithmetic is written once, in terms of an isa.
package main
