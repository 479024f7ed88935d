package sim

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/gowalrus/walrus/internal/atomicfile"
	"github.com/gowalrus/walrus/internal/fault"
	"github.com/gowalrus/walrus/sim/scenario"
	"github.com/gowalrus/walrus/well"
)

// Generate simulates a plan: it writes Out/NAME/data/{train,valid,test}/*.hdf5, one trajectory a file, and
// Out/NAME/stats.yaml. Files take their names when they are complete, so files that are there are kept and an
// interrupted run continues with the next one; a folder that another plan has filled is an error. ctx stops the run
// between two time steps; what was complete stays.
func Generate(ctx context.Context, p Plan) error {
	p, err := p.complete()
	if err != nil {
		return err
	}
	folder := filepath.Join(p.Out, p.Scenario.Name)
	lock, err := p.prepare(folder)
	if lock != nil {
		defer atomicfile.Unlock(lock) // a file that can not be removed is only litter
	}
	if err := p.Sharing.meet(err); err != nil {
		return err
	}
	if err := p.Sharing.meet(p.simulateAll(ctx, folder)); err != nil {
		return err
	}
	if p.Sharing.first() {
		err = writeStats(ctx, folder)
	}
	return p.Sharing.meet(err)
}

// lockName is the file in a data set's folder that the process that simulates there holds a lock on.
const lockName = ".lock"

// prepare makes the folders, takes them for this process, and compares the plan with what they hold.
func (p Plan) prepare(folder string) (lock *os.File, err error) {
	if !p.Sharing.first() {
		return nil, nil
	}
	for _, split := range splitNames {
		if err := os.MkdirAll(filepath.Join(folder, "data", split), 0o777); err != nil {
			return nil, fmt.Errorf("sim: %w", err)
		}
	}
	lock, err = atomicfile.Lock(filepath.Join(folder, lockName))
	switch {
	case errors.Is(err, atomicfile.ErrBusy):
		return nil, fmt.Errorf("sim: another process is simulating in %s; wait for it, or choose another folder with --out", folder)
	case err != nil:
		return nil, fmt.Errorf("sim: %w", err)
	}
	return lock, p.manifest().reconcile(folder)
}

// writeStats computes stats.yaml over the train split, as the published files do; without train trajectories there is none.
func writeStats(ctx context.Context, folder string) error {
	train, err := filepath.Glob(filepath.Join(folder, "data", splitNames[0], "*.hdf5"))
	if err != nil || len(train) == 0 {
		return err
	}
	data, err := well.OpenDataset(folder, splitNames[0], well.Options{})
	if err != nil {
		return fmt.Errorf("sim: %w", err)
	}
	stats, err := well.ComputeStats(ctx, data, well.StatsOptions{}, nil)
	if err := errors.Join(err, data.Close()); err != nil {
		return fmt.Errorf("sim: %w", err)
	}
	return well.WriteStats(well.StatsPath(folder), stats)
}

// simulateAll runs the trajectories that are missing: as many at once as there are workers, and with the workers that
// are left over, if any, inside each.
func (p Plan) simulateAll(ctx context.Context, folder string) error {
	var all []trajectory // of this process
	for i, t := range p.trajectories() {
		if p.Sharing.mine(i) {
			all = append(all, t)
		}
	}
	total := len(all) * p.Frames
	var done atomic.Int64
	progress := func(frames int) {
		now := done.Add(int64(frames))
		if p.Progress != nil {
			p.Progress(int(now), total)
		}
	}
	var missing []trajectory
	for _, t := range all {
		if _, err := os.Stat(p.path(folder, t)); err == nil {
			progress(p.Frames)
		} else {
			missing = append(missing, t)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	atOnce := min(p.Workers, len(missing))
	inside := max(1, p.Workers/atOnce)

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	queue := make(chan trajectory)
	var wait sync.WaitGroup
	for range atOnce {
		wait.Go(func() {
			for t := range queue {
				if ctx.Err() != nil {
					continue
				}
				if err := fault.Catch(func() error { return p.simulate(ctx, p.path(folder, t), t, inside, progress) }); err != nil {
					cancel(err)
				}
			}
		})
	}
	for _, t := range missing {
		queue <- t
	}
	close(queue)
	wait.Wait()
	return context.Cause(ctx)
}

func (p Plan) path(folder string, t trajectory) string {
	return filepath.Join(folder, "data", t.split, t.file(p.Scenario))
}

// simulate writes one trajectory.
func (p Plan) simulate(ctx context.Context, path string, t trajectory, workers int, progress func(frames int)) error {
	w, err := well.Create(path, p.header(t))
	if err != nil {
		return err
	}
	defer w.Abort()
	frames := 0
	emit := func(f scenario.Frame) error {
		if frames == p.Frames {
			return fmt.Errorf("more than %d frames", p.Frames)
		}
		if err := writeFrame(w, p.Scenario.Fields, frames, f); err != nil {
			return err
		}
		frames++
		progress(1)
		return ctx.Err()
	}
	err = p.Scenario.Run(ctx, scenario.Case{Grid: p.Grid, Frames: p.Frames, Parameters: t.parameters, Seed: t.seed, Workers: workers}, emit)
	if err == nil && frames != p.Frames {
		err = fmt.Errorf("%d frames; expected %d", frames, p.Frames)
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	if err != nil {
		return fmt.Errorf("sim: %s: trajectory %d of %s (seed %d, parameters %v): %w", p.Scenario.Name, t.index, t.split, t.seed, t.parameters, err)
	}
	return w.Close()
}

// writeFrame stores every field of a frame.
func writeFrame(w *well.Writer, fields []scenario.Field, frame int, f scenario.Frame) error {
	for _, q := range fields {
		if q.Constant && frame > 0 {
			continue
		}
		values, ok := f.Values[q.Name]
		if !ok {
			return fmt.Errorf("frame %d has no field %s", frame, q.Name)
		}
		if err := w.WriteFrame(0, frame, q.Name, values); err != nil {
			return err
		}
	}
	return w.WriteTime(frame, f.Time)
}

// header describes the file of a trajectory.
func (p Plan) header(t trajectory) well.Header {
	s := p.Scenario
	domain := s.Domain(p.Grid, t.parameters)
	h := well.Header{DatasetName: s.Name, GridType: s.GridType, Time: make([]float32, p.Frames), Trajectories: 1}
	for i, name := range s.Axes {
		axis := well.Axis{Name: name}
		if i < len(domain.Coordinates) {
			axis.Coordinates = domain.Coordinates[i]
		}
		h.Axes = append(h.Axes, axis)
	}
	for _, q := range s.Parameters {
		h.Parameters = append(h.Parameters, well.Parameter{Name: q.Name, Values: []float64{t.parameters[q.Name]}})
	}
	h.Boundaries = well.BoundaryGroups(h.Axes, domain.Boundaries)
	for _, m := range domain.Masks {
		h.Boundaries = append(h.Boundaries, well.BoundaryGroup{Name: m.Name, Type: m.Type, Axes: s.Axes, Mask: m.Mask})
	}
	for _, q := range s.Fields {
		h.Fields = append(h.Fields, well.FieldInfo{
			Field: q.Field, TimeVarying: !q.Constant, SampleVarying: true, Positive: q.Positive, Symmetric: q.Symmetric,
		})
	}
	return h
}
