// Package model is the Walrus network as a GoMLX graph, defined once for 2-D and 3-D and every boundary condition.
//
// It reads as the paper (arXiv 2511.15684, section 3) does: an encoder that turns fields into tokens, blocks that mix
// time and space, a decoder that turns tokens into fields. The one idea: everything random or data dependent that has a
// shape (padding, jitter, rolls, the choice of fields) is a small run-time input prepared by package frame, so that a
// graph depends on sizes only. Layouts are channels-last; names are those of the released state dict, so that a
// weight's name tells its line.
package model
