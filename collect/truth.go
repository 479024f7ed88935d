package collect

import (
	"context"
	"fmt"
	"slices"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/rollout"
	"github.com/gowalrus/walrus/sample"
	"github.com/gowalrus/walrus/well"
)

// truth reads the frames that a rollout predicts from the data it was made on, as the prediction has them: transformed, on its grid, 0 under a mask.
type truth struct {
	data       *well.Dataset
	file       int // of the trajectory
	trajectory int // in that file
	first      int // frame that step 1 predicts
	stride     int
	steps      int // that the data has
	grid       []int
	transforms []sample.Transform // one a field of the data
	fields     []well.FieldInfo
	kept       []int // channels, in the order of the prediction's
}

// openTruth finds the truth of a prediction. Fields or a grid that do not fit are an error that names both files.
func openTruth(record rollout.Provenance, folder string, p *prediction) (*truth, error) {
	d, err := well.OpenDataset(folder, record.Split, well.Options{})
	if err != nil {
		return nil, err
	}
	t := &truth{data: d, first: record.First(), stride: record.Stride, fields: d.Variable(), grid: p.data.Sizes()}
	if err := t.find(record, p.channels); err != nil {
		d.Close() // it was only read
		return nil, err
	}
	return t, nil
}

// find looks up the trajectory and the channels that were predicted.
func (t *truth) find(record rollout.Provenance, channels []string) error {
	var found bool
	if t.file, t.trajectory, found = t.data.Locate(record.Trajectory); !found {
		return fmt.Errorf("report: %s has %d trajectories; the rollout is of number %d, counted from 0", t.data.Folder(), t.data.Trajectories(), record.Trajectory)
	}
	t.steps = max(0, (t.data.Files()[t.file].Steps-t.first+t.stride-1)/t.stride)
	if len(t.data.Sizes()) != len(t.grid) {
		return fmt.Errorf("report: %s has a grid of %v points, the prediction %v", t.data.Folder(), t.data.Sizes(), t.grid)
	}
	var names []string
	for _, f := range t.fields {
		transform := record.Transforms[f.Name]
		t.transforms = append(t.transforms, transform)
		if transform != "" && f.Rank == field.Scalar {
			f.Name = string(transform) + "_" + f.Name // as sample names it
		}
		names = append(names, f.Components(t.data.Axes())...)
	}
	for _, name := range channels {
		at := slices.Index(names, name)
		if at < 0 {
			return fmt.Errorf("report: %s has the components %q; the prediction has %q", t.data.Folder(), names, channels)
		}
		t.kept = append(t.kept, at)
	}
	return nil
}

// frame reads the truth of a step, counted from 0, and clears the points that a mask hides: (*grid, channels).
func (t *truth) frame(ctx context.Context, step int, masked []bool) (field.Array, error) {
	w, err := t.data.Read(ctx, well.WindowSpec{File: t.file, Trajectory: t.trajectory, Start: t.first + step*t.stride, Stride: 1, Steps: 1})
	if err != nil {
		return field.Array{}, err
	}
	frame := w.Frames.Index(0)
	channels, from := frame.Axis(-1), 0
	for i, f := range t.fields {
		n := f.Rank.Components(len(t.grid))
		if transform := t.transforms[i]; transform != "" {
			for c := from; c < from+n; c++ {
				values := make([]float32, 0, len(frame.Data)/channels)
				for at := c; at < len(frame.Data); at += channels {
					values = append(values, frame.Data[at])
				}
				transform.Apply(values) // what it can not take is not finite, and shown so
				for p, v := range values {
					frame.Data[p*channels+c] = v
				}
			}
		}
		from += n
	}
	frame = sample.Resample(pick(frame, t.kept), 0, t.grid, w.Boundaries)
	channels = len(t.kept)
	for p, hidden := range masked {
		if hidden {
			clear(frame.Data[p*channels : (p+1)*channels])
		}
	}
	return frame, nil
}
