package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/internal/atomicfile"
	"github.com/gowalrus/walrus/internal/progress"
	"github.com/gowalrus/walrus/report"
	"github.com/gowalrus/walrus/rollout"
	"github.com/gowalrus/walrus/score"
	"github.com/gowalrus/walrus/well"
)

// rolloutFlags say what is predicted and where the results go.
type rolloutFlags struct {
	modelFlags
	out        string
	split      string
	trajectory int
	start      int
	stride     int
	steps      int
	resample   string
	fps        float64
	json       bool
}

// rolloutCommand predicts a trajectory.
func rolloutCommand() *cobra.Command {
	var f rolloutFlags
	cmd := &cobra.Command{
		Use:   "rollout WEIGHTS DATA",
		Short: "Predict a trajectory from its first frames and compare it with the truth",
		Long: `Predict a trajectory from its first frames and compare it with the truth.

WEIGHTS is a checkpoint (a run's folder, .safetensors or .pt) or the name of a downloaded model (walrus download), and
DATA a file or folder in The Well's format. The network sees a few frames, predicts the next, and goes on from its own predictions; the data may end before the
prediction does. The folder OUT gets prediction.hdf5, panels.png and rollout.gif with truth, prediction and error. The
jitter of the released model is random: --seed fixes it, --ensemble averages several draws, --no-jitter turns it off. A
prediction that is no longer finite stops the rollout, as Ctrl-C does; what came before is written.`,
		Example: `  walrus rollout walrus data/shear_flow --split test
  walrus rollout runs/shear data/shear_flow --split test --steps 50 --out pictures
  walrus rollout walrus.safetensors euler.hdf5 --trajectory 3 --start 16 --stride 2 --ensemble 8 --seed 7`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error { return runRollout(cmd, args[0], args[1], f) },
	}
	f.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.out, "out", "rollout", "folder of the results")
	flags.StringVar(&f.split, "split", "", "train, valid or test, where DATA has splits (default all)")
	flags.IntVar(&f.trajectory, "trajectory", 0, "which one, counted from 0 over all files")
	flags.IntVar(&f.start, "start", 0, "first frame of the history, in frames of the data")
	flags.IntVar(&f.stride, "stride", 0, "take every N-th frame of the data as a step (default the smallest of the training)")
	flags.IntVar(&f.steps, "steps", 20, "frames to predict")
	flags.StringVar(&f.resample, "resample", "", "interpolate the data to this grid first, as 128x128 (default as in training)")
	flags.Float64Var(&f.fps, "fps", report.DefaultFramesPerSecond, "frames a second of the animation")
	flags.BoolVar(&f.json, "json", false, "print the scores as JSON")
	return cmd
}

func runRollout(cmd *cobra.Command, weights, data string, f rolloutFlags) error {
	grid, err := parseGrid("--resample", f.resample)
	if err != nil {
		return err
	}
	m, err := f.open(weights, f.stride)
	if err != nil {
		return err
	}
	defer m.Close()
	d, err := m.OpenData(data, f.split, well.Options{})
	if err != nil {
		return err
	}
	defer d.Close()
	ctx := cmd.Context()
	setting, err := m.For(d)
	if err != nil {
		return err
	}
	c, err := rollout.ReadCase(ctx, d, setting, rollout.Piece{Trajectory: f.trajectory, First: f.start, Steps: f.steps, Grid: grid})
	if err != nil {
		return err
	}
	warnUnseen(cmd, c.Start.Data.Geometry)
	if err := prepareOutput("--out", filepath.Join(f.out, "prediction.hdf5"), c.Window.Path); err != nil {
		return err
	}
	o := f.options()
	o.Steps, o.Jitter = f.steps, setting.Jitter
	bar := progress.New(cmd.ErrOrStderr(), "rollout", 0, f.steps*o.Members())
	o.Progress = func() { bar.Advance(1, "") }
	result, stopped := c.Predict(ctx, o)
	bar.Close()
	ctx = context.WithoutCancel(ctx) // what was predicted before Ctrl-C is written too
	if len(result.Prediction.Data) > 0 {
		if err := writeRollout(ctx, f, d, c, result); err != nil {
			return errors.Join(stopped, err)
		}
		if err := printRollout(ctx, cmd.OutOrStdout(), d, c, result, f); err != nil {
			return errors.Join(stopped, err)
		}
	}
	return stopped
}

