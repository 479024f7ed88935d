package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/gowalrus/walrus/bench"
	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/model"
	"github.com/spf13/cobra"
)

// benchCommand times one architecture on one engine.
func benchCommand() *cobra.Command {
	var s bench.Settings
	var preset, size, engineName, dump string
	var precision engine.Precision
	var devices int
	var asJSON, dryRun bool
	c := model.Config{States: model.ReleasedStates, Dimensions: []int{2, 3}, Causal: true, Jitter: true}
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Time a forward pass or a training step with random weights",
		Long: `Times one forward pass, or with --train one training step (gradient, clipping, AdamW), of an architecture with
random weights: 4 fields, batch 1, 67 field columns, periodic in the first axis and walls in the others. The keys of
--json are those of the PyTorch peer of the specification, so that the two can be compared run by run; GFLOP/s count
the matrix products only. With --engine xla the peak that they are compared with is that of bf16 products of up to
8192 x 8192, measured in the same run. With --devices N a training step takes N samples, one on each device. --dry-run predicts the memory instead and needs no GPU;
--dump writes the programs as CUDA's plugin would get them, which needs none either.`,
		Example: `  walrus bench --hidden 384 --heads 6 --blocks 8 --frames 6 --size 128x128 --json
  walrus bench --preset walrus --frames 3 --runs 1
  walrus bench --model cnextunet --parameters 3e6 --frames 4 --size 64x64 --train
  walrus bench --preset walrus --train --recompute 2 --engine xla:cuda --precision bf16 --dry-run
  walrus-xla bench --hidden 768 --heads 12 --blocks 12 --train --precision bf16 --dump programs`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s.Config = c
			if preset != "" {
				if cmd.Flags().Changed("hidden") || cmd.Flags().Changed("heads") || cmd.Flags().Changed("blocks") {
					return usagef("bench: --preset fixes hidden, heads and blocks; give one or the other")
				}
				var err error
				if s.Config, err = model.Preset(preset); err != nil {
					return usageError{err}
				}
			} else {
				s.Config.Inner = c.Hidden / 4
			}
			var err error
			if s.Size, err = parseGrid("--size", size); err != nil {
				return usageError{err}
			}
			if dump != "" {
				return writePrograms(cmd, dump, engine.Options{Precision: precision, Devices: devices}, s)
			}
			if dryRun {
				return printBenchPlan(cmd, engineName, precision, s, asJSON)
			}
			e, err := engine.OpenWith(engineName, engine.Options{Precision: precision, Devices: devices, Compiling: func(program string, took time.Duration, done bool) {
				fmt.Fprintln(cmd.ErrOrStderr(), compilingText(program, took, done))
			}})
			if err != nil {
				return err
			}
			defer e.Close()
			result, err := bench.Run(cmd.Context(), e, s, func(done, total int) {
				fmt.Fprintf(cmd.ErrOrStderr(), "run %d of %d\n", done, total)
			})
			if err != nil {
				return err
			}
			result.Peak = e.PeakRate()
			if engine.IsXLA(engineName) {
				if result.Peak, err = bench.FindPeakRate(cmd.Context(), e, engine.BFloat16); err != nil {
					return err
				}
				result.Peak *= float64(result.Devices)
			}
			if result.Peak > 0 {
				result.Share = result.Rate / result.Peak
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(result)
			}
			printBench(cmd, result)
			return nil
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&c.Hidden, "hidden", 384, "width of a token")
	flags.IntVar(&c.Heads, "heads", 6, "attention heads")
	flags.IntVar(&c.Blocks, "blocks", 8, "blocks")
	flags.StringVar(&s.Model, "model", "", "a baseline instead: fno, unet or cnextunet, of the size of The Well's benchmark")
	flags.Float64Var(&s.Parameters, "parameters", 0, "parameters of the baseline: its width becomes what comes nearest, as 3e6")
	flags.StringVar(&preset, "preset", "", "a named size instead: "+strings.Join(model.PresetNames(), ", "))
	flags.IntVar(&s.Frames, "frames", 6, "frames of history")
	flags.StringVar(&size, "size", "128x128", "points along each axis")
	flags.IntVar(&s.Tokens, "tokens", 0, "tokens along each axis (default 32 in 2-D, 16 in 3-D)")
	flags.BoolVar(&s.Train, "train", false, "time a training step")
	flags.IntVar(&s.Recompute, "recompute", 0, "recompute every n-th block in the backward pass (0: none)")
	flags.IntVar(&s.Runs, "runs", 3, "timed runs")
	flags.IntVar(&s.Warmup, "warmup", 1, "runs before, not counted")
	flags.StringVar(&engineName, "engine", "", "what runs the network: "+engine.Describe()+` (default "`+engine.Default+`")`)
	flags.Var(&precision, "precision", "of matrix products: "+engine.PrecisionNames()+"; in training weights and optimizer stay float32")
	flags.IntVar(&devices, "devices", 1, "devices that share a training step, with one sample each")
	flags.BoolVar(&dryRun, "dry-run", false, "predict the memory of a device and run nothing")
	flags.StringVar(&dump, "dump", "", "write the programs for CUDA as StableHLO into this folder and run nothing (builds with XLA)")
	flags.BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

// compilingText says in a line how far a compilation is.
func compilingText(program string, took time.Duration, done bool) string {
	if done {
		return fmt.Sprintf("compiled %s in %.0f s", program, took.Seconds())
	}
	return fmt.Sprintf("compiling %s: %.0f s so far", program, took.Seconds())
}

// writePrograms writes the programs of a measurement instead of running them.
func writePrograms(cmd *cobra.Command, dir string, o engine.Options, s bench.Settings) error {
	e, err := engine.OpenWriter(dir, o)
	if err != nil {
		return err
	}
	defer e.Close()
	if err := bench.Write(e, s); err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "programs in StableHLO are in %s\n", dir)
	return nil
}

// printBench prints a measurement for people.
func printBench(cmd *cobra.Command, r bench.Result) {
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "%s on %s in %s: median %.3f s, minimum %.3f s of %d runs (first run %.2f s; compilation %.2f s)\n",
		strings.ReplaceAll(r.What, "_", " "), r.Engine, r.Precision, r.Median, r.Min, len(r.Times), r.CompileSecond, r.Compile)
	if r.Device > 0 {
		fmt.Fprintf(out, "a step keeps the device busy for %.4f s, the host takes %.4f s of the median\n", r.Device, r.Host)
	}
	if r.Devices > 1 {
		fmt.Fprintf(out, "%d samples on %d devices\n", r.Devices, r.Devices)
	}
	fmt.Fprintf(out, "%.4g parameters, %.0f GFLOP/s", float64(r.Parameters), r.Rate)
	if r.Peak > 0 {
		fmt.Fprintf(out, ", %.0f%% of the measured peak of %.0f", 100*r.Share, r.Peak)
	}
	fmt.Fprintf(out, "\npeak resident memory %.2f GiB", r.PeakRSS)
	if r.Planned > 0 {
		fmt.Fprintf(out, ", of which %.2f GiB planned beside the weights", r.Planned)
	}
	fmt.Fprintln(out)
}
