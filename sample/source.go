package sample

import (
	"context"
	"math/rand/v2"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/frame"
)

// Source is a data set that windows of consecutive frames are read from.
type Source interface {
	// Name is the data set's name, for messages and scores.
	Name() string
	// Fields says what a window holds.
	Fields() Fields
	// Windows is the number of windows to choose from.
	Windows() int
	// Group tells apart the windows that fit into one batch: those with the same number have the same boundaries and sizes.
	Group(i int) int
	// Read reads window i. What is random in it (the time stride) is drawn from rng and nothing else.
	Read(ctx context.Context, i int, rng *rand.Rand) (*Window, error)
}

// Fields lists what a data set holds, in the order of its channels: scalars, then vectors, then tensors.
type Fields struct {
	Variable []field.Field // change in time
	Constant []field.Field // do not
	Axes     []string      // names of the spatial axes, two or three
	// Curvilinear marks a grid that is not cartesian: its vectors and tensors are not padded to three dimensions, and it is
	// never turned.
	Curvilinear bool
	// Pseudo says of fields, by their names, whether they change their sign in mirror images, where IsPseudo does not know it or
	// is mistaken.
	Pseudo map[string]bool
	// Grid is what windows are interpolated to before anything else is done with them; nil for the data's own grid.
	Grid []int
	// NetworkPoints has the extents of axes that the network computes on another number of points, as 66: 64; nil for what
	// the released model does.
	NetworkPoints map[int]int
	// Pad continues data whose grid no stride fits beyond their ends (frame.Options.Pad).
	Pad bool
	// Tokens are the numbers of tokens along each axis that batches are cut into, where the data set has its own; nil for
	// what the model says.
	Tokens []int
	// Scales normalise the fields, by their names; nil where every window has its own, measured as Measurement says.
	Scales      map[string]Scale
	Measurement frame.Measurement
	// Statistics are where the scales come from; zero without.
	Statistics Statistics
}

// Window is a stretch of one trajectory. The arrays hold the fields' components in the data set's own dimensions.
type Window struct {
	Input      field.Array   // (frames, *grid, variable channels): what the model sees
	Output     field.Array   // (frames, *grid, variable channels): what it is to predict
	Constant   field.Array   // (*grid, constant channels); no channels for none
	Boundaries []field.Sides // one an axis
	Origin     string        // file, trajectory and frame, for messages
}
