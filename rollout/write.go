package rollout

import (
	"fmt"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/sample"
	"github.com/gowalrus/walrus/well"
)

// SpreadSuffix is added to the name of a field for the ensemble's standard deviation.
const SpreadSuffix = "_spread"

// Write writes a prediction as a Well file: the predicted fields, their spread if there is one, and the constant fields
// of the data. d is the data set that the case was read from.
func (c *Case) Write(path string, d *well.Dataset, r Result) error {
	steps := r.Prediction.Shape[1]
	axes := c.axes()
	h := well.Header{
		DatasetName: d.Name(), GridType: d.GridType(), Axes: axes, Time: c.Times(steps), Trajectories: 1,
		Boundaries: well.BoundaryGroups(axes, c.Window.Boundaries),
	}
	type part struct {
		infos  []well.FieldInfo
		frames field.Array // (steps, *grid, channels)
	}
	var parts []part
	for _, p := range []struct {
		values field.Array
		suffix string
	}{{r.Prediction, ""}, {r.Spread, SpreadSuffix}} {
		if len(p.values.Data) == 0 {
			continue
		}
		own, err := c.Layout.Unpad(p.values.Index(0))
		if err != nil {
			return err
		}
		var infos []well.FieldInfo
		for _, f := range c.Layout.Quantities() {
			f.Name += p.suffix
			infos = append(infos, well.FieldInfo{Field: f, TimeVarying: true, SampleVarying: true})
		}
		parts = append(parts, part{infos, own})
	}
	if constants := d.Constant(); len(constants) > 0 {
		var infos []well.FieldInfo
		for _, f := range constants {
			infos = append(infos, well.FieldInfo{Field: f.Field})
		}
		values := sample.Resample(c.Window.Constant, 0, c.Grid, c.Window.Boundaries)
		values.Shape = append([]int{1}, values.Shape...)
		parts = append(parts, part{infos, values})
	}
	if c.Start.Data.Moving {
		parts = append(parts, part{
			[]well.FieldInfo{{Field: field.Field{Name: sample.MaskName}, TimeVarying: true, SampleVarying: true}},
			c.Start.mask(c.Start.History.Shape[1], steps),
		})
	}
	for _, p := range parts {
		h.Fields = append(h.Fields, p.infos...)
	}
	w, err := well.Create(path, h)
	if err != nil {
		return err
	}
	defer w.Abort()
	for _, p := range parts {
		if err := writeParts(w, p.infos, p.frames, len(c.Grid)); err != nil {
			return fmt.Errorf("rollout: %w", err)
		}
	}
	return w.Close()
}

// writeParts writes fields that lie side by side in the channels of frames.
func writeParts(w *well.Writer, infos []well.FieldInfo, frames field.Array, dims int) error {
	channels := frames.Axis(-1)
	for t := range frames.Shape[0] {
		all := frames.Index(t).Data
		first := 0
		for _, f := range infos {
			n := f.Rank.Components(dims)
			values := make([]float32, 0, len(all)/channels*n)
			for i := first; i < len(all); i += channels {
				values = append(values, all[i:i+n]...)
			}
			if err := w.WriteFrame(0, t, f.Name, values); err != nil {
				return err
			}
			first += n
		}
	}
	return nil
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
