package main

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/internal/progress"
	"github.com/gowalrus/walrus/ranks"
	"github.com/gowalrus/walrus/sim"
)

// simulateFlags are the settings that all scenarios of one command share.
type simulateFlags struct {
	out          string
	grid         string
	steps        int
	trajectories int
	seed         uint64
	splits       []float64
	set          []string
	published    bool
	workers      int
	json         bool
	peers        peerFlags
}

// simulateCommand writes data sets.
func simulateCommand() *cobra.Command {
	var f simulateFlags
	cmd := &cobra.Command{
		Use:   "simulate NAME...",
		Short: "Simulate scenarios and write them as data sets in The Well's format",
		Long: `Simulate scenarios and write them as data sets in The Well's format.

Each scenario NAME (see "walrus simulate list") becomes a folder OUT/NAME with data/train, data/valid and data/test, one
trajectory a file, and stats.yaml: what "walrus train" and other readers of The Well expect. Parameters and initial
states vary between trajectories. A run that was interrupted continues where it stopped, and the same seed gives the
same files, on any number of cores.`,
		Example: `  walrus simulate shear_flow --out data --trajectories 8
  walrus simulate euler_multi_quadrants_openBC gray_scott_reaction_diffusion --out data --grid 64x64 --steps 50 --seed 3`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, names []string) error {
			if len(names) == 0 {
				return usagef("simulate: expected names of scenarios; see %s list", cmd.CommandPath())
			}
			return f.peers.together(cmd, func(g *ranks.Group) error { return simulate(cmd, g, names, f) })
		},
	}
	f.peers.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.out, "out", "data", "folder that gets one folder a scenario")
	flags.StringVar(&f.grid, "grid", "", "points along each axis, as 128x128 (default: the scenario's small grid)")
	flags.IntVar(&f.steps, "steps", 0, "frames of a trajectory, the initial state included (default: the scenario's)")
	flags.IntVar(&f.trajectories, "trajectories", 8, "trajectories in all splits together")
	flags.Uint64Var(&f.seed, "seed", 1, "fixes every random choice")
	flags.Float64SliceVar(&f.splits, "splits", []float64{0.8, 0.1, 0.1}, "shares of train, valid and test")
	flags.StringArrayVar(&f.set, "set", nil, "fix a parameter that would vary between trajectories, as gamma=1.4 (repeatable)")
	flags.BoolVar(&f.published, "published", false, "the public data's grid and number of frames, where --grid and --steps do not say otherwise")
	flags.IntVar(&f.workers, "workers", runtime.NumCPU(), "processor cores to use")
	flags.BoolVar(&f.json, "json", false, "print what was written as JSON")
	cmd.AddCommand(simulateListCommand())
	return cmd
}

// simulate checks all names and settings before the first scenario starts.
func simulate(cmd *cobra.Command, g *ranks.Group, names []string, f simulateFlags) error {
	parameters, err := parseSettings(f.set)
	if err != nil {
		return err
	}
	grid, err := parseGrid("--grid", f.grid)
	if err != nil {
		return err
	}
	if g.Size() > 1 && !cmd.Flags().Changed("workers") {
		f.workers = runtime.GOMAXPROCS(0)
	}
	var plans []sim.Plan
	for _, name := range names {
		s, err := sim.Find(name)
		if err != nil {
			return usageError{err}
		}
		p := sim.Plan{Scenario: s, Out: f.out, Grid: grid, Frames: f.steps, Trajectories: f.trajectories, Seed: f.seed,
			Splits: f.splits, Parameters: parameters, Workers: f.workers}
		if f.published && p.Grid == nil {
			p.Grid = s.PublishedGrid
		}
		if f.published && p.Frames == 0 {
			p.Frames = s.PublishedFrames
		}
		if g.Size() > 1 {
			p.Sharing = &sim.Sharing{Process: g.Rank(), Processes: g.Size(), Meet: g.Agree}
		}
		if err := p.Check(); err != nil {
			return usageError{err}
		}
		plans = append(plans, p)
	}
	for _, p := range plans {
		if err := generate(cmd, p); err != nil {
			return err
		}
	}
	return reportWritten(cmd.OutOrStdout(), plans, f.json)
}

