package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gowalrus/walrus/internal/progress"
	"github.com/gowalrus/walrus/ranks"
	"github.com/gowalrus/walrus/rollout"
	"github.com/gowalrus/walrus/score"
	"github.com/gowalrus/walrus/well"
)

// evalFlags say what is scored.
type evalFlags struct {
	modelFlags
	protocolFlags
	protocol string
	kind     string
	csv      string
	curves   string
	physics  bool
	full     bool
	json     bool
	peers    peerFlags
}

// Protocols and kinds of ensembles that flags name.
const (
	releasedProtocol = "released"
	paperProtocol    = "paper"
	rolloutEnsemble  = "rollout"
	stepEnsemble     = "step"
)

// evalCommand scores weights on data sets.
func evalCommand() *cobra.Command {
	var f evalFlags
	cmd := &cobra.Command{
		Use:   "eval WEIGHTS DATA...",
		Short: "Score weights on data sets: one step ahead and over windows of rollouts",
		Long: `Score weights on data sets: one step ahead and over windows of rollouts.

WEIGHTS is a checkpoint (a run's folder, .safetensors or .pt) or the name of a downloaded model (walrus download).
One step ahead every window of every trajectory counts, from frame 0 on. Rollouts predict each trajectory from frame
--first on, all as long as the shortest trajectory allows; the errors of every field are averaged over windows of their
steps. The table has the median over windows or trajectories (the lower of two middle values, as in the released code),
the quartiles, the mean and the standard deviation, and the median of persistence, the forecast that nothing changes.
Components that only pad vectors are not scored. A rollout that stops being finite counts as infinitely wrong from there
on. docs/evaluation.md says with which published number each compares.`,
		Example: `  walrus eval runs/shear data/shear_flow
  walrus eval walrus.safetensors data/* --protocol paper --ensemble 4 --csv scores.csv
  walrus eval runs/shear data/shear_flow --physics --json > scores.json
  walrus eval runs/shear data/shear_flow --split valid --first -1 --windows 1:20,all --metric vrmse,spectral --curves curves.csv`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.peers.together(cmd, func(g *ranks.Group) error { return runEval(cmd, g, args[0], args[1:], f) })
		},
	}
	f.add(cmd)
	f.addProtocol(cmd)
	f.peers.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.protocol, "protocol", releasedProtocol, "what is scored: "+releasedProtocol+", or "+paperProtocol+" for a row of the paper's tables beside the published numbers")
	flags.IntVar(&f.sample, "one-step", 0, "former name of --sample")
	flags.IntVar(&f.sample, "trajectories", 0, "former name of --sample")
	for _, former := range []string{"one-step", "trajectories"} {
		_ = flags.MarkDeprecated(former, "use --sample: one step is scored on all windows otherwise") // the flag is there
	}
	flags.StringVar(&f.kind, "ensemble-kind", rolloutEnsemble, "what --ensemble averages: whole rollouts, or with step the network's output at every step")
	flags.StringVar(&f.csv, "csv", "", "write all scores to this CSV file too")
	flags.StringVar(&f.curves, "curves", "", "write the scores of every step of every rollout to this CSV file")
	flags.BoolVar(&f.physics, "physics", false, "measure conserved totals, divergences, positivity and spectra along the rollouts too, beside the truth's own (docs/evaluation.md); --json has all of them")
	flags.BoolVar(&f.full, "full", false, "print all statistics, those of persistence too, one row a score")
	flags.BoolVar(&f.json, "json", false, "print everything as JSON, also the scores of every window and step")
	return cmd
}

// asked is the protocol that the flags mean.
func (f evalFlags) asked(cmd *cobra.Command) (score.Protocol, error) {
	var p score.Protocol
	switch f.protocol {
	case releasedProtocol:
		var err error
		if p, err = f.released(); err != nil {
			return p, err
		}
	case paperProtocol:
		p = score.PaperProtocol()
		for _, fixed := range []string{"windows", "first", "metric", "epsilon"} {
			if cmd.Flags().Changed(fixed) {
				return p, usagef("--%s with --protocol paper, which has its own; leave one of the two out", fixed)
			}
		}
	default:
		return p, usagef("--protocol %q; expected %s or %s", f.protocol, releasedProtocol, paperProtocol)
	}
	p.Sample, p.Physics = f.sample, f.physics
	if err := f.check(); err != nil {
		return p, err
	}
	if f.kind != rolloutEnsemble && f.kind != stepEnsemble {
		return p, usagef("--ensemble-kind %q; expected %s or %s", f.kind, rolloutEnsemble, stepEnsemble)
	}
	if err := p.Check(); err != nil {
		return p, usageError{err}
	}
	return p, nil
}

