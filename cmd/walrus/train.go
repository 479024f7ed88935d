package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gowalrus/walrus/internal/progress"
	"github.com/gowalrus/walrus/ranks"
	"github.com/gowalrus/walrus/report"
	"github.com/gowalrus/walrus/train"
)

// trainFlags are the settings that are not in the configuration file.
type trainFlags struct {
	set      []string
	preset   string
	model    string
	budget   float64
	resume   string
	devices  int
	board    bool
	defaults bool
	dryRun   bool
	json     bool
	shard    int
	reduce   string
	perRank  bool
	peers    peerFlags
}

// trainCommand trains a network.
func trainCommand() *cobra.Command {
	var f trainFlags
	cmd := &cobra.Command{
		Use:   "train [CONFIG.yaml]",
		Short: "Train a network, or fine-tune released weights, on data in The Well's format",
		Long: `Train a network, or fine-tune released weights, on data in The Well's format.

The configuration names the data sets, the size of the network and the schedule; what it leaves out has the default
of the published recipe, or of a --preset: pretraining is the paper's, finetuning what all released fine-tuned models
share, and there is one for each of them. All data sets are equally likely. The folder of the run (key out) gets log.csv,
validation.csv and checkpoints: last, best (by the mean absolute error one step ahead) and epoch-N, each of which rollout
and eval open by its name (runs/shear/best). Ctrl-C stops after saving, and --resume continues with the same numbers as if
the run had never stopped. With finetune.from the run starts from weights (a path, or the name of a downloaded model), and
fields that they do not know get columns of their own.

Under mpirun or srun (builds with MPI) all processes train together: the configuration describes the whole step, and they
share its batches and their samples, so that any number of them goes on with any checkpoint. A signal stops all after
saving, with exit code 75. docs/cluster.md says how to start on a cluster.`,
		Example: `  walrus train --set 'data.sets=[{path: data/shear_flow}]' --set schedule.epochs=20 --set out=runs/shear
  walrus train --model fno --parameters 3e6 --set 'data.sets=[{path: data/shear_flow}]' --set out=runs/fno
  walrus train configs/finetune.yaml --dry-run
  walrus train shear.yaml --tensorboard
  walrus train --resume runs/shear
  walrus train --resume runs/shear --set schedule.epochs=40
  walrus train --preset convective_envelope_rsg --set 'data.sets=[{path: data/convective_envelope_rsg}]' --set finetune.from=walrus
  walrus train --preset pretraining --defaults > pretraining.yaml
  walrus train walrus.yaml --set engine=xla:cuda --set precision=bf16 --devices 8
  walrus train finetune.yaml --set finetune.from=walrus.safetensors --set data.batch=1
  mpirun -n 4 walrus-mpi train walrus.yaml --per-rank --shard 2`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.preset == "list" {
				return listPresets(cmd.OutOrStdout())
			}
			if f.defaults {
				return printDefaults(cmd.OutOrStdout(), args, f)
			}
			if f.board {
				f.set = append(f.set, "tensorboard=true")
			}
			c, err := trainConfig(args, f)
			if err != nil {
				return err
			}
			if f.dryRun {
				return printForecast(cmd, c, f.json)
			}
			return f.peers.together(cmd, func(g *ranks.Group) error { return runTraining(cmd, g, c, f) })
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&f.set, "set", nil, "override one key of the configuration, as schedule.epochs=20 (repeatable)")
	flags.StringVar(&f.preset, "preset", "", "configuration to start from, below the file and --set; list lists them")
	flags.StringVar(&f.model, "model", "", "architecture, as key model.kind: walrus, or a baseline to compare it with: fno, unet, cnextunet")
	flags.Float64Var(&f.budget, "parameters", 0, "parameters that a baseline may have, as 3e6: its width becomes what comes nearest (key model.parameters; default the size of The Well's benchmark)")
	flags.StringVar(&f.resume, "resume", "", "continue the run in this folder at its last checkpoint")
	flags.IntVar(&f.devices, "devices", 0, "GPUs that share every batch, each with its part of the samples, instead of the configuration's devices (a resumed run may change it)")
	flags.IntVar(&f.shard, "shard", 0, "processes that share the optimizer's memory, instead of the configuration's shard (a resumed run may change it)")
	flags.StringVar(&f.reduce, "reduce", "", "type of gradients between processes, float32 or bf16, instead of the configuration's reduce")
	flags.BoolVar(&f.perRank, "per-rank", false, "data.batch and data.accumulation of the configuration are those of one process, as in the paper: multiply them with the numbers of those that share a batch and of groups")
	f.peers.add(cmd)
	flags.BoolVar(&f.board, "tensorboard", false, "write event files for TensorBoard into the run's folder, as tensorboard=true in the configuration")
	flags.BoolVar(&f.defaults, "defaults", false, "print every key with its value, its meaning and unit, and the paper's value, and do nothing")
	flags.BoolVar(&f.dryRun, "dry-run", false, "say what the run will be and what memory, disk and time it will take, from a few steps of each shape, and write nothing")
	flags.BoolVar(&f.json, "json", false, "print the last validation, or what --dry-run says, as JSON")
	return cmd
}