// writeRollout writes the prediction and its pictures.
func writeRollout(ctx context.Context, f rolloutFlags, d *well.Dataset, c *rollout.Case, r rollout.Result) error {
	if err := os.MkdirAll(f.out, 0o777); err != nil {
		return fmt.Errorf("rollout: %w", err)
	}
	if err := c.Write(filepath.Join(f.out, "prediction.hdf5"), d, r); err != nil {
		return err
	}
	spec := rolloutPanels(d, c, r)
	if err := writeFile(filepath.Join(f.out, "panels.png"), func(w io.Writer) error { return report.Panels(w, spec) }); err != nil {
		return err
	}
	return writeFile(filepath.Join(f.out, "rollout.gif"), func(w io.Writer) error { return report.Animation(ctx, w, spec, f.fps) })
}

// rolloutPanels shows the truth beside the prediction, or the prediction alone where the data has no truth for it.
func rolloutPanels(d *well.Dataset, c *rollout.Case, r rollout.Result) report.PanelSpec {
	prediction := r.Prediction.Index(0)
	times := make([]float64, prediction.Shape[0])
	for i, t := range c.Times(len(times)) {
		times[i] = float64(t)
	}
	spec := report.PanelSpec{
		Title: c.Window.Origin(), Fields: c.Start.Names, Channels: rollout.Unpadded(c.Layout), FirstStep: 1, Times: times,
		Truth: c.Truth, Prediction: prediction, Axes: d.Axes(), Size: d.Lengths(c.Window),
	}
	switch known := c.Truth.Shape[0]; {
	case known == 0:
		spec.Truth, spec.Prediction = prediction, field.Array{}
	case known < prediction.Shape[0]:
		shape := append([]int{known}, prediction.Shape[1:]...)
		spec.Prediction = field.Array{Shape: shape, Data: prediction.Data[:field.Volume(shape)]}
		spec.Times = times[:known]
	}
	return spec
}

// printRollout scores the prediction where the data has the truth.
func printRollout(ctx context.Context, out io.Writer, d *well.Dataset, c *rollout.Case, r rollout.Result, f rolloutFlags) error {
	steps := r.Prediction.Shape[1]
	known := min(steps, c.Truth.Shape[0])
	var table report.Table
	if known > 0 {
		cut := func(a field.Array, steps int) field.Array {
			shape := append([]int{steps}, a.Shape[1:]...)
			return field.Array{Shape: shape, Data: a.Data[:field.Volume(shape)]}
		}
		protocol := score.DefaultProtocol()
		protocol.Windows = []score.Window{score.WholeRollout}
		result, err := score.Evaluate(ctx, protocol, func(yield func(score.Forecast, error) bool) {
			forecast := score.Forecast{DataSet: d.Name(), Name: c.Window.Origin(), Fields: c.Start.Names, Channels: rollout.Unpadded(c.Layout), Last: c.Last()}
			for _, one := range []bool{true, false} {
				steps := known
				if one {
					steps = 1
				}
				forecast.OneStep, forecast.Truth, forecast.Prediction = one, cut(c.Truth, steps), cut(r.Prediction.Index(0), steps)
				if hidden := c.Hidden(); len(hidden.Data) > 0 {
					forecast.Hidden = cut(hidden, steps)
				}
				if !yield(forecast, nil) {
					return
				}
			}
		})
		if err != nil {
			return err
		}
		table = result.Overview()
		table.Title = fmt.Sprintf("VRMSE of %d of %d steps", known, steps)
	}
	if f.json {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(map[string]any{"out": f.out, "steps": steps, "steps_with_truth": known, "members": r.Members, "scores": table, "continued": c.Start.Data.Geometry.Continued()})
	}
	if how := c.Start.Data.Geometry.Continued(); how != "" {
		if _, err := fmt.Fprintf(out, "%s; results are of the data's own points\n", how); err != nil {
			return err
		}
	}
	if known > 0 {
		if err := table.WriteText(out, colourWanted(out)); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(out, "%d steps in %s: prediction.hdf5, panels.png, rollout.gif\n", steps, f.out)
	return err
}

// writeFile writes a file that appears complete or not at all.
func writeFile(path string, write func(io.Writer) error) error {
	file, err := atomicfile.Create(path)
	if err != nil {
		return err
	}
	defer file.Discard()
	if err := write(file); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return file.Commit()
}
