package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gowalrus/walrus/internal/atomicfile"
	"github.com/gowalrus/walrus/internal/progress"
	"github.com/gowalrus/walrus/report"
	"github.com/gowalrus/walrus/well/importer"
)

// importFlags are the settings of the import command.
type importFlags struct {
	config, out, draft, preview string
	force, dryRun               bool
}

// dataImportCommand turns arrays of other programs into a file of The Well.
func dataImportCommand() *cobra.Command {
	var f importFlags
	cmd := &cobra.Command{
		Use:   "import FILE... --config FILE --out FILE",
		Short: "Turn NumPy, NetCDF, HDF5, MATLAB or Zarr arrays into a file of The Well",
		Long: `Turn NumPy (.npy, .npz), NetCDF, HDF5, MATLAB 7.3 or Zarr (2 and 3) arrays into a file of The Well.

A YAML description names the axes of the arrays in the order in which they are stored, the fields and the boundaries; any
order of axes will do. --draft FILE writes a first description from what the files say. Files are told apart by content.
Values are read in parts, so that arrays may be larger than memory. A description:

  name: my_channel_flow
  axes:
    - {name: x, boundary: periodic, coordinates: lon}   # a variable with the positions, or first: and last:
    - {name: y, boundary: wall/open}                    # low side and high side
  time: {step: 0.1}                                     # or variable: t
  layout: [time, y, x]                                  # also: trajectory, component
  parameters: {Re: 1000}                                # or a list, one a trajectory, or a variable's name
  fields:
    - {name: pressure, variables: [p], positive: true}
    - {name: velocity, rank: vector, variables: [u, v]}
    - {name: mask, layout: [y, x], missing: 0}

One array of all channels, (trajectory, time, x, y, channel), is picked apart with channel (of a scalar) and channels (of
a vector), counted from 0:

  layout: [trajectory, time, x, y, component]
  fields:
    - {name: density, variables: [data], channel: 0}
    - {name: velocity, rank: vector, variables: [data], channels: [1, 2]}

Further keys of a field: layout; select: {level: 3} (one step of another axis); scale and offset (value = scale * stored +
offset, after those of the file); missing: VALUE (what missing values and NaN become; without it they are an error);
missing_values: [-999] (numbers that stand for missing ones); ignore: [valid_range] (attributes that do not count).
Of an axis: repeated: true (the last plane of a periodic axis repeats the first, and is left out). Of an axis and of time: relative: true (subtract the first value, as times since 1970 need).

A variable that is in several files, or whose name with * fits several (variables: ["*/data"]), is one trajectory each;
files: time says that the files are parts of one run. A variable of a .npy file is called as the file without .npy.

scale_factor, add_offset, _FillValue, missing_value, valid_range, _Unsigned and NetCDF's default fill values are applied.
Axes whose coordinates fall are turned. Before anything is written, samples of all fields are read: ranges are shown (with
--preview FILE.png also a picture), values that float32 can not hold are an error, and what looks wrong is noted.`,
		Example: `  walrus data import flow.nc --draft flow.yaml
  walrus data import flow.nc --config flow.yaml --dry-run --preview look.png
  walrus data import flow.npz --config flow.yaml --out my_channel_flow/data/train/flow_0.hdf5
  walrus data import run*/out.h5 --config flow.yaml --out flow.hdf5`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("import: expected files; see walrus data import --help")
			}
			if f.draft != "" {
				return draftImport(cmd, args, f)
			}
			return importArrays(cmd, args, f)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.config, "config", "", "YAML description of the arrays (required, but for --draft)")
	flags.StringVar(&f.out, "out", "", "file to write, .hdf5; its folders are made (required, but for --draft and --dry-run)")
	flags.StringVar(&f.draft, "draft", "", "write a first description to this file, to be completed, and stop")
	flags.StringVar(&f.preview, "preview", "", "draw the first, middle and last frame to this .png file before writing")
	flags.BoolVar(&f.dryRun, "dry-run", false, "show what was found and stop before writing")
	flags.BoolVar(&f.force, "force", false, "replace --out (or the --draft file) where it exists")
	return cmd
}

