// Package nearest finds the name that a misspelt one was probably meant to be.
package nearest
