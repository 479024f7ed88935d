package rollout

import (
	"encoding/json"
	"fmt"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/physics"
	"github.com/gowalrus/walrus/sample"
	"github.com/gowalrus/walrus/well"
)

// SpreadSuffix is added to the name of a field for the ensemble's standard deviation.
const SpreadSuffix = "_spread"

// Write writes a prediction as a Well file: the predicted fields, their spread if there is one, and the constant fields
// of the data. d is the data set that the case was read from.
func (c *Case) Write(path string, d *well.Dataset, r Result) error {
	steps := r.Prediction.Shape[1]
	w, err := c.Create(path, d, steps, len(r.Spread.Data) > 0)
	if err != nil {
		return err
	}
	defer w.Abort()
	for step := range steps {
		f := Frame{Mean: field.Array{Shape: append([]int{1}, r.Prediction.Shape[2:]...), Data: r.Prediction.Index(0).Index(step).Data}}
		if len(r.Spread.Data) > 0 {
			f.Spread = field.Array{Shape: f.Mean.Shape, Data: r.Spread.Index(0).Index(step).Data}
		}
		if err := w.Add(f); err != nil {
			return err
		}
	}
	return w.Close()
}

// Writer writes a prediction as a Well file, frame by frame. End it with Close, or with Abort to leave nothing behind.
type Writer struct {
	*well.Writer
	layout *sample.Layout
	dims   int
	parts  [2][]well.FieldInfo // the fields of the mean, and of the spread; none for no spread
	mask   field.Array         // where one moves: (steps, *grid, 1)
	steps  int                 // written
	marks  Marks
}

// movingMask is the field of a mask that moves.
var movingMask = well.FieldInfo{Field: field.Field{Name: sample.MaskName}, TimeVarying: true, SampleVarying: true}

// Create starts the file of a prediction of so many steps, with the spread of an ensemble or without. What needs no prediction is written at once.
func (c *Case) Create(path string, d *well.Dataset, steps int, spread bool) (*Writer, error) {
	axes := c.axes()
	h := well.Header{
		DatasetName: d.Name(), GridType: d.GridType(), Axes: axes, Time: c.Times(steps), Trajectories: 1,
		Boundaries: well.BoundaryGroups(axes, c.Window.Boundaries),
	}
	w := &Writer{layout: c.Layout, dims: len(c.Grid)}
	for i, suffix := range []string{"", SpreadSuffix} {
		if i == 1 && !spread {
			continue
		}
		for _, f := range c.Layout.Quantities() {
			f.Name += suffix
			w.parts[i] = append(w.parts[i], well.FieldInfo{Field: f, TimeVarying: true, SampleVarying: true})
		}
		h.Fields = append(h.Fields, w.parts[i]...)
	}
	var constants []well.FieldInfo
	for _, f := range d.Constant() {
		constants = append(constants, well.FieldInfo{Field: f.Field})
	}
	h.Fields = append(h.Fields, constants...)
	if c.Start.Data.Moving {
		w.mask = c.Start.mask(c.Start.History.Shape[1], steps)
		h.Fields = append(h.Fields, movingMask)
	}
	var err error
	if w.Writer, err = well.Create(path, h); err != nil {
		return nil, err
	}
	w.AllowRepeats() // a model may predict that nothing changes
	if len(constants) > 0 {
		values := sample.Resample(c.Window.Constant, 0, c.Grid, c.Window.Boundaries)
		if err := w.frame(0, constants, values); err != nil {
			w.Abort()
			return nil, err
		}
	}
	return w, nil
}

// Add writes the next frame.
func (w *Writer) Add(f Frame) error {
	for i, values := range []field.Array{f.Mean, f.Spread} {
		if len(w.parts[i]) == 0 {
			continue
		}
		own, err := w.layout.Unpad(values.Index(0))
		if err != nil {
			return err
		}
		if err := w.frame(w.steps, w.parts[i], own); err != nil {
			return err
		}
	}
	if len(w.mask.Data) > 0 {
		if err := w.frame(w.steps, []well.FieldInfo{movingMask}, w.mask.Index(w.steps)); err != nil {
			return err
		}
	}
	w.steps++
	return nil
}

// frame writes the fields of a frame (*grid, channels) that lie side by side in its channels.
func (w *Writer) frame(t int, infos []well.FieldInfo, frame field.Array) error {
	channels, first := frame.Axis(-1), 0
	for _, f := range infos {
		n := f.Rank.Components(w.dims)
		values := make([]float32, 0, len(frame.Data)/channels*n)
		for i := first; i < len(frame.Data); i += channels {
			values = append(values, frame.Data[i:i+n]...)
		}
		if err := w.WriteFrame(0, t, f.Name, values); err != nil {
			return fmt.Errorf("rollout: %w", err)
		}
		first += n
	}
	return nil
}

// Steps is how many frames were written.
func (w *Writer) Steps() int { return w.steps }

// Marks are remarks about a rollout that its file carries as attributes, for those who show it.
type Marks struct {
	// Warnings are those of the watch, in the order of the steps.
	Warnings []physics.Warning
	// Stopped is the step whose prediction was not finite any more, counted from 1, and its field; nil for none.
	Stopped *NonFiniteError
}

// Names of the attributes that Marks become, each a text in JSON.
const (
	WarningsAttribute = "walrus_warnings" // [{"step": 12, "field": "density", "kind": "grid scale", "value": 0.2, "limit": 0.01}, ...]
	StoppedAttribute  = "walrus_stopped"  // {"step": 31, "field": "density", "member": 1}
)

// Mark has remarks written at Close.
func (w *Writer) Mark(m Marks) { w.marks = m }

func (w *Writer) noteJSON(name string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("rollout: %s: %w", name, err)
	}
	return w.Note(name, string(text))
}

// Close finishes the file, cut to the frames that were written.
func (w *Writer) Close() error {
	if err := w.Truncate(w.steps); err != nil {
		return err
	}
	if len(w.marks.Warnings) > 0 {
		if err := w.noteJSON(WarningsAttribute, w.marks.Warnings); err != nil {
			return err
		}
	}
	if w.marks.Stopped != nil {
		if err := w.noteJSON(StoppedAttribute, w.marks.Stopped); err != nil {
			return err
		}
	}
	return w.Writer.Close()
}

// axes are the data's axes with the coordinates of the grid that was predicted on.
func (c *Case) axes() []well.Axis {
	axes := make([]well.Axis, len(c.Window.Axes))
	for i, a := range c.Window.Axes {
		if n := c.Grid[i]; n != len(a.Coordinates) {
			a.Coordinates = cellCentres(a.Coordinates, n)
		}
		axes[i] = a
	}
	return axes
}

// cellCentres spreads n points over the same cells as the given ones, which are taken to be evenly spaced.
func cellCentres(old []float32, n int) []float32 {
	step := float32(1)
	if len(old) > 1 {
		step = (old[len(old)-1] - old[0]) / float32(len(old)-1)
	}
	out := make([]float32, n)
	for i := range out {
		out[i] = old[0] + step*((float32(i)+0.5)*float32(len(old))/float32(n)-0.5)
	}
	return out
}
