package well

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/internal/atomicfile"
	"github.com/gowalrus/walrus/internal/yamltext"
)

// statsTables are the tables of stats.yaml, in the order in which they are written, and what they hold.
var statsTables = []struct {
	name   string
	values func(*FieldStats) *[]float64
}{
	{"mean", func(s *FieldStats) *[]float64 { return &s.Mean }},
	{"std", func(s *FieldStats) *[]float64 { return &s.Std }},
	{"rms", func(s *FieldStats) *[]float64 { return &s.RMS }},
	{"mean_delta", func(s *FieldStats) *[]float64 { return &s.MeanDelta }},
	{"std_delta", func(s *FieldStats) *[]float64 { return &s.StdDelta }},
	{"rms_delta", func(s *FieldStats) *[]float64 { return &s.RMSDelta }},
}

// StatsPath is where the statistics of the data set at path stand: stats.yaml in the folder BASE/NAME, which is found
// from the folder itself, its data folder, a split's folder or a file. The file need not exist.
func StatsPath(path string) string { return filepath.Join(baseFolder(path), "stats.yaml") }

// StatsPath is where the statistics of the data set stand that a configuration names: an absolute path, or one relative to the
// folder BASE/NAME; for an empty name the stats.yaml there. The file need not exist.
func (d *Dataset) StatsPath(named string) string {
	switch path := d.files[0].Path; {
	case named == "":
		return StatsPath(path)
	case filepath.IsAbs(named):
		return filepath.Clean(named)
	default:
		return filepath.Join(baseFolder(path), named)
	}
}

// FolderOf is the name of the folder BASE/NAME of the data set at path, which often is more exact than the name in its files.
func FolderOf(path string) string {
	folder := baseFolder(path)
	if absolute, err := filepath.Abs(folder); err == nil {
		folder = absolute
	}
	return filepath.Base(folder)
}

// baseFolder is the folder BASE/NAME of the data set at path, seen from itself or from anything below it.
func baseFolder(path string) string {
	folder := path
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		folder = filepath.Dir(path)
	}
	for _, split := range Splits {
		if filepath.Base(folder) == split {
			folder = filepath.Dir(folder)
			break
		}
	}
	if filepath.Base(folder) == "data" {
		folder = filepath.Dir(folder)
	}
	return folder
}

// madeWith is the key of stats.yaml that says how the statistics were made. The readers of The Well and of the released model
// take their tables by name and pass it over.
const madeWith = "made_with"

// WriteStats writes a stats.yaml: how it was made, and six tables from field name to a number, a list, or a list of lists, by
// rank.
func WriteStats(path string, stats Stats) error {
	return atomicfile.Write(path, func(w io.Writer) error {
		var b strings.Builder
		if made := stats.Made; made.Stride > 0 {
			fmt.Fprintf(&b, "%s:\n  stride: %d\n", madeWith, made.Stride)
			for i, name := range slices.Sorted(maps.Keys(made.Transforms)) {
				if i == 0 {
					b.WriteString("  transforms:\n")
				}
				fmt.Fprintf(&b, "    %s: %s\n", name, made.Transforms[name])
			}
		}
		for _, table := range statsTables {
			b.WriteString(table.name + ":\n")
			for i := range stats.Fields {
				f := &stats.Fields[i]
				if values := *table.values(f); len(values) > 0 {
					fmt.Fprintf(&b, "  %s: %s\n", f.Name, formatComponents(values, f.Rank))
				}
			}
		}
		_, err := io.WriteString(w, b.String())
		return err
	})
}

