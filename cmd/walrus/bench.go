package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/gowalrus/walrus/bench"
	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/model"
	"github.com/gowalrus/walrus/train"
	"github.com/spf13/cobra"
)

// benchFlags say what is timed, and where.
type benchFlags struct {
	settings  bench.Settings
	config    model.Config
	preset    string
	size      string
	tokens    []int
	loraRank  int
	engine    string
	precision engine.Precision
	devices   int
	shared    sharedPlan
	dump      string
	dryRun    bool
	json      bool
}

// benchCommand times one architecture on one engine.
func benchCommand() *cobra.Command {
	f := benchFlags{config: model.Config{States: model.ReleasedStates, Dimensions: []int{2, 3}, Causal: true, Jitter: true}}
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Time a forward pass, a training step or a rollout with random weights",
		Long: `Times one forward pass, with --train one training step (gradient, clipping, AdamW), or with --rollout N all N steps of a rollout, of an
architecture with random weights: 4 fields, batch 1, 67 field columns, periodic in the first axis and walls in the others. The keys of
--json are those of the PyTorch peer of the specification, so that the two can be compared run by run; GFLOP/s count
the matrix products only. Several --tokens are timed one after another, with one table, or one JSON object a line: what each costs with the
same weights. With --engine xla the peak that they are compared with is that of bf16 products of up to
8192 x 8192, measured in the same run. With --devices N a training step takes N samples, one on each device. --dry-run predicts the memory instead and needs no GPU;
--dump writes the programs as CUDA's plugin would get them, which needs none either.`,
		Example: `  walrus bench --hidden 384 --heads 6 --blocks 8 --frames 6 --size 128x128 --json
  walrus bench --preset walrus --frames 3 --runs 1
  walrus bench --preset nano --rollout 20
  walrus bench --model cnextunet --parameters 3e6 --frames 4 --size 64x64 --train
  walrus bench --preset nano --tokens 8,16,32 --train
  walrus bench --preset walrus --train --recompute 2 --engine xla:cuda --precision bf16 --dry-run
  walrus bench --preset walrus --train --recompute 2 --engine xla:cuda --dry-run --ranks 96 --shard 4
  walrus bench --preset walrus --train --lora-rank 8 --dry-run
  walrus-xla bench --hidden 768 --heads 12 --blocks 12 --train --precision bf16 --dump programs`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runBench(cmd, f) },
	}
	f.add(cmd)
	return cmd
}

// add registers the flags.
func (f *benchFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.IntVar(&f.config.Hidden, "hidden", 384, "width of a token")
	flags.IntVar(&f.config.Heads, "heads", 6, "attention heads")
	flags.IntVar(&f.config.Blocks, "blocks", 8, "blocks")
	flags.StringVar(&f.settings.Model, "model", "", "a baseline instead: fno, unet or cnextunet, of the size of The Well's benchmark")
	flags.Float64Var(&f.settings.Parameters, "parameters", 0, "parameters of the baseline: its width becomes what comes nearest, as 3e6")
	flags.StringVar(&f.preset, "preset", "", "a named size instead: "+strings.Join(model.PresetNames(), ", "))
	flags.IntVar(&f.settings.Frames, "frames", 6, "frames of history")
	flags.StringVar(&f.size, "size", "128x128", "points along each axis")
	flags.IntSliceVar(&f.tokens, "tokens", nil, "tokens along each axis, or several to compare, as 8,16,32 (default 32 in 2-D, 16 in 3-D)")
	flags.BoolVar(&f.settings.Train, "train", false, "time a training step")
	flags.IntVar(&f.settings.Rollout, "rollout", 0, "time a rollout of so many steps, with all that the host does in them (0: a single pass)")
	flags.IntVar(&f.settings.Recompute, "recompute", 0, "recompute every n-th block in the backward pass (0: none)")
	flags.IntVar(&f.loraRank, "lora-rank", 0, "train only what LoRA of this rank adds to attention and feed-forward, and freeze the rest (0: all is trained)")
	flags.IntVar(&f.settings.Runs, "runs", 3, "timed runs")
	flags.IntVar(&f.settings.Warmup, "warmup", 1, "runs before, not counted")
	flags.StringVar(&f.engine, "engine", "", "what runs the network: "+engine.Describe()+` (default "`+engine.Default+`")`)
	flags.Var(&f.precision, "precision", "of matrix products: "+engine.PrecisionNames()+"; in training weights and optimizer stay float32")
	flags.IntVar(&f.devices, "devices", 1, "devices that share a training step, with one sample each")
	flags.BoolVar(&f.dryRun, "dry-run", false, "predict the memory of a device and run nothing")
	flags.IntVar(&f.shared.ranks, "ranks", 1, "with --dry-run and --train: processes that train together; what each sends in a step too")
	flags.IntVar(&f.shared.shard, "shard", 1, "of those, how many share the optimizer's memory")
	flags.StringVar(&f.shared.reduce, "reduce", "float32", "type of gradients between them, float32 or bf16")
	flags.StringVar(&f.dump, "dump", "", "write the programs for CUDA as StableHLO into this folder and run nothing (builds with XLA)")
	flags.BoolVar(&f.json, "json", false, "print one JSON object")
}

