package frame

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gowalrus/walrus/field"
)

// PadAuto is the name, in configurations and on the command line, of continuing data to the next grid that fits (Options.Pad).
const PadAuto = "auto"

// ParsePad reads what is done with a grid that does not fit: nothing where the text is empty, or PadAuto.
func ParsePad(text string) (pad bool, err error) {
	switch text {
	case "":
		return false, nil
	case PadAuto:
		return true, nil
	}
	return false, fmt.Errorf("frame: pad is %q; expected %s, or nothing for data on its own grid", text, PadAuto)
}

// continuedSize is the size to which an axis is continued for tokens tokens: the next one with released strides or, where that has
// more than half as many points again as the data, the next one with any strides; 0 where there is none.
func continuedSize(size, tokens int) int {
	next := func(usable func(size, tokens int) bool) int {
		for quotient := 1; quotient <= maxStride1*maxStride2; quotient++ {
			if n := quotient * tokens; n >= size && usable(n, tokens) {
				return n
			}
		}
		return 0
	}
	if released := next(releasedSize); released > 0 && 2*released <= 3*size {
		return released
	}
	return next(supported)
}

// newContinued lays out an axis that no stride fits (Options.Pad): its data are continued at both ends, by equally many points or
// one more at the high end, to continuedSize. What continues them is made of the data, by the boundary of
// each end, and is as much data to the network as they are: its padding, with the flags, begins beyond. There the axis ends as
// the data do; a periodic one ends openly, since its continued extent is no period.
func newContinued(size, tokens int, sides field.Sides, jitter bool) (Axis, bool) {
	inner := continuedSize(size, tokens)
	seen := sides
	if seen.Periodic() {
		seen = field.Both(field.Open)
	}
	a, ok := newAxis(inner, tokens, seen, jitter)
	if inner == 0 || !ok {
		return a, false
	}
	a.Size, a.Before, a.Ends = size, (inner-size)/2, sides
	a.After = inner - size - a.Before
	return a, true
}

// Continued reports whether the data are continued beyond their ends.
func (a Axis) Continued() bool { return a.Before+a.After > 0 }

// inner is the number of points that are data to the network.
func (a Axis) inner() int { return a.Before + a.Size + a.After }

// data returns the point of the data that stands at position i, counted from the first one and possibly beyond the ends: the
// same point of the next period, the outermost one at an open end, and behind a wall the one as far before it, its mirror image.
// Points are the centres of cells, so that the wall lies half a cell beyond the last of them.
func (a Axis) data(i int) (point int, mirrored bool) {
	if i >= 0 && i < a.Size {
		return i, false
	}
	if a.Ends.Periodic() {
		return mod(i, a.Size), false
	}
	for i < 0 || i >= a.Size { // more than once where more is added than there is
		end, image := a.Ends.Low, -1-i
		if i >= a.Size {
			end, image = a.Ends.High, 2*a.Size-1-i
		}
		if end != field.Wall {
			return min(max(i, 0), a.Size-1), mirrored
		}
		i, mirrored = image, !mirrored
	}
	return i, mirrored
}

// describe says how the axis is continued.
func (a Axis) describe(name string) string {
	if a.Ends.Periodic() {
		return fmt.Sprintf("%s wrapped around by %d + %d points, and open to the network", name, a.Before, a.After)
	}
	how := map[field.Boundary]string{field.Wall: "mirrored at the wall", field.Open: "held at the open end"}
	if a.Ends.Low == a.Ends.High {
		return fmt.Sprintf("%s %ss by %d + %d points", name, how[a.Ends.Low], a.Before, a.After)
	}
	return fmt.Sprintf("%s %s by %d points and %s by %d", name, how[a.Ends.Low], a.Before, how[a.Ends.High], a.After)
}

// Continued says how the data are continued to a grid that fits (Options.Pad), as "60x64 points continued to 64x64: x mirrored at
// the walls by 2 + 2 points"; empty where their own grid fits.
func (g *Geometry) Continued() string {
	if !slices.ContainsFunc(g.Axes[:], Axis.Continued) {
		return ""
	}
	var from, to, how []string
	for i, a := range g.Axes[:g.Given] {
		from, to = append(from, strconv.Itoa(a.Size)), append(to, strconv.Itoa(a.inner()))
		if a.Continued() {
			how = append(how, a.describe(axisName(i, g.names)))
		}
	}
	return fmt.Sprintf("%s points continued to %s: %s", strings.Join(from, "x"), strings.Join(to, "x"), strings.Join(how, ", "))
}