func runEval(cmd *cobra.Command, g *ranks.Group, weights string, data []string, f evalFlags) error {
	protocol, err := f.asked(cmd)
	if err != nil {
		return err
	}
	for flag, path := range map[string]string{"--csv": f.csv, "--curves": f.curves} {
		if path == "" {
			continue
		}
		if err := prepareText(flag, path, ".csv"); err != nil {
			return err
		}
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
	o := f.options()
	if f.kind == stepEnsemble {
		o.Ensemble, o.StepEnsemble = 1, f.ensemble
	}
	sets := make([]rollout.Set, 0, len(data))
	defer func() {
		for _, s := range sets {
			s.Data.Close()
		}
	}()
	for _, path := range data {
		s := rollout.Set{Evaluation: rollout.Evaluation{Protocol: protocol, Grid: grid, Options: o}}
		split := f.splitOf(cmd, path)
		s.Evaluation.Split = strings.Join(strings.Split(split, ","), " + ")
		if s.Data, err = m.OpenData(path, split, well.Options{}); err != nil {
			return err
		}
		sets = append(sets, s)
		if err := m.Fits(s.Data); err != nil {
			return fmt.Errorf("%s on %s: %w", weights, path, err)
		}
	}
	all := make([]*well.Dataset, len(sets))
	for i, s := range sets {
		all[i] = s.Data
	}
	work := 0
	for i, label := range well.Labels(all) {
		s := &sets[i]
		s.Evaluation.DataSet = label
		if s.Setting, err = m.For(s.Data); err != nil {
			return err
		}
		if s.Plan, err = s.Evaluation.Plan(s.Data, s.Setting); err != nil {
			return fmt.Errorf("%s on %s: %w", weights, label, err)
		}
		work += s.Plan.Work()
	}
	bar := progress.New(cmd.ErrOrStderr(), "eval", 0, (work+g.Size()-1)/g.Size())
	result, err := rollout.Evaluate(cmd.Context(), g, protocol, sets, func(dataSet string) { bar.Advance(1, dataSet) })
	bar.Close()
	if err != nil {
		return fmt.Errorf("%s: %w", weights, err)
	}
	if !g.First() {
		return nil
	}
	for _, s := range sets {
		result.Plans = append(result.Plans, s.Plan)
	}
	return printScores(cmd.OutOrStdout(), result, f)
}

// printScores writes the scores where they are wanted.
func printScores(out io.Writer, r *score.Result, f evalFlags) error {
	var failed error
	if f.csv != "" {
		failed = writeFile(f.csv, r.Table().WriteCSV)
	}
	if f.curves != "" {
		failed = errors.Join(failed, writeFile(f.curves, r.CurveTable().WriteCSV))
	}
	if f.json {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		document := r.Document()
		document["command"] = commandLine()
		return errors.Join(failed, encoder.Encode(document))
	}
	if f.full {
		for _, p := range r.Plans {
			if _, err := fmt.Fprintln(out, p); err != nil {
				return errors.Join(failed, err)
			}
		}
		failed = errors.Join(failed, r.Table().WriteText(out, colourWanted(out)))
		for _, p := range r.Plans {
			failed = errors.Join(failed, printPhysics(out, r, p.DataSet, f))
		}
		return failed
	}
	blocks := r.Blocks
	if f.protocol == paperProtocol {
		blocks = r.PaperRows
	}
	for i, p := range r.Plans {
		if i > 0 {
			fmt.Fprintln(out)
		}
		if _, err := fmt.Fprintln(out, p); err != nil {
			return errors.Join(failed, err)
		}
		for _, table := range blocks(p.DataSet) {
			if err := table.WriteText(out, colourWanted(out)); err != nil {
				return errors.Join(failed, err)
			}
		}
		failed = errors.Join(failed, printPhysics(out, r, p.DataSet, f))
	}
	return failed
}

// printPhysics prints the checks of the physics of a data set, where they were asked for, and why some are missing.
func printPhysics(out io.Writer, r *score.Result, dataSet string, f evalFlags) error {
	if !f.physics {
		return nil
	}
	if err := r.PhysicsTable(dataSet).WriteText(out, colourWanted(out)); err != nil {
		return err
	}
	for _, o := range r.PhysicsLeftOut(dataSet) {
		if _, err := fmt.Fprintf(out, "left out: %s: %s\n", o.Check, o.Reason); err != nil {
			return err
		}
	}
	return nil
}
