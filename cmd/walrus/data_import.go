package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gowalrus/walrus/internal/progress"
	"github.com/gowalrus/walrus/well/importer"
)

// dataImportCommand turns arrays of other programs into a file of The Well.
func dataImportCommand() *cobra.Command {
	var config, out string
	cmd := &cobra.Command{
		Use:   "import FILE...",
		Short: "Turn .npy, .npz or NetCDF-4 arrays into a file of The Well",
		Long: `Turn .npy, .npz or NetCDF-4 arrays into a file of The Well.

A YAML description names the axes of the arrays in the order in which they are stored, the fields and the boundaries; any
order of axes will do. Arrays are read frame by frame, so that they may be larger than memory. A description:

  name: my_channel_flow
  axes:
    - {name: x, boundary: periodic, coordinates: lon}   # a variable with the positions, or first: and last:
    - {name: y, boundary: wall/open}                    # low side and high side
  time: {step: 0.1}                                     # or variable: t
  layout: [time, y, x]                                  # also: trajectory, component
  parameters: {Re: 1000}
  fields:
    - {name: pressure, variables: [p], positive: true}
    - {name: velocity, rank: vector, variables: [u, v]}
    - {name: mask, layout: [y, x], missing: 0}

A variable of a .npy file is called as the file without .npy.`,
		Example: `  walrus data import flow.npz --config flow.yaml --out my_channel_flow/data/train/flow_0.hdf5
  walrus data import u.npy v.npy p.npy --config flow.yaml --out flow.hdf5`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return importArrays(cmd, args, config, out) },
	}
	cmd.Flags().StringVar(&config, "config", "", "YAML description of the arrays (required)")
	cmd.Flags().StringVar(&out, "out", "", "file to write, .hdf5 (required)")
	return cmd
}

func importArrays(cmd *cobra.Command, files []string, config, out string) error {
	if len(files) == 0 || config == "" || out == "" {
		return usagef("import: expected files, --config and --out; see walrus data import --help")
	}
	c, err := importer.ReadConfig(config)
	if err != nil {
		return err
	}
	var bar *progress.Bar
	err = importer.Import(cmd.Context(), c, files, out, func(done, total int) {
		if bar == nil {
			bar = progress.New(cmd.ErrOrStderr(), "import", 0, total)
		}
		bar.Advance(1, "frames")
	})
	if bar != nil {
		bar.Close()
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: %d fields of %s\n", out, len(c.Fields), c.Name)
	return err
}
