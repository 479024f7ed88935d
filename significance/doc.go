// Package significance says how sure a median over trajectories is, and whether two models differ: bootstrap intervals, a paired bootstrap, and Holm's correction
// for several comparisons.
//
// The one idea: what was drawn independently are trajectories, not windows. So trajectories are drawn again, with all their windows, and the same ones for both
// models of a comparison; windows of one trajectory, which resemble each other, do not pass for evidence.
//
// Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapters 13 and 16; Holm (1979).
package significance
