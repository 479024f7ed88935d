package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gowalrus/walrus/report"
	"github.com/gowalrus/walrus/well"
)

// inspectFlags are the settings of the inspect command.
type inspectFlags struct {
	split string
	quick bool
	json  bool
}

// dataInspectCommand shows what a data set holds.
func dataInspectCommand() *cobra.Command {
	var f inspectFlags
	cmd := &cobra.Command{
		Use:   "inspect PATH",
		Short: "Show files, grid, boundaries, fields and their ranges",
		Long: `Show files, grid, boundaries, fields and their ranges.

Ranges and RMS tell at a glance whether units are as expected and whether a simulation blew up. They need every value to
be read, once and in bounded memory; --quick reads the headers only.`,
		Example: `  walrus data inspect data/shear_flow
  walrus data inspect data/shear_flow/data/test/shear_flow_0003.hdf5 --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return inspect(cmd, args[0], f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.split, "split", "", "train, valid or test (default: all of them)")
	flags.BoolVar(&f.quick, "quick", false, "read headers only: no ranges")
	flags.BoolVar(&f.json, "json", false, "print JSON")
	return cmd
}

// inspected is what the command reports.
type inspected struct {
	Name         string           `json:"name"`
	GridType     string           `json:"grid_type"`
	Axes         []string         `json:"axes"`
	Grid         []int            `json:"grid"`
	Boundaries   []string         `json:"boundaries"` // one an axis; "varies" where files differ
	Trajectories int              `json:"trajectories"`
	Files        []inspectedFile  `json:"files"`
	Fields       []inspectedField `json:"fields"`
	Warnings     []string         `json:"warnings,omitempty"`
}

type inspectedFile struct {
	Path         string `json:"path"`
	Trajectories int    `json:"trajectories"`
	Frames       int    `json:"frames"`
}

type inspectedField struct {
	Name       string               `json:"name"`
	Rank       string               `json:"rank"`
	Constant   bool                 `json:"constant"`
	Components []inspectedComponent `json:"components,omitempty"`
}

// inspectedComponent has null for numbers that do not exist.
type inspectedComponent struct {
	Name      string   `json:"name"`
	Low       *float64 `json:"low"`
	High      *float64 `json:"high"`
	Mean      *float64 `json:"mean"`
	RMS       *float64 `json:"rms"`
	NotFinite int64    `json:"not_finite"`
}

func inspect(cmd *cobra.Command, path string, f inspectFlags) error {
	d, err := well.OpenDataset(path, f.split, well.Options{})
	if err != nil {
		return err
	}
	defer d.Close()
	var fields []well.FieldSummary
	for _, info := range d.Fields() {
		fields = append(fields, well.FieldSummary{FieldInfo: info})
	}
	if !f.quick {
		show, end := byteProgress(cmd.ErrOrStderr(), "reading")
		fields, err = well.Summarise(cmd.Context(), d, show)
		end()
		if err != nil {
			return err
		}
	}
	found := inspectedOf(d, fields)
	if f.json {
		return printJSON(cmd.OutOrStdout(), found)
	}
	return found.print(cmd.OutOrStdout())
}

func inspectedOf(d *well.Dataset, fields []well.FieldSummary) inspected {
	out := inspected{Name: d.Name(), GridType: d.GridType(), Axes: d.Axes(), Grid: d.Sizes(), Trajectories: d.Trajectories(), Warnings: d.Uneven()}
	for _, s := range fields {
		if text := s.TooSmall(); text != "" {
			out.Warnings = append(out.Warnings, text)
		}
	}
	sides, agree := d.BoundariesAgree()
	for i := range out.Axes {
		text := "varies"
		if agree {
			text = strings.ToLower(sides[i].String())
		}
		out.Boundaries = append(out.Boundaries, text)
	}
	for _, file := range d.Files() {
		out.Files = append(out.Files, inspectedFile{file.Path, file.Trajectories, file.Steps})
	}
	for _, s := range fields {
		g := inspectedField{Name: s.Name, Rank: s.Rank.String(), Constant: !s.TimeVarying}
		for _, r := range s.Ranges {
			g.Components = append(g.Components, inspectedComponent{
				Name: r.Component, Low: finite(r.Low), High: finite(r.High), Mean: finite(r.Mean), RMS: finite(r.RMS), NotFinite: r.NotFinite,
			})
		}
		out.Fields = append(out.Fields, g)
	}
	return out
}

// finite is nil for what JSON can not hold.
func finite(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

func (s inspected) print(out io.Writer) error {
	axes := make([]string, len(s.Axes))
	for i, name := range s.Axes {
		axes[i] = fmt.Sprintf("%s %d (%s)", name, s.Grid[i], s.Boundaries[i])
	}
	fmt.Fprintf(out, "%s: %s grid, %s\n", s.Name, s.GridType, strings.Join(axes, ", "))
	fmt.Fprintf(out, "%d files, %d trajectories\n\n", len(s.Files), s.Trajectories)
	files := report.Table{Columns: report.Columns("file", "trajectories", "frames")}
	const most = 20
	for _, f := range s.Files[:min(most, len(s.Files))] {
		files.Add(report.Text(f.Path), report.Integer(f.Trajectories), report.Integer(f.Frames))
	}
	colour := out == os.Stdout && report.ColourWanted(os.Stdout)
	if err := files.WriteText(out, colour); err != nil {
		return err
	}
	if more := len(s.Files) - most; more > 0 {
		fmt.Fprintf(out, "and %d more files\n", more)
	}
	fmt.Fprintln(out)
	err := s.fieldTable().WriteText(out, colour)
	for _, text := range s.Warnings {
		if err == nil {
			_, err = fmt.Fprintf(out, "\nwarning: %s\n", text)
		}
	}
	return err
}

// fieldTable has one row a component, or where values were not read one row a field.
func (s inspected) fieldTable() report.Table {
	t := report.Table{Columns: report.Columns("field", "rank", "varies in time", "low", "high", "mean", "rms", "not finite")}
	number := func(v *float64) report.Cell {
		if v == nil {
			return report.Missing()
		}
		return report.Number(*v)
	}
	for _, f := range s.Fields {
		varies := report.Text("yes")
		if f.Constant {
			varies = report.Text("no")
		}
		if f.Components == nil {
			missing := report.Missing()
			t.Add(report.Text(f.Name), report.Text(f.Rank), varies, missing, missing, missing, missing, missing)
		}
		for _, c := range f.Components {
			bad := report.Integer(int(c.NotFinite))
			if c.NotFinite > 0 {
				bad = bad.Marked(report.Bad)
			}
			t.Add(report.Text(c.Name), report.Text(f.Rank), varies, number(c.Low), number(c.High), number(c.Mean), number(c.RMS), bad)
		}
	}
	return t
}
