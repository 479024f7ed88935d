package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gowalrus/walrus/well"
)

// dataCheckCommand names every breach of the format's rules.
func dataCheckCommand() *cobra.Command {
	var split string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check PATH",
		Short: "Name every breach of The Well's format in a data set",
		Long: `Name every breach of The Well's format in a data set.

Checked are structure, attributes and their types, shapes, boundary masks, coordinates and times that do not rise, values
that are not finite or marked as missing, parts that were never written or whose files are gone, frames that repeat the
frame before, and that all files have the same name, grid and fields; each violation names file and object. The exit code
is 1 if there is any. Uneven steps in time and space are warnings. Passing files are read by this program and by the
Python tools of The Well alike.`,
		Example: `  walrus data check data/shear_flow
  walrus data check mine.hdf5 --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			paths, err := well.FindFiles(args[0], split, well.Options{})
			if err != nil {
				return err
			}
			return check(cmd, paths, asJSON)
		},
	}
	cmd.Flags().StringVar(&split, "split", "", "train, valid or test (default: all of them)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON: a list of file, object and problem")
	return cmd
}

func check(cmd *cobra.Command, paths []string, asJSON bool) error {
	found := []well.Violation{}
	breaches := 0
	add := func(violations []well.Violation) {
		found = append(found, violations...)
		for _, v := range violations {
			if !v.Warning {
				breaches++
			}
			if !asJSON {
				fmt.Fprintln(cmd.OutOrStdout(), v)
			}
		}
	}
	for _, path := range paths {
		violations, err := well.Check(cmd.Context(), path)
		if err != nil {
			return err
		}
		add(violations)
	}
	add(well.CheckTogether(paths))
	if asJSON {
		if err := printJSON(cmd.OutOrStdout(), found); err != nil {
			return err
		}
	}
	if breaches > 0 {
		return fmt.Errorf("%d violations in %d files", breaches, len(paths))
	}
	if !asJSON {
		fmt.Fprintf(cmd.OutOrStdout(), "%d files follow the format\n", len(paths))
	}
	return nil
}
