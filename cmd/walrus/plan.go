package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/gowalrus/walrus/bench"
	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/train"
	"github.com/spf13/cobra"
)

// openPlanner opens an engine that plans its memory before a run; nil for one whose device need not be here.
func openPlanner(config string, precision engine.Precision) (*engine.Engine, error) {
	if engine.IsXLA(config) {
		return nil, nil
	}
	return engine.OpenPrecision(config, precision)
}

// printBenchPlans predicts the memory of what bench would time.
func printBenchPlans(cmd *cobra.Command, config string, precision engine.Precision, all []bench.Settings, asJSON bool) error {
	e, err := openPlanner(config, precision)
	if err != nil {
		return err
	}
	if e != nil {
		defer e.Close()
	}
	for _, s := range all {
		plan, err := bench.Plan(e, s, config, precision)
		if err != nil {
			return err
		}
		if len(all) > 1 && !asJSON {
			fmt.Fprintf(cmd.OutOrStdout(), "%d tokens along each axis: ", s.Tokens)
		}
		if err := printPlan(cmd, plan, asJSON); err != nil {
			return err
		}
	}
	return nil
}

// printPlan prints a prediction, in GiB, or in bytes as JSON.
func printPlan(cmd *cobra.Command, p train.Plan, asJSON bool) error {
	out := cmd.OutOrStdout()
	if asJSON {
		return json.NewEncoder(out).Encode(struct {
			train.Plan
			Total int64 `json:"total"`
		}{p, p.Total()})
	}
	fmt.Fprintf(out, "memory of a %s, in GiB; nothing was run\n", strings.ReplaceAll(p.What, "_", " "))
	printMemory(out, p)
	return nil
}

// printMemory prints the rows of a plan.
func printMemory(out io.Writer, p train.Plan) {
	row := func(name string, bytes int64) {
		if bytes > 0 {
			fmt.Fprintf(out, "  %-46s %8.3f\n", name, float64(bytes)/(1<<30))
		}
	}
	row("weights", p.Weights)
	row("gradients", p.Gradients)
	row("moments", p.Moments)
	row("inputs", p.Inputs)
	if p.Planned > 0 {
		row("intermediate values, planned by the engine", p.Planned)
	} else {
		row("intermediate values, estimated", p.Activations)
	}
	row("total", p.Total())
}
