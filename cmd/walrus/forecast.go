package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/gowalrus/walrus/train"
)

// printForecast says what a run will be and what it will take, without beginning it.
func printForecast(cmd *cobra.Command, c train.Config, asJSON bool) error {
	f, err := train.NewForecast(cmd.Context(), c, train.Observer{Compiling: func(program string, took time.Duration, done bool) {
		fmt.Fprintln(cmd.ErrOrStderr(), compilingText(program, took, done))
	}})
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	if asJSON {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(f)
	}
	return f.WriteText(out, colourWanted(out))
}
