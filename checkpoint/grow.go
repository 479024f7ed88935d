package checkpoint

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/internal/nearest"
)

// WithFields returns the configuration with more fields; each new name takes the next free column of the embedding. Names
// that are there already keep their column.
func (c Config) WithFields(names ...string) (Config, error) {
	c.Fields = maps.Clone(c.Fields)
	for _, name := range names {
		if name == "" {
			return Config{}, fmt.Errorf("checkpoint: a field needs a name")
		}
		if _, exists := c.Fields[name]; !exists {
			c.Fields[name] = c.States()
		}
	}
	return c, c.Validate()
}

// Remapped returns the configuration with the columns that a fine-tuning asks for: those of own stay (the boundary flags
// need not be named), and the fields of c that own lacks follow in the order of their columns from its next free one on.
func (c Config) Remapped(own map[string]int) (Config, error) {
	names := slices.SortedFunc(maps.Keys(c.Fields), func(a, b string) int { return cmp.Compare(c.Fields[a], c.Fields[b]) })
	c.Fields = maps.Clone(own)
	if c.Fields == nil {
		c.Fields = map[string]int{}
	}
	for column, name := range reservedColumns {
		if _, exists := c.Fields[name]; !exists {
			c.Fields[name] = column
		}
	}
	taken := map[int]string{}
	for _, name := range slices.Sorted(maps.Keys(c.Fields)) {
		column := c.Fields[name]
		if other, exists := taken[column]; exists {
			return Config{}, fmt.Errorf("checkpoint: fields %s and %s both have column %d; expected one field a column", other, name, column)
		}
		taken[column] = name
	}
	return c.WithFields(names...)
}

// NewColumns is how the weights that fine-tuning adds begin. The zero value is ReleasedColumns.
type NewColumns string

const (
	// ReleasedColumns begin as the released code has them: new columns are drawn as in a fresh model, in the decoder too, so that
	// the first prediction for a new field is noise; and the old columns of the encoder, those of the flags too, shrink by
	// sqrt(old / new number), which changes the predictions for the known fields by about a percent.
	ReleasedColumns NewColumns = "released"
	// PreservingColumns leave the predictions for the known fields unchanged. The first prediction for a new field is no change,
	// the persistence forecast.
	PreservingColumns NewColumns = "preserving"
)

// Check reports an unknown word.
func (n NewColumns) Check() error {
	switch n {
	case "", ReleasedColumns, PreservingColumns:
		return nil
	}
	return fmt.Errorf("new columns that are %q; expected %s or %s", string(n), ReleasedColumns, PreservingColumns)
}

// Growth is how weights get columns for new fields.
type Growth struct {
	Begin NewColumns
	// Like names for new fields the known ones whose columns they begin with, as {buoyancy: tracer}: what the weights have learned of the
	// known one is then what they predict of the new one. A field of several components is named as one, or by components.
	Like map[string]string
	Seed uint64 // of all other new columns
}

// GrowFields gives the field embeddings of a state dict the columns of another configuration: of embed.*.proj1.weight and
// debed.*.proj2.weight the second axis, of debed.*.proj2.bias the only one. Columns go with the names of their fields. All
// other tensors are returned as they are. Values are still read on demand.
//
// New columns are uniform within 1/sqrt(columns * 512), the law of a fresh model, from the seed; the decoder's are zero where
// predictions are preserved. The network scales its input columns by sqrt((columns - 3) / fields) (spec/model.md section
// 2.3): the old ones, except for the wall and open flags, are divided by what that grows, or all multiplied by sqrt(old / new
// number) as released.
func GrowFields(tensors []Tensor, from, to Config, how Growth) ([]Tensor, error) {
	begin := how.Begin
	if err := begin.Check(); err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	before, after := from.States(), to.States()
	if before <= len(reservedColumns) || after < before || after > maxStates {
		return nil, fmt.Errorf("checkpoint: grow from %d to %d field columns; expected more than %d and at most %d", before, after, len(reservedColumns), maxStates)
	}
	columns, kernels := columnsOf(from, to), map[string]int{}
	if err := how.liken(columns, from, to); err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	for _, t := range tensors {
		if len(t.Shape) > 2 {
			kernels[t.Name] = field.Volume(t.Shape[2:])
		}
	}
	out := slices.Clone(tensors)
	for i, t := range out {
		axis := 1
		isEncoder := strings.HasPrefix(t.Name, "embed.") && strings.HasSuffix(t.Name, ".proj1.weight")
		isDecoder := strings.HasPrefix(t.Name, "debed.") && strings.HasSuffix(t.Name, ".proj2.weight")
		weight := t.Name // whose kernel counts in the law
		if strings.HasPrefix(t.Name, "debed.") && strings.HasSuffix(t.Name, ".proj2.bias") {
			isDecoder, axis, weight = true, 0, strings.TrimSuffix(t.Name, "bias")+"weight"
		}
		if !isEncoder && !isDecoder {
			continue
		}
		if len(t.Shape) <= axis || t.Shape[axis] != before {
			return nil, fmt.Errorf("checkpoint: tensor %s: shape %v; expected %d field columns on axis %d", t.Name, t.Shape, before, axis)
		}
		name := fnv.New64a()
		name.Write([]byte(t.Name))
		g := grown{old: t, axis: axis, columns: columns, scale: 1, flags: 1, seed: [2]uint64{how.Seed, name.Sum64()}}
		if begin != PreservingColumns || isEncoder {
			g.bound = 1 / math.Sqrt(float64(after*max(1, kernels[weight])))
		}
		switch reserved := len(reservedColumns); {
		case isEncoder && begin == PreservingColumns:
			g.scale = math.Sqrt(float64(before-reserved) / float64(after-reserved))
		case isEncoder:
			g.scale = math.Sqrt(float64(before) / float64(after))
			g.flags = g.scale
		}
		out[i].Shape = slices.Clone(t.Shape)
		out[i].Shape[axis] = after
		out[i].values = g
	}
	return out, nil
}

