// Package frame goes from physical fields to what the network sees, and back: normalisation, padding, boundary flags,
// patch jitter, and the shifts of the token grid.
//
// The one idea: all of these are changes of frame, applied to data on the host and never to the network's graph
// (spec/model.md, section 6). A position of the network's input is a position of the data, seen through one index map
// an axis; moving a field into the frame is a gather through the maps, moving a prediction back a gather through their
// inverse, and the gradient of either the other one's scatter. The token shifts become the coordinates of the rotary
// embedding, so that no token ever moves.
package frame
