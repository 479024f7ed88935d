package physics

import "github.com/gowalrus/walrus/field"

// grid finds the neighbours of points, which are numbered row-major.
type grid struct {
	domain  Domain
	sizes   []int
	strides []int // between neighbours along each axis
}

func newGrid(d Domain, sizes []int) grid {
	g := grid{domain: d, sizes: sizes}
	for axis := range sizes {
		g.strides = append(g.strides, field.Volume(sizes[axis+1:]))
	}
	return g
}

func (g grid) points() int { return field.Volume(g.sizes) }

// hidden says whether a point lies inside an obstacle.
func (g grid) hidden(p int) bool { return g.domain.Hidden != nil && g.domain.Hidden[p] }

// beside finds the two neighbours of a point along an axis, and whether both exist outside obstacles: the outermost points have one on a
// periodic axis only.
func (g grid) beside(p, axis int) (low, high int, whole bool) {
	n, stride := g.sizes[axis], g.strides[axis]
	if n < 3 {
		return 0, 0, false
	}
	i := p / stride % n
	low, high = p-stride, p+stride
	if i == 0 || i == n-1 {
		if !g.domain.Boundaries[axis].Periodic() {
			return 0, 0, false
		}
		if i == 0 {
			low += n * stride
		} else {
			high -= n * stride
		}
	}
	return low, high, !g.hidden(low) && !g.hidden(high)
}
