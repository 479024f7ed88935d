package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/gowalrus/walrus/checkpoint"
	"github.com/gowalrus/walrus/engine"
)

// experiment is one of the questions.
type experiment struct {
	name, question string
	run            func(ctx context.Context, l *lab) error
	rows           func(l *lab) []row // that its table has; nil for all
	draw           func(l *lab) error
}

func experiments() []experiment {
	return []experiment{transfer(), jitter(), tokens(), dimensions(), scale(), inContext(), networks()}
}

// lab is where experiments are made: data, results and what they may cost.
type lab struct {
	data    string // folder of data sets that walrus simulate made
	foreign string // folder of those that another solver made
	out     string
	from    string            // pretrained weights
	weights checkpoint.Config // theirs
	seeds   int
	only    []string  // arms or data sets; empty for all
	rates   []float64 // that are tried of those of the transfer; empty for all
	engine  string
	cap     int     // of steps, to try an experiment out; 0 for none
	one     string  // data set of the experiments that need one only: tokens and scale
	seconds float64 // of processor time that each arm trains in the comparison of networks
	long    int     // seeds of the transfer that go all the way
	results *results
}

// wants says whether an arm or a data set is among those that were asked for.
func (l *lab) wants(name string) bool { return len(l.only) == 0 || slices.Contains(l.only, name) }

// wantsPair says it of an arm on a data set, which the name of either or of the pair asks for.
func (l *lab) wantsPair(dataSet, arm string) bool {
	return l.wants(dataSet) || l.wants(arm) || l.wants(dataSet+"/"+arm)
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "experiments:", err)
		os.Exit(1)
	}
}

func command() *cobra.Command {
	l := &lab{}
	root := &cobra.Command{Use: "experiments", Short: "Repeat the experiments of docs/experiments.md", SilenceUsage: true, SilenceErrors: true}
	flags := root.PersistentFlags()
	flags.StringVar(&l.data, "data", "data", "folder of the simulated data sets")
	flags.StringVar(&l.foreign, "foreign", "foreign", "folder of the data sets of another solver")
	flags.StringVar(&l.out, "out", "experiments", "folder of runs, results.csv and plots")
	flags.StringVar(&l.from, "from", "nano", "pretrained weights")
	flags.IntVar(&l.seeds, "seeds", 3, "seeds, from 1")
	flags.StringSliceVar(&l.only, "only", nil, "these arms, data sets or pairs of both (gas/whole) only")
	flags.Float64SliceVar(&l.rates, "rates", nil, "try these of the transfer's learning rates only, to divide the work")
	flags.StringVar(&l.engine, "engine", "", "what computes: "+engine.Describe())
	flags.IntVar(&l.cap, "cap", 0, "train and roll out at most so many steps, to try an experiment out; not into the same --out (0: no limit)")
	flags.IntVar(&l.long, "long", 3, "seeds of the transfer that go to 1000 steps; the others to 300")
	flags.StringVar(&l.one, "scenario", sound, "simulated data set of the experiments tokens and scale; what they measured on several is told apart by it")
	flags.Float64Var(&l.seconds, "seconds", 60, "processor time that each arm of the comparison of networks trains for")
	for _, e := range experiments() {
		root.AddCommand(&cobra.Command{Use: e.name, Short: e.question, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			return l.do(cmd.Context(), e)
		}})
	}
	root.AddCommand(gasCommand(l))
	root.AddCommand(&cobra.Command{Use: "plot", Short: "Draw what results.csv has", Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error {
		return l.open(func() error {
			for _, e := range experiments() {
				if err := e.draw(l); err != nil {
					return fmt.Errorf("%s: %w", e.name, err)
				}
			}
			return nil
		})
	}})
	root.AddCommand(&cobra.Command{Use: "table", Short: "Print what results.csv has: medians over the seeds, with the least and the greatest", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		return l.open(func() error {
			for _, e := range experiments() {
				rows := l.results.rows
				if e.rows != nil {
					rows = e.rows(l)
				}
				printTable(cmd.OutOrStdout(), rows, e.name)
			}
			return nil
		})
	}})
	return root
}

// open reads the results and calls do.
func (l *lab) open(do func() error) error {
	if err := os.MkdirAll(l.out, 0o777); err != nil {
		return err
	}
	var err error
	if l.weights, err = checkpoint.ReadConfigOf(l.from, ""); err != nil {
		return fmt.Errorf("weights %s: %w", l.from, err)
	}
	if l.results, err = openResults(filepath.Join(l.out, "results.csv")); err != nil {
		return err
	}
	err = do()
	if closed := l.results.close(); err == nil {
		err = closed
	}
	return err
}

func (l *lab) do(ctx context.Context, e experiment) error {
	return l.open(func() error {
		if err := e.run(ctx, l); err != nil {
			return fmt.Errorf("%s: %w", e.name, err)
		}
		return e.draw(l)
	})
}

// folder is where a run with these properties lies.
func (l *lab) folder(parts ...any) string {
	var names []string
	for _, p := range parts {
		names = append(names, strings.ReplaceAll(fmt.Sprint(p), "/", "_"))
	}
	return filepath.Join(l.out, "runs", strings.Join(names, "-"))
}
