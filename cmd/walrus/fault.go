package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/gowalrus/walrus/internal/fault"
)

// reportFault says what to report of an error that is the program's own fault: which build, on what, and where it happened. Nothing of
// the user's data is in it.
func reportFault(out io.Writer, err error) {
	var f *fault.Fault
	if !errors.As(err, &f) {
		return
	}
	b := thisBuild()
	fmt.Fprintf(out, "\nPlease report this, with your command line and these lines, where you have the program from:\n\nwalrus %s %s, %s, %s, kernels %s, %d threads\n%v\n%s",
		b.Version, b.Commit, b.Go, b.System, b.Kernels, b.Threads, f, f.Stack)
}
