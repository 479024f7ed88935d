package network

import (
	"fmt"
	"maps"
	"strings"

	"github.com/gowalrus/walrus/checkpoint"
	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/model"
)

// LoadOptions change weights on their way from disk to the engine.
type LoadOptions struct {
	Config string   // configuration file; empty: the one beside the weights
	Fields []string // names that get new columns unless the weights have them (fine-tuning)
	// Columns are those that some fields shall have; the weights' other fields follow in their order. nil leaves all in place.
	Columns map[string]int
	// NewColumns is how the columns of new fields and a new position embedding begin; the zero value is as released.
	NewColumns checkpoint.NewColumns
	Like       map[string]string // the fields that new ones begin as (checkpoint.Growth)
	Seed       uint64            // of the new columns and the position embedding
	DropPath   *float64          // instead of the configuration's
	Jitter     *bool             // instead of the configuration's
	// AxisFrequencies gives weights that have none learnable rotary frequencies for each axis and block; they begin as the
	// weights' fixed ones, so that predictions do not change.
	AxisFrequencies bool
	// Position gives weights that have none a learned position embedding for this grid of tokens: small random numbers as
	// released, or 0, which leaves predictions unchanged (NewColumns). Zero for none.
	Position [3]int
	// Freezing leaves weights as they are and may add LoRA's; nil trains all.
	Freezing  *Freezing
	Predictor bool // the network is never trained (NewPredictor)
}

// ConfigOf is the architecture that a configuration file describes.
func ConfigOf(c checkpoint.Config) model.Config {
	return model.Config{
		Hidden: c.Hidden, Inner: c.Inner, Heads: c.Heads, Blocks: c.Blocks, States: c.States(), Dimensions: c.Dimensions,
		Causal: c.CausalInTime, Jitter: c.JitterPatches, DropPath: c.DropPath,
	}
}

// Architecture is what a configuration and the weights that belong to it describe together. Weights that do not fit the
// configuration give an error that lists every name.
func Architecture(c checkpoint.Config, weights *checkpoint.Checkpoint) (model.Config, error) {
	if c.Baseline != nil {
		return model.Config{}, fmt.Errorf("network: %s is a %s; expected a Walrus", weights.Path, c.Baseline.Kind)
	}
	return Complete(ConfigOf(c), weights)
}

// Complete is a configuration with what only the weights tell, under the same check as Architecture.
func Complete(config model.Config, weights *checkpoint.Checkpoint) (model.Config, error) {
	fromWeights(&config, weights)
	return config, checkpoint.Match(shapesOf(config.Weights()), weights)
}

// Load puts weights from disk on an engine: a file or folder that checkpoint.Open reads. Weights that do not fit their
// configuration give an error that lists every name. The configuration comes back with the new fields in it.
func Load(e *engine.Engine, path string, o LoadOptions) (*Network, checkpoint.Config, error) {
	described, err := checkpoint.ReadConfigOf(path, o.Config)
	if err != nil {
		return nil, described, err
	}
	if described.Baseline != nil {
		n, err := loadBaseline(e, path, described, o)
		return n, described, err
	}
	var n *Network
	c, err := resolve(path, o, func(config model.Config, source Source) (err error) {
		create := New
		if o.Predictor {
			create = NewPredictor
		}
		n, err = create(e, config, source)
		return err
	})
	return n, c, err
}

// Describe is what Load would put on an engine, which takes no weights into memory.
func Describe(path string, o LoadOptions) (config model.Config, c checkpoint.Config, err error) {
	c, err = resolve(path, o, func(found model.Config, _ Source) error {
		config = found
		return nil
	})
	return config, c, err
}

