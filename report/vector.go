package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gowalrus/walrus/field"
)

// Vector says which channels are the components of one vector field, in the order of the axes. A film shows its magnitude and its curl
// beside the components, and streamlines over any field.
type Vector struct {
	Name     string // of the field, as velocity
	Channels []int
}

// VectorsOf finds vectors among channels by their names: velocity_x and velocity_y, or velocity_z too, side by side.
func VectorsOf(names []string) []Vector {
	var list []Vector
	for i := 0; i < len(names); i++ {
		base, isFirst := strings.CutSuffix(names[i], "_x")
		if !isFirst || base == "" {
			continue
		}
		v := Vector{Name: base, Channels: []int{i}}
		for _, axis := range []string{"_y", "_z"} {
			if next := i + len(v.Channels); next < len(names) && names[next] == base+axis {
				v.Channels = append(v.Channels, next)
			}
		}
		if len(v.Channels) > 1 {
			list = append(list, v)
		}
	}
	return list
}

// quantity is what one entry of a film's list of fields shows: a channel, or a number that follows from a vector at every point.
type quantity struct {
	name    string
	channel int // of the arrays, or -1
	vector  Vector
	curl    bool // of the vector; else its magnitude
}

// magnitudeName and curlName are what physicists call them for a velocity.
func (v Vector) magnitudeName() string {
	if v.Name == "velocity" {
		return "speed"
	}
	return "|" + v.Name + "|"
}

func (v Vector) curlName(dims int) string {
	name := "curl of " + v.Name
	if v.Name == "velocity" {
		name = "vorticity"
	}
	if dims > 2 {
		return "|" + name + "|"
	}
	return name
}

// grid is a regular grid: its points, their distance along each axis, and which axes close on themselves.
type grid struct {
	sizes    []int
	spacing  []float64
	periodic []bool
}

// of computes a quantity at every point of a frame (*N, C). out has a value a point.
func (q quantity) of(frame field.Array, g grid, out []float32) {
	channels := frame.Axis(-1)
	switch {
	case q.channel >= 0:
		for i := range out {
			out[i] = frame.Data[i*channels+q.channel]
		}
	case q.curl:
		g.curl(frame, q.vector.Channels, out)
	default:
		for i := range out {
			sum := 0.0
			for _, c := range q.vector.Channels {
				v := float64(frame.Data[i*channels+c])
				sum += v * v
			}
			out[i] = float32(math.Sqrt(sum))
		}
	}
}

// curl is dv/dx - du/dy in two dimensions and the length of the curl in three, by central differences, one-sided at the ends of an axis
// that is not periodic.
func (g grid) curl(frame field.Array, components []int, out []float32) {
	channels := frame.Axis(-1)
	strides := make([]int, len(g.sizes))
	n := 1
	for i := len(g.sizes) - 1; i >= 0; i-- {
		strides[i] = n
		n *= g.sizes[i]
	}
	slope := func(point, at, axis, component int) float64 {
		size, stride := g.sizes[axis], strides[axis]
		up, down := at+1, at-1
		if g.periodic[axis] {
			up, down = (at+1)%size, (at+size-1)%size
		} else {
			up, down = min(up, size-1), max(down, 0)
		}
		if size < 2 {
			return 0
		}
		value := func(k int) float64 {
			return float64(frame.Data[(point+(k-at)*stride)*channels+components[component]])
		}
		width := 2.0
		if !g.periodic[axis] {
			width = float64(up - down)
		}
		return (value(up) - value(down)) / (width * g.spacing[axis])
	}
	at := make([]int, len(g.sizes))
	for point := range out {
		rest := point
		for i, stride := range strides {
			at[i] = rest / stride
			rest %= stride
		}
		z := slope(point, at[0], 0, 1) - slope(point, at[1], 1, 0)
		if len(g.sizes) > 2 {
			x := slope(point, at[1], 1, 2) - slope(point, at[2], 2, 1)
			y := slope(point, at[2], 2, 0) - slope(point, at[0], 0, 2)
			z = math.Sqrt(x*x + y*y + z*z)
		}
		out[point] = float32(z)
	}
}

// quantities lists what a film shows: magnitude and curl of each vector first, then the channels. Curls need the lengths of a cartesian grid.
func (f *FilmSpec) quantities(dims int) ([]quantity, error) {
	var list []quantity
	for _, v := range f.Vectors {
		for _, c := range v.Channels {
			if c < 0 || c >= len(f.Fields) {
				return nil, fmt.Errorf("report: vector %s: channel %d; the arrays have 0 to %d", v.Name, c, len(f.Fields)-1)
			}
		}
		if len(v.Channels) < 2 || !slices.ContainsFunc(v.Channels, func(c int) bool { return slices.Contains(f.Channels, c) }) {
			continue
		}
		list = append(list, quantity{name: v.magnitudeName(), channel: -1, vector: v})
		if len(v.Channels) == dims && f.Size != nil {
			list = append(list, quantity{name: v.curlName(dims), channel: -1, vector: v, curl: true})
		}
	}
	for _, c := range f.Channels {
		list = append(list, quantity{name: f.Fields[c], channel: c})
	}
	return list, nil
}
