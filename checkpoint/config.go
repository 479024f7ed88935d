package checkpoint

import (
	"cmp"
	_ "embed"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// Config is a model's architecture and how it was trained: the part of extended_config.yaml that changes numbers.
// The rest of a file that was read is kept and written back.
type Config struct {
	Name string // free text

	Hidden     int   // channels of a token
	Inner      int   // channels between the two convolutions of the encoder and of the decoder ("intermediate_dim")
	Heads      int   // attention heads, of space and of time mixing
	Blocks     int   // space-time blocks
	Dimensions []int // the numbers of real axes that have an encoder and a decoder, ascending: 2 and 3 in the release

	CausalInTime          bool    // decode every time step; otherwise only the last
	JitterPatches         bool    // roll the grid and the tokens at random
	DropPath              float64 // rate of the last block, 0 <= rate < 1; it grows linearly from 0 at the first
	FieldDrop             float64 // expected number of whole fields dropped from a training sample
	GradientCheckpointing int     // recompute every n-th block in the backward pass; 0 for none

	Fields map[string]int // column of the embedding of each field ("field_index_map_override")

	Tokens int // along each axis; 0 for the released numbers, 32 in 2-D and 16 in 3-D. A setting of ours ("walrus_go.tokens")
	// TokenChoices are the numbers of tokens that the batches of the training were drawn with ("walrus_go.tokens_in_training");
	// nil for Tokens alone. Predictions take Tokens where it is one of them, or else the largest that fits the data.
	TokenChoices []int

	// Baseline is the network where it is another one than Walrus; nil for Walrus. What is above Fields, and Tokens, say nothing
	// then.
	Baseline *Baseline

	Training Training
	Advice   Advice        // for those who train on from the weights
	DataSets []DataSetInfo // of the training, in their order

	document document // the file this was read from
}

// Training is how the weights were trained. Epochs are of SamplesPerEpoch micro-batches.
type Training struct {
	LearningRate         float64
	WeightDecay          float64
	Epsilon              float64 // of AdamW
	ClipNorm             float64 // of all gradients together
	Loss                 string  // Python class of what is minimised, such as "the_well.benchmark.metrics.MAE"
	LossMultiplier       float64
	GradientAccumulation int // micro-batches an update

	Epochs, WarmupEpochs, CooldownEpochs int
	WarmupFactor                         float64 // of the learning rate at the first epoch

	BatchSize               int // samples in a micro-batch of 2-D data
	SamplesPerEpoch         int
	InputSteps, OutputSteps int
	MinStride, MaxStride    int     // frames between steps, drawn uniformly
	RotationProbability     float64 // of a random rotation by 90 degrees

	PredictionType string // "delta": the network predicts the normalised increment
	Normalization  string // Python class of the normalisation, such as "....SamplewiseRevNormalization"
	// NormalizationEpsilon is the least that samplewise normalisation divides by ("trainer.epsilon").
	NormalizationEpsilon float64
}

// Advice is how weights are best trained on, found by their makers; its zero value is none. What fine-tuning says itself counts more.
type Advice struct {
	NewColumns NewColumns // how columns of new fields begin ("walrus_go.fine_tuning.new_columns")
	EndsRate   float64    // of encoder and decoder, in learning rates of the rest ("walrus_go.fine_tuning.ends_rate"); 0 for none
}

// ownSection holds the settings that the released configuration has no place for: tokens, Advice, and of a data set what
// DataSetInfo.ours lists. The released program ignores it.
const ownSection = "walrus_go"

// adviceSection is where it has Advice.
const adviceSection = ownSection + ".fine_tuning"

//go:embed released.yaml
var releasedText []byte

// setting ties a place in the file to a field of Config.
type setting struct {
	path     string
	target   any
	required bool // else a file without it means the released value
}

// settings lists every place of the file that Config knows.
func (c *Config) settings() []setting {
	t := &c.Training
	list := []setting{
		{"name", &c.Name, false},
		{"model.hidden_dim", &c.Hidden, true},
		{"model.intermediate_dim", &c.Inner, true},
		{"model.processor.space_mixing.num_heads", &c.Heads, true},
		{"model.processor_blocks", &c.Blocks, true},
		{"model.include_d", &c.Dimensions, false},
		{"model.causal_in_time", &c.CausalInTime, false},
		{"model.jitter_patches", &c.JitterPatches, false},
		{"model.drop_path", &c.DropPath, false},
		{"model.input_field_drop", &c.FieldDrop, false},
		{"model.gradient_checkpointing_freq", &c.GradientCheckpointing, false},
		{fieldsSetting, &c.Fields, true},
		{"optimizer.lr", &t.LearningRate, false},
		{"optimizer.weight_decay", &t.WeightDecay, false},
		{"optimizer.eps", &t.Epsilon, false},
		{"trainer.clip_gradient", &t.ClipNorm, false},
		{"trainer.loss_fn._target_", &t.Loss, false},
		{"trainer.loss_multiplier", &t.LossMultiplier, false},
		{"trainer.grad_acc_steps", &t.GradientAccumulation, false},
		{"trainer.max_epoch", &t.Epochs, false},
		{"lr_scheduler.warmup_epochs", &t.WarmupEpochs, false},
		{"lr_scheduler.cooldown_epochs", &t.CooldownEpochs, false},
		{"lr_scheduler.warmup_lr_factor", &t.WarmupFactor, false},
		{"data.module_parameters.batch_size", &t.BatchSize, false},
		{"data.module_parameters.max_samples", &t.SamplesPerEpoch, false},
		{"data.module_parameters.n_steps_input", &t.InputSteps, false},
		{"data.module_parameters.n_steps_output", &t.OutputSteps, false},
		{"data.module_parameters.min_dt_stride", &t.MinStride, false},
		{"data.module_parameters.max_dt_stride", &t.MaxStride, false},
		{"data.transform.train.p", &t.RotationProbability, false},
		{"trainer.prediction_type", &t.PredictionType, false},
		{"trainer.revin._target_", &t.Normalization, false},
		{"trainer.epsilon", &t.NormalizationEpsilon, false},
		{ownSection + ".tokens", &c.Tokens, false},
		{ownSection + ".tokens_in_training", &c.TokenChoices, false},
		{adviceSection + ".new_columns", (*string)(&c.Advice.NewColumns), false},
		{adviceSection + ".ends_rate", &c.Advice.EndsRate, false},
	}
	if c.Baseline != nil {
		list = slices.DeleteFunc(list, func(s setting) bool { return strings.HasPrefix(s.path, modelSection+".") })
		list = append(list, c.Baseline.settings()...)
	}
	return list
}

// timeHeads is the second place that gives the number of heads.
const timeHeads = "model.processor.time_mixing.num_heads"

// ReleasedConfig is the configuration of the released Walrus: 1.286e9 parameters, 67 field columns.
func ReleasedConfig() (Config, error) {
	doc, err := parseDocument(releasedText)
	if err != nil {
		return Config{}, fmt.Errorf("checkpoint: released configuration: %w", err)
	}
	c, err := configFrom(doc, Config{})
	if err != nil {
		return Config{}, fmt.Errorf("checkpoint: released configuration: %w", err)
	}
	return c, nil
}

// ParseConfig reads the text of an extended_config.yaml. Settings that are missing have the released values, except for the
// model's sizes and the fields, which must be there. Keys that are not known, and values that are not implemented, are an
// error that names them all (keys.go).
func ParseConfig(text []byte) (Config, error) {
	c, err := parseConfig(text)
	if err != nil {
		return Config{}, fmt.Errorf("checkpoint: configuration: %w", err)
	}
	return c, nil
}

func parseConfig(text []byte) (Config, error) {
	doc, err := parseDocument(text)
	if err != nil {
		return Config{}, err
	}
	released, err := ReleasedConfig()
	if err != nil {
		return Config{}, err
	}
	return configFrom(doc, released.asDefaults())
}

// asDefaults is what a file means where it says nothing: c, but a file without an augmentation does not rotate.
func (c Config) asDefaults() Config {
	c.Training.RotationProbability = 0
	return c
}

// configFrom fills a Config from a document, starting from the given defaults.
func configFrom(doc document, defaults Config) (Config, error) {
	if err := checkKeys(doc); err != nil {
		return Config{}, err
	}
	c := defaults
	c.document = doc
	if _, exists := lookUp(doc, baselineSection); exists {
		c = c.withoutModel()
	}
	for _, s := range c.settings() {
		value, exists := lookUp(doc, s.path)
		if !exists || value == nil {
			if s.required {
				return Config{}, fmt.Errorf("%s is missing", s.path)
			}
			continue
		}
		if err := assign(s.target, value); err != nil {
			return Config{}, fmt.Errorf("%s: %w", s.path, err)
		}
	}
	if value, exists := lookUp(doc, timeHeads); exists && c.Baseline == nil {
		var heads int
		if err := assign(&heads, value); err != nil || heads != c.Heads {
			return Config{}, fmt.Errorf("%s: found %v; expected %d as in space mixing", timeHeads, value, c.Heads)
		}
	}
	if err := c.check(); err != nil {
		return Config{}, err
	}
	var err error
	c.DataSets, err = readDataSets(doc, c.Training)
	return c, err
}

// ReadConfig reads an extended_config.yaml, or a file that Write made.
func ReadConfig(path string) (Config, error) {
	file, err := openFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("checkpoint: %w", err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxConfigBytes+1))
	if err != nil {
		return Config{}, fmt.Errorf("checkpoint: %s: %w", path, err)
	}
	c, err := parseConfig(text)
	if err != nil {
		return Config{}, fmt.Errorf("checkpoint: %s: %w", path, err)
	}
	return c, nil
}

