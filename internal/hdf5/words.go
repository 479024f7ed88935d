package hdf5

import (
	"errors"
	"fmt"
)

// Error is what went wrong with one object of a file.
type Error struct {
	File, Object string
	Err          error
}

func (e *Error) Error() string { return fmt.Sprintf("hdf5: %s: %s: %v", e.File, e.Object, e.Err) }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// ErrDamaged marks a file that made libhdf5 itself fail. Nothing more is read from it.
var ErrDamaged = errors.New("libhdf5 failed on it; the file is damaged")

// ErrBroken marks all that is asked of libhdf5 after a damaged file has made it damage the memory that it shares with the rest of the
// process: to go on with that could end the process, or give wrong numbers.
var ErrBroken = errors.New("libhdf5 is not used any more, since a damaged file that was read before made it spoil its own memory; start the program again without that file")

// ErrAbsent is an object that a file does not have, as opposed to one that is there and can not be opened.
var ErrAbsent = errors.New("it is not in the file")

// Kind is what stands at a path of a file.
type Kind uint8

const (
	KindOther   Kind = iota // a named type, or a link that leads nowhere
	KindGroup               // a group: objects and attributes
	KindDataset             // a data set: an array and attributes
)

// Entry is one member of a group.
type Entry struct {
	Name string
	Kind Kind
	ID   [2]uint64 // the same for all names of one object; zero for KindOther
}

// Attribute is a named value beside a group or a data set: numbers (booleans are 0 and 1) or text.
type Attribute struct {
	Name    string
	Type    Type
	Shape   []int     // nil for a single value; a list has one extent
	Numbers []float64 // for Integer, Float and Bool
	Text    []string  // for Text
}

// Scalar reports whether the attribute is a single value and not a list.
func (a Attribute) Scalar() bool { return a.Shape == nil }

// Slab selects a regular part of an array: along axis i the Count[i] elements Start[i], Start[i]+Stride[i], ...
// A nil Stride is 1 everywhere.
type Slab struct {
	Start, Count, Stride []int
}

// Storage says how a new array is stored: in one piece, or in compressed chunks.
type Storage struct {
	Chunk []int // extents of a chunk; nil for one piece
	Gzip  int   // deflate level 1..9 after shuffling bytes; 0 for none. Needs Chunk
}

// Class is what kind of value a type holds.
type Class uint8

const (
	Other   Class = iota // compound, reference, opaque and all else that The Well does not use
	Integer              // of any width, or an enumeration that is not a boolean
	Float                // of any width
	Bool                 // an enumeration of FALSE and TRUE, as h5py writes it
	Text                 // a string, of fixed or variable length
)

// Type describes the values that a file stores in an attribute or a data set.
type Type struct {
	Class       Class
	Size        int // bytes of one value
	BigEndian   bool
	Unsigned    bool // of integers
	FixedLength bool // text of a fixed length; The Well's own checker refuses it
}

// String names the type as numpy does: "<f4", ">f8", "bool", "string", "string[12]".
func (t Type) String() string {
	order := "<"
	if t.BigEndian {
		order = ">"
	}
	switch t.Class {
	case Integer:
		if t.Unsigned {
			return fmt.Sprintf("%su%d", order, t.Size)
		}
		return fmt.Sprintf("%si%d", order, t.Size)
	case Float:
		return fmt.Sprintf("%sf%d", order, t.Size)
	case Bool:
		return "bool"
	case Text:
		if t.FixedLength {
			return fmt.Sprintf("string[%d]", t.Size)
		}
		return "string"
	}
	return "other"
}
