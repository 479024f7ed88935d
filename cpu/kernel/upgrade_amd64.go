package kernel

//go:generate go run ./internal/asm/tile -out tile_amd64.s -stubs tile_amd64.go -pkg kernel

// upgrade replaces portable kernels by those of the level.
func upgrade(s *Set, level Level) {
	switch level {
	case AVX512, AVX512BF16:
		vectorsWide(s)
		movesWide(s)
		choicesWide(s)
		s.tileRows, s.tileCols, s.tiles = len(tilesWide), 32, tilesWide[:]
		if level == AVX512BF16 {
			s.halfTiles = tilesHalf[:]
		}
		s.peak = func(rounds int) float64 { peakWide(rounds); return float64(rounds) * 14 * 2 * 16 }
	case AVX2:
		vectorsNarrow(s)
		movesNarrow(s)
		s.tileRows, s.tileCols, s.tiles = len(tilesNarrow), 16, tilesNarrow[:]
		s.peak = func(rounds int) float64 { peakNarrow(rounds); return float64(rounds) * 14 * 2 * 8 }
	}
}

// tilesWide are the AVX-512 tile kernels, by rows and vectors of 16 columns.
var tilesWide = [...][2]tileFunc{
	{tileWide1x1, tileWide1x2},
	{tileWide2x1, tileWide2x2},
	{tileWide3x1, tileWide3x2},
	{tileWide4x1, tileWide4x2},
	{tileWide5x1, tileWide5x2},
	{tileWide6x1, tileWide6x2},
	{tileWide7x1, tileWide7x2},
	{tileWide8x1, tileWide8x2},
	{tileWide9x1, tileWide9x2},
	{tileWide10x1, tileWide10x2},
	{tileWide11x1, tileWide11x2},
	{tileWide12x1, tileWide12x2},
	{tileWide13x1, tileWide13x2},
	{tileWide14x1, tileWide14x2},
}

// tilesNarrow are the AVX2 tile kernels, by rows and vectors of 8 columns.
var tilesNarrow = [...][2]tileFunc{
	{tileNarrow1x1, tileNarrow1x2},
	{tileNarrow2x1, tileNarrow2x2},
	{tileNarrow3x1, tileNarrow3x2},
	{tileNarrow4x1, tileNarrow4x2},
	{tileNarrow5x1, tileNarrow5x2},
	{tileNarrow6x1, tileNarrow6x2},
}

// tilesHalf are the tile kernels for pairs of bfloat16, by rows and vectors of 16 columns.
var tilesHalf = [...][2]tileFunc{
	{tileHalf1x1, tileHalf1x2},
	{tileHalf2x1, tileHalf2x2},
	{tileHalf3x1, tileHalf3x2},
	{tileHalf4x1, tileHalf4x2},
	{tileHalf5x1, tileHalf5x2},
	{tileHalf6x1, tileHalf6x2},
	{tileHalf7x1, tileHalf7x2},
	{tileHalf8x1, tileHalf8x2},
	{tileHalf9x1, tileHalf9x2},
	{tileHalf10x1, tileHalf10x2},
	{tileHalf11x1, tileHalf11x2},
	{tileHalf12x1, tileHalf12x2},
	{tileHalf13x1, tileHalf13x2},
	{tileHalf14x1, tileHalf14x2},
}
