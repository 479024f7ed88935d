package sample

import (
	"math"
	"slices"

	"github.com/gowalrus/walrus/field"
)

// Resample changes the grid of an array (lead axes..., *grid, channels) to other sizes by linear interpolation between
// cell centres, axis by axis. On a periodic axis the far side continues; elsewhere the outermost values are repeated.
func Resample(a field.Array, lead int, sizes []int, sides []field.Sides) field.Array {
	for i, n := range sizes {
		if a.Shape[lead+i] != n {
			a = resampleAxis(a, lead+i, n, sides[i].Periodic())
		}
	}
	return a
}

func resampleAxis(a field.Array, axis, size int, periodic bool) field.Array {
	shape := slices.Clone(a.Shape)
	old := shape[axis]
	shape[axis] = size
	out := field.NewArray(shape...)
	inner := field.Volume(shape[axis+1:])
	for i := range size {
		low, high, share := neighbours(i, size, old, periodic)
		for outer := range field.Volume(shape[:axis]) {
			from, to := a.Data[outer*old*inner:], out.Data[(outer*size+i)*inner:]
			for j := range inner {
				to[j] = (1-share)*from[low*inner+j] + share*from[high*inner+j]
			}
		}
	}
	return out
}

// neighbours finds the old cells on both sides of the centre of new cell i, and how near it is to the higher one.
func neighbours(i, size, old int, periodic bool) (low, high int, share float32) {
	x := (float64(i)+0.5)*float64(old)/float64(size) - 0.5
	floor := math.Floor(x)
	low, share = int(floor), float32(x-floor)
	high = low + 1
	if periodic {
		return (low + old) % old, high % old, share
	}
	return max(low, 0), min(high, old-1), share
}
