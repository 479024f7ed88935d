package train

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/model"
	"github.com/gowalrus/walrus/network"
	"github.com/gowalrus/walrus/ranks"
)

// team is a rank's part in the steps that several make together.
type team struct {
	layout
	all, sharding, replicas *ranks.Group // all ranks; those that share the optimizer's memory; those with the same part of it
	transport               ranks.Transport
	updates                 map[string]*sharedUpdate
	bucket                  []float32
	stop                    func() bool // says whether this process has been asked to stop
	stopped                 func()      // called after a step on all ranks if one of them has been asked to stop
}

// newTeam is a rank's part in the steps of a group; nil for a group of one.
func newTeam(g *ranks.Group, l layout, t ranks.Transport) *team {
	if l.alone() {
		return nil
	}
	m := &team{layout: l, all: g, transport: t, updates: map[string]*sharedUpdate{}}
	var sharding, replicas []int
	for rank := range l.ranks {
		if rank/l.shard == l.rank/l.shard {
			sharding = append(sharding, rank)
		}
		if rank%l.shard == l.rank%l.shard {
			replicas = append(replicas, rank)
		}
	}
	m.sharding, m.replicas = g.Part(sharding), g.Part(replicas)
	return m
}

// sharded says whether the optimizer's memory is divided.
func (m *team) sharded() bool { return m != nil && m.sharding.Size() > 1 }

// piece is where in a weight, as a list of numbers, the part begins and ends that member i of a sharding group keeps the moments
// of.
func (m *team) piece(w model.Weight, i int) (from, to int) {
	n := field.Volume(w.Shape)
	return n * i / m.sharding.Size(), n * (i + 1) / m.sharding.Size()
}

// size is the number of numbers of that part.
func (m *team) size(w model.Weight, i int) int {
	from, to := m.piece(w, i)
	return to - from
}

// share cuts from the examples of a step the samples that are this rank's.
func (m *team) share(examples []Example) []Example {
	if m == nil {
		return examples
	}
	var parts []Example
	for _, e := range examples {
		samples := e.Input.Shape[0]
		if from, to := m.part(samples); from < to {
			part := e.cut(from, to)
			part.Weight = float64(to-from) / float64(samples*m.batches)
			parts = append(parts, part)
		}
	}
	return parts
}

// cut is some of the samples of an example.
func (e Example) cut(from, to int) Example {
	samples := e.Input.Shape[0]
	rows := func(a field.Array) field.Array {
		if len(a.Shape) == 0 {
			return a
		}
		each := len(a.Data) / samples
		shape := append([]int{to - from}, a.Shape[1:]...)
		return field.Array{Shape: shape, Data: a.Data[from*each : to*each]}
	}
	frames := e.Input.Shape[1]
	e.Input, e.Output, e.Constant = rows(e.Input), rows(e.Output), rows(e.Constant)
	if e.Keep != nil { // (blocks, 2, samples x frames)
		var keep []float32
		for rest := e.Keep; len(rest) > 0; rest = rest[samples*frames:] {
			keep = append(keep, rest[from*frames:to*frames]...)
		}
		e.Keep = keep
	}
	if e.KeepFields != nil {
		channels := len(e.KeepFields) / samples
		e.KeepFields = e.KeepFields[from*channels : to*channels]
	}
	if len(e.Origins) == samples {
		e.Origins = e.Origins[from:to]
	}
	return e
}

// stepReport is what a rank tells the others before a step's gradients are added up.
type stepReport struct {
	Loss       float64 // its part
	Samples    int
	Dimensions []int // that its batches have
	Stop       bool  // it has been asked to stop
	Trouble    string
}

// beginTogether is Prepared.Begin for a step of several ranks: each computes the gradient of its part, the gradients are added
// up, and each makes the whole step, or with sharding its part of it. It returns when all of that is done.
func (s *Stepper) beginTogether(ctx context.Context, p *Prepared, rate float64) (*Begun, error) {
	m := s.team
	began := time.Now()
	gradients, report, failed := s.ownGradients(ctx, p)
	defer func() {
		for _, v := range gradients {
			v.Free()
		}
	}()
	computed := time.Now()
	total, err := m.meet(report, failed)
	if err != nil {
		return nil, err
	}
	met := time.Now()
	// Not to be interrupted from here on: the others wait, and a run that is stopped must still be able to save.
	norm, err := s.makeTogether(context.WithoutCancel(ctx), gradients, total.Dimensions, rate)
	if err != nil {
		return nil, err
	}
	if total.Stop && m.stopped != nil {
		m.stopped()
	}
	return &Begun{outcome: &Outcome{
		Loss: total.Loss, GradientNorm: norm, Samples: total.Samples,
		Times: StepTimes{Computed: computed.Sub(began), Waited: met.Sub(computed), Exchanged: time.Since(met)},
	}}, nil
}

// ownGradients computes this rank's part of loss and gradients, by the names of the weights. A loss that is not finite is an
// error that says of which data.
func (s *Stepper) ownGradients(ctx context.Context, p *Prepared) (map[string]*engine.Value, stepReport, error) {
	report := stepReport{Stop: s.team.stop != nil && s.team.stop(), Dimensions: dimensionsOf(p.batches)}
	if len(p.batches) == 0 {
		return nil, report, nil
	}
	losses, list, err := s.accumulate(ctx, p.batches)
	if err != nil {
		return nil, report, err
	}
	gradients := map[string]*engine.Value{}
	for i, w := range s.Trained(report.Dimensions...) {
		gradients[w.Name] = list[i]
	}
	for i, v := range losses {
		part, err := sumOverDevices(v)
		if err != nil {
			network.Free(losses[i+1:])
			return gradients, report, err
		}
		if math.IsNaN(part) || math.IsInf(part, 0) {
			network.Free(losses[i+1:])
			return gradients, report, fmt.Errorf("the loss is %v on %s", part, p.names[i])
		}
		report.Loss += part
		report.Samples += p.samples[i]
	}
	return gradients, report, nil
}

// meet joins what the ranks report, in their order. Trouble of one ends the step of all.
func (m *team) meet(own stepReport, failed error) (total stepReport, err error) {
	if failed != nil {
		own.Trouble = failed.Error()
	}
	text, err := json.Marshal(own)
	if err != nil {
		return total, err
	}
	all, err := m.all.Share(text)
	if err != nil {
		return total, errors.Join(failed, err)
	}
	var troubled []string
	for i, text := range all {
		var r stepReport
		if err := json.Unmarshal(text, &r); err != nil {
			return total, fmt.Errorf("train: report of %s: %w", m.all.Name(i), err)
		}
		if r.Trouble != "" {
			troubled = append(troubled, m.all.Name(i)+": "+r.Trouble)
		}
		total.Loss += r.Loss
		total.Samples += r.Samples
		total.Stop = total.Stop || r.Stop
		total.Dimensions = append(total.Dimensions, r.Dimensions...)
	}
	slices.Sort(total.Dimensions)
	total.Dimensions = slices.Compact(total.Dimensions)
	if len(troubled) > 0 {
		return total, &TroubleError{Mine: failed != nil, text: strings.Join(troubled, "; "), err: failed}
	}
	return total, nil
}

// TroubleError is what ended a step of several ranks. All of them return it.
type TroubleError struct {
	Mine bool // it happened to this rank
	text string
	err  error
}

func (e *TroubleError) Error() string { return e.text }

func (e *TroubleError) Unwrap() error { return e.err }

// Own implements ranks.Common.
func (e *TroubleError) Own() bool { return e.Mine }
