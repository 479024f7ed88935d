// Package engine chooses what runs a graph, opens it, and is the border where GoMLX's panics become errors.
//
// The one idea: the rest of the program knows values, programs and this package's errors; nothing outside depends on
// which backend runs.
package engine
