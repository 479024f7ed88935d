package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"github.com/gowalrus/walrus/internal/fault"
	"github.com/gowalrus/walrus/ranks"
)

// exitStopped is the exit code of a run that was stopped by a signal and has saved: sysexits' EX_TEMPFAIL, start it again.
const exitStopped = 75

// stoppedError is the error of such a run.
type stoppedError struct{ error }

// toldError is an error that another rank prints.
type toldError struct{ error }

func (e toldError) Unwrap() error { return e.error }

// peerFlags are the flags of commands that several processes can run together.
type peerFlags struct{ timeout time.Duration }

func (f *peerFlags) add(cmd *cobra.Command) {
	cmd.Flags().DurationVar(&f.timeout, "peer-timeout", ranks.DefaultSilence, "under mpirun or srun: end the run if another process is silent for so long")
}

// together runs a command's work on all processes that a launcher has started, or on this one alone. Only the first of them prints
// what it does. An error of one ends all.
func (f peerFlags) together(cmd *cobra.Command, work func(g *ranks.Group) error) error {
	g, err := ranks.Join(f.timeout)
	if err != nil {
		return err
	}
	if g.Size() == 1 {
		return work(g)
	}
	if !cmd.Flags().Changed("threads") && os.Getenv("GOMAXPROCS") == "" {
		cores, err := g.Cores()
		if err != nil {
			return endAll(g, err)
		}
		runtime.GOMAXPROCS(cores)
	}
	if !g.First() {
		cmd.SetOut(io.Discard)
		cmd.SetErr(io.Discard)
		slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})))
	}
	err = fault.Catch(func() error { return work(g) })
	common, own := ranks.IsCommon(err)
	var stopped stoppedError
	switch {
	case err == nil || common || errors.As(err, &stopped):
		err = errors.Join(err, g.Close())
	default:
		return endAll(g, err)
	}
	if err != nil && !g.First() && !own {
		return toldError{err}
	}
	return err
}

// endAll ends all processes for an error that is only this one's.
func endAll(g *ranks.Group, err error) error {
	fmt.Fprintf(os.Stderr, "walrus: %s: %v\n", g.Name(g.Rank()), err)
	g.Abort(exitFailure)
	return toldError{err} // not reached where ending works
}
