package scenario

import (
	"context"

	"github.com/gowalrus/walrus/field"
)

// Scenario is one physical set-up that can be simulated at any resolution.
type Scenario struct {
	Name       string // the published data set's name, for example "shear_flow"
	Title      string // one line for people
	Equations  string // the equations in one line
	Source     string // where the equations, parameters and initial conditions are published
	Simplified string // what differs from the published generator; empty for nothing

	GridType string   // "cartesian", "spherical" or "equiangular"
	Axes     []string // names of the spatial axes in array order, for example {"x", "y"}
	Fields   []Field  // in file order: scalars, vectors, tensors, each in the published order

	DefaultGrid     []int // points along each axis, small enough for a laptop
	LeastGrid       []int // the fewest points along each axis that show anything of the problem
	PublishedGrid   []int // points along each axis of the public data
	DefaultFrames   int   // frames of a trajectory, the initial state included
	PublishedFrames int

	Parameters []Parameter // what varies between trajectories
	Seconds    float64     // one trajectory at the default size on one core of about 3 GHz

	// CheckGrid reports grids that the solver can not use though they are not too small (nil: there are none).
	CheckGrid func(grid []int) error
	// Domain gives the coordinates of the grid points along each axis and the boundaries of each axis.
	Domain func(grid []int, parameters map[string]float64) Domain
	// Run simulates one trajectory: it calls emit once a frame, in order, and returns the first error of emit, of ctx,
	// or of the physics (a state that is no longer finite, or a negative density).
	Run func(ctx context.Context, c Case, emit func(Frame) error) error
}

// Field is one quantity that a scenario writes.
type Field struct {
	field.Field
	Constant  bool // does not change in time (a material, a mask)
	Positive  bool // must stay above zero (a density, a pressure); the writer refuses anything else
	Symmetric bool // a tensor with t_ij = t_ji
	Log10     bool // spans orders of magnitude: the released model was trained on its logarithm (field_transforms)
}

// Parameter is a physical number that varies between trajectories or is fixed for all of them.
type Parameter struct {
	Name      string
	Doc       string    // meaning and unit
	Values    []float64 // the published choices; one is drawn for each trajectory
	Low, High float64   // without Values: drawn uniformly from [Low, High]
	// Follows names another parameter with as many Values: instead of a draw of its own, this one takes the value at the
	// position that was drawn for that one (the rates F and k of a Gray-Scott pattern come in pairs).
	Follows string
}

// Domain is the physical space of a trajectory.
type Domain struct {
	Coordinates [][]float32    // one slice an axis: positions of the grid points
	Boundaries  []field.Sides  // one entry an axis
	Masks       []BoundaryMask // boundaries inside the domain or along part of a side; usually none
}

// BoundaryMask marks grid points where a boundary condition holds, beyond the sides of the domain.
type BoundaryMask struct {
	Name string
	Type field.Boundary
	Mask []bool // one value a grid point, row-major
}

// Case is one trajectory to simulate.
type Case struct {
	Grid       []int
	Frames     int // frames to emit, the initial state included
	Parameters map[string]float64
	Seed       uint64 // fixes every random choice of the initial condition
	Workers    int    // goroutines the solver may use; results do not depend on it
}

// Frame is the state at one time. Values holds, for each field by name, the data in C order with components last:
// (points of axis 0, points of axis 1, ..., components). Constant fields are given in frame 0 only.
// The slices are valid until emit returns.
type Frame struct {
	Time   float64
	Values map[string][]float32
}