// ReadConfigOf reads the configuration file that was named, or without a name the one that FindConfig finds for the weights.
func ReadConfigOf(weights, named string) (Config, error) {
	if named != "" {
		return ReadConfig(named)
	}
	found, err := FindConfig(weights)
	if err != nil {
		return Config{}, fmt.Errorf("%w; name one with --config", err)
	}
	return ReadConfig(found)
}

// fieldsSetting is where a configuration file has the columns of the fields.
const fieldsSetting = "data.field_index_map_override"

// YAML is the text of the configuration, in the structure of the released file. Whatever else the file had that the
// configuration was read from is kept.
func (c Config) YAML() ([]byte, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	released, err := ReleasedConfig()
	if err != nil {
		return nil, err
	}
	doc := c.document
	if doc == nil {
		doc = released.document
	}
	if c.Baseline != nil {
		doc = replaced(doc, fieldsSetting, plain(&c.Fields)) // its channels are named by them, and checked as the file is read
		if doc, err = c.Baseline.into(doc); err != nil {
			return nil, fmt.Errorf("checkpoint: configuration: %w", err)
		}
	}
	read, err := configFrom(doc, released.asDefaults())
	if err != nil {
		return nil, fmt.Errorf("checkpoint: configuration: %w", err)
	}
	before := read.settings()
	for i, s := range c.settings() {
		if value := plain(s.target); !reflect.DeepEqual(value, plain(before[i].target)) { // else as the file says it
			doc = replaced(doc, s.path, value)
		}
	}
	if c.Baseline == nil {
		doc = replaced(doc, timeHeads, c.Heads)
	}
	if doc, err = writeDataSets(doc, c.DataSets, c.Training); err != nil {
		return nil, fmt.Errorf("checkpoint: configuration: %w", err)
	}
	text, err := encodeDocument(doc)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: configuration: %w", err)
	}
	return text, nil
}

