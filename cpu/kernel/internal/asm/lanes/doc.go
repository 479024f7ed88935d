// Package lanes holds the tables of lane masks and lane numbers that the kernel generators share.
package lanes
