package well

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/gowalrus/walrus/field"
)

// Options choose among a data set's files.
type Options struct {
	Include []string     // keep only files whose path contains one of these; nil keeps all
	Exclude []string     // drop files whose path contains one of these
	Logger  *slog.Logger // told once if values that are not numbers were replaced; nil is slog's default
}

// Splits are the parts of a data set, in the order in which they are listed.
var Splits = []string{"train", "valid", "test"}

// Dataset is the files of one data set, all on one grid with the same fields. Its methods may be called from several
// goroutines.
type Dataset struct {
	files    []FileSummary
	header   Header // of the first file
	sizes    []int
	pool     *pool
	logger   *slog.Logger
	reported atomic.Bool // values that are not numbers
	measured sync.Once   // whether fields are too small for the network
}

// FileSummary is what a data set knows of a file without opening it again.
type FileSummary struct {
	Path         string
	Trajectories int
	Steps        int // frames of a trajectory
	Boundaries   []field.Sides
}

// OpenDataset opens the data set at path: its folder BASE/NAME, the folder BASE/NAME/data, the folder of one split, or a
// single file. split is "train", "valid" or "test", or several of them joined by commas; empty means every split, or the files that lie in
// path itself.
func OpenDataset(path, split string, o Options) (*Dataset, error) {
	paths, err := FindFiles(path, split, o)
	if err != nil {
		return nil, err
	}
	logger := o.Logger
	if logger == nil {
		logger = slog.Default()
	}
	if idle := o.idle(path); len(idle) > 0 {
		logger.Warn(fmt.Sprintf("well: the include and exclude filters %q are in the path of no file", idle), "dataset", path)
	}
	d := &Dataset{pool: newPool(paths), logger: logger}
	for i := range paths {
		if err := d.add(i); err != nil {
			return nil, errors.Join(err, d.Close())
		}
	}
	return d, nil
}

// add reads a file's header and compares it with the first one's.
func (d *Dataset) add(i int) error {
	f, release, err := d.pool.open(i)
	if err != nil {
		return err
	}
	defer release()
	if i == 0 {
		d.header, d.sizes = f.Header(), f.Sizes()
	}
	if all := differences(f, d.header, d.pool.paths[0]); len(all) > 0 {
		return fmt.Errorf("well: %s: %s", f.path, all[0])
	}
	d.files = append(d.files, FileSummary{Path: f.path, Trajectories: f.Trajectories(), Steps: f.Steps(), Boundaries: f.Boundaries()})
	return nil
}

// differences lists in what a file differs from the first one of its data set where all files have to agree.
func differences(f *File, first Header, firstPath string) []string {
	var all []string
	for _, q := range []struct {
		what string
		of   func(Header) any
	}{
		{"data set name", func(h Header) any { return h.DatasetName }},
		{"axes", func(h Header) any { return axisNames(h.Axes) }},
		{"grid", func(h Header) any { return h.sizes() }},
		{"variable fields", func(h Header) any { return fieldsOf(selectFields(h.Fields, true)) }},
		{"constant fields", func(h Header) any { return fieldsOf(selectFields(h.Fields, false)) }},
	} {
		if got, want := fmt.Sprint(q.of(f.header)), fmt.Sprint(q.of(first)); got != want {
			all = append(all, fmt.Sprintf("%s %s; %s has %s, and all files of a data set must agree", q.what, got, firstPath, want))
		}
	}
	return all
}

func axisNames(axes []Axis) []string {
	names := make([]string, len(axes))
	for i, a := range axes {
		names[i] = a.Name
	}
	return names
}

func fieldsOf(infos []FieldInfo) []field.Field {
	fields := make([]field.Field, len(infos))
	for i, f := range infos {
		fields[i] = f.Field
	}
	return fields
}

// Close closes all files.
func (d *Dataset) Close() error { return d.pool.close() }

// Name is the name that the files give the data set; the folder's can differ.
func (d *Dataset) Name() string { return d.header.DatasetName }

// Folder is the name of the folder BASE/NAME that the files lie in.
func (d *Dataset) Folder() string { return FolderOf(d.files[0].Path) }

// GridType is "cartesian", "spherical" or "equiangular".
func (d *Dataset) GridType() string { return d.header.GridType }

// Axes are the names of the axes, in the order of the arrays.
func (d *Dataset) Axes() []string { return axisNames(d.header.Axes) }

// Sizes are the numbers of grid points along the axes.
func (d *Dataset) Sizes() []int { return slices.Clone(d.sizes) }

// Files lists the files in the order of the windows.
func (d *Dataset) Files() []FileSummary { return slices.Clone(d.files) }

// Trajectories is the number of trajectories in all files.
func (d *Dataset) Trajectories() int {
	n := 0
	for _, f := range d.files {
		n += f.Trajectories
	}
	return n
}

