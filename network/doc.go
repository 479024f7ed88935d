// Package network joins a configuration, its weights on an engine, and the compiled programs of the shapes met so far.
//
// The one idea: callers hand over physical arrays (channels last) and the description of their data set; normalisation,
// frame changes, the choice of field columns and the compiled graph are this package's business. Rollout, evaluation,
// training and the self-test all predict through it, so that there is one path from fields to fields.
package network
