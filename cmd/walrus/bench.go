package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/gowalrus/walrus/bench"
	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/model"
	"github.com/gowalrus/walrus/report"
	"github.com/gowalrus/walrus/train"
	"github.com/spf13/cobra"
)

// benchCommand times one architecture on one engine.
func benchCommand() *cobra.Command {
	var s bench.Settings
	var preset, size, engineName, dump string
	var precision engine.Precision
	var devices, loraRank int
	var tokens []int
	var shared sharedPlan
	var asJSON, dryRun bool
	c := model.Config{States: model.ReleasedStates, Dimensions: []int{2, 3}, Causal: true, Jitter: true}
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Time a forward pass or a training step with random weights",
		Long: `Times one forward pass, or with --train one training step (gradient, clipping, AdamW), of an architecture with
random weights: 4 fields, batch 1, 67 field columns, periodic in the first axis and walls in the others. The keys of
--json are those of the PyTorch peer of the specification, so that the two can be compared run by run; GFLOP/s count
the matrix products only. Several --tokens are timed one after another, with one table, or one JSON object a line: what each costs with the
same weights. With --engine xla the peak that they are compared with is that of bf16 products of up to
8192 x 8192, measured in the same run. With --devices N a training step takes N samples, one on each device. --dry-run predicts the memory instead and needs no GPU;
--dump writes the programs as CUDA's plugin would get them, which needs none either.`,
		Example: `  walrus bench --hidden 384 --heads 6 --blocks 8 --frames 6 --size 128x128 --json
  walrus bench --preset walrus --frames 3 --runs 1
  walrus bench --model cnextunet --parameters 3e6 --frames 4 --size 64x64 --train
  walrus bench --preset nano --tokens 8,16,32 --train
  walrus bench --preset walrus --train --recompute 2 --engine xla:cuda --precision bf16 --dry-run
  walrus bench --preset walrus --train --recompute 2 --engine xla:cuda --dry-run --ranks 96 --shard 4
  walrus bench --preset walrus --train --lora-rank 8 --dry-run
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
			if loraRank < 0 || loraRank > 0 && !s.Train {
				return usagef("bench: --lora-rank %d: expected 0 or more, and --train beside it", loraRank)
			}
			s.LoRA = train.LoRAConfig{Rank: loraRank}.Model()
			var err error
			if s.Size, err = parseGrid("--size", size); err != nil {
				return usageError{err}
			}
			all, err := benchSettings(s, tokens)
			if err != nil {
				return err
			}
			if dump != "" {
				if len(all) > 1 {
					return usagef("bench: --dump writes the programs of one shape; --tokens has %v", tokens)
				}
				return writePrograms(cmd, dump, engine.Options{Precision: precision, Devices: devices}, all[0])
			}
			if dryRun {
				return printBenchPlans(cmd, engineName, precision, all, shared, asJSON)
			}
			if shared.ranks > 1 {
				return usagef("bench: --ranks %d without --dry-run; several processes are timed under mpirun, see docs/cluster.md", shared.ranks)
			}
			e, err := engine.OpenWith(engineName, engine.Options{Precision: precision, Devices: devices, Compiling: func(program string, took time.Duration, done bool) {
				fmt.Fprintln(cmd.ErrOrStderr(), compilingText(program, took, done))
			}})
			if err != nil {
				return err
			}
			defer e.Close()
			results, err := benchAll(cmd, e, engineName, all)
			if err != nil {
				return err
			}
			return printBenches(cmd, results, asJSON)
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
	flags.IntSliceVar(&tokens, "tokens", nil, "tokens along each axis, or several to compare, as 8,16,32 (default 32 in 2-D, 16 in 3-D)")
	flags.BoolVar(&s.Train, "train", false, "time a training step")
	flags.IntVar(&s.Recompute, "recompute", 0, "recompute every n-th block in the backward pass (0: none)")
	flags.IntVar(&loraRank, "lora-rank", 0, "train only what LoRA of this rank adds to attention and feed-forward, and freeze the rest (0: all is trained)")
	flags.IntVar(&s.Runs, "runs", 3, "timed runs")
	flags.IntVar(&s.Warmup, "warmup", 1, "runs before, not counted")
	flags.StringVar(&engineName, "engine", "", "what runs the network: "+engine.Describe()+` (default "`+engine.Default+`")`)
	flags.Var(&precision, "precision", "of matrix products: "+engine.PrecisionNames()+"; in training weights and optimizer stay float32")
	flags.IntVar(&devices, "devices", 1, "devices that share a training step, with one sample each")
	flags.BoolVar(&dryRun, "dry-run", false, "predict the memory of a device and run nothing")
	flags.IntVar(&shared.ranks, "ranks", 1, "with --dry-run and --train: processes that train together; what each sends in a step too")
	flags.IntVar(&shared.shard, "shard", 1, "of those, how many share the optimizer's memory")
	flags.StringVar(&shared.reduce, "reduce", "float32", "type of gradients between them, float32 or bf16")
	flags.StringVar(&dump, "dump", "", "write the programs for CUDA as StableHLO into this folder and run nothing (builds with XLA)")
	flags.BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

// benchSettings are the settings with each number of tokens, checked before anything is timed.
func benchSettings(s bench.Settings, tokens []int) ([]bench.Settings, error) {
	if len(tokens) == 0 {
		tokens = []int{0}
	}
	all := make([]bench.Settings, len(tokens))
	for i, n := range tokens {
		if n < 0 || n == 0 && len(tokens) > 1 {
			return nil, usagef("bench: --tokens %d; expected numbers above 0", n)
		}
		all[i] = s
		all[i].Tokens = n
		if err := all[i].Check(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// benchAll measures one after another.
func benchAll(cmd *cobra.Command, e *engine.Engine, engineName string, all []bench.Settings) ([]bench.Result, error) {
	var results []bench.Result
	for _, s := range all {
		result, err := bench.Run(cmd.Context(), e, s, func(done, total int) {
			if len(all) > 1 {
				fmt.Fprintf(cmd.ErrOrStderr(), "%d tokens: ", s.Tokens)
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "run %d of %d\n", done, total)
		})
		if err != nil {
			return nil, err
		}
		results = append(results, result)
	}
	peak := e.PeakRate()
	if engine.IsXLA(engineName) {
		var err error
		if peak, err = bench.FindPeakRate(cmd.Context(), e, engine.BFloat16); err != nil {
			return nil, err
		}
		peak *= float64(results[0].Devices)
	}
	for i := range results {
		if results[i].Peak = peak; peak > 0 {
			results[i].Share = results[i].Rate / peak
		}
	}
	return results, nil
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

// printBenches prints measurements: one in sentences, several in a table, or as JSON.
func printBenches(cmd *cobra.Command, results []bench.Result, asJSON bool) error {
	if asJSON {
		encoder := json.NewEncoder(cmd.OutOrStdout())
		for _, r := range results {
			if err := encoder.Encode(r); err != nil {
				return err
			}
		}
		return nil
	}
	if len(results) == 1 {
		printBench(cmd, results[0])
		return nil
	}
	first := results[0]
	table := report.Table{
		Title: fmt.Sprintf("%s of %.4g parameters on %s in %s, by tokens along each axis", strings.ReplaceAll(first.What, "_", " "), float64(first.Parameters), first.Engine, first.Precision),
		Columns: []report.Column{
			{Name: "tokens"}, {Name: "median s", Digits: 3}, {Name: "minimum s", Digits: 3}, {Name: fmt.Sprintf("times that with %d", first.Tokens), Digits: 3},
			{Name: "compilation s", Digits: 3}, {Name: "GFLOP/s", Digits: 3}, {Name: "planned GiB", Digits: 3},
		},
	}
	for _, r := range results {
		table.Rows = append(table.Rows, []report.Cell{report.Integer(r.Tokens), report.Number(r.Median), report.Number(r.Min), report.Number(r.Median / first.Median),
			report.Number(r.Compile), report.Number(r.Rate), report.Number(r.Planned)})
	}
	if err := table.WriteText(cmd.OutOrStdout(), colourWanted(cmd.OutOrStdout())); err != nil {
		return err
	}
	fmt.Fprintln(cmd.OutOrStdout(), "planned: beside the weights, while a program runs; programs share that memory, so that a run with several numbers of tokens needs that of its largest")
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
