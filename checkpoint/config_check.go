package checkpoint

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// Upper bounds of the sizes in a configuration: a hundred times the released model's, so that a damaged file is refused before
// its numbers are multiplied and allocated.
const (
	maxHidden = 1 << 17
	maxBlocks = 1 << 12
	maxStates = 1 << 13
	maxCount  = 1 << 30
)

// MaxEndsRate is the largest of Advice.EndsRate.
const MaxEndsRate = 1000

// reservedColumns are the columns that are not physical fields.
var reservedColumns = []string{"closed_boundary", "open_boundary", "bias_correction"}

// HeadDim is the number of channels of one attention head.
func (c Config) HeadDim() int { return c.Hidden / c.Heads }

// States is the number of columns of the embedding: one more than the largest index of a field.
func (c Config) States() int {
	states := 0
	for _, column := range c.Fields {
		states = max(states, column+1)
	}
	return states
}

// Validate checks every number; the error names the setting as the file spells it.
func (c Config) Validate() error {
	if err := c.check(); err != nil {
		return fmt.Errorf("checkpoint: configuration: %w", err)
	}
	return nil
}

func (c Config) check() error {
	if err := c.validateModel(); err != nil {
		return err
	}
	if err := c.Advice.validate(); err != nil {
		return err
	}
	return c.Training.validate()
}

// validate reports advice that could not be followed.
func (a Advice) validate() error {
	if err := a.NewColumns.Check(); err != nil {
		return fmt.Errorf("%s.new_columns: %w", adviceSection, err)
	}
	if !(a.EndsRate >= 0 && a.EndsRate <= MaxEndsRate) {
		return fmt.Errorf("%s.ends_rate: found %g; expected a number from 0 to %d", adviceSection, a.EndsRate, MaxEndsRate)
	}
	return nil
}

func (c Config) validateModel() error {
	if c.Baseline != nil {
		return cmp.Or(c.validateFields(), c.Baseline.check(c.Fields))
	}
	for _, limit := range []struct {
		name            string
		value, low, top int
	}{
		{"model.hidden_dim", c.Hidden, 8, maxHidden},
		{"model.intermediate_dim", c.Inner, 1, maxHidden},
		{"num_heads", c.Heads, 1, maxHidden},
		{"model.processor_blocks", c.Blocks, 1, maxBlocks},
		{"model.gradient_checkpointing_freq", c.GradientCheckpointing, 0, maxBlocks},
		{ownSection + ".tokens", c.Tokens, 0, maxCount},
	} {
		if err := within(limit.name, limit.value, limit.low, limit.top); err != nil {
			return err
		}
	}
	if err := withinEach(ownSection+".tokens_in_training", c.TokenChoices); err != nil {
		return err
	}
	if c.Hidden%c.Heads != 0 {
		return fmt.Errorf("model.hidden_dim %d is not a multiple of num_heads %d", c.Hidden, c.Heads)
	}
	if head := c.HeadDim(); head%2 != 0 || head < 8 {
		return fmt.Errorf("%d channels a head (hidden_dim %d / num_heads %d); expected an even number, at least 8", head, c.Hidden, c.Heads)
	}
	if !slices.Equal(c.Dimensions, []int{2}) && !slices.Equal(c.Dimensions, []int{3}) && !slices.Equal(c.Dimensions, []int{2, 3}) {
		return fmt.Errorf("model.include_d: found %v; expected [2], [3] or [2, 3]", c.Dimensions)
	}
	if !(c.DropPath >= 0 && c.DropPath < 1) {
		return fmt.Errorf("model.drop_path: found %g; expected 0 or more and less than 1", c.DropPath)
	}
	if !(c.FieldDrop >= 0 && c.FieldDrop < maxStates) {
		return fmt.Errorf("model.input_field_drop: found %g; expected 0 or more", c.FieldDrop)
	}
	return c.validateFields()
}

// validateFields checks the columns of the fields.
func (c Config) validateFields() error {
	for column, name := range reservedColumns {
		if found, exists := c.Fields[name]; !exists || found != column {
			return fmt.Errorf("data.field_index_map_override: %s must have the index %d", name, column)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Fields)) {
		if err := within("data.field_index_map_override: "+printable(name), c.Fields[name], 0, maxStates-1); err != nil {
			return err
		}
	}
	if c.States() <= len(reservedColumns) {
		return fmt.Errorf("data.field_index_map_override: no physical field")
	}
	return nil
}

func (t Training) validate() error {
	for _, limit := range []struct {
		name       string
		value, low int
	}{
		{"trainer.grad_acc_steps", t.GradientAccumulation, 1},
		{"trainer.max_epoch", t.Epochs, 0},
		{"lr_scheduler.warmup_epochs", t.WarmupEpochs, 0},
		{"lr_scheduler.cooldown_epochs", t.CooldownEpochs, 0},
		{"data.module_parameters.batch_size", t.BatchSize, 1},
		{"data.module_parameters.max_samples", t.SamplesPerEpoch, 1},
		{"data.module_parameters.n_steps_input", t.InputSteps, 1},
		{"data.module_parameters.n_steps_output", t.OutputSteps, 1},
		{"data.module_parameters.min_dt_stride", t.MinStride, 1},
		{"data.module_parameters.max_dt_stride", t.MaxStride, t.MinStride},
	} {
		if err := within(limit.name, limit.value, limit.low, maxCount); err != nil {
			return err
		}
	}
	for _, rate := range []struct {
		name  string
		value float64
	}{
		{"optimizer.lr", t.LearningRate},
		{"optimizer.weight_decay", t.WeightDecay},
		{"optimizer.eps", t.Epsilon},
		{"trainer.clip_gradient", t.ClipNorm},
		{"trainer.loss_multiplier", t.LossMultiplier},
		{"lr_scheduler.warmup_lr_factor", t.WarmupFactor},
	} {
		if !(rate.value >= 0 && rate.value < 1e9) {
			return fmt.Errorf("%s: found %g; expected a number from 0 to 1e9", rate.name, rate.value)
		}
	}
	if !(t.RotationProbability >= 0 && t.RotationProbability <= 1) {
		return fmt.Errorf("data.transform.train.p: found %g; expected a probability", t.RotationProbability)
	}
	if !(t.NormalizationEpsilon > 0 && t.NormalizationEpsilon < 1) {
		return fmt.Errorf("trainer.epsilon: found %g; expected a number above 0 and below 1", t.NormalizationEpsilon)
	}
	if class := className(t.Loss); class != "MAE" && class != "MSE" {
		return fmt.Errorf("trainer.loss_fn._target_: found %s; expected MAE or MSE", printable(t.Loss))
	}
	if t.PredictionType != "delta" && t.PredictionType != "full" {
		return fmt.Errorf("trainer.prediction_type: found %s; expected delta or full", printable(t.PredictionType))
	}
	return nil
}

// withinEach checks a list of numbers of points or tokens.
func withinEach(name string, list []int) error {
	for _, n := range list {
		if err := within(name, n, 1, maxCount); err != nil {
			return err
		}
	}
	return nil
}

func within(name string, value, low, top int) error {
	if value < low || value > top {
		return fmt.Errorf("%s: found %d; expected %d to %d", name, value, low, top)
	}
	return nil
}
