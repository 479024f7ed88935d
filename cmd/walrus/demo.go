package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/gowalrus/walrus/demo"
	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/report"
)

// demoCommand shows the whole chain.
func demoCommand() *cobra.Command {
	var o demo.Options
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Simulate, train, roll out and score in a few minutes, and write a report",
		Long: `Simulate, train, roll out and score in a few minutes, and write a report.

Two kinds of flow are simulated, the smallest network is trained on both together, and trajectories that it has not seen
are predicted. Nothing is prepared: simulations, training and scores are real at every run. It fails (exit code 1)
unless the network's error is at most half of persistence's one step ahead and below it over 20 steps, on both data sets.`,
		Example: `  walrus demo
  walrus demo --quick --out /tmp/demo`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Screen, o.Program = cmd.ErrOrStderr(), "walrus "+thisBuild().Version
			if o.Engine == "" {
				o.Engine = engine.Default
			}
			r, err := demo.Run(cmd.Context(), o)
			if err != nil {
				return err
			}
			return printDemo(cmd.OutOrStdout(), o, r, asJSON)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.Out, "out", "walrus-demo", "folder of data, run and report")
	flags.BoolVar(&o.Quick, "quick", false, "a fraction of the work, to see that everything runs; nothing is judged")
	flags.Uint64Var(&o.Seed, "seed", 1, "fixes every random choice")
	flags.StringVar(&o.Engine, "engine", "", "what computes: "+engine.Describe()+" (default "+engine.Default+")")
	flags.IntVar(&o.Workers, "workers", runtime.NumCPU(), "processor cores of the simulations")
	flags.BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}

// printDemo prints the scores and the verdict.
func printDemo(out io.Writer, o demo.Options, r *demo.Result, asJSON bool) error {
	var failed error
	if !r.Passed() {
		failed = errors.New("demo: the bar was not reached: one-step VRMSE at most half of persistence's, and a finite rollout below persistence, on both data sets")
	}
	if asJSON {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return errors.Join(encoder.Encode(r), failed)
	}
	colour := colourWanted(out)
	if err := r.Scores.Overview().WriteText(out, colour); err != nil {
		return err
	}
	table := report.Table{Columns: report.Columns("data set", "one step / persistence", "rollout / persistence", "verdict")}
	for _, v := range r.Verdicts {
		verdict, mark := "passed", report.Good
		switch {
		case !r.Judged:
			verdict, mark = "not judged", report.Plain
		case !v.Passed:
			verdict, mark = "missed", report.Bad
		}
		table.Add(report.Text(v.DataSet), report.Number(v.OneStep/v.OneStepPersistence), report.Number(v.Rollout/v.RolloutPersistence), report.Text(verdict).Marked(mark))
	}
	fmt.Fprintln(out)
	if err := table.WriteText(out, colour); err != nil {
		return err
	}
	var total float64
	for _, s := range r.Stages {
		fmt.Fprintf(out, "%s %.0f s, ", s.Name, s.Seconds)
		total += s.Seconds
	}
	fmt.Fprintf(out, "together %.0f s; report: %s\n", total, filepath.Join(o.Out, demo.ReportFile))
	return failed
}
