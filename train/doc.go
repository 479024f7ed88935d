// Package train fits a network to data: the objective and the AdamW step, compiled once for each shape, and the loop
// around them with its schedule, validation, logs and checkpoints.
//
// The one idea: everything random in step n is a pure function of the run's seed and n, so a run is a sequence that can
// be cut anywhere. Stopping (a full disk, Ctrl-C) and resuming gives the same numbers, bit for bit, as never stopping.
package train
