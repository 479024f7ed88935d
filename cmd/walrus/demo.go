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
		Short: "A rollout without training, then fine-tuning beside a fresh network, in a few minutes, with a report",
		Long: `A rollout without training, then fine-tuning beside a fresh network, in a few minutes, with a report.

Two kinds of flow are simulated. Walrus-nano, which the program carries, predicts the one that it has learned as it is, and
is fine-tuned on the other, which it never saw, beside a fresh network of the same size. Simulations, training and scores
are real at every run. It fails (exit code 1) unless, on held-out trajectories, the first rollouts have at most half of
persistence's error one step ahead and stay below it over 20 steps, and the fine-tuned network has at most 0.95 of the fresh
one's error one step ahead. Their rollouts are shown side by side and not judged: so short a training decides nothing there.`,
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
		failed = errors.New("demo: a bar was not reached (see the verdicts; walrus demo --help tells the bars)")
	}
	if asJSON {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return errors.Join(encoder.Encode(r), failed)
	}
	colour := colourWanted(out)
	for _, t := range append(r.Scores(), demoVerdicts(r)) {
		if err := t.WriteText(out, colour); err != nil {
			return err
		}
		fmt.Fprintln(out)
	}
	var total float64
	for _, s := range r.Stages {
		fmt.Fprintf(out, "%s %.0f s, ", s.Name, s.Seconds)
		total += s.Seconds
	}
	fmt.Fprintf(out, "together %.0f s; report: %s\n", total, filepath.Join(o.Out, demo.ReportFile))
	return failed
}

// demoVerdicts has a row for each bar.
func demoVerdicts(r *demo.Result) report.Table {
	table := report.Table{Columns: report.Columns("data set", "compared", "one step", "rollout", "verdict")}
	add := func(dataSet, compared string, a, b demo.Errors, passed bool) {
		verdict, mark := "passed", report.Good
		switch {
		case !r.Judged:
			verdict, mark = "not judged", report.Plain
		case !passed:
			verdict, mark = "missed", report.Bad
		}
		table.Add(report.Text(dataSet), report.Text(compared), report.Number(a.OneStep/b.OneStep), report.Number(a.Rollout/b.Rollout), report.Text(verdict).Marked(mark))
	}
	k, t := r.Known, r.Transfer
	add(k.DataSet, "walrus-nano / persistence", k.Model, k.Persistence, k.Passed)
	add(t.DataSet, "fine-tuned / fresh", t.FineTuned, t.Fresh, t.Passed)
	return table
}
