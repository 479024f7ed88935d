// Package resident says how much memory this process has had.
package resident
