package train

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/network"
	"github.com/gowalrus/walrus/ranks"
	"github.com/gowalrus/walrus/rollout"
	"github.com/gowalrus/walrus/score"
)

// begin opens the run on every rank. They refuse to train together what is not the same, and an error of one is one of all: none may
// wait for another that has given up.
func (r *Run) begin(resume bool) error {
	if r.ranks.Size() == 1 {
		return r.open(resume)
	}
	if err := r.compare(func() ([]ranks.Fact, error) { return programFacts(r.config) }); err != nil {
		return err
	}
	if err := r.ranks.Agree(r.open(resume)); err != nil {
		return err
	}
	return r.compare(r.dataFacts)
}

// compare compares facts of all ranks.
func (r *Run) compare(find func() ([]ranks.Fact, error)) error {
	facts, err := find()
	if err = r.ranks.Agree(err); err != nil {
		return err
	}
	if err = r.ranks.Same(facts); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	return nil
}

// shareOut divides the steps among the ranks.
func (r *Run) shareOut() error {
	c := r.config
	shard := c.Shard
	if r.ranks.Size() == 1 {
		shard = 1 // a run goes on where it can
	}
	var err error
	if r.layout, err = newLayout(r.ranks.Size(), r.ranks.Rank(), c.Data.Accumulation, shard, c.Devices); err != nil {
		return err
	}
	var batches []int
	for _, e := range r.data.entries {
		for _, g := range e.Groups() {
			batches = append(batches, g.Batch)
		}
	}
	if err := r.layout.check(batches); err != nil {
		return err
	}
	transport, err := ranks.ParseTransport(c.Reduce)
	r.team = newTeam(r.ranks, r.layout, transport)
	return err
}

// feedOf describes the graph of this rank's part of a batch; a feed without samples where it has none.
func (r *Run) feedOf(d network.Data, samples, frames int, keep bool) (network.Feed, error) {
	from, to := r.layout.part(samples)
	if from == to {
		return network.Feed{}, nil
	}
	return r.stepper.feedOf(d, to-from, frames, keep)
}

// saves says whether this process has a part in making a checkpoint: the ranks of the first sharding group have.
func (m *team) saves() bool { return m == nil || m.rank < m.shard }

// first says whether this process writes it.
func (m *team) first() bool { return m == nil || m.rank == 0 }

// clock lets the first rank decide when a checkpoint is due. If another rank is lost the next step tells.
func (r *Run) clock(overdue bool) bool {
	if r.team == nil {
		return overdue
	}
	answer := []byte{0}
	if overdue {
		answer[0] = 1
	}
	answer, err := r.ranks.Broadcast(answer, 0)
	return err == nil && len(answer) == 1 && answer[0] == 1
}

// stopTogether is a context that ends on all ranks after the same step, when any of them has been asked to stop.
func (r *Run) stopTogether(ctx context.Context) (context.Context, context.CancelFunc) {
	if r.team == nil {
		return ctx, func() {}
	}
	shared, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r.team.stop, r.team.stopped = func() bool { return ctx.Err() != nil }, cancel
	r.asked = ctx
	return shared, cancel
}

// scores scores the network. A rank that has been asked to stop ends it for all.
func (r *Run) scores(ctx context.Context, v *validator, t Task, full bool) ([]Score, error) {
	if r.team == nil {
		return v.scores(ctx, t, full)
	}
	v.evaluate = r.evaluate
	scores, err := v.scores(r.asked, t, full)
	if errors.Is(err, errAsked) {
		r.team.stopped()
		return nil, ctx.Err()
	}
	return scores, err
}

// errAsked ends a validation on all ranks when one has been asked to stop.
var errAsked = errors.New("train: asked to stop")

// evaluate is the evaluator of several processes, which share the forecasts.
func (r *Run) evaluate(ctx context.Context, e rollout.Evaluation, forecasts func(rollout.Evaluation) score.Forecasts) (*score.Result, error) {
	e.Mine = r.ranks.Turns()
	part, err := score.Part(ctx, e.Protocol, forecasts(e))
	answers, failed := r.ranks.Share(fmt.Append(nil, ctx.Err() != nil))
	if failed != nil {
		return nil, errors.Join(err, failed)
	}
	for _, asked := range answers {
		if string(asked) == fmt.Sprint(true) {
			return nil, errAsked
		}
	}
	if err = r.ranks.Agree(err); err != nil {
		return nil, err
	}
	parts, err := r.ranks.Share(part)
	if err != nil {
		return nil, err
	}
	return score.Join(e.Protocol, parts)
}

// ownDevices is an engine's configuration with the GPUs of this process, where several on a machine would take the same: the first
// has the first ones. A launcher that has given each process its own ($CUDA_VISIBLE_DEVICES) is left alone, and so is a
// configuration that says which.
func ownDevices(config string, devices int, g *ranks.Group, env func(string) string) string {
	place, count := g.Local()
	if !engine.ChoosesGPUs(config) || count == 1 || strings.Contains(config, "visible_devices=") {
		return config
	}
	if list, given := env("CUDA_VISIBLE_DEVICES"), env("CUDA_VISIBLE_DEVICES") != ""; given && len(strings.Split(list, ",")) < count*devices {
		return config
	}
	var own []string
	for i := range devices {
		own = append(own, fmt.Sprint(place*devices+i))
	}
	return config + ",visible_devices=" + strings.Join(own, ";")
}
