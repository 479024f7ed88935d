// Package fault turns panics, which are faults of the program and not of its input, into errors that say what to report.
//
// The one idea: a panic ends the process wherever it happens unless its own goroutine recovers it, so every goroutine of the
// program runs under Catch or in a Group, and passes what happened to whoever waits for it. A fault becomes an error at the
// border of the program (cmd/walrus), with its stack kept for the report and out of the message.
package fault
