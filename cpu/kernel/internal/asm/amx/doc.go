// Command amx writes the tile kernel of package kernel for the matrix unit of Intel's processors (AMX), which multiplies tiles of 16 rows of 64
// bytes: pairs of bfloat16 with float32 sums. The tiles' registers belong to one call: it configures, stores and releases them, and Go neither
// moves nor interrupts a goroutine inside of it but for signals, whose frames the system keeps them in.
package main
