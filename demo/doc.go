// Package demo runs the whole chain in a few minutes on a laptop: it simulates two kinds of flow, trains the smallest
// network on both together, predicts trajectories that the network has never seen, and reports how good it is.
//
// The one idea: nothing is prepared. Every run simulates, trains and scores anew, and it fails if the network is not at
// least twice as good as the forecast that nothing changes.
package demo
