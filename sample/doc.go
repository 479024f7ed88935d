// Package sample makes training samples out of data sets: it mixes several of them, gives every field its column in the
// model's vocabulary, draws windows and rotations at random, and stacks them into batches that are read ahead of need.
//
// The one idea: batch n is a pure function of (seed, n). No random state is carried from one batch to the next, so a
// run that stops after n batches and resumes at n sees exactly what it would have seen, and the only thing a checkpoint
// has to remember is the number n.
package sample