// columnsOf lists for each column of a configuration the one of another that it comes from, or -1 for a new one. A column
// that neither names stays where it is.
func columnsOf(from, to Config) []int {
	columns := make([]int, to.States())
	named := map[int]bool{}
	for _, column := range from.Fields {
		named[column] = true
	}
	for i := range columns {
		if columns[i] = i; i >= from.States() || named[i] {
			columns[i] = -1
		}
	}
	for name, column := range to.Fields {
		if old, known := from.Fields[name]; known {
			columns[column] = old
		} else {
			columns[column] = -1
		}
	}
	return columns
}

// liken lets the columns of new fields come from those of the known ones that they are like. The names may come from a file.
func (g Growth) liken(columns []int, from, to Config) error {
	names := slices.Sorted(maps.Keys(to.Fields))
	for _, name := range slices.Sorted(maps.Keys(g.Like)) {
		like := g.Like[name]
		fresh := []string{name} // the field itself, or its components
		if _, is := to.Fields[name]; !is {
			fresh = slices.DeleteFunc(slices.Clone(names), func(column string) bool { return !strings.HasPrefix(column, name+"_") })
		}
		if len(fresh) == 0 {
			return fmt.Errorf("%s is to begin like %s, but the data has no field of that name%s", shortened(name), shortened(like), nearest.Hint(name, names))
		}
		for _, column := range fresh {
			known := like + strings.TrimPrefix(column, name)
			i, is := from.Fields[known]
			if _, old := from.Fields[column]; old {
				return fmt.Errorf("%s is to begin like %s, but the weights know it already", shortened(column), shortened(known))
			}
			if !is {
				return fmt.Errorf("%s is to begin like %s, which the weights do not know%s", shortened(column), shortened(known), nearest.Hint(known, slices.Sorted(maps.Keys(from.Fields))))
			}
			columns[to.Fields[column]] = i
		}
	}
	return nil
}

// grown is the source of a tensor with other columns than the one it comes from.
type grown struct {
	old          Tensor
	axis         int
	columns      []int     // where each comes from; -1: new
	scale, flags float64   // factors on the old columns, and on those of the wall and open flags
	bound        float64   // of the new ones
	seed         [2]uint64 // of the new ones
}

func (g grown) read(dst []float32) error {
	old := make([]float32, g.old.Len())
	if err := g.old.Float32(old); err != nil {
		return err
	}
	from := g.old.Shape[g.axis]
	kernel := field.Volume(g.old.Shape[g.axis+1:]) // values of one column in one row
	draw := rand.New(rand.NewPCG(g.seed[0], g.seed[1]))
	for len(dst) > 0 {
		for to, column := range g.columns {
			part := dst[to*kernel:][:kernel]
			if column < 0 {
				for i := range part {
					part[i] = float32(g.bound * (2*draw.Float64() - 1))
				}
				continue
			}
			scale := g.scale
			if column < 2 {
				scale = g.flags
			}
			for i, v := range old[column*kernel:][:kernel] {
				part[i] = v * float32(scale)
			}
		}
		old, dst = old[from*kernel:], dst[len(g.columns)*kernel:]
	}
	return nil
}
