package rollout

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/sample"
	"github.com/gowalrus/walrus/surrogate"
	"github.com/gowalrus/walrus/well"
)

// Piece chooses a part of one trajectory of a data set.
type Piece struct {
	Trajectory int   // counted from 0 over all files
	First      int   // first frame of the history
	Stride     int   // frames of the data between two steps; 0 for the smallest of the training
	History    int   // frames that the network sees; 0 for as many as in training
	Steps      int   // frames to predict; the truth may end earlier
	Grid       []int // resample to this grid; nil as in training, which often is the data's own
}

// Case is a part of a trajectory, ready to be predicted.
type Case struct {
	Setting surrogate.Setting // that it was read for
	Start   Start
	Layout  *sample.Layout
	Known   int          // predicted steps that the data has the truth of: as many as were asked for, or fewer; 0 for none
	Window  *well.Window // the history and the first of the known steps
	Grid    []int
	Steps   int // that were asked for

	dataset *well.Dataset
	whole   well.WindowSpec // the history and all known steps
	times   []float32       // of whole's frames
	first   field.Array     // the truth of the first steps: (steps, *grid, variable channels)
}

// truthAtOnce bounds how much truth is held, in bytes, where a step is not larger.
const truthAtOnce = 1 << 25

// ReadCase reads a part of a trajectory and brings it into the layout of a model: s is what the model's For gives for the
// data set.
func ReadCase(ctx context.Context, d *well.Dataset, s surrogate.Setting, p Piece) (*Case, error) {
	p.Stride, p.History = cmp.Or(p.Stride, s.MinStride), cmp.Or(p.History, s.History)
	spec, err := p.spec(d)
	if err != nil {
		return nil, err
	}
	if p.Grid != nil {
		s.Grid = p.Grid
	}
	layout, err := s.Layout(d)
	if err != nil {
		return nil, err
	}
	c := &Case{Setting: s, Layout: layout, Grid: d.Sizes(), Steps: p.Steps, Known: spec.Steps - p.History, dataset: d, whole: spec}
	if s.Grid != nil {
		c.Grid = s.Grid
	}
	if c.times, err = d.Times(spec); err != nil {
		return nil, err
	}
	spec.Steps = p.History + min(c.Known, c.stepsAtOnce())
	if c.Window, err = d.Read(ctx, spec); err != nil {
		return nil, err
	}
	batch, err := layout.Prepare(sample.WellWindow(c.Window, p.History))
	if err != nil {
		return nil, err
	}
	batch.DataSet = d.Name()
	data, err := s.Data(batch)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Window.Path, err)
	}
	if known := c.Known; data.Moving && known < p.Steps {
		return nil, fmt.Errorf("rollout: %s: %d steps, and the data has %d frames after the history; where a mask moves it must be known in every frame that is predicted: ask for at most %d steps, or give it in more frames of the file, whatever the other fields are there",
			c.Origin(), p.Steps, known, known)
	}
	if len(batch.Output.Data) > 0 {
		data.Hide(batch.Output, batch.Constant)
	}
	c.Start, c.first = startOf(batch, data), batch.Output.Index(0)
	return c, nil
}

// stepsAtOnce is how many steps of truth are read together: all where a mask moves, as predictions need it of every frame.
func (c *Case) stepsAtOnce() int {
	if c.Layout.Moving {
		return max(1, c.Known)
	}
	return max(1, truthAtOnce/(4*c.Layout.Variable*max(field.Volume(c.Grid), field.Volume(c.dataset.Sizes()))))
}

// Origin says where the case was read, for messages.
func (c *Case) Origin() string { return (&well.Window{Path: c.Window.Path, Spec: c.whole}).Origin() }

// Truth reads the known steps, each (*grid, variable channels), 0 under a mask as predictions are. Only a few are in memory at once.
func (c *Case) Truth(ctx context.Context) iter.Seq2[field.Array, error] {
	return func(yield func(field.Array, error) bool) {
		frames := c.first
		for step := 0; step < c.Known; step += frames.Shape[0] {
			if step > 0 {
				var err error
				if frames, err = c.readTruth(ctx, step); err != nil {
					yield(field.Array{}, err)
					return
				}
			}
			for i := range frames.Shape[0] {
				if !yield(frames.Index(i), nil) {
					return
				}
			}
		}
	}
}

