package volume

import (
	"math/rand/v2"

	"github.com/gowalrus/walrus/sim/scenario"
)

// Densities of the maze's paths and walls.
const (
	pathDensity = 3.0
	wallDensity = 1e6
)

// acousticMaze is acoustic_scattering_maze: a random maze of 3 to 8 rooms a side, its walls a medium of density 10^6
// between paths of density 3, with 1 to 5 narrow rings of intensity [3, 5] in the paths. 202 frames over a time of 4.
// For equations, units and boundaries see scattering.
func acousticMaze() scenario.Scenario {
	return scattering{
		name: "acoustic_scattering_maze", title: "Sound in the paths of a maze with heavy walls",
		simplified: ringSimplified,
		seconds:    4.2,
		interval:   4.0 / 201, frames: 202, most: 5,
		ring: func(rng *rand.Rand) (width, radius, intensity float64) {
			return uniform(rng, 0.01, 0.02), uniform(rng, 0.01, 0.04), uniform(rng, 3, 5)
		},
		medium: func(rng *rand.Rand, g Grid, density []float64) func(int) bool {
			rooms := 3 + rng.IntN(6)
			wall := drawMaze(rng, rooms)
			squares := float64(len(wall))
			g.Each(func(cell int, at []float64) {
				i, j := int((at[0]+1)/2*squares), int((at[1]+1)/2*squares)
				density[cell] = pathDensity
				if wall[i][j] {
					density[cell] = wallDensity
				}
			})
			return func(cell int) bool { return density[cell] < wallDensity }
		},
		inMedium: func(rng *rand.Rand, g Grid, allowed func(int) bool) (x, y float64) {
			for range 10000 { // a maze is half paths; the bound only keeps grids of a few cells from looping forever
				x, y = uniform(rng, -0.95, 0.95), uniform(rng, -0.95, 0.95)
				i, j := int((x+1)/2*float64(g.Points[0])), int((y+1)/2*float64(g.Points[1]))
				if allowed(i*g.Points[1] + j) {
					break
				}
			}
			return x, y
		},
	}.scenario()
}

// drawMaze carves a maze of rooms x rooms by a random depth-first walk (every room is reached on exactly one way) and
// returns its (2 rooms + 1)^2 squares, true for a wall, with an entrance and an exit in the outer wall.
func drawMaze(rng *rand.Rand, rooms int) [][]bool {
	wall := make([][]bool, 2*rooms+1)
	for i := range wall {
		wall[i] = make([]bool, 2*rooms+1)
		for j := range wall[i] {
			wall[i][j] = true
		}
	}
	steps := [4][2]int{{0, 1}, {1, 0}, {0, -1}, {-1, 0}}
	trail := [][2]int{{0, 0}}
	wall[1][1] = false
	for len(trail) > 0 {
		here := trail[len(trail)-1]
		moved := false
		for _, direction := range rng.Perm(len(steps)) {
			step := steps[direction]
			next := [2]int{here[0] + step[0], here[1] + step[1]}
			if min(next[0], next[1]) < 0 || max(next[0], next[1]) >= rooms || !wall[2*next[0]+1][2*next[1]+1] {
				continue
			}
			wall[2*next[0]+1][2*next[1]+1] = false
			wall[2*here[0]+1+step[0]][2*here[1]+1+step[1]] = false
			trail = append(trail, next)
			moved = true
			break
		}
		if !moved {
			trail = trail[:len(trail)-1]
		}
	}
	wall[1][0] = false
	wall[2*rooms-1][2*rooms] = false
	return wall
}
