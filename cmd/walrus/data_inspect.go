package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gowalrus/walrus/report"
	"github.com/gowalrus/walrus/well"
)

// inspectFlags are the settings of the inspect command.
type inspectFlags struct {
	split string
	quick bool
	json  bool
}

// dataInspectCommand shows what a data set holds.
func dataInspectCommand() *cobra.Command {
	var f inspectFlags
	cmd := &cobra.Command{
		Use:   "inspect PATH",
		Short: "Show files, grid, boundaries, fields and their ranges",
		Long: `Show files, grid, boundaries, fields and their ranges.

Ranges and RMS tell at a glance whether units are as expected and whether a simulation blew up. They need every value to
be read, once and in bounded memory; --quick reads the headers only.`,
		Example: `  walrus data inspect data/shear_flow
  walrus data inspect data/shear_flow/data/test/shear_flow_0003.hdf5 --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return inspect(cmd, args[0], f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.split, "split", "", "train, valid or test (default: all of them)")
	flags.BoolVar(&f.quick, "quick", false, "read headers only: no ranges")
	flags.BoolVar(&f.json, "json", false, "print JSON")
	return cmd
}

func inspect(cmd *cobra.Command, path string, f inspectFlags) error {
	d, err := well.OpenDataset(path, f.split, well.Options{})
	if err != nil {
		return err
	}
	defer d.Close()
	var fields []well.FieldSummary
	if !f.quick {
		show, end := byteProgress(cmd.ErrOrStderr(), "reading")
		fields, err = well.Summarise(cmd.Context(), d, show)
		end()
		if err != nil {
			return err
		}
	}
	found := d.Inspect(fields)
	if f.json {
		return printJSON(cmd.OutOrStdout(), found)
	}
	return printInspection(cmd.OutOrStdout(), found)
}

func printInspection(out io.Writer, s well.Inspection) error {
	axes := make([]string, len(s.Axes))
	for i, name := range s.Axes {
		axes[i] = fmt.Sprintf("%s %d (%s)", name, s.Grid[i], s.Boundaries[i])
	}
	fmt.Fprintf(out, "%s: %s grid, %s\n", s.Name, s.GridType, strings.Join(axes, ", "))
	fmt.Fprintf(out, "%d files, %d trajectories\n\n", len(s.Files), s.Trajectories)
	files := report.Table{Columns: report.Columns("file", "trajectories", "frames")}
	const most = 20
	for _, f := range s.Files[:min(most, len(s.Files))] {
		files.Add(report.Text(f.Path), report.Integer(f.Trajectories), report.Integer(f.Frames))
	}
	colour := out == os.Stdout && report.ColourWanted(os.Stdout)
	if err := files.WriteText(out, colour); err != nil {
		return err
	}
	if more := len(s.Files) - most; more > 0 {
		fmt.Fprintf(out, "and %d more files\n", more)
	}
	fmt.Fprintln(out)
	err := inspectedFields(s.Fields).WriteText(out, colour)
	for _, text := range s.Warnings {
		if err == nil {
			_, err = fmt.Fprintf(out, "\nwarning: %s\n", text)
		}
	}
	return err
}

// inspectedFields has one row a component, or where values were not read one row a field.
func inspectedFields(fields []well.InspectedField) report.Table {
	t := report.Table{Columns: report.Columns("field", "rank", "varies in time", "low", "high", "mean", "rms", "not finite")}
	number := func(v *float64) report.Cell {
		if v == nil {
			return report.Missing()
		}
		return report.Number(*v)
	}
	for _, f := range fields {
		varies := report.Text("yes")
		if f.Constant {
			varies = report.Text("no")
		}
		if f.Components == nil {
			missing := report.Missing()
			t.Add(report.Text(f.Name), report.Text(f.Rank), varies, missing, missing, missing, missing, missing)
		}
		for _, c := range f.Components {
			bad := report.Integer(int(c.NotFinite))
			if c.NotFinite > 0 {
				bad = bad.Marked(report.Bad)
			}
			t.Add(report.Text(c.Name), report.Text(f.Rank), varies, number(c.Low), number(c.High), number(c.Mean), number(c.RMS), bad)
		}
	}
	return t
}
