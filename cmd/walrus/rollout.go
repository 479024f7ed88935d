package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gowalrus/walrus/export"
	"github.com/gowalrus/walrus/internal/atomicfile"
	"github.com/gowalrus/walrus/internal/progress"
	"github.com/gowalrus/walrus/physics"
	"github.com/gowalrus/walrus/report"
	"github.com/gowalrus/walrus/rollout"
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
	watch      bool
	formats    []string
	frame      int
	units      []string
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
prediction does. The folder OUT gets prediction.hdf5, panels.png and rollout.gif with truth, prediction and error, and rollout.json, from which
walrus report makes a page. The
jitter of the released model is random: --seed fixes it, --ensemble averages several draws, --no-jitter turns it off. A
prediction that is no longer finite stops the rollout, as Ctrl-C does; what came before is written, the file says at which
step it stopped, and the exit code is 3. With --watch it is 3 too after a warning; the file names step and field.`,
		Example: `  walrus rollout walrus data/shear_flow --split test
  walrus rollout runs/shear data/shear_flow --split test --steps 50 --out pictures
  walrus rollout walrus.safetensors euler.hdf5 --trajectory 3 --start 16 --stride 2 --ensemble 8 --seed 7
  walrus rollout runs/shear data/shear_flow --steps 1000 --watch --format xdmf,netcdf --unit "pressure=Pa"`,
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
	flags.BoolVar(&f.watch, "watch", false, "warn when energy piles up at the grid scale or a field's root mean square leaves the range of the history")
	flags.StringSliceVar(&f.formats, "format", nil, "files for other tools too, one or more of "+strings.Join([]string{formatXDMF, formatVTI, formatNetCDF, formatMP4}, ", ")+": for ParaView and VisIt, one step as a VTK image, for xarray, a video")
	flags.IntVar(&f.frame, "vti-step", 0, "step that --format vti writes, counted from 1 (default the last)")
	flags.StringArrayVar(&f.units, "unit", nil, "unit of a field, an axis or time in --format netcdf, as \"density=kg m-3\" (repeatable; default none, since the data has none)")
	flags.BoolVar(&f.json, "json", false, "print the scores as JSON")
	return cmd
}

func runRollout(cmd *cobra.Command, weights, data string, f rolloutFlags) error {
	if err := f.check(); err != nil {
		return err
	}
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
	if err := m.Fits(d); err != nil {
		return fmt.Errorf("%s on %s: %w", weights, data, err)
	}
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
	if err := prepareOutput("--out", f.prediction(), c.Window.Path); err != nil {
		return err
	}
	o := f.options()
	o.Steps, o.Jitter = f.steps, setting.Jitter
	bar := progress.New(cmd.ErrOrStderr(), "rollout", 0, f.steps*o.Members())
	o.Progress = func() { bar.Advance(1, "") }
	recording := rollout.Recording{Path: f.prediction(), Pictures: mostPictures}
	if f.watch {
		recording.Watch = func(w physics.Warning) { bar.Print("warning: " + w.String()) }
	}
	record, stopped := c.Record(ctx, d, o, recording)
	bar.Close()
	ctx = context.WithoutCancel(ctx) // what was predicted before Ctrl-C is written too
	if record.Steps == 0 {
		return stopped
	}
	files, err := f.write(ctx, record.Panels(d, c), record.Steps)
	err = errors.Join(err, writeProvenance(c.Provenance(d, record), weights, data, f, stopped))
	if err == nil {
		err = printRollout(cmd.OutOrStdout(), record, c.Start.Data.Geometry.Continued(), files, f)
	}
	if stopped == nil && len(record.Warnings) > 0 {
		stopped = &rollout.Unstable{Warnings: record.Warnings}
	}
	return errors.Join(stopped, err)
}

// mostPictures bounds the frames that are kept for the pictures, in bytes.
const mostPictures = 256 << 20

// Formats of the results beside prediction.hdf5 and the pictures.
const (
	formatXDMF   = "xdmf"
	formatVTI    = "vti"
	formatNetCDF = "netcdf"
	formatMP4    = "mp4"
)

// prediction is the file with all predicted frames.
func (f rolloutFlags) prediction() string { return filepath.Join(f.out, "prediction.hdf5") }

// check refuses formats that are not known or can not be made here, before anything is predicted.
func (f rolloutFlags) check() error {
	for _, format := range f.formats {
		switch format {
		case formatXDMF, formatVTI, formatNetCDF:
		case formatMP4:
			if !report.HaveVideo() {
				return usagef("--format %s needs ffmpeg on the PATH, which is not there; rollout.gif is written in any case", format)
			}
		default:
			return usagef("--format %q; expected %s, %s, %s or %s, or several of them", format, formatXDMF, formatVTI, formatNetCDF, formatMP4)
		}
	}
	if f.frame < 0 || f.frame > f.steps {
		return usagef("--vti-step %d of %d steps; expected 1 to %d", f.frame, f.steps, f.steps)
	}
	if _, err := export.ParseUnits(f.units); err != nil {
		return usageError{err}
	}
	return nil
}

// write writes the pictures and the files for other tools, and lists all that there is.
func (f rolloutFlags) write(ctx context.Context, spec report.PanelSpec, steps int) ([]string, error) {
	at := func(name string) string { return filepath.Join(f.out, name) }
	files := []string{"prediction.hdf5", rollout.ProvenanceFile, "panels.png", "rollout.gif"}
	failed := errors.Join(
		writeFile(at("panels.png"), func(w io.Writer) error { return report.Panels(w, spec) }),
		writeFile(at("rollout.gif"), func(w io.Writer) error { return report.Animation(ctx, w, spec, f.fps) }),
	)
	for _, format := range f.formats {
		var err error
		name := ""
		switch format {
		case formatXDMF:
			name = "prediction.xmf"
			_, err = export.XDMF(f.prediction(), 0)
		case formatVTI:
			step := steps
			if f.frame > 0 {
				step = min(f.frame, steps)
			}
			name = fmt.Sprintf("step-%04d.vti", step)
			err = export.VTI(f.prediction(), 0, step-1, at(name))
		case formatNetCDF:
			name = "prediction.nc"
			units, parsed := export.ParseUnits(f.units)
			err = errors.Join(parsed, export.NetCDF(f.prediction(), 0, at(name), units))
		case formatMP4:
			name = "rollout.mp4"
			err = report.Video(ctx, at(name), spec, f.fps)
		}
		if failed = errors.Join(failed, err); err == nil {
			files = append(files, name)
		}
	}
	return files, failed
}

// writeProvenance writes beside the prediction how it came about, for walrus report.
func writeProvenance(p rollout.Provenance, weights, data string, f rolloutFlags, stopped error) error {
	var err error
	if p.Data, err = filepath.Abs(data); err != nil {
		return fmt.Errorf("rollout: %w", err)
	}
	p.Weights, p.Split, p.Seed, p.Program, p.Command = weights, f.split, f.seed, "walrus "+thisBuild().Version, commandLine()
	if stopped != nil {
		p.Stopped = stopped.Error()
	}
	return p.Write(filepath.Join(f.out, rollout.ProvenanceFile))
}

// printRollout prints the scores where the data has the truth; continued says how the data was continued for the network.
func printRollout(out io.Writer, r rollout.Record, continued string, files []string, f rolloutFlags) error {
	var table report.Table
	if r.Scores != nil {
		table = r.Scores.Overview()
		table.Title = fmt.Sprintf("VRMSE of %d of %d steps", r.Known, r.Steps)
	}
	if f.json {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(map[string]any{
			"out": f.out, "steps": r.Steps, "steps_with_truth": r.Known, "members": r.Members, "scores": table, "warnings": append([]physics.Warning{}, r.Warnings...), "files": files,
			"continued": continued,
		})
	}
	if continued != "" {
		if _, err := fmt.Fprintf(out, "%s; results are of the data's own points\n", continued); err != nil {
			return err
		}
	}
	if r.Scores != nil {
		if err := table.WriteText(out, colourWanted(out)); err != nil {
			return err
		}
	}
	every := ""
	if r.Shown.Every > 1 {
		every = fmt.Sprintf("; the pictures show every %d-th step", r.Shown.Every)
	}
	_, err := fmt.Fprintf(out, "%d steps in %s: %s%s\n", r.Steps, f.out, strings.Join(files, ", "), every)
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
