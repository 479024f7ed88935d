package rollout

import (
	"context"
	"fmt"
	"slices"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/frame"
	"github.com/gowalrus/walrus/sample"
	"github.com/gowalrus/walrus/well"
)

// Model is a predictor with what it was trained for.
type Model struct {
	Predictor  Predictor
	Vocabulary *sample.Vocabulary
	Blocks     int                         // for the token rolls
	Transforms map[string]sample.Transform // of fields, as in training
	Frame      frame.Options               // tokens along each axis
	// Normalization is that of the training; the zero value is samplewise.
	Normalization sample.Normalization
	// NormalizationPath is where the statistics of a normalisation by data set stand, as sample.WellFieldsScaled takes it.
	NormalizationPath string
}

// Piece chooses a part of one trajectory of a data set.
type Piece struct {
	Trajectory int   // counted from 0 over all files
	First      int   // first frame of the history
	Stride     int   // frames of the data between two steps
	History    int   // frames that the network sees
	Steps      int   // frames to predict; the truth may end earlier
	Grid       []int // resample to this grid; nil for the data's own
}

// Case is a part of a trajectory, ready to be predicted.
type Case struct {
	Start  Start
	Layout *sample.Layout
	Truth  field.Array // (steps, *grid, variable channels), as far as the data goes, 0 under a mask as predictions are; no steps at all for none
	Window *well.Window
	Grid   []int
}

// ReadCase reads a part of a trajectory and brings it into the model's layout.
func ReadCase(ctx context.Context, d *well.Dataset, m Model, p Piece) (*Case, error) {
	spec, err := p.spec(d)
	if err != nil {
		return nil, err
	}
	fields, err := sample.WellFieldsScaled(d, m.Normalization, m.NormalizationPath)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", d.Name(), err)
	}
	fields.Grid = p.Grid
	layout, err := sample.NewLayout(fields, m.Transforms, m.Vocabulary)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", d.Name(), err)
	}
	window, err := d.Read(ctx, spec)
	if err != nil {
		return nil, err
	}
	batch, err := layout.Prepare(sample.WellWindow(window, p.History))
	if err != nil {
		return nil, err
	}
	batch.DataSet = d.Name()
	grid := d.Sizes()
	if p.Grid != nil {
		grid = p.Grid
	}
	start, err := StartOf(batch, m.Frame)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", window.Path, err)
	}
	if len(batch.Output.Data) > 0 {
		start.Data.Hide(batch.Output, batch.Constant)
	}
	return &Case{Start: start, Layout: layout, Truth: batch.Output.Index(0), Window: window, Grid: grid}, nil
}

// Last is the last known frame (*grid, variable channels), which persistence predicts; 0 under a mask like the truth.
func (c *Case) Last() field.Array {
	last := c.Start.History.Index(0).Index(c.Start.History.Shape[1] - 1)
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
	i := p.Trajectory
	for n, f := range d.Files() {
		if i >= f.Trajectories {
			i -= f.Trajectories
			continue
		}
		known := (f.Steps - 1 - p.First) / p.Stride // frames after the first that the data has
		if f.Steps <= p.First || known < p.History-1 {
			return well.WindowSpec{}, fmt.Errorf("rollout: %s: trajectories of %d frames; a history of %d frames from frame %d with stride %d needs %d",
				f.Path, f.Steps, p.History, p.First, p.Stride, p.First+(p.History-1)*p.Stride+1)
		}
		return well.WindowSpec{File: n, Trajectory: i, Start: p.First, Stride: p.Stride, Steps: min(known+1, p.History+p.Steps)}, nil
	}
	return well.WindowSpec{}, fmt.Errorf("rollout: trajectory %d; %s has %d, counted from 0", p.Trajectory, d.Name(), d.Trajectories())
}

// Times are the physical times of so many predicted steps: those of the data, continued with its last interval.
func (c *Case) Times(steps int) []float32 {
	known := c.Window.Times
	history := c.Start.History.Shape[1]
	interval := float32(c.Window.Spec.Stride)
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