// formatComponents writes a number, a list or a list of lists.
func formatComponents(values []float64, rank field.Rank) string {
	if rank == field.Scalar {
		return fmt.Sprintf("%.4E", values[0])
	}
	parts := make([]string, int(math.Round(math.Pow(float64(len(values)), 1/float64(rank)))))
	inner := len(values) / len(parts)
	for i := range parts {
		parts[i] = formatComponents(values[i*inner:(i+1)*inner], rank-1)
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// largestStats bounds the size of a stats.yaml, in bytes.
const largestStats = 1 << 20

// ReadStats reads a stats.yaml. Fields come in the file's order; a missing file is an error that wraps fs.ErrNotExist.
func ReadStats(path string) (Stats, error) {
	fail := func(err error) (Stats, error) { return Stats{}, fmt.Errorf("well: %s: %w", path, err) }
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fail(fmt.Errorf("%w (%w)", errNoStats, fs.ErrNotExist))
	}
	if err != nil {
		return fail(err)
	}
	if info.Size() > largestStats {
		return fail(fmt.Errorf("%d bytes; expected at most %d", info.Size(), largestStats))
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return fail(err)
	}
	stats, err := parseStats(text)
	if err != nil {
		return fail(err)
	}
	return stats, nil
}

func parseStats(text []byte) (Stats, error) {
	var tables map[string]any
	if err := yamltext.Unmarshal(text, &tables, yaml.UseOrderedMap()); err != nil {
		return Stats{}, err
	}
	made, err := parseMade(tables[madeWith])
	if err != nil {
		return Stats{}, fmt.Errorf("%s: %w", madeWith, err)
	}
	var stats []FieldStats
	index := map[string]int{}
	fail := func(format string, args ...any) (Stats, error) { return Stats{}, fmt.Errorf(format, args...) }
	for _, table := range statsTables {
		items, isTable := tables[table.name].(yaml.MapSlice)
		if !isTable && tables[table.name] != nil {
			return fail("%s: %v; expected a table from field names to numbers", table.name, tables[table.name])
		}
		for _, item := range items {
			name := fmt.Sprint(item.Key)
			values, rank, err := parseComponents(item.Value)
			if err != nil {
				return fail("%s: %s: %w", table.name, name, err)
			}
			i, known := index[name]
			if !known {
				i = len(stats)
				index[name] = i
				stats = append(stats, FieldStats{Field: field.Field{Name: name, Rank: rank}})
			}
			s := &stats[i]
			if s.Rank != rank || len(s.Mean) != len(values) && len(s.Mean) > 0 {
				return fail("%s: %s: %d values of a %v; mean has %d of a %v", table.name, name, len(values), rank, len(s.Mean), s.Rank)
			}
			*table.values(s) = values
		}
	}
	for i := range stats {
		for _, table := range statsTables[:3] {
			if len(*table.values(&stats[i])) == 0 {
				return fail("%s: no entry for %s", table.name, stats[i].Name)
			}
		}
	}
	return Stats{Fields: stats, Made: made}, nil
}

// parseMade reads how statistics were made; nil is a file that does not say.
func parseMade(value any) (made Made, err error) {
	if value == nil {
		return made, nil
	}
	items, isTable := value.(yaml.MapSlice)
	if !isTable {
		return made, fmt.Errorf("%v; expected a stride and transforms", value)
	}
	for _, item := range items {
		switch key := fmt.Sprint(item.Key); key {
		case "stride":
			stride, whole := item.Value.(uint64)
			if !whole || stride < 1 || stride > math.MaxInt32 {
				return made, fmt.Errorf("stride: %v; expected a whole number of frames, at least 1", item.Value)
			}
			made.Stride = int(stride)
		case "transforms":
			transforms, isTable := item.Value.(yaml.MapSlice)
			if !isTable {
				return made, fmt.Errorf("transforms: %v; expected a table from field names to transforms", item.Value)
			}
			made.Transforms = map[string]string{}
			for _, t := range transforms {
				made.Transforms[fmt.Sprint(t.Key)] = fmt.Sprint(t.Value)
			}
		default:
			return made, fmt.Errorf("%s; expected stride and transforms", key)
		}
	}
	if made.Stride == 0 {
		return made, errors.New("no stride")
	}
	return made, nil
}

// parseComponents reads a number, a list or a list of lists of equal length.
func parseComponents(value any) ([]float64, field.Rank, error) {
	list, isList := value.([]any)
	if !isList {
		v, err := parseNumber(value)
		return []float64{v}, field.Scalar, err
	}
	var all []float64
	var inner field.Rank
	for i, element := range list {
		values, rank, err := parseComponents(element)
		if err != nil {
			return nil, 0, err
		}
		if i > 0 && rank != inner || rank >= field.Tensor || rank == field.Vector && len(values) != len(list) {
			return nil, 0, fmt.Errorf("%v; expected a number, a list of numbers or a square table", value)
		}
		inner = rank
		all = append(all, values...)
	}
	if len(all) == 0 {
		return nil, 0, errors.New("an empty list")
	}
	return all, inner + 1, nil
}

func parseNumber(value any) (float64, error) {
	var v float64
	switch n := value.(type) {
	case float64:
		v = n
	case uint64:
		v = float64(n)
	case int64:
		v = float64(n)
	default:
		return 0, fmt.Errorf("%v; expected a number", value)
	}
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0, fmt.Errorf("%v; expected a finite number", v)
	}
	return v, nil
}
