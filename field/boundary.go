package field

import (
	"fmt"
	"strings"
)

// Boundary is what happens to a field at one side of one axis. The numbers are The Well's codes.
type Boundary uint8

const (
	Wall     Boundary = iota // no flow through, field given or mirrored
	Open                     // waves and mass leave
	Periodic                 // the far side continues here
)

var boundaryNames = [...]string{Wall: "WALL", Open: "OPEN", Periodic: "PERIODIC"}

// String returns the name that The Well's files use: WALL, OPEN or PERIODIC.
func (b Boundary) String() string {
	if int(b) < len(boundaryNames) {
		return boundaryNames[b]
	}
	return fmt.Sprintf("Boundary(%d)", uint8(b))
}

// Valid reports whether b is one of the three boundaries.
func (b Boundary) Valid() bool { return int(b) < len(boundaryNames) }

// ParseBoundary reads a boundary's name, in upper or lower case.
func ParseBoundary(name string) (Boundary, error) {
	for b, n := range boundaryNames {
		if strings.EqualFold(strings.TrimSpace(name), n) {
			return Boundary(b), nil
		}
	}
	return 0, fmt.Errorf("field: unknown boundary %q; expected WALL, OPEN or PERIODIC", name)
}

// Sides are the boundaries at the low and the high end of one axis.
type Sides struct{ Low, High Boundary }

// Both gives the two sides of an axis the same boundary.
func Both(b Boundary) Sides { return Sides{b, b} }

// Periodic reports whether the axis is periodic. As in the released model the low side decides.
func (s Sides) Periodic() bool { return s.Low == Periodic }

// String is "WALL", or "WALL/OPEN" where the sides differ.
func (s Sides) String() string {
	if s.Low == s.High {
		return s.Low.String()
	}
	return s.Low.String() + "/" + s.High.String()
}
