// Package bench times the network with random weights, in the set-up of the PyTorch peer: four fields, one sample,
// periodic in the first axis and walls in the others.
//
// The one idea: the same numbers, in the same keys, as the peer prints, so that the two can be run in turn and compared
// by a script.
package bench
