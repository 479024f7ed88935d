package frame

import (
	"fmt"
	"math/rand/v2"
)

// Rolls are the random shifts of one forward pass: the patch jitter, and the shift of the token grid before each block.
// Rolling by r moves content to higher indices. The zero value shifts nothing.
type Rolls struct {
	Jitter [3]int   // points, one an axis
	Blocks [][3]int // tokens, one triple a block; blocks beyond the end of the list are not shifted
}

// Draw takes random rolls for a network with the given number of blocks, in the ranges of the released model
// (spec 2.2.6 and 2.4). The same draw serves all frames and samples of a batch.
func (g *Geometry) Draw(random *rand.Rand, blocks int) Rolls {
	r := Rolls{Blocks: make([][3]int, blocks)}
	for i, a := range g.Axes {
		if a.Jitter[1] > a.Jitter[0] {
			r.Jitter[i] = a.Jitter[0] + random.IntN(a.Jitter[1]-a.Jitter[0]+1)
		}
	}
	for b := range r.Blocks {
		for _, i := range g.Rolled {
			r.Blocks[b][i] = random.IntN(g.Axes[i].Tokens)
		}
	}
	return r
}

// CheckRolls reports rolls that would carry data out of the part that is decoded.
func (g *Geometry) CheckRolls(r Rolls) error {
	for i, a := range g.Axes {
		if j := r.Jitter[i]; !a.Periodic() && (j < -a.Low || j > a.room()) {
			return fmt.Errorf("frame: jitter of %d points on axis %s leaves the padding; at most %d", j, axisName(i, nil), a.room())
		}
	}
	return nil
}

// Positions returns the coordinates of the rotary embedding for each block, already shifted: blocks x axis x tokens of
// that axis, in [-1, 1]. Shifting the tokens of block i by the sum s of all rolls so far is the same as giving token t
// the coordinate of position t + s (spec 2.4.4 and 6.2).
func (g *Geometry) Positions(r Rolls, blocks int) [][3][]float32 {
	out := make([][3][]float32, blocks)
	var shift [3]int
	for b := range out {
		for i, a := range g.Axes {
			if b < len(r.Blocks) {
				shift[i] = mod(shift[i]+r.Blocks[b][i], a.Tokens)
			}
			row := make([]float32, a.Tokens)
			for t := range row {
				row[t] = coordinate((t+shift[i])%a.Tokens, a.Tokens)
			}
			out[b][i] = row
		}
	}
	return out
}

// coordinate is entry i of n equally spaced numbers from -1 to 1, rounded as PyTorch's linspace does: float32 steps
// counted from the nearer end.
func coordinate(i, n int) float32 {
	if n == 1 {
		return -1
	}
	step := float32(2) / float32(n-1)
	if i < n/2 {
		return -1 + step*float32(i)
	}
	return 1 - step*float32(n-1-i)
}
