package importer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"

	"github.com/gowalrus/walrus/internal/hdf5"
)

// netcdfFile is a NetCDF-4 file, which is an HDF5 file: its variables are the data sets, by path.
type netcdfFile struct {
	*hdf5.File
	variables []string
}

func openNetCDF(path string) (input, error) {
	if isClassicNetCDF(path) {
		return nil, errors.New("a NetCDF file of the classic format; expected NetCDF-4; convert with: nccopy -k nc4 OLD NEW")
	}
	file, err := hdf5.Open(path)
	if err != nil {
		return nil, err
	}
	f := netcdfFile{File: file}
	if err := f.list(""); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &f, nil
}

// isClassicNetCDF reports whether a file has the magic number of NetCDF 1 to 3.
func isClassicNetCDF(path string) bool {
	file, err := os.Open(path)
	if err != nil {
		return false
	}
	defer file.Close()
	magic := make([]byte, 3)
	_, err = io.ReadFull(file, magic)
	return err == nil && bytes.Equal(magic, []byte("CDF"))
}

// list gathers the data sets of a group and of the groups in it.
func (f *netcdfFile) list(group string) error {
	members, err := f.Members("/" + group)
	if err != nil {
		return err
	}
	for _, m := range members {
		path := m.Name
		if group != "" {
			path = group + "/" + m.Name
		}
		switch m.Kind {
		case hdf5.KindDataset:
			f.variables = append(f.variables, path)
		case hdf5.KindGroup:
			if err := f.list(path); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *netcdfFile) names() []string { return f.variables }

// netcdfArray is a variable with the conventions of its attributes: packed values and missing ones.
type netcdfArray struct {
	*hdf5.Dataset
	scale, offset float64
	missing       []float64
}

func (f *netcdfFile) open(name string) (array, error) {
	attributes, err := f.Attributes(name)
	if err != nil {
		return nil, err
	}
	a := &netcdfArray{scale: 1}
	for _, v := range attributes {
		if len(v.Numbers) == 0 {
			continue
		}
		switch v.Name {
		case "scale_factor":
			a.scale = v.Numbers[0]
		case "add_offset":
			a.offset = v.Numbers[0]
		case "_FillValue", "missing_value":
			a.missing = append(a.missing, v.Numbers...)
		}
	}
	if a.Dataset, err = f.Dataset(name); err != nil {
		return nil, err
	}
	if c := a.Type.Class; c != hdf5.Float && c != hdf5.Integer && c != hdf5.Bool {
		return nil, fmt.Errorf("holds %s; expected numbers", a.Type)
	}
	return a, nil
}

func (a *netcdfArray) shape() []int { return a.Shape }

func (a *netcdfArray) read(start, count []int) ([]float64, error) {
	values := make([]float64, product(count))
	if err := a.ReadFloat64(values, &hdf5.Slab{Start: start, Count: count}); err != nil {
		return nil, err
	}
	for i, v := range values {
		if slices.Contains(a.missing, v) {
			values[i] = math.NaN()
		} else {
			values[i] = a.offset + a.scale*v
		}
	}
	return values, nil
}
