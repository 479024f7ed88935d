// Package tfevents writes the event files that TensorBoard reads: scalars and pictures by step.
//
// The one idea: a file is only ever appended to, one whole record at a time, so that a run that dies leaves a readable file, and a run that goes on
// begins a new one that says from which step on the files before it no longer count.
package tfevents
