// Package score judges predictions as the Walrus paper does: the VRMSE of every field, one step ahead and averaged over windows
// of a rollout, for each trajectory; then the median and the mean over trajectories, beside persistence (the last known
// frame repeated), the forecast that any model must beat.
//
// The one idea: trajectories come one at a time and only their scores stay, so that a data set of any size is scored in the memory of
// one trajectory.
//
// A rollout that stopped, or became infinite or NaN, is not left out: its missing steps count as infinitely wrong. The
// median then stays honest, and the mean says that something exploded.
package score
