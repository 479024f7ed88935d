// Package cpu is a GoMLX compute backend for CPUs, registered under the name "cpu".
//
// The one idea: a graph is compiled into few passes over memory. Layout operations (reshape, transpose, slice,
// broadcast) become strided views and cost nothing; chains of elementwise operations and the reductions between them
// become loops over cache-sized tiles; matrix products, convolutions and attention read views and write in place; and
// the place of every intermediate value in one arena is decided before anything runs.
//
// The stages, in the order of a compilation: Function records operations in static single assignment form
// (function.go, ops_*.go); simplify.go drops what is dead or said twice; lower.go turns operations into clusters that
// read and write storages through views; fuse.go merges clusters; plan.go orders them and places storages in the
// arena; run.go executes the steps over a fixed pool of workers. Results do not depend on the number of workers.
//
// The arithmetic itself lives in package kernel.
package cpu
