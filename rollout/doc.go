// Package rollout predicts the future of a trajectory: the network sees a window of frames, predicts the next one, and
// the window moves on over its own predictions.
//
// The one idea: the jitter and the token rolls are random, so a prediction is a draw. Each member of an ensemble has its
// own random numbers, made from the seed, its number and the step; the mean over members is the prediction and their
// spread says how much the draws matter. Without jitter there is one member and nothing random.
package rollout
