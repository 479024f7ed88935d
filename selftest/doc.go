// Package selftest compares this program, on the engine at hand, with numbers that were computed elsewhere.
//
// The one idea: a folder of golden data describes its own cases (sizes, weights, random draws, and the noise of its own
// arithmetic), so any folder of the format will do, and an engine is accepted if it stays within ten times that noise.
package selftest
