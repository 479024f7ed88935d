package main

import (
	"encoding/json"
	"fmt"

	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/selftest"
	"github.com/spf13/cobra"
)

// selftestCommand compares this build, on an engine, with golden numbers.
func selftestCommand() *cobra.Command {
	var engineName string
	var o selftest.Options
	var precision engine.Precision
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "selftest DIR",
		Short: "Compare this program with golden numbers from the released model",
		Long: `Runs every golden case found in DIR (forward passes, values inside the network, gradients, training traces,
rollouts) and prints the worst error of each beside what is allowed: ten times the noise of the golden
numbers' own float32 arithmetic. Run it on a new machine or engine before you trust its numbers.

DIR may also hold numbers that the released code computed for what surrounds the network (jitter.json, ...); those that
need a network take the golden weights beside DIR, or --weights.

Exit code 1 if a number is off.`,
		Example: `  walrus selftest golden
  walrus selftest golden --case rollout --engine go --json
  walrus selftest release --weights golden/weights.safetensors`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			e, err := engine.OpenPrecision(engineName, precision)
			if err != nil {
				return err
			}
			defer e.Close()
			out := cmd.OutOrStdout()
			encoder := json.NewEncoder(out)
			failed, total := 0, 0
			if !asJSON {
				fmt.Fprintf(out, "%-34s %-15s %10s %10s  %s\n", "case", "compared", "error", "allowed", "worst")
			}
			err = selftest.Run(cmd.Context(), e, args[0], o, func(r selftest.Result) {
				total++
				verdict := "ok"
				if !r.Passed {
					failed++
					verdict = "FAILED"
				}
				if asJSON {
					_ = encoder.Encode(r)
					return
				}
				fmt.Fprintf(out, "%-34s %-15s %10.2e %10.2e  %s  %s\n", r.Case, r.What, r.Error, r.Allowed, verdict, r.Worst)
			})
			if err != nil {
				return err
			}
			if failed > 0 {
				return fmt.Errorf("selftest: %d of %d comparisons are off on engine %s", failed, total, e)
			}
			if !asJSON {
				fmt.Fprintf(out, "all %d comparisons agree on engine %s\n", total, e)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&engineName, "engine", "", "what runs the network: "+engine.Describe()+` (default "`+engine.Default+`")`)
	cmd.Flags().Var(&precision, "precision", "of matrix products: "+engine.PrecisionNames()+"; beyond float32 the errors tell what rounding costs, and most are not allowed")
	cmd.Flags().StringVar(&o.Case, "case", "", "run only the cases whose name contains this")
	cmd.Flags().StringVar(&o.Weights, "weights", "", "weights that released numbers belong to (default ../golden/walrus_tiny.pt beside DIR)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a comparison")
	return cmd
}
