package score

import (
	"bytes"
	"context"
	"encoding/gob"
	"fmt"
)

// record is what stays of a forecast, to be sent to another process.
type record struct {
	DataSet           string
	Fields            []string
	OneStep           bool
	Trajectory, First int
	Model             [][][]float64 // by step, quantity and field
	Persistence       [][][]float64
	Physics           []PhysicsRecord // one, where it was asked for
}

// Part is Evaluate for one of several processes that share the forecasts: process i of n scores forecasts i, i+n, i+2n, ..., counted
// through all data sets. Join makes the result of what all of them return.
func Part(ctx context.Context, p Protocol, own Forecasts) ([]byte, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	var list []record
	for f, err := range own {
		if err != nil {
			return nil, fmt.Errorf("score: %w", err)
		}
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("score: stopped before %s, %s: %w", f.DataSet, f.Name, err)
		}
		one := newResult(p)
		if err := one.add(f); err != nil {
			return nil, fmt.Errorf("score: %s, %s: %w", f.DataSet, f.Name, err)
		}
		d := one.sets[0]
		r := record{DataSet: d.name, Fields: d.fields, OneStep: f.OneStep, Physics: d.physics}
		for _, s := range append(d.singles, d.rollouts...) {
			r.Trajectory, r.First = s.trajectory, s.first
			for _, n := range s.steps {
				r.Model, r.Persistence = append(r.Model, n.model), append(r.Persistence, n.persistence)
			}
		}
		list = append(list, r)
	}
	var text bytes.Buffer
	err := gob.NewEncoder(&text).Encode(list)
	return text.Bytes(), err
}

// Join makes the result of the parts of all processes, in their order: the numbers of one process.
func Join(p Protocol, parts [][]byte) (*Result, error) {
	lists := make([][]record, len(parts))
	total := 0
	for i, text := range parts {
		if err := gob.NewDecoder(bytes.NewReader(text)).Decode(&lists[i]); err != nil {
			return nil, fmt.Errorf("score: scores of process %d: %w", i, err)
		}
		total += len(lists[i])
	}
	r := newResult(p)
	for i := range total {
		from := lists[i%len(lists)]
		at := i / len(lists)
		if at >= len(from) {
			return nil, fmt.Errorf("score: process %d scored %d of %d forecasts; expected more", i%len(lists), len(from), total)
		}
		if err := r.file(from[at]); err != nil {
			return nil, fmt.Errorf("score: %s: %w", from[at].DataSet, err)
		}
	}
	if len(r.sets) == 0 {
		return nil, fmt.Errorf("score: nothing to score")
	}
	return r, nil
}

// file puts a record under its data set.
func (r *Result) file(one record) error {
	s := scored{trajectory: one.Trajectory, first: one.First}
	for i := range one.Model {
		s.steps = append(s.steps, numbers{one.Model[i], one.Persistence[i]})
	}
	if err := r.place(one.DataSet, one.Fields, one.OneStep, s); err != nil {
		return err
	}
	d := r.set(one.DataSet)
	d.physics = append(d.physics, one.Physics...)
	return nil
}
