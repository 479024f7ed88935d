package cpu

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

// storage is a piece of memory that holds one tensor, or several joined ones; views address its elements.
type storage struct {
	id    int
	dtype dtypes.DType
	size  int // elements

	input    int    // index of the input that it is, or -1
	constant []byte // its content if it is a constant

	defs   []*cluster // that write it
	users  []*cluster // that read it
	output int        // index of the result that it is, or -1

	// Set by the plan.
	virtual     bool     // lives only inside one loop
	first, last int      // steps between which it holds data
	offset      int      // bytes from the start of the arena
	alias       *storage // whose memory it takes over, or nil
	donor       int      // input whose memory it may take over if donated, or -1
}

func (s *storage) bytes() int { return s.size * s.dtype.Size() }

// inArena tells whether the plan finds a place for s.
func (s *storage) inArena() bool {
	return s.input < 0 && s.constant == nil && s.output < 0 && !s.virtual
}

// located is a value: a view of a storage with the dimensions of the value.
type located struct {
	s *storage
	v view
}

// isWhole tells whether l is all of its storage in order.
func (l located) isWhole() bool { return l.v.offset == 0 && l.v.size() == l.s.size && l.v.isDense() }

// loopKind is what an operation does in a loop over tiles.
type loopKind uint8

const (
	mapOp      loopKind = iota // elementwise
	rowFold                    // reduces each row of the loop to one value
	columnFold                 // reduces over the middle of [outer, middle, inner]; its result is complete after the loop
	storeOp                    // copies into a view of its result
)

// loopOp is an operation that loops can contain.
type loopOp struct {
	kind loopKind
	op   compute.OpType // for mapOp; the reduction for folds
	fn   tileFunc       // for mapOp
	in   []located
	out  *storage
	dest view // for storeOp
	size int  // elements of the operands
	seq  int  // position in the order of the graph

	middle, inner int // for columnFold
}

// opaqueOp is an operation with its own code.
type opaqueOp struct {
	kind  string // for profiles
	reads []located
	out   []*storage
	flops float64
	work  []*storage // scratch memory for the time of the operation
	run   func(x *execution) error
}

// cluster is what runs as one step: a loop of operations over tiles, or one opaque operation. Merged clusters point to
// the one that took them in.
type cluster struct {
	id     int
	into   *cluster
	ops    []*loopOp
	opaque *opaqueOp
	order  int // largest position in the graph of its operations
	deps   []dependency
	before bitset // ids of all clusters that must run earlier
	n, row int    // iteration size; length of rows, 0 if the loop has none
	// segment is n, or the extent middle*inner of the column folds: chunks of the loop do not cross its multiples.
	segment int
	folds   bool // has column folds
}

// dependency is a cluster that must run earlier. It is soft if the two could be one loop instead.
type dependency struct {
	on   *cluster
	hard bool
}

func (c *cluster) root() *cluster {
	for c.into != nil {
		if c.into.into != nil {
			c.into = c.into.into
		}
		c = c.into
	}
	return c
}

// bitset is a set of small numbers.
type bitset []uint64

func (b bitset) has(i int) bool { return i>>6 < len(b) && b[i>>6]>>(i&63)&1 != 0 }

func (b *bitset) add(i int) {
	for i>>6 >= len(*b) {
		*b = append(*b, 0)
	}
	(*b)[i>>6] |= 1 << (i & 63)
}

func (b *bitset) union(other bitset) {
	for len(*b) < len(other) {
		*b = append(*b, 0)
	}
	for i, word := range other {
		(*b)[i] |= word
	}
}
