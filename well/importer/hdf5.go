package importer

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gowalrus/walrus/internal/cf"
	"github.com/gowalrus/walrus/internal/hdf5"
)

// hdf5File is an HDF5 file, which NetCDF-4 and MATLAB 7.3 files are too: its variables are the data sets, by path.
type hdf5File struct {
	*hdf5.File
	variables []string
	netCDF    bool
}

func openHDF5(path string) (input, error) {
	file, err := hdf5.Open(path)
	if err != nil {
		return nil, err
	}
	f := &hdf5File{File: file}
	root, err := file.Attributes("/")
	if err == nil {
		f.netCDF = slices.ContainsFunc(root, func(a hdf5.Attribute) bool { return a.Name == "_NCProperties" })
		err = f.list("", map[[2]uint64]bool{})
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	f.netCDF = f.netCDF || slices.Contains([]string{".nc", ".nc4", ".netcdf", ".cdf"}, strings.ToLower(filepath.Ext(path)))
	return f, nil
}

// list gathers the data sets of a group and of the groups in it. Groups may contain each other; seen holds those on the way.
func (f *hdf5File) list(group string, seen map[[2]uint64]bool) error {
	members, err := f.Members("/" + group)
	if err != nil {
		return err
	}
	for _, m := range members {
		name := path.Join(group, m.Name)
		switch {
		case m.Kind == hdf5.KindDataset, m.Kind == hdf5.KindOther:
			f.variables = append(f.variables, name) // opening it says why it can not be read
		case !seen[m.ID]:
			seen[m.ID] = true
			if err := f.list(name, seen); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *hdf5File) names() []string { return f.variables }

// hdf5Array is a data set with the conventions of its attributes.
type hdf5Array struct {
	*hdf5.Dataset
	packing   cf.Packing
	unwritten bool // some of its chunks were never written
	said      []string
	axes      []string
	texts     map[string]string
}

func (f *hdf5File) open(name string, ignore []string) (array, error) {
	d, err := f.Dataset(name)
	if err != nil {
		return nil, withoutNames(err)
	}
	attributes, err := f.Attributes(name)
	if err != nil {
		return nil, withoutNames(err)
	}
	a := &hdf5Array{Dataset: d, texts: map[string]string{}, axes: make([]string, len(d.Shape))}
	if c := d.Type.Class; c != hdf5.Float && c != hdf5.Integer && c != hdf5.Bool {
		return nil, fmt.Errorf("holds values of type %s; expected real numbers (of complex ones, store the real and the imaginary part as two arrays)", d.Type)
	}
	netCDF := f.netCDF
	for _, v := range attributes {
		netCDF = netCDF || strings.HasPrefix(v.Name, "_Netcdf4")
		if len(v.Text) == 1 {
			a.texts[v.Name] = v.Text[0]
		}
		if v.Name == "_ARRAY_DIMENSIONS" && len(v.Text) == len(a.axes) {
			copy(a.axes, v.Text)
		}
	}
	if names, err := f.ScaleNames(name); err == nil && len(names) == len(a.axes) {
		for i, n := range names {
			if n != "" {
				a.axes[i] = path.Base(n)
			}
		}
	}
	element := cf.Element{Float: d.Type.Class == hdf5.Float, Unsigned: d.Type.Unsigned, Size: d.Type.Size}
	if a.packing, a.said, err = cf.Read(cf.FromHDF5(attributes), element, netCDF, ignore); err != nil {
		return nil, err
	}
	missing, _, err := d.Unwritten()
	a.unwritten = missing > 0
	return a, err
}

// withoutNames is an error of package hdf5 without the names of file and object, which the importer gives itself.
func withoutNames(err error) error {
	if e := (*hdf5.Error)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}

func (a *hdf5Array) shape() []int                 { return a.Shape }
func (a *hdf5Array) axisNames() []string          { return a.axes }
func (a *hdf5Array) notes() []string              { return a.said }
func (a *hdf5Array) text(attribute string) string { return a.texts[attribute] }

func (a *hdf5Array) pieces(outer []int) []int {
	if a.Chunk != nil {
		return a.Chunk
	}
	return piecesOfOne(a.Shape, a.Type.Size, outer)
}

func (a *hdf5Array) read(start, count []int) ([]float64, string, error) {
	values := make([]float64, product(count))
	slab := &hdf5.Slab{Start: start, Count: count}
	if err := a.ReadFloat64(values, slab); err != nil {
		return nil, "", withoutNames(err)
	}
	reason := a.packing.Unpack(values)
	if a.unwritten {
		if err := a.MarkUnwritten(values, slab); err != nil {
			return nil, "", withoutNames(err)
		}
		if reason == "" {
			reason = "this part of the file was never written"
		}
	}
	return values, reason, nil
}

func (a *hdf5Array) integers() ([]int64, error) {
	if a.Type.Class != hdf5.Integer || a.packing.Changes() || a.unwritten {
		return nil, nil
	}
	values := make([]int64, product(a.Shape))
	if err := a.ReadInt64(values, nil); err != nil {
		return nil, withoutNames(err)
	}
	for _, v := range values {
		if a.packing.Missing(float64(v)) != "" {
			return nil, nil
		}
	}
	return values, nil
}
