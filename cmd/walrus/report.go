package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/gowalrus/walrus/collect"
	"github.com/gowalrus/walrus/internal/progress"
	"github.com/gowalrus/walrus/report"
)

// reportCommand writes a page about runs, scores and rollouts.
func reportCommand() *cobra.Command {
	var out string
	var every time.Duration
	var o collect.Options
	cmd := &cobra.Command{
		Use:   "report RUN|SCORES|ROLLOUT...",
		Short: "Write one self-contained HTML page about runs, scores and rollouts",
		Long: `Write one self-contained HTML page about runs, scores and rollouts.

RUN is the folder of a training run, also while it goes on: curves of loss, rate and validation. SCORES is what walrus eval --json printed into a
file: tables, error over time with quartiles, and with eval --physics conserved totals and spectra; several are compared. ROLLOUT is the folder of
walrus rollout: truth, prediction and error as a film, vectors as speed, vorticity and streamlines, 3-D data as slices, maximum
projections and a rotating view, the error over time, totals and spectra. The page is one file that opens from disk, asks no network, follows the reader's
light or dark screen, is used by mouse or keyboard, and prints. Large grids and long rollouts are reduced, and the page says so.`,
		Example: `  walrus report runs/shear
  walrus report runs/shear --every 1m
  walrus eval runs/shear data/shear_flow --json --physics > scores.json; walrus report runs/shear scores.json rollout --out shear.html`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkOutput("--out", out, ".html", ".htm"); err != nil {
				return err
			}
			if every < 0 {
				return usagef("--every %s; expected a time that is not negative", every)
			}
			o.Program = "walrus " + thisBuild().Version
			for {
				if err := writeReport(cmd, args, out, o); err != nil || every == 0 {
					return err
				}
				select {
				case <-cmd.Context().Done():
					return nil
				case <-time.After(every):
				}
			}
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&out, "out", "report.html", "the page")
	flags.StringVar(&o.Title, "title", "", "heading of the page (default what it is about)")
	flags.StringVar(&o.Data, "data", "", "data set of the rollouts, where it is no longer where it was")
	flags.DurationVar(&every, "every", 0, "write the page anew after this time, as 1m, until Ctrl-C (default once)")
	return cmd
}

// writeReport writes the page once.
func writeReport(cmd *cobra.Command, paths []string, out string, o collect.Options) error {
	ctx := context.WithoutCancel(cmd.Context())
	if cmd.Flags().Changed("every") {
		ctx = cmd.Context()
	}
	var bar *progress.Bar
	o.Progress = func(name string, done, all int) {
		if done == 1 {
			bar = progress.New(cmd.ErrOrStderr(), name, 0, all)
		}
		if bar.Advance(1, ""); done == all {
			bar.Close()
		}
	}
	doc, err := collect.Document(ctx, paths, o)
	if err != nil {
		return err
	}
	if err := writeFile(out, func(w io.Writer) error { return report.HTML(w, doc) }); err != nil {
		return err
	}
	_, err = fmt.Fprintln(cmd.OutOrStdout(), out)
	return err
}
