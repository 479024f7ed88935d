package rollout

import (
	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/report"
	"github.com/gowalrus/walrus/well"
)

// Panels are the pictures of a rollout of c on d: the truth beside the prediction, or the prediction alone where the data has no truth for it.
func (r Record) Panels(d *well.Dataset, c *Case) report.PanelSpec {
	times := c.Times(r.Steps)
	spec := report.PanelSpec{
		Title: c.Origin(), Fields: c.Start.Names, Channels: Unpadded(c.Layout), FirstStep: 1, Numbers: r.Shown.Steps,
		Truth: r.Shown.Truth, Prediction: r.Shown.Prediction, Axes: d.Axes(), Size: d.Lengths(c.Window),
	}
	for _, step := range r.Shown.Steps {
		spec.Times = append(spec.Times, float64(times[step-1]))
	}
	switch known := r.Shown.Truth.Shape[0]; {
	case known == 0:
		spec.Truth, spec.Prediction = r.Shown.Prediction, field.Array{}
	case known < r.Shown.Prediction.Shape[0]:
		shape := append([]int{known}, spec.Prediction.Shape[1:]...)
		spec.Prediction = field.Array{Shape: shape, Data: spec.Prediction.Data[:field.Volume(shape)]}
		spec.Times = spec.Times[:known]
	}
	return spec
}
