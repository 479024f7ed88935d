package model

import (
	"slices"
	"strings"

	. "github.com/gomlx/gomlx/core/graph"
)

// Trained reports whether the optimizer changes a weight: only then it has a gradient and moments.
func (w Weight) Trained() bool { return !w.Buffer && !w.Frozen }

// addedColumns is what stands before the last part of the name of a weight that holds columns of another one.
const addedColumns = ".added"

// AddedTo says which weight's columns a weight holds: those of Config.Added of a frozen encoder or decoder, along an axis.
func (w Weight) AddedTo() (name string, axis int, added bool) {
	last := strings.LastIndexByte(w.Name, '.')
	if last < 0 || !strings.HasSuffix(w.Name[:last], addedColumns) {
		return "", 0, false
	}
	if len(w.Shape) > 1 {
		axis = 1
	}
	return strings.TrimSuffix(w.Name[:last], addedColumns) + w.Name[last:], axis, true
}

// columnWeight adds a weight that has a column a field along an axis and, if it is frozen, one for the columns that are
// trained all the same.
func (c Config) columnWeight(w Weight, axis int, add func(Weight)) {
	add(w)
	if !c.Frozen[w.Name] || len(c.Added) == 0 {
		return
	}
	last := strings.LastIndexByte(w.Name, '.')
	w.Name = w.Name[:last] + addedColumns + w.Name[last:]
	w.Shape = slices.Clone(w.Shape)
	w.Shape[axis] = len(c.Added)
	add(w)
}

// withAdded is a weight of the scope with a column a field along an axis; the columns that are trained in a weight of their
// own are in their places.
func (n *Net) withAdded(s *Scope, layer, name string, axis int) *Node {
	whole := s.In(layer).Weight(name)
	added := s.In(layer + addedColumns).Lookup(name)
	if added == nil {
		return whole
	}
	var parts []*Node
	from := 0
	keep := func(to int) {
		if to > from {
			parts = append(parts, cut(whole, axis, from, to, 1))
		}
	}
	for i, column := range n.Added {
		keep(column)
		parts = append(parts, cut(added, axis, i, i+1, 1))
		from = column + 1
	}
	keep(whole.Shape().Dimensions[axis])
	return Concatenate(parts, axis)
}
