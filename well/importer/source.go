package importer

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// array is a stored array of numbers that can be read in parts.
type array interface {
	// shape are its extents, as stored.
	shape() []int
	// read reads count elements from start on along each axis, row-major. Missing values are NaN.
	read(start, count []int) ([]float64, error)
}

// input is an open file with arrays.
type input interface {
	names() []string
	open(name string) (array, error)
	Close() error
}

// inputs are all files of an import.
type inputs struct {
	files []input
	paths []string
}

// openInputs opens files by their extension.
func openInputs(paths []string) (*inputs, error) {
	all := &inputs{}
	for _, path := range paths {
		var in input
		var err error
		switch strings.ToLower(filepath.Ext(path)) {
		case ".npy":
			in, err = openNPY(path)
		case ".npz":
			in, err = openNPZ(path)
		case ".nc", ".nc4", ".netcdf", ".h5", ".hdf5":
			in, err = openNetCDF(path)
		default:
			err = errors.New("unknown kind of file; expected .npy, .npz, .nc, .nc4, .h5 or .hdf5")
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("importer: %s: %w", path, err), all.Close())
		}
		all.files = append(all.files, in)
		all.paths = append(all.paths, path)
	}
	return all, nil
}

// Close closes all files.
func (s *inputs) Close() error {
	var errs []error
	for _, f := range s.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// find opens the array of this name, in whichever file has it.
func (s *inputs) find(name string) (array, error) {
	var known []string
	for i, f := range s.files {
		if slices.Contains(f.names(), name) {
			a, err := f.open(name)
			if err != nil {
				return nil, fmt.Errorf("importer: %s: %s: %w", s.paths[i], name, err)
			}
			return a, nil
		}
		known = append(known, f.names()...)
	}
	const most = 30
	if len(known) > most {
		known = append(known[:most], "...")
	}
	return nil, fmt.Errorf("importer: no variable %q in %s; they have %s", name, strings.Join(s.paths, ", "), strings.Join(known, ", "))
}

// vector reads an array of one axis.
func (s *inputs) vector(name string) ([]float64, error) {
	a, err := s.find(name)
	if err != nil {
		return nil, err
	}
	if shape := a.shape(); len(shape) != 1 {
		return nil, fmt.Errorf("importer: variable %s has shape %v; expected one axis", name, shape)
	}
	return a.read([]int{0}, a.shape())
}

// reversed is an array with its axes in the opposite order: what Fortran order is to row-major order.
type reversed struct{ array }

func (r reversed) shape() []int { return backwards(r.array.shape()) }

func (r reversed) read(start, count []int) ([]float64, error) {
	values, err := r.array.read(backwards(start), backwards(count))
	if err != nil {
		return nil, err
	}
	order := make([]int, len(count))
	for i := range order {
		order[i] = len(count) - 1 - i
	}
	return transpose(values, backwards(count), order), nil
}

func backwards(list []int) []int {
	list = slices.Clone(list)
	slices.Reverse(list)
	return list
}

// transpose reorders the axes of a row-major array: axis i of the result is axis order[i] of the values.
func transpose(values []float64, shape, order []int) []float64 {
	if slices.IsSorted(order) {
		return values
	}
	strides := rowMajor(shape)
	out := make([]float64, 0, len(values))
	var walk func(axis, from int)
	walk = func(axis, from int) {
		if axis == len(order) {
			out = append(out, values[from])
			return
		}
		for range shape[order[axis]] {
			walk(axis+1, from)
			from += strides[order[axis]]
		}
	}
	walk(0, 0)
	return out
}

// rowMajor are the distances in memory of neighbours along each axis.
func rowMajor(shape []int) []int {
	strides := make([]int, len(shape))
	step := 1
	for i := len(shape) - 1; i >= 0; i-- {
		strides[i] = step
		step *= shape[i]
	}
	return strides
}

func product(list []int) int {
	n := 1
	for _, v := range list {
		n *= v
	}
	return n
}
