package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/gowalrus/walrus/internal/fault"
	"github.com/gowalrus/walrus/rollout"
)

// Exit codes: what a script can tell apart.
const (
	exitFailure  = 1 // the work failed
	exitUsage    = 2 // the command line was wrong
	exitUnstable = 3 // a rollout is not finite any more, or --watch warned; what there is was written
)

// usageError marks an error as a mistake on the command line.
type usageError struct{ error }

// usagef returns an error that exits with code 2 and points to --help.
func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// collectAt is how much the heap grows, in percent, before garbage is collected. Nearly all of it is large arrays without
// pointers, which cost the collector nothing; Go's 100 would let a network of 5 GB leave 5 GB of garbage.
const collectAt = 20

func main() {
	debug.SetGCPercent(collectAt)
	ctx, stop := signal.NotifyContext(context.Background(), stopSignals()...)
	root := rootCommand()
	err := fault.Catch(func() error { return root.ExecuteContext(ctx) })
	stop()
	if err == nil {
		return
	}
	if !errors.As(err, new(toldError)) {
		fmt.Fprintln(os.Stderr, "walrus:", err)
		reportFault(os.Stderr, err)
	}
	os.Exit(exitCode(err))
}

// exitCode is the exit code for an error.
func exitCode(err error) int {
	switch {
	case errors.As(err, new(usageError)):
		return exitUsage
	case errors.As(err, new(stoppedError)):
		return exitStopped
	case errors.As(err, new(*rollout.NonFiniteError)), errors.As(err, new(*rollout.Unstable)):
		return exitUnstable
	}
	return exitFailure
}

// stopSignals are the ways in which a user, a terminal that closes, and a scheduler end a job: work is saved, and the program
// stops. What was ignored at the start stays ignored, as under nohup.
func stopSignals() []os.Signal {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	for _, s := range []os.Signal{syscall.SIGHUP, syscall.SIGUSR1} {
		if !signal.Ignored(s) {
			signals = append(signals, s)
		}
	}
	return signals
}

// rootCommand assembles the command line: one constructor a command, each in its own file.
func rootCommand() *cobra.Command {
	var threads int
	root := &cobra.Command{
		Use:           "walrus",
		Short:         "Simulate, train, roll out and score surrogates of continuum dynamics",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if threads < 0 {
				return usagef("--threads %d: expected 0 (all processors) or more", threads)
			}
			if threads > 0 {
				runtime.GOMAXPROCS(threads)
			}
			return nil
		},
	}
	root.PersistentFlags().IntVar(&threads, "threads", 0, "processors to use (default all); results do not depend on it")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("%w; see %s --help", err, cmd.CommandPath())
	})
	root.AddCommand(
		compareCommand(),
		convertCommand(),
		dataCommand(),
		benchCommand(),
		demoCommand(),
		downloadCommand(),
		evalCommand(),
		manCommand(),
		reportCommand(),
		rolloutCommand(),
		selftestCommand(),
		simulateCommand(),
		trainCommand(),
		versionCommand(),
	)
	argumentErrors(root)
	return root
}

// argumentErrors makes wrong arguments of a command, and of those below it, usage errors that point to its help.
func argumentErrors(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			err := check(cmd, args)
			if err == nil || errors.As(err, new(usageError)) {
				return err
			}
			return usagef("%w; see %s --help", err, cmd.CommandPath())
		}
	}
	for _, c := range cmd.Commands() {
		argumentErrors(c)
	}
}
