// Package welltest writes small data sets for tests, in The Well's format, with values that a test can compute.
//
// The one idea: a data set is a formula. Flow says the grid, the fields and the boundaries, and a function gives the value at
// every point, so that what a reader, a sample or a rollout should have seen needs no second copy of the data.
package welltest
