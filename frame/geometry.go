package frame

import (
	"fmt"
	"strings"

	"github.com/gowalrus/walrus/field"
)

// Default token counts of the released model along each axis (spec 2.1).
const (
	DefaultTokens2D = 32
	DefaultTokens3D = 16
)

// Geometry is the frame of one data set: three axes, of which two or three are real.
type Geometry struct {
	Axes [3]Axis
	// Given is the number of axes the data have (2 or 3); further axes were appended with one point each.
	Given int
	// Odd has, for each channel, the axes in whose mirror images it changes its sign, as the component of a vector along the
	// axis does; channels beyond it change none. It matters where data are continued at a wall (Options.Pad).
	Odd [][3]bool
	// Rolled lists the axes whose token grid is shifted at each block: those that the data's boundaries call periodic,
	// axes with one point included. None without jitter.
	Rolled []int

	names []string // of the axes
}

// Options are the user's choices for a geometry.
type Options struct {
	// Tokens is the number of tokens along each real axis: the knob for cost against accuracy. 0 takes the released
	// counts, 32 in 2-D and 16 in 3-D.
	Tokens int
	// Choices are the numbers of tokens that a model was or is trained with, if they are several: the largest that fits a grid
	// (Fitting) is taken, or Tokens where that is one of them. nil for Tokens alone.
	Choices []int
	// NoJitterPadding is the frame of a model that is made without jitter (model.jitter_patches: false in a released
	// configuration): axes with ends are padded only by what the convolutions take away, so that they have as many tokens as
	// periodic ones (128 points: 32, not 33), and Draw rolls nothing. A model with jitter that is to predict without any keeps
	// its own padding and takes zero Rolls instead.
	NoJitterPadding bool
	// Whole is the frame of a network without tokens: it sees all points of the data as they are, whatever their number, and
	// nothing is padded, jittered or rolled.
	Whole bool
	// Pad continues the data of an axis that no stride fits beyond their ends to the next size that strides fit, by the
	// boundary of each end: mirrored at a wall, held at an open end, wrapped around where periodic. Such a periodic axis is an open
	// one to the network, whose convolutions and token rolls do not wrap around it. Axes that fit are left as they are.
	Pad bool
	// AxisNames name the axes in errors; x, y, z by default.
	AxisNames []string
}

// NewGeometry lays out data with the given points along each axis and one pair of boundaries an axis. Fewer boundaries
// than axes leave the remaining axes periodic, as in the released model. An axis that no stride fits gives an error
// that names the sizes and token counts that do.
func NewGeometry(size []int, boundaries []field.Sides, o Options) (*Geometry, error) {
	if len(size) < 1 || len(size) > 3 {
		return nil, fmt.Errorf("frame: %d spatial axes; expected 2 or 3", len(size))
	}
	if len(boundaries) > len(size) {
		return nil, fmt.Errorf("frame: boundaries for %d axes on data with %d", len(boundaries), len(size))
	}
	g := &Geometry{Given: len(size), names: o.AxisNames}
	full := [3]int{1, 1, 1}
	realAxes := 0
	for i, n := range size {
		if n < 1 {
			return nil, fmt.Errorf("frame: axis %s has %d points", axisName(i, o.AxisNames), n)
		}
		full[i] = n
		if n != 1 {
			realAxes++
		}
	}
	if realAxes < 2 {
		return nil, fmt.Errorf("frame: data of size %v have %d axes with more than one point; the network knows 2-D and 3-D", size, realAxes)
	}
	tokens := o.tokens(size, realAxes)
	for i := range g.Axes {
		sides := field.Both(field.Periodic)
		if i < len(boundaries) {
			sides = boundaries[i]
			if !sides.Low.Valid() || !sides.High.Valid() {
				return nil, fmt.Errorf("frame: axis %s has boundary %v; expected WALL, OPEN or PERIODIC", axisName(i, o.AxisNames), sides)
			}
			if !sides.Periodic() && sides.High == field.Periodic {
				return nil, fmt.Errorf("frame: axis %s is %v: periodic on its high side only", axisName(i, o.AxisNames), sides)
			}
		}
		if o.Whole {
			g.Axes[i] = wholeAxis(full[i], sides)
			continue
		}
		axis, ok := newAxis(full[i], tokens, sides, !o.NoJitterPadding)
		if !ok && o.Pad {
			axis, ok = newContinued(full[i], tokens, sides, !o.NoJitterPadding)
		}
		if axis.Periodic() && i < len(boundaries) && !o.NoJitterPadding {
			g.Rolled = append(g.Rolled, i)
		}
		if !ok {
			return nil, unsupportedSize(axisName(i, o.AxisNames), size, full[i], tokens)
		}
		g.Axes[i] = axis
	}
	return g, nil
}

func axisName(i int, names []string) string {
	if i < len(names) {
		return names[i]
	}
	return string("xyz"[i])
}

// Dimensions is the number of axes with more than one point: 2 or 3. It selects the encoder and the decoder.
func (g *Geometry) Dimensions() int {
	n := 0
	for _, a := range g.Axes {
		if a.Real {
			n++
		}
	}
	return n
}

// Tokens is the size of the token grid.
func (g *Geometry) Tokens() [3]int { return g.each(func(a Axis) int { return a.Tokens }) }

// Size is the number of data points along each axis.
func (g *Geometry) Size() [3]int { return g.each(func(a Axis) int { return a.Size }) }

// Padded is the extent of the network's input.
func (g *Geometry) Padded() [3]int { return g.each(func(a Axis) int { return a.Padded }) }

// Decoded is the extent of the network's output.
func (g *Geometry) Decoded() [3]int { return g.each(func(a Axis) int { return a.Decoded }) }

func (g *Geometry) each(f func(Axis) int) (out [3]int) {
	for i, a := range g.Axes {
		out[i] = f(a)
	}
	return out
}

// Released reports whether the released weights have seen every stride of this geometry; if not, the second result
// says which axes differ.
func (g *Geometry) Released() (bool, string) {
	var odd []string
	for i, a := range g.Axes {
		if !a.Released {
			odd = append(odd, fmt.Sprintf("axis %s: strides %d x %d", axisName(i, nil), a.Stride1, a.Stride2))
		}
	}
	return len(odd) == 0, strings.Join(odd, ", ")
}
