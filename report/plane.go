package report

import (
	"fmt"
	"image"
	"math"

	"github.com/gowalrus/walrus/field"
)

// plane is a two-dimensional view of one channel of one step: value(i, j) with i along the horizontal and j along the
// vertical axis, j upwards. It shares the array's memory.
type plane struct {
	width, height    int
	strideX, strideY int
	data             []float32
}

func (p plane) value(i, j int) float32 { return p.data[i*p.strideX+j*p.strideY] }

// slicing says which plane of a (steps, *N, C) array is shown.
type slicing struct {
	x, y   int // array axes shown horizontally and vertically; y is -1 for one-dimensional data
	cut    int // the array axis that is cut, or -1
	at     int // index on the cut axis
	shape  []int
	names  []string
	aspect float64 // width over height of the plane in space
}

// newSlicing chooses the plane: both axes of two-dimensional data, the mid-plane of the last axis of three-dimensional data.
// Axes of extent 1 do not count. size has the lengths of the domain, or nothing for square cells.
func newSlicing(shape []int, axes []string, size []float64) (slicing, error) {
	dims := len(shape) - 2
	if dims < 1 || dims > 3 {
		return slicing{}, fmt.Errorf("report: shape %v: %d axes; expected steps, 1 to 3 axes of space, channels", shape, len(shape))
	}
	for i, n := range shape {
		if n < 1 {
			return slicing{}, fmt.Errorf("report: shape %v: axis %d is empty", shape, i)
		}
	}
	if axes == nil {
		axes = []string{"x", "y", "z"}[:dims]
	}
	if len(axes) != dims {
		return slicing{}, fmt.Errorf("report: %d axis names %v for %d axes of space (shape %v)", len(axes), axes, dims, shape)
	}
	if size != nil && len(size) != dims {
		return slicing{}, fmt.Errorf("report: %d domain lengths %v for %d axes of space (shape %v)", len(size), size, dims, shape)
	}
	var long []int
	for i := range dims {
		if shape[i+1] > 1 {
			long = append(long, i+1)
		}
	}
	for i := 1; len(long) < min(2, dims) && i <= dims; i++ { // a domain of single points still has a picture
		if shape[i] == 1 {
			long = append(long, i)
		}
	}
	s := slicing{x: long[0], y: -1, cut: -1, shape: shape, names: axes}
	length := func(axis int) float64 {
		if size != nil && size[axis-1] > 0 {
			return size[axis-1]
		}
		return float64(shape[axis])
	}
	s.aspect = 8 // one-dimensional data is a band
	if len(long) > 1 {
		s.x, s.y = min(long[0], long[1]), max(long[0], long[1])
		s.aspect = length(s.x) / length(s.y)
	}
	if len(long) > 2 {
		s.cut, s.at = long[2], shape[long[2]]/2
	}
	return s, nil
}

// describe says which way the axes point and where the plane lies.
func (s slicing) describe() string {
	text := s.names[s.x-1] + " to the right"
	if s.y > 0 {
		text += ", " + s.names[s.y-1] + " upwards"
	}
	if s.cut > 0 {
		text += fmt.Sprintf("; plane %s = %d of %d", s.names[s.cut-1], s.at, s.shape[s.cut])
	}
	return text
}

// of returns the plane of one step and channel.
func (s slicing) of(a field.Array, step, channel int) plane {
	strides := make([]int, len(s.shape))
	n := 1
	for i := len(s.shape) - 1; i >= 0; i-- {
		strides[i] = n
		n *= s.shape[i]
	}
	start := step*strides[0] + channel
	if s.cut > 0 {
		start += s.at * strides[s.cut]
	}
	p := plane{width: s.shape[s.x], height: 1, strideX: strides[s.x], data: a.Data[start:]}
	if s.y > 0 {
		p.height, p.strideY = s.shape[s.y], strides[s.y]
	}
	return p
}

// values copies the plane, row by row.
func (p plane) values() []float32 {
	v := make([]float32, 0, p.width*p.height)
	for j := range p.height {
		for i := range p.width {
			v = append(v, p.value(i, j))
		}
	}
	return v
}

// minus returns p - q as a plane of its own. Infinities that meet give NaN, which is painted as not finite.
func (p plane) minus(q plane) plane {
	d := plane{width: p.width, height: p.height, strideX: 1, strideY: p.width}
	d.data = p.values()
	for j := range q.height {
		for i := range q.width {
			d.data[j*d.width+i] -= q.value(i, j)
		}
	}
	return d
}

// paint fills r of dst with the plane: nearest neighbour where it is enlarged, the mean of the cells under a pixel where it is
// reduced; a pixel with a value that is not finite under it is painted as such, so that not one is lost.
func paint(dst *image.RGBA, r image.Rectangle, p plane, s Scale) {
	columns, rows := cells(r.Dx(), p.width), cells(r.Dy(), p.height)
	for y, row := range rows {
		at := dst.PixOffset(r.Min.X, r.Max.Y-1-y) // the array's first row is the lowest of the picture
		for _, column := range columns {
			sum := 0.0
			for j := row.from; j < row.to; j++ {
				for i := column.from; i < column.to; i++ {
					sum += float64(p.value(i, j))
				}
			}
			c := s.Color(float32(sum / float64((row.to-row.from)*(column.to-column.from))))
			dst.Pix[at], dst.Pix[at+1], dst.Pix[at+2], dst.Pix[at+3] = c.R, c.G, c.B, c.A
			at += 4
		}
	}
}

type interval struct{ from, to int }

// cells lists which of n cells lie under each of the pixels.
func cells(pixels, n int) []interval {
	list := make([]interval, pixels)
	for i := range list {
		from := i * n / pixels
		list[i] = interval{from, max((i+1)*n/pixels, from+1)}
	}
	return list
}

// longest bounds how much longer than the side of a square panel the longer side of an oblong one may be.
const longest = 1.6

// panelSize is the size in pixels of a panel that covers about the area of a square with the given side: a whole multiple of the cells if that comes
// within a third, so that all cells look alike.
func (s slicing) panelSize(side int) image.Point {
	ratio := max(s.aspect, 1/s.aspect)
	long := float64(side) * min(math.Sqrt(ratio), longest)
	width, height := long, long/ratio
	if s.aspect < 1 {
		width, height = height, width
	}
	w, h := s.shape[s.x], 1
	if s.y > 0 {
		h = s.shape[s.y]
	}
	const least = 24
	snap := func(pixels float64, n int) int {
		multiple := int(math.Round(pixels/float64(n))) * n
		if multiple > 0 && math.Abs(float64(multiple)-pixels) <= pixels/3 {
			return multiple
		}
		return int(math.Round(pixels))
	}
	size := image.Pt(snap(width, w), snap(height, h))
	if !s.squareCells(w, h) {
		size = image.Pt(int(math.Round(width)), int(math.Round(height)))
	}
	return image.Pt(max(size.X, least), max(size.Y, least))
}

// squareCells reports whether the cells are square in space, so that whole multiples keep the aspect ratio.
func (s slicing) squareCells(w, h int) bool {
	return s.y > 0 && math.Abs(s.aspect*float64(h)/float64(w)-1) < 1e-6
}
