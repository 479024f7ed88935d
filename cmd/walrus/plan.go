package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/gowalrus/walrus/bench"
	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/ranks"
	"github.com/gowalrus/walrus/train"
	"github.com/spf13/cobra"
)

// openPlanner opens an engine that plans its memory before a run; nil for one whose device need not be here.
func openPlanner(config string, precision engine.Precision) (*engine.Engine, error) {
	if engine.IsXLA(config) {
		return nil, nil
	}
	return engine.OpenPrecision(config, precision)
}

// sharedPlan says on how many processes a step is planned.
type sharedPlan struct {
	ranks, shard int
	reduce       string
}

// check reports what can not be planned.
func (p sharedPlan) check(s bench.Settings) error {
	if p.ranks > 1 && !s.Train {
		return usagef("bench: --ranks %d is for training steps; add --train", p.ranks)
	}
	if _, err := ranks.ParseTransport(p.reduce); err != nil {
		return usagef("bench: --%w", err)
	}
	if p.ranks < 1 || p.shard < 1 || p.ranks%p.shard != 0 {
		return usagef("bench: --shard %d of --ranks %d; expected a number that divides them", p.shard, p.ranks)
	}
	return nil
}

// printBenchPlans predicts the memory of what bench would time.
func printBenchPlans(cmd *cobra.Command, config string, precision engine.Precision, all []bench.Settings, shared sharedPlan, asJSON bool) error {
	for _, s := range all {
		if err := shared.check(s); err != nil {
			return err
		}
	}
	e, err := openPlanner(config, precision)
	if err != nil {
		return err
	}
	if e != nil {
		defer e.Close()
	}
	for _, s := range all {
		plan, err := bench.Plan(e, s, config, precision)
		if err != nil {
			return err
		}
		if len(all) > 1 && !asJSON {
			fmt.Fprintf(cmd.OutOrStdout(), "%d tokens along each axis: ", s.Tokens)
		}
		if err := shared.print(cmd, plan, asJSON); err != nil {
			return err
		}
	}
	return nil
}

// print prints a prediction for one of several processes, and what it sends; for one alone just that.
func (shared sharedPlan) print(cmd *cobra.Command, plan train.Plan, asJSON bool) error {
	if shared.ranks == 1 {
		return printPlan(cmd, plan, asJSON)
	}
	transport, err := ranks.ParseTransport(shared.reduce)
	if err != nil {
		return err
	}
	plan, traffic, err := plan.OnRanks(shared.ranks, shared.shard, transport)
	if err != nil {
		return err
	}
	if asJSON {
		return json.NewEncoder(cmd.OutOrStdout()).Encode(struct {
			train.Plan
			Total   int64         `json:"total"`
			Traffic train.Traffic `json:"traffic"`
		}{plan, plan.Total(), traffic})
	}
	if err := printPlan(cmd, plan, asJSON); err != nil {
		return err
	}
	const gib = 1 << 30
	_, err = fmt.Fprintf(cmd.OutOrStdout(), `what one of %d ranks in sharding groups of %d sends in a step, and receives, in GiB
  %-46s %8.3f
  %-46s %8.3f
  %-46s %8.3f
memory of the host for a bucket on its way: %.3f GiB
`, traffic.Ranks, traffic.Shard, "gradients ("+string(transport)+")", float64(traffic.Gradients)/gib, "new weights", float64(traffic.Weights)/gib,
		"total", float64(traffic.Total())/gib, float64(traffic.Staging)/gib)
	return err
}

// printPlan prints a prediction, in GiB, or in bytes as JSON.
func printPlan(cmd *cobra.Command, p train.Plan, asJSON bool) error {
	out := cmd.OutOrStdout()
	if asJSON {
		return json.NewEncoder(out).Encode(struct {
			train.Plan
			Total int64 `json:"total"`
		}{p, p.Total()})
	}
	fmt.Fprintf(out, "memory of a %s, in GiB; nothing was run\n", strings.ReplaceAll(p.What, "_", " "))
	p.WriteText(out)
	return nil
}