// overrides are the keys that flags set: those of --model and --parameters, and then --set.
func (f trainFlags) overrides() []string {
	var list []string
	if f.model != "" {
		list = append(list, "model.kind="+f.model)
	}
	if f.budget != 0 {
		list = append(list, fmt.Sprintf("model.parameters=%g", f.budget))
	}
	return append(list, f.set...)
}

// trainConfig reads the configuration that the command line means.
func trainConfig(args []string, f trainFlags) (train.Config, error) {
	c, err := readTrainConfig(args, f)
	if err != nil || f.devices == 0 && f.shard == 0 && f.reduce == "" {
		return c, err
	}
	c.Devices, c.Shard, c.Reduce = cmp.Or(f.devices, c.Devices), cmp.Or(f.shard, c.Shard), cmp.Or(f.reduce, c.Reduce)
	if err := c.Check(); err != nil {
		return c, usageError{err}
	}
	return c, nil
}

// readTrainConfig reads the configuration from a file and overrides, or from the run that is resumed.
func readTrainConfig(args []string, f trainFlags) (train.Config, error) {
	if f.resume != "" {
		if f.dryRun {
			return train.Config{}, usagef("train: --dry-run is for a run that is not begun; leave out --resume")
		}
		if len(args) > 0 || f.preset != "" || len(f.overrides()) > len(f.set) {
			return train.Config{}, usagef("train: --resume takes the configuration of the run; leave out the file, --preset, --model and --parameters, and change single keys with --set")
		}
		c, err := train.ReadRunConfig(f.resume, f.set...)
		if err == nil && len(f.set) > 0 {
			err = c.Check()
		}
		if err != nil && len(f.set) > 0 {
			err = usageError{err}
		}
		return c, err
	}
	text, err := configText(args)
	if err != nil {
		return train.Config{}, err
	}
	c, err := train.ParsePreset(f.preset, text, f.overrides())
	if err == nil {
		err = c.Check()
	}
	if err != nil {
		return c, usageError{err}
	}
	return c, nil
}

// configText is the text of the configuration's file; empty for none.
func configText(args []string) ([]byte, error) {
	if len(args) == 0 {
		return nil, nil
	}
	text, err := os.ReadFile(args[0])
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	return text, nil
}

// printDefaults prints a configuration to start from.
func printDefaults(out io.Writer, args []string, f trainFlags) error {
	text, err := configText(args)
	if err != nil {
		return err
	}
	if err = train.WriteKeys(out, f.preset, text, f.overrides()); err != nil {
		return usageError{err}
	}
	return nil
}

// listPresets prints the names of the presets and what each is.
func listPresets(out io.Writer) error {
	for _, name := range train.Presets() {
		about, err := train.AboutPreset(name)
		if err != nil {
			return err
		}
		what, _, _ := strings.Cut(strings.Join(about, " "), ". ")
		if _, err = fmt.Fprintf(out, "%-30s %s\n", name, strings.TrimSuffix(what, ".")); err != nil {
			return err
		}
	}
	return nil
}