// asked are the settings that the flags mean, one for each number of tokens, checked before anything is timed.
func (f benchFlags) asked(cmd *cobra.Command) ([]bench.Settings, error) {
	s := f.settings
	s.Config = f.config
	s.Config.Inner = f.config.Hidden / 4
	if f.preset != "" {
		if cmd.Flags().Changed("hidden") || cmd.Flags().Changed("heads") || cmd.Flags().Changed("blocks") {
			return nil, usagef("bench: --preset fixes hidden, heads and blocks; give one or the other")
		}
		var err error
		if s.Config, err = model.Preset(f.preset); err != nil {
			return nil, usageError{err}
		}
	}
	if f.loraRank < 0 || f.loraRank > 0 && !s.Train {
		return nil, usagef("bench: --lora-rank %d: expected 0 or more, and --train beside it", f.loraRank)
	}
	if s.Rollout < 0 || s.Rollout > 0 && s.Train {
		return nil, usagef("bench: --rollout %d: expected 0 or more, and not with --train", s.Rollout)
	}
	s.LoRA = train.LoRAConfig{Rank: f.loraRank}.Model()
	var err error
	if s.Size, err = parseGrid("--size", f.size); err != nil {
		return nil, usageError{err}
	}
	all, err := s.WithTokens(f.tokens)
	switch {
	case err != nil:
		return nil, usageError{err}
	case f.dump != "" && len(all) > 1:
		return nil, usagef("bench: --dump writes the programs of one shape; --tokens has %v", f.tokens)
	case f.dump == "" && !f.dryRun && f.shared.ranks > 1:
		return nil, usagef("bench: --ranks %d without --dry-run; several processes are timed under mpirun, see docs/cluster.md", f.shared.ranks)
	}
	return all, nil
}

// runBench writes programs, plans or measures.
func runBench(cmd *cobra.Command, f benchFlags) error {
	all, err := f.asked(cmd)
	if err != nil {
		return err
	}
	o := engine.Options{Precision: f.precision, Devices: f.devices}
	if f.dump != "" {
		return writePrograms(cmd, f.dump, o, all[0])
	}
	if f.dryRun {
		return printBenchPlans(cmd, f.engine, f.precision, all, f.shared, f.json)
	}
	o.Compiling = func(program string, took time.Duration, done bool) {
		fmt.Fprintln(cmd.ErrOrStderr(), compilingText(program, took, done))
	}
	e, err := engine.OpenWith(f.engine, o)
	if err != nil {
		return err
	}
	defer e.Close()
	results, err := bench.RunAll(cmd.Context(), e, all, func(s bench.Settings, done, total int) {
		if len(all) > 1 {
			fmt.Fprintf(cmd.ErrOrStderr(), "%d tokens: ", s.Tokens)
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "run %d of %d\n", done, total)
	})
	if err != nil {
		return err
	}
	return printBenches(cmd, results, f.json)
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
		_, err := fmt.Fprint(cmd.OutOrStdout(), results[0])
		return err
	}
	table := bench.Table(results)
	if err := table.WriteText(cmd.OutOrStdout(), colourWanted(cmd.OutOrStdout())); err != nil {
		return err
	}
	fmt.Fprintln(cmd.OutOrStdout(), "planned: beside the weights, while a program runs; programs share that memory, so that a run with several numbers of tokens needs that of its largest")
	return nil
}
