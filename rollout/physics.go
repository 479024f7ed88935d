package rollout

import (
	"fmt"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/physics"
)

// Domain is what checks of the physics need to know of a case: its fields as the data has them, where its points lie, and what a mask hides.
func (c *Case) Domain() *physics.Domain {
	d := &physics.Domain{Grid: c.dataset.GridType(), Boundaries: c.Window.Boundaries, Moving: c.Start.Data.Moving}
	for _, f := range c.Layout.Physical() {
		q := physics.Quantity{Field: f.Field, Channels: f.Channels}
		var possible bool
		if q.Undo, possible = f.Transform.Undo(); !possible {
			q.Lost = fmt.Sprintf("the model sees its %s, which can not be undone", f.Transform)
		}
		d.Quantities = append(d.Quantities, q)
	}
	for _, a := range c.axes() {
		d.Axes = append(d.Axes, a.Name)
		points := make([]float64, len(a.Coordinates))
		for i, x := range a.Coordinates {
			points[i] = float64(x)
		}
		d.Coordinates = append(d.Coordinates, points)
	}
	if mask := c.Layout.Mask; mask >= 0 && len(c.Start.Constants.Data) > 0 && !d.Moving {
		d.Hidden = make([]bool, field.Volume(c.Grid))
		constants := c.Start.Constants.Index(0)
		for p := range d.Hidden {
			d.Hidden[p] = constants.Data[p*constants.Axis(-1)+mask] != 0
		}
	}
	return d
}
