// Package fit holds the polynomials by which the kernel generators write elementary functions.
package fit
