// Package weights holds pretrained models that every build carries, so that a first prediction needs no download. How they
// were made, and what they are worth, stands in its README.
package weights
