package kernel

//go:generate go run ./internal/asm/tile -out tile_amd64.s -stubs tile_amd64.go -pkg kernel

// upgrade replaces portable kernels by those of the level.
func upgrade(s *Set, level Level) {
	switch level {
	case AVX512:
		vectorsWide(s)
		movesWide(s)
		s.tileRows, s.tileCols, s.tiles = len(tilesWide), 32, tilesWide[:]
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
