// Package scenario says what a physical scenario is: its name and fields, the parameters that vary between
// trajectories, and a function that simulates one trajectory frame by frame.
//
// The solvers (sim/volume, sim/spectral) describe their scenarios with these types; package sim runs them and writes
// The Well's files. A scenario knows nothing about files, a writer nothing about physics.
package scenario