// generate runs one plan under a progress bar.
func generate(cmd *cobra.Command, p sim.Plan) error {
	var bar *progress.Bar
	var once sync.Once
	var mutex sync.Mutex
	shown := 0
	p.Progress = func(done, total int) {
		mutex.Lock()
		defer mutex.Unlock()
		once.Do(func() { bar = progress.New(cmd.ErrOrStderr(), p.Scenario.Name, 0, total) })
		if done > shown {
			bar.Advance(done-shown, "")
			shown = done
		}
	}
	err := sim.Generate(cmd.Context(), p)
	if bar != nil {
		bar.Close()
	}
	return err
}

// reportWritten says where the data sets are.
func reportWritten(out io.Writer, plans []sim.Plan, asJSON bool) error {
	type written struct {
		Name   string `json:"name"`
		Folder string `json:"folder"`
	}
	var all []written
	for _, p := range plans {
		all = append(all, written{p.Scenario.Name, filepath.Join(p.Out, p.Scenario.Name)})
	}
	if asJSON {
		return printJSON(out, all)
	}
	for _, w := range all {
		if _, err := fmt.Fprintln(out, w.Folder); err != nil {
			return err
		}
	}
	return nil
}

// parseGrid reads a flag's "128x64"; nil for an empty text.
func parseGrid(flag, text string) ([]int, error) {
	if text == "" {
		return nil, nil
	}
	var grid []int
	for part := range strings.SplitSeq(text, "x") {
		n, err := strconv.Atoi(part)
		if err != nil || n < 1 {
			return nil, usagef("%s %s: %q is not a number of points; expected a grid such as 128x128", flag, text, part)
		}
		grid = append(grid, n)
	}
	return grid, nil
}

// parseSettings reads NAME=NUMBER.
func parseSettings(settings []string) (map[string]float64, error) {
	parameters := map[string]float64{}
	for _, text := range settings {
		name, number, _ := strings.Cut(text, "=")
		v, err := strconv.ParseFloat(number, 64)
		if err != nil || v-v != 0 {
			return nil, usagef("--set %s: expected NAME=NUMBER", text)
		}
		parameters[name] = v
	}
	return parameters, nil
}

// simulateListCommand shows what can be simulated.
func simulateListCommand() *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the scenarios: equations, fields, boundaries, dimensions and cost",
		Long: `List the scenarios: equations, fields, boundaries, dimensions and cost.

The cost is for one trajectory at the default grid and length on one core of about 3 GHz. With --json also the parameters
with their ranges, the published sizes, the sources, and what is simplified against the published generator.`,
		Example: `  walrus simulate list
  walrus simulate list --json | jq '.[].name'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if asJSON {
				return printJSON(cmd.OutOrStdout(), sim.DescribeAll())
			}
			return printScenarios(cmd.OutOrStdout(), sim.DescribeAll())
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// printScenarios writes one block of lines a scenario.
func printScenarios(out io.Writer, all []sim.Description) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, d := range all {
		var fields []string
		for _, q := range d.Fields {
			text := q.Name
			if q.Rank != "scalar" {
				text += " (" + q.Rank + ")"
			}
			if q.Constant {
				text += " (constant)"
			}
			if q.Log10 {
				text += " (trained on as log10)"
			}
			fields = append(fields, text)
		}
		fmt.Fprintf(table, "%s\t%s\n", d.Name, d.Title)
		fmt.Fprintf(table, "  equations\t%s\n", d.Equations)
		fmt.Fprintf(table, "  fields\t%s\n", strings.Join(fields, ", "))
		fmt.Fprintf(table, "  boundaries\t%s\n", strings.Join(d.Boundaries, ", "))
		fmt.Fprintf(table, "  size\t%s, %d frames (published %s, %d)\n", field.GridText(d.DefaultGrid), d.DefaultFrames, field.GridText(d.PublishedGrid), d.PublishedFrames)
		fmt.Fprintf(table, "  cost\tabout %.2g s a trajectory\n", d.Seconds)
	}
	return table.Flush()
}

// printJSON writes indented JSON and a line end.
func printJSON(out io.Writer, v any) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}
