package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gowalrus/walrus/checkpoint"
	"github.com/gowalrus/walrus/convert"
	"github.com/gowalrus/walrus/internal/progress"
)

// convertCommand turns weights from any readable form into safetensors and YAML.
func convertCommand() *cobra.Command {
	var p convert.Plan
	var fields []string
	var dtype string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "convert IN OUT",
		Short: "Turn weights in any readable form into safetensors and YAML",
		Long: `Turn weights in any readable form into safetensors and YAML.

IN is a .pt file that torch.save wrote (the released walrus.pt), a safetensors file, a folder with one of them, a
training run, or the name of a downloaded model (walrus download). Every tensor's name and shape is checked against the configuration before anything is written, and all
differences are listed. Memory holds one tensor at a time, so that the 5 GB release needs no large machine. A pickle is
never executed: the reader knows tensors and plain data, and refuses everything else.

OUT that ends in .safetensors becomes that file, with its configuration beside it as .yaml; any other OUT becomes a
folder with model.safetensors and config.yaml. Both are what the other commands take as weights. --dtype float16 halves
the file: matrices and kernels are rounded to 11 bits, vectors (norms, biases, frequencies) stay float32, and whoever
reads it computes in float32 as before. bfloat16 has 8 bits and the range of float32.

A run with finetune.lora or finetune.freeze saves only what it trains, beside the name and the hash of the weights that
it began with. rollout and eval open it as it is; --merge writes whole weights, which need nothing beside them. --base
says where the weights that it began with are now, if they are not where they were.`,
		Example: `  walrus convert walrus.pt walrus --config extended_config.yaml
  walrus convert runs/first shear.safetensors --add-field salinity --seed 7
  walrus convert nano shallow --add-field buoyancy=tracer
  walrus convert runs/first/best small.safetensors --dtype float16
  walrus convert --merge runs/tuned/best --out whole.safetensors`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if (len(args) == 2) == (p.Out != "") {
				return usagef("convert: one place to write to is expected, as the second argument or with --out")
			}
			if len(args) == 2 {
				p.Out = args[1]
			}
			p.In = args[0]
			for _, f := range fields {
				name, known, alike := strings.Cut(f, "=")
				p.Fields = append(p.Fields, name)
				if alike {
					if p.Like == nil {
						p.Like = map[string]string{}
					}
					p.Like[name] = known
				}
			}
			return convertWeights(cmd, p, dtype, asJSON)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&p.Config, "config", "", "configuration of IN (default: the .yaml of the same name, config.yaml or extended_config.yaml beside it)")
	flags.StringVar(&p.Out, "out", "", "what to write, instead of the second argument")
	flags.BoolVar(&p.Merge, "merge", false, "make whole weights of a run that saves only what it trains")
	flags.StringVar(&p.Base, "base", "", "with --merge: the weights that the run began with (default where they were)")
	flags.StringArrayVar(&fields, "add-field", nil, "give a new field the next free column of the embedding; NAME=KNOWN begins it as a field that the weights know (repeatable)")
	flags.Uint64Var(&p.Seed, "seed", 0, "fixes the values of new columns")
	flags.StringVar(&dtype, "dtype", "float32", "type of the stored weights: "+checkpoint.WritableNames())
	flags.BoolVar(&p.Force, "force", false, "replace OUT where it exists")
	flags.BoolVar(&asJSON, "json", false, "print what was written as JSON")
	return cmd
}

func convertWeights(cmd *cobra.Command, p convert.Plan, dtype string, asJSON bool) error {
	var err error
	if p.DType, err = checkpoint.ParseDType(dtype); err != nil {
		return usagef("--dtype: %w", err)
	}
	if p.Base != "" && !p.Merge {
		return usagef("convert: --base is for --merge")
	}
	var bar *progress.Bar
	var total int64
	p.Begin = func(tensors int) { bar = progress.New(cmd.ErrOrStderr(), "tensors", 0, tensors) }
	p.Written = func(bytes int64) {
		total += bytes
		bar.Advance(1, fmt.Sprintf("%.1f MB", float64(total)/1e6))
	}
	result, err := convert.Run(cmd.Context(), p)
	if bar != nil {
		bar.Close()
	}
	switch {
	case errors.Is(err, convert.ErrExists):
		return usagef("%w; replace it with --force", err)
	case errors.Is(err, convert.ErrPart):
		return usagef("%w; --merge writes whole weights", err)
	case errors.Is(err, convert.ErrWhole):
		return usagef("%w; leave --merge out", err)
	case err != nil:
		return err
	}
	return printConverted(cmd, result, asJSON)
}

func printConverted(cmd *cobra.Command, result convert.Result, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(cmd.OutOrStdout()).Encode(result)
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s: %d tensors, %d parameters, %.1f MB\n%s\n",
		result.Weights, result.Tensors, result.Parameters, float64(result.Bytes)/1e6, result.Config)
	return err
}
