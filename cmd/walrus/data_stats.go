package main

import (
	"cmp"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gowalrus/walrus/ranks"
	"github.com/gowalrus/walrus/sample"
	"github.com/gowalrus/walrus/well"
)

// dataStatsCommand computes a data set's stats.yaml.
func dataStatsCommand() *cobra.Command {
	var split, out string
	var stride int
	var transforms []string
	var peers peerFlags
	cmd := &cobra.Command{
		Use:   "stats PATH",
		Short: "Compute a data set's stats.yaml",
		Long: `Compute a data set's stats.yaml: mean, standard deviation and RMS of every field and of its change between frames.

Fine-tuning and some scores normalise by these numbers. They are taken over the train split in float64, as The Well does;
memory is a few frames, however large the data set. Where there is no train split, as for a single file, all of PATH
counts.

A model that sees a transformed field, or frames some strides apart, needs the statistics of just that: with --transform they
are of the transformed values, still under the field's own name, and with --stride the changes are those between frames so
far apart. The file says how it was made, and a run that uses it otherwise says so.`,
		Example: `  walrus data stats data/shear_flow
  walrus data stats mine.hdf5 --out mine_stats.yaml
  walrus data stats data/post_neutron_star_merger --transform density=log10 --out data/post_neutron_star_merger/logged_stats.yaml
  walrus data stats data/convective_envelope_rsg --stride 5 --out data/convective_envelope_rsg/logged_stats_stride_5.yaml`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return peers.together(cmd, func(g *ranks.Group) error { return stats(cmd, g, args[0], split, out, stride, transforms) })
		},
	}
	peers.add(cmd)
	cmd.Flags().StringVar(&split, "split", "", "train, valid or test (default: train where there is one, else all files)")
	cmd.Flags().IntVar(&stride, "stride", 1, "frames between the two that a change is taken of")
	cmd.Flags().StringArrayVar(&transforms, "transform", nil, "transform a field first, as density=log10 (repeatable)")
	cmd.Flags().StringVar(&out, "out", "", "file to write (default: stats.yaml in the data set's folder; needed with --transform and --stride)")
	return cmd
}

func stats(cmd *cobra.Command, g *ranks.Group, path, split, out string, stride int, transforms []string) error {
	if stride < 1 {
		return usagef("--stride %d; expected at least 1", stride)
	}
	if out == "" && (stride > 1 || len(transforms) > 0) {
		return usagef("--stride %d and %d transforms without --out: stats.yaml is for the fields as they are; name a file beside it", stride, len(transforms))
	}
	o := well.StatsOptions{Stride: stride, Transforms: map[string]well.Transform{}}
	parsed, err := sample.ParseTransforms(transforms)
	if err != nil {
		return usagef("--transform: %w", err)
	}
	for name, t := range parsed {
		if t == sample.ZerosLike {
			return usagef("--transform %s=%s: nothing can be divided by the statistics of zeros; leave it out, the field's own ones serve a field that is hidden", name, t)
		}
		o.Transforms[name] = t
	}
	if out != "" {
		if err := checkOutput("--out", out, ".yaml", ".yml"); err != nil {
			return err
		}
	}
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
	if g.Size() > 1 {
		o.Sharing = &well.Sharing{Process: g.Rank(), Processes: g.Size(), Share: g.Share}
	}
	if err := prepareOutput("--out", cmp.Or(out, well.StatsPath(path))); err != nil {
		return err
	}
	show, end := byteProgress(cmd.ErrOrStderr(), "stats")
	computed, err := well.ComputeStats(cmd.Context(), d, o, show)
	end()
	if err != nil {
		return err
	}
	if out == "" {
		out = well.StatsPath(path)
	}
	if !g.First() {
		return nil
	}
	if err := well.WriteStats(out, computed); err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: statistics of %d fields over %d files\n", out, len(computed.Fields), len(d.Files()))
	return err
}
