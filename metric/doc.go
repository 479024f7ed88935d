// Package metric holds the scores that The Well and the Walrus paper use: errors at the points of a grid, the same relative to
// the truth's size or variance, correlation, and errors by wavelength.
//
// The one idea: a metric is a pure function of one predicted and one true frame, shape (*N, C) with channels last, that gives one
// number a channel. Time, trajectories and fields are averaged outside, by the functions in average.go, so that
// every table says what it has averaged. Sums are in float64 whatever the grid's size.
//
// Formulas: spec/well-format.md section 5, after the_well.benchmark.metrics.
package metric
