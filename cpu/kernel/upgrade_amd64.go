package kernel

//go:generate go run ./internal/asm/tile -out tile_amd64.s -stubs tile_amd64.go -pkg kernel

// upgrade replaces portable kernels by those of the level.
func upgrade(s *Set, level Level) {
	if level >= AVX2 {
		s.slow = tiling{rows: len(tilesPairs), cols: 16, tiles: tilesPairs[:], pairs: true, quantum: 1}
	}
	switch level {
	case AVX512, AVX512BF16, AMX:
		vectorsWide(s)
		movesWide(s)
		choicesWide(s)
		s.full = tiling{rows: len(tilesWide), cols: 32, tiles: tilesWide[:], quantum: 1}
		switch level {
		case AVX512BF16:
			s.half = &tiling{rows: len(tilesHalf), cols: 32, tiles: tilesHalf[:], pairs: true, quantum: 1}
		case AMX:
			s.half = matrixTiling()
		}
		s.peak = func(rounds int) float64 { peakWide(rounds); return float64(rounds) * 14 * 2 * 16 }
	case AVX2:
		vectorsNarrow(s)
		movesNarrow(s)
		s.full = tiling{rows: len(tilesNarrow), cols: 16, tiles: tilesNarrow[:], quantum: 1}
		s.peak = func(rounds int) float64 { peakNarrow(rounds); return float64(rounds) * 14 * 2 * 8 }
	}
}

// tilesWide are the AVX-512 tile kernels, by rows and quarters of 32 columns.
var tilesWide = [...]tileRow{
	{tileWide1x8, tileWide1x16, tileWide1x24, tileWide1x32},
	{tileWide2x8, tileWide2x16, tileWide2x24, tileWide2x32},
	{tileWide3x8, tileWide3x16, tileWide3x24, tileWide3x32},
	{tileWide4x8, tileWide4x16, tileWide4x24, tileWide4x32},
	{tileWide5x8, tileWide5x16, tileWide5x24, tileWide5x32},
	{tileWide6x8, tileWide6x16, tileWide6x24, tileWide6x32},
	{tileWide7x8, tileWide7x16, tileWide7x24, tileWide7x32},
	{tileWide8x8, tileWide8x16, tileWide8x24, tileWide8x32},
	{tileWide9x8, tileWide9x16, tileWide9x24, tileWide9x32},
	{tileWide10x8, tileWide10x16, tileWide10x24, tileWide10x32},
	{tileWide11x8, tileWide11x16, tileWide11x24, tileWide11x32},
	{tileWide12x8, tileWide12x16, tileWide12x24, tileWide12x32},
	{tileWide13x8, tileWide13x16, tileWide13x24, tileWide13x32},
	{tileWide14x8, tileWide14x16, tileWide14x24, tileWide14x32},
}

// tilesNarrow are the AVX2 tile kernels, by rows and quarters of 16 columns.
var tilesNarrow = [...]tileRow{
	{tileNarrow1x8, tileNarrow1x8, tileNarrow1x16, tileNarrow1x16},
	{tileNarrow2x8, tileNarrow2x8, tileNarrow2x16, tileNarrow2x16},
	{tileNarrow3x8, tileNarrow3x8, tileNarrow3x16, tileNarrow3x16},
	{tileNarrow4x8, tileNarrow4x8, tileNarrow4x16, tileNarrow4x16},
	{tileNarrow5x8, tileNarrow5x8, tileNarrow5x16, tileNarrow5x16},
	{tileNarrow6x8, tileNarrow6x8, tileNarrow6x16, tileNarrow6x16},
}

// tilesPairs are the AVX2 tile kernels for pairs of bfloat16, by rows and quarters of 16 columns.
var tilesPairs = [...]tileRow{
	{tilePairs1x8, tilePairs1x8, tilePairs1x16, tilePairs1x16},
	{tilePairs2x8, tilePairs2x8, tilePairs2x16, tilePairs2x16},
	{tilePairs3x8, tilePairs3x8, tilePairs3x16, tilePairs3x16},
	{tilePairs4x8, tilePairs4x8, tilePairs4x16, tilePairs4x16},
}

// tilesHalf are the AVX-512 tile kernels for pairs of bfloat16, by rows and quarters of 32 columns.
var tilesHalf = [...]tileRow{
	{tileHalf1x16, tileHalf1x16, tileHalf1x32, tileHalf1x32},
	{tileHalf2x16, tileHalf2x16, tileHalf2x32, tileHalf2x32},
	{tileHalf3x16, tileHalf3x16, tileHalf3x32, tileHalf3x32},
	{tileHalf4x16, tileHalf4x16, tileHalf4x32, tileHalf4x32},
	{tileHalf5x16, tileHalf5x16, tileHalf5x32, tileHalf5x32},
	{tileHalf6x16, tileHalf6x16, tileHalf6x32, tileHalf6x32},
	{tileHalf7x16, tileHalf7x16, tileHalf7x32, tileHalf7x32},
	{tileHalf8x16, tileHalf8x16, tileHalf8x32, tileHalf8x32},
	{tileHalf9x16, tileHalf9x16, tileHalf9x32, tileHalf9x32},
	{tileHalf10x16, tileHalf10x16, tileHalf10x32, tileHalf10x32},
	{tileHalf11x16, tileHalf11x16, tileHalf11x32, tileHalf11x32},
	{tileHalf12x16, tileHalf12x16, tileHalf12x32, tileHalf12x32},
	{tileHalf13x16, tileHalf13x16, tileHalf13x32, tileHalf13x32},
	{tileHalf14x16, tileHalf14x16, tileHalf14x32, tileHalf14x32},
}
