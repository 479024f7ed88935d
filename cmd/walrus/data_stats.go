package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gowalrus/walrus/well"
)

// dataStatsCommand computes a data set's stats.yaml.
func dataStatsCommand() *cobra.Command {
	var split, out string
	cmd := &cobra.Command{
		Use:   "stats PATH",
		Short: "Compute a data set's stats.yaml",
		Long: `Compute a data set's stats.yaml: mean, standard deviation and RMS of every field and of its change between frames.

Fine-tuning and some scores normalise by these numbers. They are taken over the train split in float64, as The Well does;
memory is a few frames, however large the data set. Where there is no train split, as for a single file, all of PATH
counts.`,
		Example: `  walrus data stats data/shear_flow
  walrus data stats mine.hdf5 --out mine_stats.yaml`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return stats(cmd, args[0], split, out) },
	}
	cmd.Flags().StringVar(&split, "split", "", "train, valid or test (default: train where there is one, else all files)")
	cmd.Flags().StringVar(&out, "out", "", "file to write (default: stats.yaml in the data set's folder)")
	return cmd
}

func stats(cmd *cobra.Command, path, split, out string) error {
	if split == "" {
		if _, err := well.FindFiles(path, "train", well.Options{}); err == nil {
			split = "train"
		}
	}
	d, err := well.OpenDataset(path, split, well.Options{})
	if err != nil {
		return err
	}
	defer d.Close()
	show, end := byteProgress(cmd.ErrOrStderr(), "stats")
	computed, err := well.ComputeStats(cmd.Context(), d, show)
	end()
	if err != nil {
		return err
	}
	if out == "" {
		out = well.StatsPath(path)
	}
	if err := well.WriteStats(out, computed); err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: statistics of %d fields over %d files\n", out, len(computed), len(d.Files()))
	return err
}
