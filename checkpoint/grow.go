package checkpoint

import (
	"fmt"
	"hash/fnv"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
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

// GrowFields gives the field embeddings of a state dict more columns: of embed.*.proj1.weight and debed.*.proj2.weight the
// second axis, of debed.*.proj2.bias the only one, from the given number of columns to another. All other tensors are
// returned as they are. Values are still read on demand.
//
// Predictions for the known fields do not change. The network scales its input columns by sqrt((columns - 3) / fields)
// (spec/model.md section 2.3), so the old ones, except for the wall and open flags, are divided by what that grows.
// New encoder columns are drawn from the law of a fresh model, uniform within 1/sqrt(columns * 512), from the seed. New
// decoder columns are zero: the first prediction for a new field is no change, which is the persistence forecast.
func GrowFields(tensors []Tensor, from, to int, seed uint64) ([]Tensor, error) {
	if from <= len(reservedColumns) || to < from || to > maxStates {
		return nil, fmt.Errorf("checkpoint: grow from %d to %d field columns; expected more than %d and at most %d", from, to, len(reservedColumns), maxStates)
	}
	out := slices.Clone(tensors)
	for i, t := range out {
		axis := 1
		isEncoder := strings.HasPrefix(t.Name, "embed.") && strings.HasSuffix(t.Name, ".proj1.weight")
		isDecoder := strings.HasPrefix(t.Name, "debed.") && strings.HasSuffix(t.Name, ".proj2.weight")
		if strings.HasPrefix(t.Name, "debed.") && strings.HasSuffix(t.Name, ".proj2.bias") {
			isDecoder, axis = true, 0
		}
		if !isEncoder && !isDecoder {
			continue
		}
		if len(t.Shape) <= axis || t.Shape[axis] != from {
			return nil, fmt.Errorf("checkpoint: tensor %s: shape %v; expected %d field columns on axis %d", t.Name, t.Shape, from, axis)
		}
		g := grown{old: t, axis: axis, to: to, keepScale: isDecoder}
		if isEncoder {
			name := fnv.New64a()
			name.Write([]byte(t.Name))
			g.random = [2]uint64{seed, name.Sum64()}
		}
		out[i].Shape = slices.Clone(t.Shape)
		out[i].Shape[axis] = to
		out[i].values = g
	}
	return out, nil
}

// grown is the source of a tensor with more columns than the one it comes from.
type grown struct {
	old       Tensor
	axis, to  int
	keepScale bool      // a decoder: old columns as they are, new ones zero
	random    [2]uint64 // seed of an encoder's new columns
}

func (g grown) read(dst []float32) error {
	old := make([]float32, g.old.Len())
	if err := g.old.Float32(old); err != nil {
		return err
	}
	from := g.old.Shape[g.axis]
	kernel := 1 // values of one column in one row
	for _, extent := range g.old.Shape[g.axis+1:] {
		kernel *= extent
	}
	scale, bound := float32(1), 0.0
	if !g.keepScale {
		reserved := float64(len(reservedColumns))
		scale = float32(math.Sqrt((float64(from) - reserved) / (float64(g.to) - reserved)))
		bound = 1 / math.Sqrt(float64(g.to*kernel))
	}
	draw := rand.New(rand.NewPCG(g.random[0], g.random[1]))
	for len(dst) > 0 {
		row := dst[:g.to*kernel]
		copy(row, old[:from*kernel])
		for i := range row {
			switch column := i / kernel; {
			case column >= from:
				row[i] = float32(bound * (2*draw.Float64() - 1))
			case column >= 2: // columns 0 and 1, the wall and open flags, are not scaled by the network
				row[i] *= scale
			}
		}
		old, dst = old[from*kernel:], dst[g.to*kernel:]
	}
	return nil
}
