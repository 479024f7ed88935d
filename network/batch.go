package network

import (
	"fmt"
	"slices"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/frame"
	"github.com/gowalrus/walrus/sample"
)

// DataOf describes the arrays of a batch: its grid in a geometry, its fields by their columns.
func DataOf(b *sample.Batch, o frame.Options) (Data, error) {
	if len(b.Input.Shape) < 4 {
		return Data{}, fmt.Errorf("network: batch with input of shape %v; expected (samples, frames, points, channels)", b.Input.Shape)
	}
	grid := b.Grid()
	o.Pad = o.Pad || b.Pad
	geometry, err := GeometryOf(b.DataSet, b.NetworkPoints, grid, b.Boundaries, o)
	if err != nil {
		return Data{}, err
	}
	geometry.Odd = b.Odd
	d := Data{Geometry: geometry, Fields: b.Fields, Constants: len(b.Fields) - b.Input.Axis(-1), Padding: b.Padding, Mask: b.Mask, Moving: b.Moving, Scales: b.Scales, Measurement: b.Measurement}
	if !slices.Equal(d.network(), grid) {
		d.Grid = slices.Clone(grid)
	}
	return d, d.Check()
}

// GeometryOf lays out data on a grid as the network sees it, which may compute on other points (sample.Fields.NetworkPoints): what
// is known of a data set before anything of it is read.
func GeometryOf(dataSet string, points map[int]int, grid []int, boundaries []field.Sides, o frame.Options) (*frame.Geometry, error) {
	return frame.NewGeometry(innerGrid(dataSet, points, grid), boundaries, o)
}
