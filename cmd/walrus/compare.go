package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/gowalrus/walrus/compare"
	"github.com/gowalrus/walrus/internal/progress"
	"github.com/gowalrus/walrus/rollout"
	"github.com/gowalrus/walrus/significance"
)

// compareFlags say what is compared.
type compareFlags struct {
	modelFlags
	protocolFlags
	data      []string
	kept      string
	parallel  int
	bootstrap significance.Options
	fields    bool
	markdown  string
	csv       string
	json      string
}

// compareCommand compares models.
func compareCommand() *cobra.Command {
	f := compareFlags{bootstrap: significance.Default()}
	cmd := &cobra.Command{
		Use:   "compare MODEL MODEL... --data DATA...",
		Short: "Compare models on data sets, and say which differences are more than chance",
		Long: `Compare models on data sets, and say which differences are more than chance.

MODEL is a checkpoint, as in eval, or persistence (nothing changes) or linear (the last change goes on); NAME=MODEL gives it a
name for the tables. All models predict the same frames of the same trajectories. Each table has, one step ahead and over
windows of rollouts, the median, its 95 % interval (bootstrap over trajectories), the quartiles, and the difference from the
first model with a paired bootstrap over trajectories; p is corrected by Holm over the data sets. Scores are kept in --kept
under a hash of weights, data and settings: what was computed before is not computed again, and a comparison that was stopped
goes on. docs/evaluation.md says more.`,
		Example: `  walrus compare runs/mine persistence linear --data data/shear_flow
  walrus compare nano=runs/nano fno=runs/fno unet=runs/unet --data data/shear_flow --data data/maze --markdown table.md --csv table.csv`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error { return runCompare(cmd, args, f) },
	}
	f.add(cmd)
	f.addProtocol(cmd)
	flags := cmd.Flags()
	flags.StringArrayVar(&f.data, "data", nil, "data set, a folder or file in The Well's format (repeatable; one at least)")
	flags.StringVar(&f.kept, "kept", "comparison", "folder where scores are kept")
	flags.IntVar(&f.parallel, "parallel", 0, "trajectories to predict at a time (default as many as memory allows, processors at most)")
	flags.IntVar(&f.bootstrap.Resamples, "bootstrap", f.bootstrap.Resamples, "how often trajectories are drawn again")
	flags.BoolVar(&f.fields, "fields", false, "rows for each field too, not only for their mean")
	flags.StringVar(&f.markdown, "markdown", "", "write the tables to this Markdown file too")
	flags.StringVar(&f.csv, "csv", "", "write all numbers to this CSV file too")
	flags.StringVar(&f.json, "json", "", "write all numbers to this JSON file too")
	return cmd
}

// asked is what the flags mean.
func (f compareFlags) asked() (compare.Options, error) {
	o := compare.Options{Bootstrap: f.bootstrap, Epsilon: f.epsilon, Folder: f.kept, Workers: f.parallel}
	p, err := f.released()
	if err != nil {
		return o, err
	}
	p.Sample = f.sample
	if err := f.check(); err != nil {
		return o, err
	}
	if len(f.data) == 0 || f.parallel < 0 {
		return o, usagef("--data %q, --parallel %d; expected one data set at least, and no negative number", f.data, f.parallel)
	}
	grid, err := parseGrid("--resample", f.resample)
	if err != nil {
		return o, err
	}
	if err := errors.Join(p.Check(), f.bootstrap.Check()); err != nil {
		return o, usageError{err}
	}
	o.Evaluation = rollout.Evaluation{Protocol: p, Grid: grid, Options: f.options()}
	o.Settings = []string{
		"engine " + f.engine, "precision " + f.precision.String(), fmt.Sprint("tokens ", f.tokens), fmt.Sprint("history ", f.history), fmt.Sprint("transforms ", f.transforms),
	}
	return o, nil
}

func runCompare(cmd *cobra.Command, args []string, f compareFlags) error {
	o, err := f.asked()
	if err != nil {
		return err
	}
	for flag, out := range map[string][2]string{"--markdown": {f.markdown, ".md"}, "--csv": {f.csv, ".csv"}, "--json": {f.json, ".json"}} {
		if out[0] == "" {
			continue
		}
		if err := prepareText(flag, out[0], out[1]); err != nil {
			return err
		}
	}
	names, paths, err := compare.Names(args)
	if err != nil {
		return usageError{err}
	}
	var entrants []compare.Entrant
	for i, path := range paths {
		id, err := compare.WeightsIdentity(path, f.config)
		if err != nil {
			return err
		}
		entrants = append(entrants, compare.Entrant{Name: names[i], Path: path, Identity: id, Open: func() (compare.Model, error) { return f.open(path, f.stride) }})
	}
	var data []compare.Data
	for _, path := range f.data {
		data = append(data, compare.Data{Path: filepath.Clean(path), Split: f.splitOf(cmd, path), Include: f.include, Exclude: f.exclude})
	}
	var bar *progress.Bar
	o.Planned = func(done, total int) { bar = progress.New(cmd.ErrOrStderr(), "compare", done, total) }
	o.Stepped = func(n int, note string) { bar.Advance(n, note) }
	o.Note = func(line string) { bar.Print(line) }
	result, err := compare.Run(cmd.Context(), entrants, data, o)
	if bar != nil {
		bar.Close()
	}
	if err != nil {
		return err
	}
	return f.write(cmd.OutOrStdout(), result)
}

// write writes the tables where they are wanted.
func (f compareFlags) write(out io.Writer, c *compare.Comparison) error {
	var failed error
	if f.markdown != "" {
		failed = writeFile(f.markdown, func(w io.Writer) error { return c.WriteMarkdown(w, f.fields) })
	}
	if f.csv != "" {
		failed = errors.Join(failed, writeFile(f.csv, c.Table().WriteCSV))
	}
	if f.json != "" {
		failed = errors.Join(failed, writeFile(f.json, c.WriteJSON))
	}
	return errors.Join(failed, c.WriteText(out, f.fields, colourWanted(out)))
}
