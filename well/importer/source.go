package importer

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// array is a stored array of numbers that can be read in parts.
type array interface {
	// shape are its extents, as stored.
	shape() []int
	// pieces are the extents of the parts that are best read at once, where reading goes along the axes outer step by step.
	pieces(outer []int) []int
	// read reads count elements from start on along each axis, row-major. Missing values are NaN; reason says why the first of
	// them is, where the file says it.
	read(start, count []int) (values []float64, reason string, err error)
}

// whole is an array that can give integers that float64 does not hold, such as nanoseconds since 1970.
type whole interface {
	// integers are all values of an array of integers; nil of another.
	integers() ([]int64, error)
}

// described is an array whose file says more about it.
type described interface {
	axisNames() []string // "" where a name is not known
	notes() []string     // sentences for the user
	text(attribute string) string
}

// input is an open file with arrays.
type input interface {
	// names are the paths of its arrays.
	names() []string
	// open opens an array; attributes named in ignore do not count.
	open(name string, ignore []string) (array, error)
	Close() error
}

// inputs are all files of an import.
type inputs struct {
	files []input
	paths []string
	used  []bool
}

// openInputs opens files by what they contain. scratch is a folder for temporary files.
func openInputs(paths []string, scratch string) (*inputs, error) {
	all := &inputs{used: make([]bool, len(paths))}
	for i, path := range paths {
		in, err := openInput(path, scratch)
		if err == nil && slices.ContainsFunc(paths[:i], func(other string) bool { return sameFile(other, path) }) {
			err = errors.Join(errors.New("given twice"), in.Close())
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("importer: %s: %w", path, err), all.Close())
		}
		all.files = append(all.files, in)
		all.paths = append(all.paths, path)
	}
	return all, nil
}

func sameFile(a, b string) bool {
	first, err := os.Stat(a)
	if err != nil {
		return false
	}
	second, err := os.Stat(b)
	return err == nil && os.SameFile(first, second)
}

// openInput tells a file's kind by its content: names say little (.mat, .dat, none).
func openInput(path, scratch string) (input, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return openZarr(path)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close() // it was only read
	begins := func(offset int64, magic string) bool {
		start := make([]byte, len(magic))
		n, _ := file.ReadAt(start, offset) // a shorter file has another content
		return bytes.Equal(start[:n], []byte(magic))
	}
	switch {
	case begins(0, "\x93NUMPY"):
		return openNPY(path)
	case begins(0, "PK\x03\x04"):
		return openNPZ(path, scratch)
	case begins(0, "CDF\x01"), begins(0, "CDF\x02"), begins(0, "CDF\x05"):
		return openClassic(path)
	case begins(0, "MATLAB 5.0"):
		return nil, errors.New("a MATLAB file before version 7.3; save it again with: save('NEW.mat', '-v7.3')")
	case begins(0, "\x1f\x8b"), begins(0, "BZh"), begins(0, "\xfd7zXZ"), begins(0, "\x28\xb5\x2f\xfd"):
		return nil, errors.New("a compressed file; unpack it first (gunzip, bunzip2, xz or zstd -d)")
	case begins(0, "GRIB"):
		return nil, errors.New("a GRIB file; convert it with: cdo -f nc4 copy OLD NEW")
	}
	// HDF5 may begin after a block of the user's own, of 512 bytes or a power of two more.
	const signature = "\x89HDF\r\n\x1a\n"
	for offset := int64(0); offset < info.Size(); offset = max(512, 2*offset) {
		if begins(offset, signature) {
			return openHDF5(path)
		}
	}
	return nil, errors.New("unknown kind of file; expected .npy, .npz, NetCDF, HDF5 (also MATLAB 7.3), or a Zarr folder")
}

// Close closes all files.
func (s *inputs) Close() error {
	var errs []error
	for _, f := range s.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// place is where an array stands: the number of its file, and its path in there.
type place struct {
	file int
	name string
}

// at names a place for people.
func (s *inputs) at(p place) string { return s.paths[p.file] + ": " + p.name }

// find lists the places of a variable in the order of the files. A name with * stands for all that fit it, in order.
func (s *inputs) find(name string) ([]place, error) {
	var places []place
	name = strings.Trim(name, "/")
	for i, f := range s.files {
		names := f.names()
		switch {
		case slices.Contains(names, name):
			places = append(places, place{i, name})
		case strings.Contains(name, "*"):
			names = slices.Clone(names)
			slices.SortFunc(names, natural)
			for _, n := range names {
				if fits, err := path.Match(name, n); err == nil && fits {
					places = append(places, place{i, n})
				}
			}
		}
	}
	if len(places) == 0 {
		return nil, fmt.Errorf("no variable %q in %s; %s", name, strings.Join(s.paths, ", "), s.known())
	}
	for _, p := range places {
		s.used[p.file] = true
	}
	return places, nil
}

// natural compares names as people order them: run2 before run10.
func natural(a, b string) int {
	digits := func(s string) int { return len(s) - len(strings.TrimLeft(s, "0123456789")) }
	for a != "" && b != "" {
		if n, m := digits(a), digits(b); n > 0 && m > 0 {
			x, y := strings.TrimLeft(a[:n], "0"), strings.TrimLeft(b[:m], "0")
			if len(x) != len(y) {
				return len(x) - len(y)
			}
			if x != y {
				return strings.Compare(x, y)
			}
			a, b = a[n:], b[m:]
			continue
		}
		if a[0] != b[0] {
			return int(a[0]) - int(b[0])
		}
		a, b = a[1:], b[1:]
	}
	return len(a) - len(b)
}

// known lists the variables of all files.
func (s *inputs) known() string {
	var known []string
	for _, f := range s.files {
		for _, name := range f.names() {
			if !slices.Contains(known, name) {
				known = append(known, name)
			}
		}
	}
	if len(known) == 0 {
		return "there are no variables at all"
	}
	const most = 30
	if len(known) > most {
		known = append(known[:most], "...")
	}
	return "there are " + strings.Join(known, ", ")
}

// open opens the array at a place.
func (s *inputs) open(p place, ignore []string) (array, error) {
	a, err := s.files[p.file].open(p.name, ignore)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.at(p), err)
	}
	return a, nil
}

// unused reports the first file of which nothing was used.
func (s *inputs) unused() error {
	for i, used := range s.used {
		if !used {
			return fmt.Errorf("importer: %s: nothing of it is used; leave it out, or name its variables in the description (it has %s)",
				s.paths[i], strings.Join(s.files[i].names(), ", "))
		}
	}
	return nil
}

// stem is a file's name without folder and ending.
func stem(path string) string {
	base := filepath.Base(path)
	return strings.TrimSuffix(base, filepath.Ext(base))
}
