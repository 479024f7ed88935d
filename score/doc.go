// Package score judges predictions as the released code and the Walrus paper do: the VRMSE (or another metric) of every field, one step ahead
// over all windows of a data set and averaged over windows of its rollouts; over windows and trajectories the median, the mean,
// the quartiles and the standard deviation, beside persistence (the last known frame repeated), the forecast that any model must beat.
//
// The one idea: a Protocol says what is scored, with one set of defaults for everybody, and forecasts come one at a time, of which
// only the scores stay, so that a data set of any size is scored in the memory of one trajectory.
//
// A rollout that stopped, or became infinite or NaN, is not left out: its missing steps count as infinitely wrong. The
// median then stays honest, and the mean says that something exploded. (The release has NaN for both.)
package score