// runTraining trains under a progress bar and prints the last scores.
func runTraining(cmd *cobra.Command, g *ranks.Group, c train.Config, f trainFlags) error {
	if f.perRank {
		if f.resume != "" {
			return usagef("train: --per-rank with --resume: a run keeps the batches that it began with; leave it out")
		}
		var err error
		if c, err = c.PerRank(g.Size()); err != nil {
			return usageError{err}
		}
	}
	var scores []train.Score
	scored := 0
	var watch trainingWatch
	observer := watch.observer()
	observer.Scored = func(s train.State, list []train.Score) {
		if s.Step != scored { // the last step's are printed at the end
			scored, scores = s.Step, nil
		}
		scores = append(scores, list...)
		for _, score := range list {
			watch.bar.Print(fmt.Sprintf("step %d: %s, %s: %s VRMSE %.4f (persistence %.4f), MAE %.3g", s.Step, score.DataSet, score.Split, score.Kind, score.VRMSE, score.Persistence, score.MAE))
		}
	}
	observer.Compiling = func(program string, took time.Duration, done bool) {
		if watch.bar != nil {
			watch.bar.Print(compilingText(program, took, done))
		}
	}
	run, err := train.OpenTogether(g, c, f.resume != "", observer)
	if err != nil {
		return err
	}
	defer run.Close()
	if k := run.EndsRate(); k != 0 && c.Finetune.EndsRate == 0 && g.First() {
		fmt.Fprintf(cmd.ErrOrStderr(), "train: encoder and decoder learn with %g times the rate, as the weights of %s advise (finetune.ends_rate=1: with the same)\n", k, c.Finetune.From)
	}
	watch.bar = progress.New(cmd.ErrOrStderr(), "train", run.State().Step, run.Steps())
	err = run.Train(cmd.Context())
	watch.bar.Close()
	if errors.Is(err, context.Canceled) {
		return stoppedError{fmt.Errorf("train: stopped and saved after step %d; continue with walrus train --resume %s", run.State().Step, c.Out)}
	}
	if err != nil {
		return err
	}
	return printTraining(cmd.OutOrStdout(), c.Out, scores, f.json)
}

// trainingWatch shows a run on a bar: the loss, smoothed, and the pace.
type trainingWatch struct {
	bar  *progress.Bar
	loss float64
	pace progress.Pace
}

// observer tells the bar about every step.
func (w *trainingWatch) observer() train.Observer {
	return train.Observer{Progress: func(p train.Progress) {
		const memory = 0.9
		if w.loss == 0 {
			w.loss = p.Loss
		}
		w.loss = memory*w.loss + (1-memory)*p.Loss
		w.bar.Advance(1, fmt.Sprintf("loss %.3g, %.2f samples/s", w.loss, w.pace.Rate(p.Samples)))
	}}
}

// printTraining prints the last validation as a table or as JSON.
func printTraining(out io.Writer, folder string, scores []train.Score, asJSON bool) error {
	if asJSON {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(map[string]any{"run": folder, "validation": scores})
	}
	table := report.Table{Columns: report.Columns("data set", "split", "score", "VRMSE", "persistence", "MAE", "windows", "steps")}
	for _, s := range scores {
		table.Add(report.Text(s.DataSet), report.Text(s.Split), report.Text(s.Kind), report.Number(s.VRMSE), report.Number(s.Persistence),
			report.Number(s.MAE), report.Integer(s.Windows), report.Integer(s.Steps))
	}
	if len(scores) > 0 {
		if err := table.WriteText(out, colourWanted(out)); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(out, "run saved in %s\n", folder)
	return err
}

// colourWanted reports whether out is a screen whose user wants colours.
func colourWanted(out io.Writer) bool {
	file, isFile := out.(*os.File)
	return isFile && report.ColourWanted(file)
}