// Write writes the configuration as YAML; the file appears complete or not at all.
func (c Config) Write(path string) error {
	text, err := c.YAML()
	if err != nil {
		return err
	}
	err = writeAtomically(path, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
	if err != nil {
		return fmt.Errorf("checkpoint: write: %w", err)
	}
	return nil
}

// plain is what a setting points to, as a value to write; fields come in the order of their columns.
func plain(target any) any {
	switch t := target.(type) {
	case *int:
		return *t
	case *float64:
		return *t
	case *bool:
		return *t
	case *string:
		return *t
	case *[]int:
		return *t
	case *[]string:
		return *t
	case *map[string]string:
		return sorted(*t)
	case *map[int]int:
		if *t == nil { // an empty one says something else
			return nil
		}
		return sorted(*t)
	}
	fields := *target.(*map[string]int)
	mapping := sorted(fields)
	slices.SortStableFunc(mapping, func(a, b yaml.MapItem) int { return a.Value.(int) - b.Value.(int) })
	return mapping
}

// sorted is a mapping in the order of its keys.
func sorted[K cmp.Ordered, V any](from map[K]V) document {
	mapping := make(document, 0, len(from))
	for _, key := range slices.Sorted(maps.Keys(from)) {
		mapping = append(mapping, yaml.MapItem{Key: key, Value: from[key]})
	}
	return mapping
}
