package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gowalrus/walrus/checkpoint"
	"github.com/gowalrus/walrus/internal/progress"
	"github.com/gowalrus/walrus/network"
)

// convertFlags are the settings of the convert command.
type convertFlags struct {
	config string
	out    string
	merge  bool
	base   string
	fields []string
	seed   uint64
	dtype  string
	force  bool
	json   bool
}

// convertCommand turns weights from any readable form into safetensors and YAML.
func convertCommand() *cobra.Command {
	var f convertFlags
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
  walrus convert runs/first/best small.safetensors --dtype float16
  walrus convert --merge runs/tuned/best --out whole.safetensors`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if (len(args) == 2) == (f.out != "") {
				return usagef("convert: one place to write to is expected, as the second argument or with --out")
			}
			if len(args) == 2 {
				f.out = args[1]
			}
			return convert(cmd, args[0], f.out, f)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.config, "config", "", "configuration of IN (default: the .yaml of the same name, config.yaml or extended_config.yaml beside it)")
	flags.StringVar(&f.out, "out", "", "what to write, instead of the second argument")
	flags.BoolVar(&f.merge, "merge", false, "make whole weights of a run that saves only what it trains")
	flags.StringVar(&f.base, "base", "", "with --merge: the weights that the run began with (default where they were)")
	flags.StringArrayVar(&f.fields, "add-field", nil, "give a new field the next free column of the embedding (repeatable)")
	flags.Uint64Var(&f.seed, "seed", 0, "fixes the values of new columns")
	flags.StringVar(&f.dtype, "dtype", "float32", "type of the stored weights: "+checkpoint.WritableNames())
	flags.BoolVar(&f.force, "force", false, "replace OUT where it exists")
	flags.BoolVar(&f.json, "json", false, "print what was written as JSON")
	return cmd
}

// converted is what the command reports.
type converted struct {
	Weights    string `json:"weights"`
	Config     string `json:"config"`
	Tensors    int    `json:"tensors"`
	Parameters int    `json:"parameters"`
	Bytes      int64  `json:"bytes"`
}

func convert(cmd *cobra.Command, in, out string, f convertFlags) error {
	result := converted{Weights: out, Config: strings.TrimSuffix(out, filepath.Ext(out)) + ".yaml"}
	if filepath.Ext(out) != ".safetensors" {
		result.Weights, result.Config = filepath.Join(out, checkpoint.WeightsFile), filepath.Join(out, checkpoint.ConfigFile)
	}
	dtype, err := checkpoint.ParseDType(f.dtype)
	if err != nil {
		return usagef("--dtype: %w", err)
	}
	if !f.force {
		if _, err := os.Stat(result.Weights); err == nil {
			return usagef("%s exists; replace it with --force", result.Weights)
		}
	}
	config, err := checkpoint.ReadConfigOf(in, f.config)
	if err != nil {
		return err
	}
	if f.base != "" && !f.merge {
		return usagef("convert: --base is for --merge")
	}
	weights, err := checkpoint.OpenOn(in, f.base)
	if err != nil {
		return err
	}
	defer weights.Close()
	switch {
	case weights.Part != nil && !f.merge:
		return usagef("convert: %s holds only what was trained on top of %s; --merge writes whole weights", in, weights.Part.Base.From)
	case weights.Part == nil && f.merge:
		return usagef("convert: --merge: %s holds whole weights already; leave the flag out", in)
	}
	architecture, err := network.Architecture(config, weights)
	if err != nil {
		return err
	}
	tensors := weights.Tensors()
	if len(f.fields) > 0 {
		before := config
		if config, err = config.WithFields(f.fields...); err != nil {
			return err
		}
		if tensors, err = checkpoint.GrowFields(tensors, before, config, checkpoint.PreservingColumns, f.seed); err != nil {
			return err
		}
		architecture.States = config.States()
	}
	if err := os.MkdirAll(filepath.Dir(result.Weights), 0o777); err != nil {
		return fmt.Errorf("convert: %w", err)
	}
	// The configuration comes first: weights that are there are complete, and a conversion that was interrupted can go on.
	if err := writeConfig(result.Config, config, f.force); err != nil {
		return err
	}
	if err := writeWeights(cmd, result.Weights, tensors, dtype); err != nil {
		return err
	}
	info, err := os.Stat(result.Weights)
	if err != nil {
		return fmt.Errorf("convert: %w", err)
	}
	result.Tensors, result.Parameters, result.Bytes = len(tensors), architecture.Count(), info.Size()
	return printConverted(cmd, result, f.json)
}

// writeConfig writes the configuration; one that is there and says something else is only replaced by force.
func writeConfig(path string, config checkpoint.Config, force bool) error {
	text, err := config.YAML()
	if err != nil {
		return err
	}
	if there, err := os.ReadFile(path); err == nil && !force && !bytes.Equal(there, text) {
		return usagef("%s exists; replace it with --force", path)
	}
	return config.Write(path)
}

// writeWeights writes the tensors, with a bar; Ctrl-C stops between two tensors and leaves nothing behind.
func writeWeights(cmd *cobra.Command, path string, tensors []checkpoint.Tensor, dtype checkpoint.DType) error {
	bar := progress.New(cmd.ErrOrStderr(), "tensors", 0, len(tensors))
	defer bar.Close()
	var total int64
	return checkpoint.WriteWith(path, tensors, checkpoint.WriteOptions{Metadata: map[string]string{"format": "pt"}, DType: dtype, Written: func(bytes int64) error {
		total += bytes
		bar.Advance(1, fmt.Sprintf("%.1f MB", float64(total)/1e6))
		return context.Cause(cmd.Context())
	}})
}

func printConverted(cmd *cobra.Command, result converted, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(cmd.OutOrStdout()).Encode(result)
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s: %d tensors, %d parameters, %.1f MB\n%s\n",
		result.Weights, result.Tensors, result.Parameters, float64(result.Bytes)/1e6, result.Config)
	return err
}
