package network

import (
	"maps"
	"slices"

	"github.com/gowalrus/walrus/checkpoint"
	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/model"
)

// Freezing says which weights a fine-tuning leaves as they are, and what it trains instead.
type Freezing struct {
	// Frozen reports whether a weight that the file has is left as it is. What the file lacks is trained in any case: LoRA's
	// matrices, a new position embedding, and the columns of new fields also in an encoder or decoder that is frozen.
	Frozen func(name string) bool
	LoRA   model.LoRA
}

// apply freezes weights of a configuration: those that known names are of, of a file with such field columns.
func (f *Freezing) apply(c *model.Config, known map[string]bool, before, after map[string]int) {
	c.LoRA = f.LoRA
	c.Frozen = map[string]bool{}
	for _, w := range c.Weights() {
		if known[w.Name] && !w.Buffer && f.Frozen(w.Name) {
			c.Frozen[w.Name] = true
		}
	}
	c.Added = newColumns(before, after)
}

// newColumns are the columns of names that are new, in order.
func newColumns(before, after map[string]int) []int {
	var list []int
	for name, column := range after {
		if _, known := before[name]; !known {
			list = append(list, column)
		}
	}
	slices.Sort(list)
	return list
}

// Restore completes the architecture of a run of which only the trained weights, of the given names, were saved on top of
// others.
func Restore(c *model.Config, part checkpoint.Part, base *checkpoint.Checkpoint, lora model.LoRA, trained map[string]bool) {
	f := Freezing{LoRA: lora, Frozen: func(name string) bool { return !trained[name] }}
	f.apply(c, namesOf(base), part.BaseFields, part.Fields)
}

// Partial is the source of what training adds to weights: LoRA's matrices as fresh ones, columns of their own as they begin in
// the whole weight; everything else is as stored.
func Partial(stored Source, c model.Config, seed uint64) Source {
	shapes := map[string]model.Weight{}
	for _, w := range c.Weights() {
		shapes[w.Name] = w
	}
	return func(w model.Weight, to []float32) error {
		if model.IsLoRA(w.Name) {
			w.Initialise(to, seed)
			return nil
		}
		name, axis, added := w.AddedTo()
		if !added {
			return stored(w, to)
		}
		whole := shapes[name]
		values := make([]float32, field.Volume(whole.Shape))
		if err := stored(whole, values); err != nil {
			return err
		}
		size := field.Volume(whole.Shape[axis+1:]) // values of one column in one row
		for row := whole.Shape[axis] * size; len(values) > 0; values = values[row:] {
			for _, column := range c.Added {
				to = to[copy(to, values[column*size:][:size]):]
			}
		}
		return nil
	}
}

// PartOf describes the weights that such a network trains, for a checkpoint that holds only them; nil where all are trained.
// before are the field columns of the base, after those of the network; new ones began as begin and seed say (LoadOptions).
func PartOf(c model.Config, base checkpoint.Base, before, after map[string]int, how checkpoint.Growth) *checkpoint.Part {
	if len(c.Frozen) == 0 {
		return nil
	}
	p := &checkpoint.Part{Base: base, BaseFields: maps.Clone(before), Fields: maps.Clone(after), NewColumns: how.Begin, Like: how.Like, Seed: how.Seed}
	if c.LoRA.On() {
		p.Scale = c.LoRA.Scale()
	}
	for _, l := range c.LowRanks() {
		p.LowRank = append(p.LowRank, checkpoint.LowRank{Weight: l.Weight, Down: l.Down, Up: l.Up, Row: l.Row})
	}
	for _, w := range c.Weights() {
		if name, axis, added := w.AddedTo(); added {
			p.Added = append(p.Added, checkpoint.AddedColumns{Weight: name, Values: w.Name, Axis: axis, Columns: c.Added})
		}
	}
	return p
}
