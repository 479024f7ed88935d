package network

import (
	"fmt"
	"slices"

	"github.com/gowalrus/walrus/frame"
	"github.com/gowalrus/walrus/sample"
)

// DataOf describes the arrays of a batch: its grid in a geometry, its fields by their columns.
func DataOf(b *sample.Batch, o frame.Options) (Data, error) {
	const lead = 2 // samples and frames
	if len(b.Input.Shape) < lead+2 {
		return Data{}, fmt.Errorf("network: batch with input of shape %v; expected (samples, frames, points, channels)", b.Input.Shape)
	}
	grid := b.Input.Shape[lead : len(b.Input.Shape)-1]
	inner := innerGrid(b.DataSet, b.NetworkPoints, grid)
	geometry, err := frame.NewGeometry(inner, b.Boundaries, o)
	if err != nil {
		return Data{}, err
	}
	d := Data{Geometry: geometry, Fields: b.Fields, Constants: len(b.Fields) - b.Input.Axis(-1), Padding: b.Padding, Mask: b.Mask, Moving: b.Moving, Scales: b.Scales, Measurement: b.Measurement}
	if !slices.Equal(inner, grid) {
		d.Grid = slices.Clone(grid)
	}
	return d, d.Check()
}