func draftImport(cmd *cobra.Command, files []string, f importFlags) error {
	if _, err := os.Lstat(f.draft); err == nil && !f.force {
		return fmt.Errorf("import: %s exists; choose another --draft, or replace it with --force", f.draft)
	}
	if err := prepareOutput("--draft", f.draft, files...); err != nil {
		return err
	}
	text, err := importer.Draft(files)
	if err != nil {
		return err
	}
	err = atomicfile.Write(f.draft, func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	})
	if err == nil {
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: a first description; complete it where it says CHECK, then: walrus data import ... --config %s --dry-run\n", f.draft, f.draft)
	}
	return err
}

func importArrays(cmd *cobra.Command, files []string, f importFlags) error {
	if f.config == "" || f.out == "" && !f.dryRun {
		return usagef("import: expected files, --config and --out; see walrus data import --help")
	}
	if f.preview != "" && !strings.HasSuffix(strings.ToLower(f.preview), ".png") {
		return usagef("import: --preview %s; expected a name that ends in .png", f.preview)
	}
	if f.out == "" {
		f.out = "out.hdf5" // is not written
	}
	c, err := importer.ReadConfig(f.config)
	if err != nil {
		return err
	}
	if f.preview != "" {
		if err := prepareOutput("--preview", f.preview, files...); err != nil {
			return err
		}
	}
	var bar *progress.Bar
	notes := func(list []string) {
		for _, text := range list {
			fmt.Fprintf(cmd.ErrOrStderr(), "note: %s\n", text)
		}
	}
	result, err := importer.Import(cmd.Context(), c, files, f.out, importer.Options{
		Force: f.force, DryRun: f.dryRun,
		Survey: func(s *importer.Survey) error {
			if err := showSurvey(cmd.OutOrStdout(), s); err != nil {
				return err
			}
			notes(s.Notes)
			if f.preview == "" {
				return nil
			}
			return drawSurvey(f.preview, s)
		},
		Progress: func(done, total int) {
			if bar == nil {
				bar = progress.New(cmd.ErrOrStderr(), "import", 0, total)
			}
			bar.Advance(1, "frames")
		},
	})
	if bar != nil {
		bar.Close()
	}
	if err != nil {
		return err
	}
	notes(result.Notes)
	if f.dryRun {
		_, err = fmt.Fprintln(cmd.OutOrStdout(), "nothing was written (--dry-run)")
	} else {
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: %d fields of %s\n", f.out, len(c.Fields), c.Name)
	}
	return err
}

// showSurvey prints the new file's grid and the ranges of its fields in the sampled frames.
func showSurvey(out io.Writer, s *importer.Survey) error {
	axes := make([]string, len(s.Header.Axes))
	for i, a := range s.Header.Axes {
		n := len(a.Coordinates)
		axes[i] = fmt.Sprintf("%s %d (%.6g to %.6g)", a.Name, n, a.Coordinates[0], a.Coordinates[n-1])
	}
	frames := s.Header.Time
	fmt.Fprintf(out, "%s: %s; %d trajectories of %d frames (%.6g to %.6g), %.1f MB\n", s.Header.DatasetName, strings.Join(axes, ", "),
		s.Header.Trajectories, len(frames), frames[0], frames[len(frames)-1], float64(s.Bytes)/1e6)
	t := report.Table{Columns: report.Columns(fmt.Sprintf("in frames %v", s.Frames), "low", "high", "mean", "sd", "missing")}
	number := func(v float64) report.Cell {
		if math.IsNaN(v) {
			return report.Missing()
		}
		return report.Number(v)
	}
	for _, r := range s.Fields {
		t.Add(report.Text(r.Name), number(r.Low), number(r.High), number(r.Mean), number(r.SD), report.Text(fmt.Sprintf("%.3g %%", 100*r.Missing)))
	}
	return t.WriteText(out, out == os.Stdout && report.ColourWanted(os.Stdout))
}

// drawSurvey draws the sampled frames.
func drawSurvey(path string, s *importer.Survey) error {
	frames, names, ok := s.Picture()
	if !ok {
		return errors.New("import: --preview: no field varies in time along all axes")
	}
	spec := report.PanelSpec{Title: s.Header.DatasetName, Fields: names, Truth: frames, Numbers: s.Frames}
	for _, f := range s.Frames {
		spec.Times = append(spec.Times, float64(s.Header.Time[f]))
	}
	for _, a := range s.Header.Axes {
		spec.Axes = append(spec.Axes, a.Name)
		spec.Size = append(spec.Size, float64(a.Coordinates[len(a.Coordinates)-1]-a.Coordinates[0]))
	}
	return atomicfile.Write(path, func(w io.Writer) error { return report.Panels(w, spec) })
}
