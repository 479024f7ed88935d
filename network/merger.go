package network

import (
	"slices"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/sample"
)

// The released model computes one data set on another grid than its own (spec 2.7): 66 points are no multiple of 16.
const (
	mergerName   = "post_neutron_star_merger"
	mergerPoints = 66 // along the last of its three axes
	mergerInside = 64 // in the network
)

// innerGrid is the grid that the network works on for data with a grid of its own; the same for all data sets but one.
func innerGrid(dataSet string, grid []int) []int {
	if dataSet != mergerName || len(grid) != axes || grid[axes-1] != mergerPoints {
		return grid
	}
	inner := slices.Clone(grid)
	inner[axes-1] = mergerInside
	return inner
}

// network returns the extents of one frame inside the network, without appended axes.
func (d Data) network() []int {
	size := d.Geometry.Size()
	return size[:d.Geometry.Given]
}

// interpolate brings an array (B, T, points..., C) to a grid, linearly between cell centres. At the ends the outermost
// values are repeated, periodic or not, as the released model does.
func (d Data) interpolate(a field.Array, grid []int) field.Array {
	if d.Grid == nil {
		return a
	}
	return sample.Resample(a, 2, grid, make([]field.Sides, len(grid)))
}
