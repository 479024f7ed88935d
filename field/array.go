package field

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Array is a row-major array of float32: the last axis varies fastest. A zero Array is empty.
type Array struct {
	Shape []int
	Data  []float32
}

// NewArray returns an array of zeros with the given shape. A negative extent is a programming error and panics.
func NewArray(shape ...int) Array {
	return Array{Shape: append([]int(nil), shape...), Data: make([]float32, Volume(shape))}
}

// GridText is a grid as people write it: 128x64.
func GridText(grid []int) string {
	parts := make([]string, len(grid))
	for i, n := range grid {
		parts[i] = strconv.Itoa(n)
	}
	return strings.Join(parts, "x")
}

// Volume is the product of the extents; 1 for an empty shape.
func Volume(shape []int) int {
	n := 1
	for _, s := range shape {
		if s < 0 {
			panic(fmt.Sprintf("field: negative extent in shape %v", shape))
		}
		n *= s
	}
	return n
}

// Axis returns the extent of axis i; negative i counts from the end.
func (a Array) Axis(i int) int {
	if i < 0 {
		i += len(a.Shape)
	}
	return a.Shape[i]
}

// Reshape returns the same data under another shape of equal volume.
func (a Array) Reshape(shape ...int) (Array, error) {
	if Volume(shape) != len(a.Data) {
		return Array{}, fmt.Errorf("field: %d values (shape %v) do not fit shape %v", len(a.Data), a.Shape, shape)
	}
	return Array{Shape: append([]int(nil), shape...), Data: a.Data}, nil
}

// Clone returns a copy that shares nothing with a.
func (a Array) Clone() Array {
	return Array{Shape: append([]int(nil), a.Shape...), Data: append([]float32(nil), a.Data...)}
}

// Index returns the part of the array at position i of its first axis; it shares the data.
func (a Array) Index(i int) Array {
	n := Volume(a.Shape[1:])
	return Array{Shape: a.Shape[1:], Data: a.Data[i*n : (i+1)*n]}
}

// FirstNonFinite returns the flat index of the first NaN or infinity, or -1.
func (a Array) FirstNonFinite() int {
	for i, v := range a.Data {
		if v-v != 0 || math.IsNaN(float64(v)) {
			return i
		}
	}
	return -1
}
