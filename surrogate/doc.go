// Package surrogate opens a model with all that it was made with: weights, architecture, vocabulary, and for each data set
// the field transforms, the normalisation and its statistics, history, strides, tokens and jitter.
//
// The one idea: a network alone predicts nothing that can be trusted; numbers are those of the training only if the data is
// prepared as in training. So there is one type, Setting, that holds everything between a file of data and the network, one
// function that finds it, Model.For, and everyone who predicts (rollouts, scores, validation, a program of yours) goes
// through it. What a caller may change is listed in Options, and nothing else is.
package surrogate
