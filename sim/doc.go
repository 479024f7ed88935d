// Package sim simulates the scenarios of The Well and writes their files.
//
// The one idea: a trajectory is a pure function of its scenario, grid, length and seed, and one trajectory is one file.
// So trajectories run at the same time, an interrupted run continues where it stopped, and the same seed gives the same
// bytes on any number of cores. The physics is in sim/volume and sim/spectral, the file format in package well.
package sim
