//go:build !cgo

package hdf5

import (
	"errors"
	"fmt"
)

// errNoLibrary is the answer of a program that was built without cgo, as Go does for another system or where it finds no C compiler.
var errNoLibrary = errors.New("this program was built without cgo, and so without libhdf5, by which it reads and writes HDF5; " +
	"take a released archive, or build it on a machine like this one with CGO_ENABLED=1, a C compiler and HDF5 " +
	"(Debian: apt-get install gcc libc6-dev libhdf5-dev libaec-dev zlib1g-dev; macOS: brew install hdf5 pkg-config)")

// Here tells whether this build has libhdf5.
const Here = false

// File would be an open file; there is none in this build.
type File struct{ fileMethods }

// Dataset would be an open array.
type Dataset struct {
	datasetMethods

	Type    Type
	Shape   []int
	Chunk   []int
	Filters []string
}

// Open gives the reason why no file can be read.
func Open(path string) (*File, error) { return nil, fmt.Errorf("hdf5: %s: %w", path, errNoLibrary) }

// Create gives the reason why no file can be written.
func Create(path string) (*File, error) { return nil, fmt.Errorf("hdf5: %s: %w", path, errNoLibrary) }

type fileMethods interface {
	Path() string
	Close() error
	Members(group string) ([]Entry, error)
	Has(path string, kind Kind) bool
	Attributes(path string) ([]Attribute, error)
	ScaleNames(path string) ([]string, error)
	Dataset(path string) (*Dataset, error)
	CreateGroup(path string) error
	CreateFloat32(path string, shape []int, s Storage) (*Dataset, error)
	CreateBool(path string, shape []int) (*Dataset, error)
	WriteText(path, name, value string) error
	WriteTexts(path, name string, values []string) error
	WriteInteger(path, name string, value int) error
	WriteNumbers(path, name string, values []float64) error
	WriteBool(path, name string, value bool) error
	WriteBools(path, name string, values []bool) error
}

type datasetMethods interface {
	Path() string
	Close()
	ReadFloat32(values []float32, s *Slab) error
	ReadFloat64(values []float64, s *Slab) error
	ReadInt64(values []int64, s *Slab) error
	ReadBool(values []bool, s *Slab) error
	WriteFloat32(values []float32, s *Slab) error
	WriteBool(values []bool, s *Slab) error
	Unwritten() (missing, total int, err error)
	MarkUnwritten(values []float64, s *Slab) error
	MakeScale(name string) error
	AttachScales(paths ...string) error
}