// Locate finds a trajectory that is counted over all files, from 0: its file, and its number there.
func (d *Dataset) Locate(trajectory int) (file, own int, found bool) {
	if trajectory < 0 {
		return 0, 0, false
	}
	for file, f := range d.files {
		if trajectory < f.Trajectories {
			return file, trajectory, true
		}
		trajectory -= f.Trajectories
	}
	return 0, 0, false
}

// Variable lists the fields that change in time, in the order of their channels: scalars, vectors, tensors.
func (d *Dataset) Variable() []FieldInfo { return selectFields(d.header.Fields, true) }

// Constant lists the fields that do not change in time, in the order of their channels.
func (d *Dataset) Constant() []FieldInfo { return selectFields(d.header.Fields, false) }

// VariableChannels names the channels of a window's frames: "pressure", "velocity_x", "velocity_y", "D_xx", ...
func (d *Dataset) VariableChannels() []string { return channels(d.Variable(), d.Axes()) }

// ConstantChannels names the channels of a window's constants.
func (d *Dataset) ConstantChannels() []string { return channels(d.Constant(), d.Axes()) }

func channels(fields []FieldInfo, axes []string) []string {
	var names []string
	for _, f := range fields {
		names = append(names, f.Components(axes)...)
	}
	return names
}

// FindFiles lists the files of a data set as OpenDataset would open them, sorted by path within each split. None at all
// is an error.
func FindFiles(path, split string, o Options) ([]string, error) {
	var splits []string
	if split != "" {
		for _, s := range strings.Split(split, ",") {
			s = strings.TrimSpace(s)
			if !slices.Contains(Splits, s) || slices.Contains(splits, s) {
				return nil, fmt.Errorf("well: split %q; expected %s, or several of them once each, as valid,test", split, strings.Join(Splits, ", "))
			}
			splits = append(splits, s)
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("well: %w", err)
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	folders := []string{path}
	present := SplitsOf(path)
	if split == "" {
		splits = present
	}
	switch {
	case len(present) > 0:
		folders = nil
		for _, s := range splits {
			folder := splitFolder(path, s)
			if folder == "" {
				return nil, fmt.Errorf("well: %s: no split %s; there are %s", path, s, strings.Join(present, ", "))
			}
			folders = append(folders, folder)
		}
	case split != "" && filepath.Base(path) != split:
		return nil, fmt.Errorf("well: %s: no folder data/%s or %s; expected one of them, or a file", path, split, split)
	}
	var paths []string
	for _, folder := range folders {
		found, err := filesIn(folder, o)
		if err != nil {
			return nil, err
		}
		paths = append(paths, found...)
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("well: %s: no .h5 or .hdf5 files in %s that the include and exclude filters keep", path, strings.Join(folders, ", "))
	}
	return paths, nil
}

// SplitsOf lists the splits that a data set's folder has, in the order of Splits; none for a file, or for a folder of files.
func SplitsOf(path string) []string {
	var present []string
	for _, s := range Splits {
		if splitFolder(path, s) != "" {
			present = append(present, s)
		}
	}
	return present
}

// splitFolder is a split's folder: below data where that has any split, else below path; empty for none.
func splitFolder(path, split string) string {
	for _, base := range []string{filepath.Join(path, "data"), path} {
		any := false
		for _, s := range Splits {
			folder := filepath.Join(base, s)
			if info, err := os.Stat(folder); err == nil && info.IsDir() {
				if s == split {
					return folder
				}
				any = true
			}
		}
		if any {
			return ""
		}
	}
	return ""
}

// idle lists the filters that fit no file in any split of a data set: misspelt ones, most likely.
func (o Options) idle(path string) []string {
	all, err := FindFiles(path, "", Options{})
	if err != nil {
		return nil // without splits, or a file: opening it says what is wrong
	}
	return slices.DeleteFunc(slices.Concat(o.Include, o.Exclude), func(part string) bool {
		return slices.ContainsFunc(all, func(file string) bool { return strings.Contains(file, part) })
	})
}

// filesIn lists a folder's HDF5 files that the options keep.
func filesIn(folder string, o Options) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, fmt.Errorf("well: %w", err)
	}
	containsAny := func(path string, parts []string) bool {
		return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(path, part) })
	}
	var paths []string
	for _, e := range entries {
		path := filepath.Join(folder, e.Name())
		extension := filepath.Ext(path)
		if extension != ".h5" && extension != ".hdf5" || e.Type()&fs.ModeDir != 0 || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if len(o.Include) > 0 && !containsAny(path, o.Include) || containsAny(path, o.Exclude) {
			continue
		}
		paths = append(paths, path)
	}
	slices.Sort(paths)
	return paths, nil
}
