// Package fft is the discrete Fourier transform of lines, real and complex, and over all axes of a grid. The spectral solvers spend most of their time in it;
// gonum's takes three to six times as long.
package fft
