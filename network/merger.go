package network

import (
	"cmp"
	"slices"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/sample"
)

// releasedPoints has the data sets that the released model computes on other points than their own, by name (spec 2.7):
// 66 points are no multiple of 16.
var releasedPoints = map[string]map[int]int{"post_neutron_star_merger": {66: 64}}

// innerGrid is the grid that the network works on for data with a grid of its own; points has the extents that differ, nil
// for those of the released model.
func innerGrid(dataSet string, points map[int]int, grid []int) []int {
	if points == nil {
		points = releasedPoints[dataSet]
	}
	inner := slices.Clone(grid)
	for i, n := range grid {
		inner[i] = cmp.Or(points[n], n)
	}
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
