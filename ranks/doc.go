// Package ranks lets the processes of a run work together: collectives over messages, with in-memory ranks for tests and MPI
// behind the build tag mpi.
//
// The one idea: every sum is made in the order of the ranks, whatever carries the messages. So a run on a fixed number of
// ranks gives the same numbers every time, and goroutines in a test give those of machines in a cluster.
package ranks