// readTruth reads a few steps from one on, counted from 0, in the layout: (steps, *grid, variable channels).
func (c *Case) readTruth(ctx context.Context, step int) (field.Array, error) {
	spec := c.whole
	spec.Start, spec.Steps = spec.Start+(c.Start.History.Shape[1]+step)*spec.Stride, min(c.stepsAtOnce(), c.Known-step)
	w, err := c.dataset.Read(ctx, spec)
	if err != nil {
		return field.Array{}, err
	}
	batch, err := c.Layout.Prepare(&sample.Window{Input: w.Frames, Boundaries: w.Boundaries, Origin: w.Origin()})
	if err != nil {
		return field.Array{}, err
	}
	c.Start.Data.Hide(batch.Input, c.Start.Constants)
	return batch.Input.Index(0), nil
}

// Predict rolls out from the case's start, as Run does, with the model that it was read for: of the options, Blocks and
// Jitter follow from the model, and Steps 0 means those that were asked for.
func (c *Case) Predict(ctx context.Context, o Options) (Result, error) {
	return Run(ctx, c.Setting.Predictor, c.Start, c.options(o))
}

// Frames predicts as Predict does, one step at a time.
func (c *Case) Frames(ctx context.Context, o Options) iter.Seq2[Frame, error] {
	return Frames(ctx, c.Setting.Predictor, c.Start, c.options(o))
}

// options are those of a prediction: Blocks and Jitter follow from the model.
func (c *Case) options(o Options) Options {
	o.Steps, o.Blocks, o.Jitter = cmp.Or(o.Steps, c.Steps), c.Setting.Blocks, c.Setting.Jitter
	return o
}

// Hidden is not zero where a moving mask hides the steps that the data knows, (steps, *grid, 1); empty without one.
func (c *Case) Hidden() field.Array {
	if !c.Start.Data.Moving {
		return field.Array{}
	}
	return c.Start.mask(c.Start.History.Shape[1], c.Known)
}

// Last is the last known frame (*grid, variable channels), which persistence predicts; 0 under a mask like the truth.
func (c *Case) Last() field.Array {
	last := c.Start.History.Index(0).Index(c.Start.History.Shape[1] - 1)
	if c.Start.Data.Moving { // the frames of the history are hidden by their own masks already
		return last
	}
	hidden := field.Array{Shape: append([]int{1}, last.Shape...), Data: slices.Clone(last.Data)}
	c.Start.Data.Hide(hidden, c.Start.Constants)
	return hidden.Index(0)
}

// spec finds the frames of a piece in the files.
func (p Piece) spec(d *well.Dataset) (well.WindowSpec, error) {
	if p.History < 1 || p.Stride < 1 || p.First < 0 || p.Steps < 1 || p.Trajectory < 0 {
		return well.WindowSpec{}, fmt.Errorf("rollout: trajectory %d from frame %d, stride %d, history %d, %d steps; expected numbers that are not negative, and at least 1 for the last three",
			p.Trajectory, p.First, p.Stride, p.History, p.Steps)
	}
	file, trajectory, found := d.Locate(p.Trajectory)
	if !found {
		return well.WindowSpec{}, fmt.Errorf("rollout: trajectory %d; %s has %d, counted from 0", p.Trajectory, d.Name(), d.Trajectories())
	}
	f := d.Files()[file]
	known := (f.Steps - 1 - p.First) / p.Stride // frames after the first that the data has
	if f.Steps <= p.First || known < p.History-1 {
		return well.WindowSpec{}, fmt.Errorf("rollout: %s: trajectories of %d frames; a history of %d frames from frame %d with stride %d needs %d",
			f.Path, f.Steps, p.History, p.First, p.Stride, p.First+(p.History-1)*p.Stride+1)
	}
	return well.WindowSpec{File: file, Trajectory: trajectory, Start: p.First, Stride: p.Stride, Steps: min(known+1, p.History+p.Steps)}, nil
}

// Times are the physical times of so many predicted steps: those of the data, continued with its last interval.
func (c *Case) Times(steps int) []float32 {
	known := c.times
	history := c.Start.History.Shape[1]
	interval := float32(c.whole.Stride)
	if n := len(known); n > 1 {
		interval = known[n-1] - known[n-2]
	}
	times := slices.Clone(known[min(history, len(known)):])
	for len(times) < steps {
		last := known[len(known)-1]
		if len(times) > 0 {
			last = times[len(times)-1]
		}
		times = append(times, last+interval)
	}
	return times[:steps]
}
