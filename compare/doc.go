// Package compare scores several models on several data sets and says which differences are more than chance.
//
// The one idea: a comparison is paired. All models predict the same frames of the same trajectories, so that a hard trajectory is hard for all of them, and what is
// compared are differences on the same trajectories (package significance). The scores of a model on a trajectory depend on the weights, the data and the
// settings alone; they are kept under a hash of all three, so that a comparison goes on where it stopped and grows by a model at the cost of that one.
package compare
