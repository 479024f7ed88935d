package kernel

//go:generate go run ./internal/asm/amx -out amx_amd64.s -stubs amx_amd64.go -pkg kernel

// matrixTiling cuts products of pairs for the matrix unit. Every call of stripMatrix configures and releases the unit, which takes 50 ns, as long
// as a tile's products over 64 elements: hence one call for all columns of a strip.
func matrixTiling() *tiling {
	return &tiling{rows: 32, cols: 32, strip: stripMatrix, pairs: true, quantum: 16}
}
