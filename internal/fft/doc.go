// Package fft is the discrete Fourier transform over all axes of a grid, on top of gonum's for one line.
package fft
