package kernel

import "sync"

// stateTiles are the bits of XCR0 of the matrix unit's configuration and data.
const stateTiles = 1<<17 | 1<<18

// tilesAllowed tells whether the operating system saves the matrix unit's registers and lets this process use them. Without leave the first
// instruction raises SIGILL; once given, it holds for all threads.
var tilesAllowed = sync.OnceValue(func() bool { return enabledState()&stateTiles == stateTiles && permitTiles() })
