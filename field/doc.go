// Package field holds the words that everything else is written in: what a boundary is, what a field is (a name and a
// tensor rank), what a grid is, and the plain array of float32 that carries values between the other packages.
//
// The one idea: host arrays are row-major with channels last, (batch, time, x, y, z, channel), as the files of The Well
// are, so that nothing is transposed on the way from disk to the network.
package field
