// Package demo runs the whole chain in a few minutes on a laptop: it simulates two kinds of flow, predicts
// one with the weights that the program carries, fine-tunes these on the other beside a fresh network, and reports how good all are.
//
// The one idea: but for those weights nothing is prepared. Every run simulates, trains and scores anew, and it fails if they are not at
// least twice as good as the forecast that nothing changes on what they know, or help too little on what they never saw.
package demo
