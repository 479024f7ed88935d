// Package progress shows how far long work is: a bar with a note and the time left on a terminal, and a plain line
// every few seconds anywhere else (a pipe, a log file, NO_COLOR or TERM=dumb).
package progress
