package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"github.com/gowalrus/walrus/internal/progress"
	"github.com/gowalrus/walrus/rollout"
	"github.com/gowalrus/walrus/score"
	"github.com/gowalrus/walrus/well"
)

// evalFlags say what is scored.
type evalFlags struct {
	modelFlags
	split        string
	first        int
	stride       int
	windows      string
	oneStep      int
	trajectories int
	resample     string
	csv          string
	full         bool
	json         bool
}

// evalCommand scores weights on data sets.
func evalCommand() *cobra.Command {
	var f evalFlags
	cmd := &cobra.Command{
		Use:   "eval WEIGHTS DATA...",
		Short: "Score weights on data sets: VRMSE one step ahead and over windows of rollouts",
		Long: `Score weights on data sets: VRMSE one step ahead and over windows of rollouts.

Each trajectory is predicted from the frames before --first, as in the paper, and the errors of every field are averaged
over the windows of steps; the table has the median over trajectories (and with --full their mean) beside persistence,
the forecast that nothing changes. Components that only pad vectors are not scored. A rollout that stops being finite
counts as infinitely wrong from there on.`,
		Example: `  walrus eval runs/shear data/shear_flow --split test --first 8 --windows 1:20
  walrus eval walrus.safetensors data/* --windows 1:20,21:60 --ensemble 4 --csv scores.csv`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error { return runEval(cmd, args[0], args[1:], f) },
	}
	f.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.split, "split", "", "train, valid or test, where the data has splits (default all)")
	flags.IntVar(&f.first, "first", 17, "first predicted frame of each trajectory, in frames of the data (17 in the paper)")
	flags.IntVar(&f.stride, "stride", 0, "take every N-th frame of the data as a step (default the smallest of the training)")
	flags.StringVar(&f.windows, "windows", "1:20,21:60", "steps of the rollout to average over, counted from 1")
	flags.IntVar(&f.oneStep, "one-step", 8, "single steps a trajectory from known frames, evenly spread; 0 takes the rollout's first step")
	flags.IntVar(&f.trajectories, "trajectories", 0, "score only the first so many of each data set (default all)")
	flags.StringVar(&f.resample, "resample", "", "interpolate the data to this grid first, as 128x128, and score on it (default off)")
	flags.StringVar(&f.csv, "csv", "", "write all scores to this CSV file too")
	flags.BoolVar(&f.full, "full", false, "print medians and means, one row a score")
	flags.BoolVar(&f.json, "json", false, "print all scores as JSON")
	return cmd
}

func runEval(cmd *cobra.Command, weights string, data []string, f evalFlags) error {
	windows, err := score.ParseWindows(f.windows)
	if err != nil {
		return usageError{err}
	}
	if f.first < 1 || f.stride < 0 || f.oneStep < 0 || f.trajectories < 0 {
		return usagef("--first %d, --stride %d, --one-step %d, --trajectories %d; expected at least 1, 0, 0 and 0", f.first, f.stride, f.oneStep, f.trajectories)
	}
	grid, err := parseGrid("--resample", f.resample)
	if err != nil {
		return err
	}
	steps := 1
	for _, w := range windows {
		steps = max(steps, w.Last)
	}
	m, err := f.open(weights, f.stride)
	if err != nil {
		return err
	}
	defer m.Close()
	var sets []*well.Dataset
	defer func() {
		for _, d := range sets {
			d.Close()
		}
	}()
	total := 0
	for _, path := range data {
		d, err := m.OpenData(path, f.split, well.Options{})
		if err != nil {
			return err
		}
		sets = append(sets, d)
		total += d.Trajectories()
		if f.trajectories > 0 {
			total -= max(0, d.Trajectories()-f.trajectories)
		}
	}
	e := rollout.Evaluation{
		First: f.first, Steps: steps, OneStep: f.oneStep, Trajectories: f.trajectories, Grid: grid, Options: f.options(),
	}
	bar := progress.New(cmd.ErrOrStderr(), "eval", 0, total)
	result, err := score.Evaluate(cmd.Context(), score.Config{Windows: windows}, evaluated(cmd.Context(), sets, m, e, bar))
	bar.Close()
	if err != nil {
		return err
	}
	return printScores(cmd.OutOrStdout(), result, f)
}

// evaluated joins the trajectories of all data sets and moves the bar.
func evaluated(ctx context.Context, sets []*well.Dataset, m *openModel, e rollout.Evaluation, bar *progress.Bar) score.Trajectories {
	return func(yield func(score.Trajectory, error) bool) {
		for _, d := range sets {
			setting, err := m.For(d)
			if err != nil {
				yield(score.Trajectory{}, err)
				return
			}
			e.History, e.Stride = setting.History, setting.MinStride
			for t, err := range rollout.Trajectories(ctx, d, setting, e) {
				if !yield(t, err) || err != nil {
					return
				}
				bar.Advance(1, d.Name())
			}
		}
	}
}

// printScores writes the scores where they are wanted.
func printScores(out io.Writer, r *score.Result, f evalFlags) error {
	table := r.Table()
	var failed error
	if f.csv != "" {
		failed = writeFile(f.csv, table.WriteCSV)
	}
	switch {
	case f.json:
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return errors.Join(failed, encoder.Encode(table))
	case !f.full:
		table = r.Overview()
	}
	return errors.Join(failed, table.WriteText(out, colourWanted(out)))
}