// resolve finds the architecture of weights with what the options change, and the source of their values, which use gets while
// the file is open.
func resolve(path string, o LoadOptions, use func(model.Config, Source) error) (checkpoint.Config, error) {
	c, err := checkpoint.ReadConfigOf(path, o.Config)
	if err != nil {
		return c, err
	}
	if c.Baseline == nil && c.Training.PredictionType != "delta" {
		return c, fmt.Errorf("network: %s: trainer.prediction_type is %s; only weights that predict the increment (delta) can be run", path, c.Training.PredictionType)
	}
	weights, err := checkpoint.Open(path)
	if err != nil {
		return c, err
	}
	defer weights.Close()
	config, err := Architecture(c, weights)
	if err != nil {
		return c, err
	}
	before := c
	c, tensors, err := o.grow(c, weights.Tensors())
	if err != nil {
		return before, err
	}
	config.States = c.States()
	source := Tensors(tensors, path)
	if o.DropPath != nil {
		c.DropPath, config.DropPath = *o.DropPath, *o.DropPath
	}
	if o.Jitter != nil {
		c.JitterPatches, config.Jitter = *o.Jitter, *o.Jitter
	}
	config.AxisFrequencies = config.AxisFrequencies || o.AxisFrequencies
	if o.Position != [3]int{} {
		if config.HasPosition() && config.Position != o.Position {
			return c, fmt.Errorf("network: %s has a position embedding for a grid of %v tokens; one for %v was asked for", path, config.Position, o.Position)
		}
		if !config.HasPosition() {
			source = withPosition(source, o)
		}
		config.Position = o.Position
	}
	if o.Freezing != nil {
		o.Freezing.apply(&config, namesOf(weights), before.Fields, c.Fields)
		source = Partial(source, config, o.Seed)
	}
	return c, use(config, source)
}

// grow gives weights the columns that the options ask for.
func (o LoadOptions) grow(c checkpoint.Config, tensors []checkpoint.Tensor) (checkpoint.Config, []checkpoint.Tensor, error) {
	grown := c
	var err error
	if o.Columns != nil {
		if grown, err = c.Remapped(o.Columns); err != nil {
			return c, nil, err
		}
	}
	if grown, err = grown.WithFields(o.Fields...); err != nil {
		return c, nil, err
	}
	if len(o.Like) == 0 && maps.Equal(grown.Fields, c.Fields) {
		return c, tensors, nil
	}
	tensors, err = checkpoint.GrowFields(tensors, c, grown, checkpoint.Growth{Begin: o.NewColumns, Like: o.Like, Seed: o.Seed})
	return grown, tensors, err
}

// namesOf are the names of the weights in a file.
func namesOf(weights *checkpoint.Checkpoint) map[string]bool {
	names := map[string]bool{}
	for _, t := range weights.Tensors() {
		names[t.Name] = true
	}
	return names
}

// withPosition is a source of weights with a position embedding that begins as the options say.
func withPosition(stored Source, o LoadOptions) Source {
	return func(w model.Weight, to []float32) error {
		switch {
		case w.Name != model.PositionEmbedding:
			return stored(w, to)
		case o.NewColumns == checkpoint.PreservingColumns:
			clear(to)
		default:
			w.Initialise(to, o.Seed)
		}
		return nil
	}
}

// fromWeights completes a configuration with what only the weights tell: fine-tuned releases have learnable frequencies
// an axis and sometimes a position embedding.
func fromWeights(config *model.Config, weights *checkpoint.Checkpoint) {
	_, config.AxisFrequencies = weights.Tensor("blocks.0.space_mixing.rotary_emb.freqs.0")
	if ape, found := weights.Tensor(model.PositionEmbedding); found && len(ape.Shape) == 6 {
		copy(config.Position[:], ape.Shape[3:])
	}
}

// shapesOf lists what a state dict of such weights has.
func shapesOf(weights []model.Weight) map[string][]int {
	shapes := map[string][]int{}
	for _, w := range weights {
		shapes[w.Name] = w.Shape
	}
	return shapes
}

// Tensors is the source of weights that lie in a file, found by their names. Rotary frequencies that the file lacks follow
// from the head's size; those of one axis are the block's common ones.
func Tensors(tensors []checkpoint.Tensor, path string) Source {
	byName := make(map[string]checkpoint.Tensor, len(tensors))
	for _, t := range tensors {
		byName[t.Name] = t
	}
	return func(w model.Weight, to []float32) error {
		t, found := byName[w.Name]
		common, isAxis := commonFrequencies(w.Name)
		if !found && isAxis {
			t, found = byName[common]
		}
		switch {
		case found:
			return t.Float32(to)
		case isAxis || w.Buffer && strings.Contains(w.Name, rotaryFrequencies):
			w.Initialise(to, 0)
			return nil
		}
		return fmt.Errorf("network: %s has no weight %s", path, w.Name)
	}
}

// rotaryFrequencies ends the name of a block's rotary frequencies; those of one axis have ".0" to ".2" behind it.
const rotaryFrequencies = "rotary_emb.freqs"

// commonFrequencies is the name of the frequencies that all axes of a block share, if name is that of one axis's.
func commonFrequencies(name string) (common string, isAxis bool) {
	dot := strings.LastIndex(name, ".")
	if dot < 0 || !strings.HasSuffix(name[:dot], rotaryFrequencies) {
		return "", false
	}
	return name[:dot], true
}
