package kernel

// upgrade replaces portable kernels by those of the level.
func upgrade(s *Set, level Level) {
	if level == NEON {
		vectorsNeon(s)
		movesNeon(s)
		s.full = tiling{rows: len(tilesNeon), cols: 16, tiles: tilesNeon[:], quantum: 1}
		s.peak = func(rounds int) float64 { peakNeon(rounds); return float64(rounds) * 16 * 2 * 4 }
	}
}

// tilesNeon are the tile kernels, by rows and quarters of 16 columns.
var tilesNeon = [...]tileRow{
	{tile1x4Neon, tile1x8Neon, tile1x12Neon, tile1x16Neon},
	{tile2x4Neon, tile2x8Neon, tile2x12Neon, tile2x16Neon},
	{tile3x4Neon, tile3x8Neon, tile3x12Neon, tile3x16Neon},
	{tile4x4Neon, tile4x8Neon, tile4x12Neon, tile4x16Neon},
	{tile5x4Neon, tile5x8Neon, tile5x12Neon, tile5x16Neon},
	{tile6x4Neon, tile6x8Neon, tile6x12Neon, tile6x16Neon},
}
