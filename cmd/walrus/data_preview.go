package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gowalrus/walrus/internal/atomicfile"
	"github.com/gowalrus/walrus/report"
	"github.com/gowalrus/walrus/well"
)

// previewFlags are the settings of the preview command.
type previewFlags struct {
	out        string
	fields     []string
	split      string
	trajectory int
	start      int
	stride     int
	steps      int
}

// dataPreviewCommand draws fields of a trajectory.
func dataPreviewCommand() *cobra.Command {
	var f previewFlags
	cmd := &cobra.Command{
		Use:   "preview PATH",
		Short: "Draw fields of a trajectory as PNG or GIF",
		Long: `Draw fields of a trajectory as PNG or GIF.

A look at the frames shows what numbers do not: the wrong order of axes, a simulation that rings, a boundary on the wrong
side. A .png shows the first, the middle and the last of the frames, a .gif plays all of them; 3-D data is cut in the
middle of its last axis.`,
		Example: `  walrus data preview data/shear_flow --out shear.gif
  walrus data preview data/shear_flow --split test --field tracer --trajectory 3 --steps 50 --out tracer.png`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return preview(cmd, args[0], f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.out, "out", "preview.png", "image to write: .png or .gif")
	flags.StringArrayVar(&f.fields, "field", nil, "field or component to draw, like velocity or velocity_x (repeatable; default: all that vary in time)")
	flags.StringVar(&f.split, "split", "", "train, valid or test (default: all of them)")
	flags.IntVar(&f.trajectory, "trajectory", 0, "number of the trajectory, counted over all files from 0")
	flags.IntVar(&f.start, "start", 0, "first frame")
	flags.IntVar(&f.stride, "stride", 1, "take every n-th frame")
	flags.IntVar(&f.steps, "steps", 0, "frames to take (0: all that follow, at most 200)")
	return cmd
}

func preview(cmd *cobra.Command, path string, f previewFlags) error {
	format := strings.ToLower(filepath.Ext(f.out))
	if format != ".png" && format != ".gif" {
		return usagef("preview: --out %s; expected a name that ends in .png or .gif", f.out)
	}
	if f.stride < 1 || f.start < 0 || f.steps < 0 || f.trajectory < 0 {
		return usagef("preview: --trajectory, --start and --steps can not be negative, and --stride is at least 1")
	}
	d, err := well.OpenDataset(path, f.split, well.Options{})
	if err != nil {
		return err
	}
	defer d.Close()
	window, err := previewWindow(cmd.Context(), d, f)
	if err != nil {
		return err
	}
	spec, err := previewSpec(d, window, f.fields)
	if err != nil {
		return err
	}
	if err := prepareOutput("--out", f.out); err != nil {
		return err
	}
	err = atomicfile.Write(f.out, func(w io.Writer) error {
		if format == ".gif" {
			return report.Animation(cmd.Context(), w, spec, 0)
		}
		return report.Panels(w, spec)
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", f.out, window.Origin())
	return err
}

// previewWindow reads the chosen frames.
func previewWindow(ctx context.Context, d *well.Dataset, f previewFlags) (*well.Window, error) {
	file, trajectory, found := d.Locate(f.trajectory)
	if !found {
		return nil, fmt.Errorf("trajectory %d; the data set has %d", f.trajectory, d.Trajectories())
	}
	spec := well.WindowSpec{File: file, Trajectory: trajectory, Start: f.start, Stride: f.stride, Steps: f.steps}
	if spec.Steps == 0 {
		const most = 200
		spec.Steps = min(most, max(1, (d.Files()[file].Steps-f.start+f.stride-1)/f.stride))
	}
	return d.Read(ctx, spec)
}

// previewSpec chooses the channels of a field's name, or of a component's.
func previewSpec(d *well.Dataset, w *well.Window, names []string) (report.PanelSpec, error) {
	spec := report.PanelSpec{Title: d.Name(), Fields: d.VariableChannels(), Truth: w.Frames, Numbers: w.Spec.Frames(), Axes: d.Axes(), Size: d.Lengths(w)}
	for _, t := range w.Times {
		spec.Times = append(spec.Times, float64(t))
	}
	var err error
	if spec.Channels, err = d.ChannelsOf(names); err != nil {
		return spec, err
	}
	if len(spec.Fields) == 0 {
		return spec, fmt.Errorf("%s has no fields that vary in time", d.Name())
	}
	return spec, nil
}
