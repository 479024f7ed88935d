// Package volume simulates compressible and wave-like flows with finite volumes, and describes the scenarios built on
// them.
//
// The one idea: a physical system is a short file that knows the flux through one face (System); everything else,
// in one, two or three dimensions, is shared. A Solver cuts the grid into pencils along one axis at a time,
// reconstructs each pencil with limited slopes (MUSCL; van Leer, J. Comput. Phys. 32 (1979) 101), lets the system
// solve the Riemann problem at each face, and adds up what flows in. Strong-stability-preserving Runge-Kutta stages
// (Shu and Osher, J. Comput. Phys. 77 (1988) 439) advance all axes together. Pencils share nothing, so the result
// does not depend on how many goroutines work on them.
//
// The one exception is shallow water on the sphere (shallowWater), which has no boundaries: Fourier series on great
// circles serve it better than finite volumes with two poles.
package volume
