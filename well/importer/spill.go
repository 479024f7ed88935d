package importer

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"slices"
)

// spilled is an array that was rewritten into a temporary file, since what it stores together is larger than memory may hold:
// chunks over all times, for example. Each part of the original is read once and cut along the outer axes; the file has a
// region for each block of outer steps, in which the cuts of all parts lie one after the other, so that it is written and
// read in runs. Reading and writing take time that is linear in the array's size.
type spilled struct {
	extents []int
	block   []int // extents of a region
	cuts    []cut // of every region, in order; those of the last regions are shorter along the outer axes
	outer   []int
	file    *os.File

	region []int // that was read last: its first element
	values []float64
}

// cut is the place of one part in a region: start and count along the inner axes; along the outer ones it has all of them.
type cut struct{ start, count []int }

// spill rewrites an array whose pieces along the outer axes are too large together.
func spill(a array, outer []int, folder string) (*spilled, error) {
	file, err := temporary(folder)
	if err != nil {
		return nil, err
	}
	shape, pieces := a.shape(), slices.Clone(a.pieces(outer))
	s := &spilled{extents: shape, block: slices.Clone(shape), outer: outer, file: file}
	inner := slices.Clone(shape)
	for _, axis := range outer {
		inner[axis] = 1
	}
	for i, axis := range outer { // single trajectories, and as many frames as fit
		s.block[axis] = 1
		if i == len(outer)-1 {
			s.block[axis] = max(1, min(shape[axis], pieces[axis], blockBytes/2/(8*product(inner))))
			pieces[axis] = (pieces[axis] + s.block[axis] - 1) / s.block[axis] * s.block[axis] // so that a region has whole parts
		}
	}
	err = eachPiece(inner, pieces, func(start, count []int) error {
		s.cuts = append(s.cuts, cut{start, count})
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i, c := range s.cuts {
		// All steps of the outer axes for the cut: part by part, and region by region in each.
		outerShape := slices.Clone(c.count)
		for _, axis := range outer {
			outerShape[axis] = shape[axis]
		}
		err := eachPiece(outerShape, pieces, func(start, count []int) error {
			for axis := range start {
				start[axis] += c.start[axis]
			}
			values, _, err := a.read(start, count)
			if err != nil {
				return err
			}
			return s.scatter(values, i, start, count)
		})
		if err != nil {
			return nil, err
		}
	}
	return s, nil
}

// scatter writes one part to all regions that it reaches into.
func (s *spilled) scatter(values []float64, cutIndex int, start, count []int) error {
	pieces := slices.Clone(count)
	for _, axis := range s.outer {
		pieces[axis] = s.block[axis]
	}
	return eachPiece(count, pieces, func(from, n []int) error {
		part := make([]float64, product(n))
		copyBox(part, n, make([]int, len(n)), values, count, from, n)
		raw := make([]byte, 8*len(part))
		for i, v := range part {
			binary.LittleEndian.PutUint64(raw[8*i:], math.Float64bits(v))
		}
		region := make([]int, len(n))
		for _, axis := range s.outer {
			region[axis] = start[axis] + from[axis]
		}
		_, err := s.file.WriteAt(raw, 8*s.offset(region, cutIndex, n))
		return err
	})
}

// regionCount are the extents of the region that begins at a position: whole along the inner axes.
func (s *spilled) regionCount(region []int) []int {
	count := slices.Clone(s.extents)
	for _, axis := range s.outer {
		count[axis] = min(s.block[axis], s.extents[axis]-region[axis])
	}
	return count
}

// offset is the place, in values, of a cut in the region that begins at a position, where the region has n steps.
func (s *spilled) offset(region []int, cutIndex int, n []int) int64 {
	whole := slices.Clone(s.extents) // a full region
	number := 0
	steps := 1
	for _, axis := range s.outer {
		whole[axis] = s.block[axis]
		number = number*((s.extents[axis]+s.block[axis]-1)/s.block[axis]) + region[axis]/s.block[axis]
		steps *= n[axis]
	}
	offset := int64(number) * int64(product(whole))
	for _, c := range s.cuts[:cutIndex] {
		inner := 1
		for axis, count := range c.count {
			if !slices.Contains(s.outer, axis) {
				inner *= count
			}
		}
		offset += int64(inner) * int64(steps)
	}
	return offset
}

func (s *spilled) shape() []int       { return s.extents }
func (s *spilled) pieces([]int) []int { return s.block }

// load reads a region into memory.
func (s *spilled) load(region []int) error {
	if slices.Equal(s.region, region) {
		return nil
	}
	s.region = nil
	count := s.regionCount(region)
	s.values = slices.Grow(s.values[:0], product(count))[:product(count)]
	for i, c := range s.cuts {
		n := slices.Clone(c.count)
		for _, axis := range s.outer {
			n[axis] = count[axis]
		}
		raw := make([]byte, 8*product(n))
		if _, err := s.file.ReadAt(raw, 8*s.offset(region, i, n)); err != nil {
			return fmt.Errorf("temporary file: %w", err)
		}
		part := make([]float64, product(n))
		for j := range part {
			part[j] = math.Float64frombits(binary.LittleEndian.Uint64(raw[8*j:]))
		}
		copyBox(s.values, count, c.start, part, n, make([]int, len(n)), n)
	}
	s.region = region
	return nil
}

func (s *spilled) read(start, count []int) ([]float64, string, error) {
	values := make([]float64, product(count))
	// The regions that the box reaches into.
	low, shape := make([]int, len(start)), make([]int, len(start))
	pieces := slices.Clone(s.extents)
	for axis := range shape {
		shape[axis] = 1
	}
	for _, axis := range s.outer {
		low[axis] = start[axis] / s.block[axis] * s.block[axis]
		shape[axis], pieces[axis] = start[axis]+count[axis]-low[axis], s.block[axis]
	}
	err := eachPiece(shape, pieces, func(at, _ []int) error {
		region := make([]int, len(at))
		for axis := range at {
			region[axis] = low[axis] + at[axis]
		}
		if err := s.load(region); err != nil {
			return err
		}
		have := s.regionCount(region)
		to, from, n := make([]int, len(at)), make([]int, len(at)), make([]int, len(at))
		for axis := range at {
			first, end := max(start[axis], region[axis]), min(start[axis]+count[axis], region[axis]+have[axis])
			to[axis], from[axis], n[axis] = first-start[axis], first-region[axis], end-first
		}
		copyBox(values, count, to, s.values, have, from, n)
		return nil
	})
	return values, "", err
}
