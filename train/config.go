package train

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/gowalrus/walrus/checkpoint"
	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/internal/yamltext"
	"github.com/gowalrus/walrus/ranks"
	"github.com/gowalrus/walrus/sample"
	"github.com/gowalrus/walrus/score"
	"github.com/gowalrus/walrus/well"
)

// Config is a training run as a YAML file describes it. A key that is not listed here is an error.
type Config struct {
	Preset    string `yaml:"preset,omitempty"` // configuration that this one starts from: one of walrus train --preset list
	Seed      uint64 `yaml:"seed"`             // fixes every random draw of the run (default 1)
	Out       string `yaml:"out"`              // folder of checkpoints and logs (default "run")
	Engine    string `yaml:"engine"`           // what computes (default: the fastest at hand)
	Precision string `yaml:"precision"`        // of matrix products: float32, tf32 or bf16 (default float32, the paper's)
	Devices   int    `yaml:"devices"`          // GPUs that share every batch, each with its part of the samples (default 1; the paper: 96)
	Shard     int    `yaml:"shard"`            // processes that share the optimizer's memory, each with a part of the moments (ZeRO-1); where several processes train (default 1, each has all; the paper: 4)
	Reduce    string `yaml:"reduce"`           // type of gradients on their way between processes: float32 or bf16, in which half the bytes are sent and 16 bits are lost (default float32, the paper's)
	LogEvery  int    `yaml:"log_every"`        // steps that a row of the log averages over (default 10)
	// TensorBoard writes loss, rates, the loss of each data set, scores and a picture of a validation into event files of
	// the run's folder (default false). The numbers of the training stay the same.
	TensorBoard bool             `yaml:"tensorboard"`
	Model       ModelConfig      `yaml:"model"`      // the network
	Data        DataConfig       `yaml:"data"`       // what it learns from
	Loss        Loss             `yaml:"loss"`       // what is minimised, of the normalised increments: mae or mse, which leaves the beginning sooner where fields are still almost everywhere (default as the weights of finetune.from were trained, or mae, the paper's)
	Optimizer   Optimizer        `yaml:"optimizer"`  // AdamW (default as released)
	Schedule    Schedule         `yaml:"schedule"`   // learning rate and length
	Validation  ValidationConfig `yaml:"validation"` // scores while training
	Checkpoint  CheckpointConfig `yaml:"checkpoint"` // how often to save
	Finetune    FinetuneConfig   `yaml:"finetune"`   // where to start from
}

// ModelConfig chooses the architecture: a preset, and what differs from it (0: as the preset).
type ModelConfig struct {
	// Kind is the architecture: walrus, or one to compare it with, of package baseline: fno, unet or cnextunet, with the sizes
	// of The Well's benchmark unless hidden, blocks, modes or parameters say otherwise (default walrus).
	Kind         string  `yaml:"kind"`
	Preset       string  `yaml:"preset"`       // size of a Walrus: nano, tiny, small, base, half or walrus (default nano)
	Hidden       int     `yaml:"hidden"`       // width of a token, or of a baseline at the full resolution (default the preset's, as what is 0 below; the paper: 1408)
	Intermediate int     `yaml:"intermediate"` // width between the two encoder stages (the paper: 352)
	Heads        int     `yaml:"heads"`        // attention heads (the paper: 16)
	Blocks       int     `yaml:"blocks"`       // space-time blocks; Fourier layers of an fno, blocks of a stage of a cnextunet (the paper: 40; The Well's benchmark: 4 and 2)
	Modes        int     `yaml:"modes"`        // Fourier modes of an fno along each axis (default 16, The Well's)
	Parameters   float64 `yaml:"parameters"`   // budget of a baseline, as 3e6: its width becomes what comes nearest; 0 for none (default 0)
	Predicts     string  `yaml:"predicts"`     // what a baseline's output is: the normalised change to the next frame, as Walrus's, or the normalised next frame, as in The Well's benchmark: change or frame (default change)
	DropPath     float64 `yaml:"drop_path"`    // share of residual branches dropped in the last block (default 0; the paper: 0.05, and 0 in fine-tuning)
	FieldDrop    float64 `yaml:"field_drop"`   // whole fields dropped from a training sample, on average (default 0, the paper's)
	// Tokens are the tokens along each axis; beside a list in data.tokens the one of them that the model is validated and
	// used with (default 32 in 2-D and 16 in 3-D, the paper's, or the largest of data.tokens that fits the data).
	Tokens     int    `yaml:"tokens"`
	Vocabulary string `yaml:"vocabulary"` // "released": the 67 published columns and new fields; "data": only the data's fields (default released, the paper's)
	// Jitter rolls patches and tokens at random. Without it axes that end are padded less, as in the released model with
	// jitter_patches: false (128 points: 32 tokens, not 33). Default as the weights of finetune.from have it, or true, as
	// the paper.
	Jitter    *bool `yaml:"jitter"`
	Recompute int   `yaml:"recompute"` // recompute every n-th block in the backward pass to save memory; 0 for none (default 0; the paper: 2)
}

// DataConfig says which windows are drawn, and how.
type DataConfig struct {
	Sets        []SetConfig         `yaml:"sets"`        // what is learned from, as [{path: data/shear_flow}]; every set is equally likely
	History     int                 `yaml:"history"`     // frames that the network sees; half of them in 3-D (default 6, the paper's)
	Batch       int                 `yaml:"batch"`       // samples in a batch; half of them in 3-D (default 2, the paper's)
	MinStride   int                 `yaml:"min_stride"`  // frames between the frames of a sample, at least (default 1, the paper's)
	MaxStride   int                 `yaml:"max_stride"`  // and at most, drawn uniformly (default 5, the paper's, and 1 in fine-tuning)
	Rotation    sample.Augmentation `yaml:"rotation"`    // by quarter turns: none, plane (2-D data within its plane) or space (default plane; the paper: space, and none in fine-tuning)
	Reflections bool                `yaml:"reflections"` // mirror images too (default false, as the release)
	// Pseudo says of fields whether mirror images change their sign beside what their rank says, as {spin: true}: pseudo-scalars
	// and pseudo-vectors (default: those known by name, such as magnetic_field and vorticity, as docs/grids.md lists; the released
	// code knows none).
	Pseudo   map[string]bool `yaml:"pseudo,omitempty"`
	Unturned float64         `yaml:"unturned"` // share of the batches that no rotation is drawn for (default 0; one less the release's p)
	Prefetch int             `yaml:"prefetch"` // batches read ahead (default 2)
	// Tokens are tokens along each axis, as [8, 16, 32], of which every batch draws one that fits its grid: from one set of
	// weights, cost against accuracy is then chosen when predicting (--tokens). A grid fits a number if the released strides
	// cut it so, and in 3-D those above 16 are left out where there are others. One number is the same as model.tokens
	// (default none: model.tokens; the paper: 32 in 2-D and 16 in 3-D).
	Tokens Tokens `yaml:"tokens"`
	// Normalization divides the fields by the root mean squares of each window (samplewise) or of the whole data set in its
	// statistics (dataset); samplewise_mean_std and dataset_mean_std subtract means and divide by standard deviations.
	// Default as the weights of finetune.from were trained, or samplewise; the paper: samplewise, and dataset in fine-tuning.
	Normalization sample.Normalization `yaml:"normalization"`
	// NormalizationEpsilon is the least that a window is divided by (default as the weights of finetune.from, or 1e-5;
	// the release: 1e-8 in fine-tuning).
	NormalizationEpsilon float64 `yaml:"normalization_epsilon"`
	// Accumulation is the number of batches whose gradients make one optimizer step (default 1; the paper: 4, and 1 in fine-tuning). Each is of a
	// data set of its own choice, so that a step may see 2-D and 3-D data.
	Accumulation int `yaml:"accumulation"`
	// Recycle begins anew with a data set whose windows have all been drawn (default true). With false it is not drawn again in
	// the same epoch, and an epoch ends at the latest when all data sets are used up.
	Recycle bool `yaml:"recycle"`
	// Trajectories and Samples restrict what is learned from to some trajectories and windows of each data set: a number from
	// 1 on, a share below 1, or 0 for all (default 0). The seed chooses them; a smaller part lies within a larger one.
	Trajectories well.Part `yaml:"restrict_num_trajectories"`
	Samples      well.Part `yaml:"restrict_num_samples"`
	// SetDefaults are what every data set has that does not say otherwise, and KnownSets what those of a folder's name have.
	SetDefaults *SetConfig           `yaml:"set_defaults,omitempty"`
	KnownSets   map[string]SetConfig `yaml:"known_sets,omitempty"`
}

// SetConfig is one data set of the mixture; every one is equally likely.
type SetConfig struct {
	Path    string   `yaml:"path"`              // folder with data/train, or the folder of the files
	Include []string `yaml:"include,omitempty"` // keep files whose path contains one of these
	Exclude []string `yaml:"exclude,omitempty"` // drop files whose path contains one of these
	// Transforms are those of fields before all else, as {density: log10} or {density: zeros_like}; those of fields that the set
	// lacks are passed over (default none).
	Transforms map[string]string `yaml:"field_transforms,omitempty"`
	Resample   []int             `yaml:"resample,omitempty"` // points along each axis to interpolate the data to; none for its own grid
	// Pad is auto to continue data whose grid no stride fits to the next one that fits, by the boundary of each end: mirrored at a
	// wall, held at an open end, wrapped around where periodic. Losses and results are of the data's own points; an axis that
	// fits is left as it is (default none: an error that names the sizes that fit).
	Pad string `yaml:"pad,omitempty"`
	// NetworkPoints has the extents of axes that the network computes on another number of points, as {66: 64}; fields are
	// interpolated on their way in and out (default as released: that one for post_neutron_star_merger). It is for predictions;
	// training needs resample where this would change the grid.
	NetworkPoints map[int]int `yaml:"network_points,omitempty"`
	History       int         `yaml:"history"`          // instead of data.history times step_downsample_factor
	Batch         int         `yaml:"batch"`            // instead of data.batch times batch_downsample_factor
	Stride        int         `yaml:"stride"`           // instead of data.min_stride and data.max_stride
	Tokens        Tokens      `yaml:"tokens,omitempty"` // instead of data.tokens and model.tokens: a number or a list of them
	// StepFactor and BatchFactor are what data.history and data.batch are multiplied with, rounded down to at least 1 (default
	// as released: 1 in 2-D and 0.5 in 3-D, so that a batch has about as many tokens).
	StepFactor  float64 `yaml:"step_downsample_factor,omitempty"`
	BatchFactor float64 `yaml:"batch_downsample_factor,omitempty"`
	// Trajectories and Samples are instead of those of data.
	Trajectories well.Part `yaml:"restrict_num_trajectories,omitempty"`
	Samples      well.Part `yaml:"restrict_num_samples,omitempty"`
	// Statistics is the file of the data set's statistics, as an absolute path or relative to its folder (default stats.yaml).
	Statistics string `yaml:"normalization_path,omitempty"`
	// Stats is the same for a file elsewhere, as where the data's folder can not be written: a path from the working folder.
	Stats string `yaml:"stats,omitempty"`
}

// ValidationConfig says how often and on how much the run is scored. Nothing is turned, and strides are the smallest. In the
// last epoch it is scored too, whatever the periods.
type ValidationConfig struct {
	Every        int    `yaml:"every"`         // epochs between validations one step ahead; 0 for none (default 1; the paper: 10, and 5 in fine-tuning)
	RolloutEvery int    `yaml:"rollout_every"` // epochs between validations by rollouts; 0 for none (default 0; the paper: 10, and 5 in fine-tuning)
	Batches      int    `yaml:"batches"`       // batches of each data set, and rollouts (default 20, the paper's)
	Windows      int    `yaml:"windows"`       // windows of each data set, and rollouts, instead of batches; 0 for batches (default 0)
	FullAtEnd    bool   `yaml:"full_at_end"`   // all windows and all trajectories in the last epoch (default true, as the paper)
	Split        string `yaml:"split"`         // split of the data (default valid, the paper's)
	Test         bool   `yaml:"test"`          // score the split test after the last epoch, where the data has one (default true, as the paper)
	// First is the first frame that rollouts predict, in frames of the data, or -1 for right after a history from frame 0
	// (default 17, as the paper in fine-tuning; the pretraining configuration leaves it at -1).
	First int `yaml:"first"`
	// MaxRolloutSteps bounds the rollouts; as in the release all but one frame of the history come on top of it (default 60,
	// the paper's).
	MaxRolloutSteps int `yaml:"max_rollout_steps"`
}

// CheckpointConfig says how often the run is saved, beside its end and Ctrl-C, and what is kept. In the run's folder "last" is
// the newest state, "best" that of the smallest validation error and "epoch-N" one that stays.
type CheckpointConfig struct {
	Minutes float64 `yaml:"minutes"` // wall-clock minutes between checkpoints (default 10; the release saves every epoch)
	Keep    int     `yaml:"keep"`    // the newest that are kept, beside those that best and epoch-N name; 0 for all (default 2)
	Every   int     `yaml:"every"`   // epochs between checkpoints that stay as epoch-N, as the last epoch's does; 0 for no others (default 20, the paper's)
	Best    bool    `yaml:"best"`    // keep as "best" what has the smallest mean absolute error one step ahead, over windows and fields of split validation.split (default true, as the paper)
}

// FinetuneConfig starts from weights instead of random numbers.
type FinetuneConfig struct {
	// From are weights in any readable form; fields that they do not know get new columns. What they were made with is kept
	// where the configuration says nothing else (or, for history and strides, the default): loss, normalization, jitter, tokens,
	// history, strides, and of a data set that they know its transforms, statistics and grids. Default none: fresh weights.
	From string `yaml:"from"`
	// NewColumns is how the columns of new fields and a new position embedding begin. "released" (the default, unless the weights advise the other): drawn at
	// random, while the old encoder columns shrink by sqrt(old / new number), so that the first predictions for known fields
	// change by about a percent and those for new ones are noise. "preserving": known fields are predicted as before, new ones
	// as unchanged.
	NewColumns checkpoint.NewColumns `yaml:"new_columns"`
	// Like names for fields that the weights do not know ones that they do, as {buoyancy: tracer}: the new one begins with the known one's
	// columns, and so with what was learned of it (default none: as new_columns says).
	Like map[string]string `yaml:"like,omitempty"`
	// EndsRate is what encoder and decoder learn with, in learning rates of the rest: with 4 and schedule.learning_rate 1e-3, their rate is 4e-3. A
	// pretrained network knows physics in its blocks and fields at its ends, and new data has other fields more than other physics. It has no
	// meaning where optimizer.groups names the same weights (default as the weights of from advise, or 1).
	EndsRate float64 `yaml:"ends_rate,omitempty"`
	// Columns are those that some fields shall have ({name: column}), as the field_index_map_override of a released data
	// file; the weights' other fields follow in their order, then the data's new ones. Default: the weights' columns stay.
	Columns map[string]int `yaml:"columns,omitempty"`
	// AxisFrequencies makes the rotary frequencies learnable, for each axis and block its own, as the released fine-tuned
	// models do (default false; the paper: true). They begin as the weights have them.
	AxisFrequencies bool `yaml:"axis_frequencies"`
	// PositionEmbedding adds a learned absolute position embedding, as the released models that were fine-tuned on
	// anisotropic domains have (default false). All data has to have the same grid of tokens, so that
	// data.rotation has to be none unless the grid is the same along all axes.
	PositionEmbedding bool `yaml:"position_embedding"`
	// Freeze are patterns of weights, by their names in the state dict, that stay as they are: ["blocks.*", "encoder.*"], where
	// encoder.* and decoder.* stand for embed.* and debed.* (default none). They have no gradient and no moments, and the
	// run's checkpoints hold only the others, with the place and the hash of the weights of from. What those lack, such as the
	// columns of new fields, is trained and saved all the same.
	Freeze []string `yaml:"freeze,omitempty"`
	// LoRA trains small matrices beside those of the blocks (Hu et al., 2021) and leaves the weights of from as they are, but for
	// what those lack, such as the columns of new fields. Checkpoints hold only what is trained; rollout and eval open them as
	// any run, and walrus convert --merge makes whole weights of them.
	LoRA LoRAConfig `yaml:"lora,omitempty"`
}

// DefaultConfig is what a file that says nothing gets.
func DefaultConfig() Config {
	return Config{
		Seed:       1,
		Out:        "run",
		Devices:    1,
		Shard:      1,
		Reduce:     string(ranks.Float32),
		LogEvery:   10,
		Model:      ModelConfig{Kind: walrusKind, Preset: "nano", Predicts: predictsChange, Vocabulary: releasedVocabulary},
		Data:       DataConfig{History: 6, Batch: 2, MinStride: 1, MaxStride: 5, Rotation: sample.PlaneRotation, Prefetch: 2, Accumulation: 1, Recycle: true},
		Optimizer:  ReleasedOptimizer(),
		Schedule:   DefaultSchedule(),
		Validation: ValidationConfig{Every: 1, Batches: 20, FullAtEnd: true, Split: "valid", Test: true, First: 17, MaxRolloutSteps: 60},
		Checkpoint: CheckpointConfig{Minutes: 10, Keep: 2, Every: 20, Best: true},
	}
}

// JitterOn reports whether random jitter and rolls are used.
func (m ModelConfig) JitterOn() bool { return !m.IsBaseline() && (m.Jitter == nil || *m.Jitter) }

// ParseConfig reads a YAML configuration over the defaults, or over the preset that it names, and applies overrides of the form
// key=value, where the key is a path with dots ("data.sets.0.path") and the value is YAML. Unknown keys are errors.
func ParseConfig(text []byte, overrides []string) (Config, error) {
	return ParsePreset("", text, overrides)
}

// ParsePreset is ParseConfig over a preset; empty for none. Every data set has what the preset says for it.
func ParsePreset(preset string, text []byte, overrides []string) (Config, error) {
	return parse(preset, text, overrides, settleSets)
}

// parse reads a configuration; settle is what is done with all its keys at last.
func parse(preset string, text []byte, overrides []string, settle func(map[string]any) map[string]any) (Config, error) {
	// The file alone first, so that its errors name its own lines.
	c, err := decodeConfig(text)
	if err != nil {
		return c, err
	}
	var tree map[string]any
	if err = yamltext.Unmarshal(text, &tree); err != nil {
		return c, fmt.Errorf("train: configuration: %w", err)
	}
	for _, section := range sections { // one that says nothing leaves the preset's
		if value, named := tree[section]; named && value == nil {
			delete(tree, section)
		}
	}
	if tree, err = onPreset(tree, preset); err != nil {
		return c, err
	}
	if c, err = decodeTree(settle(tree)); err != nil {
		return c, err
	}
	for _, override := range overrides {
		key, value, found := strings.Cut(override, "=")
		if !found || key == "" {
			return c, fmt.Errorf("train: override %q; expected key=value, for example schedule.epochs=20", override)
		}
		if key == presetKey {
			return c, fmt.Errorf("train: override %q: a preset lies below all else; use --preset, or the key in a file", override)
		}
		var parsed any
		if err = yamltext.Unmarshal([]byte(value), &parsed); err != nil {
			return c, fmt.Errorf("train: override %q: %w", override, err)
		}
		if err = setKey(tree, strings.Split(key, "."), parsed); err != nil {
			return c, fmt.Errorf("train: override %q: %w", override, err)
		}
		// Each is checked on its own, so that the message names the one that is wrong.
		if c, err = decodeTree(settle(tree)); err != nil {
			return c, fmt.Errorf("train: override %q: %w", override, err)
		}
	}
	return c, nil
}

// decodeTree is decodeConfig for a tree of keys.
func decodeTree(tree map[string]any) (Config, error) {
	text, err := yaml.Marshal(tree)
	if err != nil {
		return Config{}, fmt.Errorf("train: configuration: %w", err)
	}
	return decodeConfig(text)
}

func decodeConfig(text []byte) (Config, error) {
	c := DefaultConfig()
	err := yamltext.Unmarshal(text, &c, yaml.DisallowUnknownField())
	if err != nil {
		return c, fmt.Errorf("train: configuration: %w%s", err, unknownKey(text))
	}
	for i := range c.Data.Sets {
		set := &c.Data.Sets[i]
		if set.Stats == "" {
			continue
		}
		if set.Statistics != "" {
			return c, fmt.Errorf("train: data.sets.%d (%s): stats and normalization_path; expected one of them", i, set.Path)
		}
		if set.Statistics, err = filepath.Abs(set.Stats); err != nil {
			return c, fmt.Errorf("train: data.sets.%d (%s): stats: %w", i, set.Path, err)
		}
		set.Stats = ""
	}
	return c, nil
}

// setKey puts a value at a path of keys and list positions, making the maps on the way.
func setKey(node any, path []string, value any) error {
	switch node := node.(type) {
	case map[string]any:
		if len(path) == 1 {
			delete(node, supersedes[path[0]])
			node[path[0]] = value
			return nil
		}
		if node[path[0]] == nil {
			node[path[0]] = map[string]any{}
		}
		return setKey(node[path[0]], path[1:], value)
	case []any:
		i, err := strconv.Atoi(path[0])
		if err != nil || i < 0 || i >= len(node) {
			return fmt.Errorf("%q is not a position in a list of %d", path[0], len(node))
		}
		if len(path) == 1 {
			node[i] = value
			return nil
		}
		return setKey(node[i], path[1:], value)
	}
	return fmt.Errorf("%q lies below a plain value", path[0])
}

// schedule is the schedule with its steps counted.
func (c Config) schedule() Schedule { return c.Schedule.counted(c.Data.Accumulation) }

// Check reports settings that can not work, before anything is opened.
func (c Config) Check() error {
	if err := c.Loss.check(); err != nil {
		return err
	}
	if err := cmp.Or(c.schedule().Check(), c.Optimizer.Groups.check(), c.Model.checkKind(), c.checkFreezing()); err != nil {
		return err
	}
	if _, err := engine.ParsePrecision(c.Precision); err != nil {
		return fmt.Errorf("train: precision: %w", err)
	}
	if _, err := ranks.ParseTransport(c.Reduce); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	d := c.Data
	switch {
	case c.Shard < 1:
		return fmt.Errorf("train: shard is %d; expected at least 1", c.Shard)
	case c.Devices < 1:
		return fmt.Errorf("train: %d devices; expected at least 1", c.Devices)
	case len(d.Sets) == 0:
		return errors.New("train: data.sets is empty; name at least one data set, for example --set 'data.sets=[{path: data/shear_flow}]'")
	case d.History < 1 || d.Batch < 1:
		return fmt.Errorf("train: history of %d frames and batches of %d; expected at least one of each", d.History, d.Batch)
	case d.MinStride < 1 || d.MaxStride < d.MinStride:
		return fmt.Errorf("train: strides from %d to %d; expected 1 <= min_stride <= max_stride", d.MinStride, d.MaxStride)
	case d.Accumulation < 1:
		return fmt.Errorf("train: accumulation of %d batches; expected at least 1", d.Accumulation)
	case !(c.Optimizer.Clip >= 0) || !(c.Optimizer.Epsilon > 0) || !(c.Optimizer.WeightDecay >= 0):
		return fmt.Errorf("train: clip %v, epsilon %v, weight_decay %v; expected only epsilon to be above zero, and none negative", c.Optimizer.Clip, c.Optimizer.Epsilon, c.Optimizer.WeightDecay)
	case !(c.Optimizer.Beta1 >= 0 && c.Optimizer.Beta1 < 1 && c.Optimizer.Beta2 >= 0 && c.Optimizer.Beta2 < 1):
		return fmt.Errorf("train: beta1 %v, beta2 %v; expected both in [0, 1)", c.Optimizer.Beta1, c.Optimizer.Beta2)
	case !(c.Model.FieldDrop >= 0):
		return fmt.Errorf("train: model.field_drop is %v; expected 0 or more", c.Model.FieldDrop)
	case c.Model.Vocabulary != releasedVocabulary && c.Model.Vocabulary != dataVocabulary:
		return fmt.Errorf("train: model.vocabulary is %q; expected %s or %s", c.Model.Vocabulary, releasedVocabulary, dataVocabulary)
	case c.Validation.Every < 0 || c.Validation.RolloutEvery < 0 || c.Validation.Batches < 1 || c.Validation.MaxRolloutSteps < 1:
		return fmt.Errorf("train: validation every %d epochs, rollouts every %d, %d batches, max_rollout_steps %d; expected 0 or more, and at least 1 of the last two",
			c.Validation.Every, c.Validation.RolloutEvery, c.Validation.Batches, c.Validation.MaxRolloutSteps)
	case c.Validation.First < score.FromTheStart:
		return fmt.Errorf("train: validation.first is %d; expected a frame of the data, or %d for right after a history from frame 0", c.Validation.First, score.FromTheStart)
	case c.Checkpoint.Every < 0 || c.Checkpoint.Keep < 0:
		return fmt.Errorf("train: checkpoint.every is %d and keep %d; expected 0 or more", c.Checkpoint.Every, c.Checkpoint.Keep)
	case !(c.Checkpoint.Minutes > 0):
		return fmt.Errorf("train: checkpoint.minutes is %v; expected a positive number", c.Checkpoint.Minutes)
	}
	if !(d.Unturned >= 0 && d.Unturned <= 1) {
		return fmt.Errorf("train: data.unturned %v; expected a share between 0 and 1", d.Unturned)
	}
	if !(d.NormalizationEpsilon >= 0 && d.NormalizationEpsilon < 1) {
		return fmt.Errorf("train: data.normalization_epsilon %v; expected a number from 0 (the default) to below 1", d.NormalizationEpsilon)
	}
	if _, err := sample.ParseNormalization(string(d.Normalization)); err != nil {
		return fmt.Errorf("train: data.normalization: %w", err)
	}
	if err := c.Finetune.NewColumns.Check(); err != nil {
		return fmt.Errorf("train: finetune.new_columns: %w", err)
	}
	if err := cmp.Or(c.Finetune.checkFreezing(), c.checkEnds()); err != nil {
		return err
	}
	if f := c.Finetune; f.From == "" && (f.AxisFrequencies || f.PositionEmbedding || f.Columns != nil || f.Like != nil || f.EndsRate != 0) {
		return errors.New("train: finetune.axis_frequencies, finetune.position_embedding, finetune.columns, finetune.like and finetune.ends_rate are of weights that are trained on; name them with finetune.from")
	}
	if err := c.checkLayout(); err != nil {
		return err
	}
	if err := checkParts("data.", d.Trajectories, d.Samples); err != nil {
		return err
	}
	for i, set := range d.Sets {
		if set.Path == "" {
			return fmt.Errorf("train: data.sets.%d has no path", i)
		}
		if err := checkParts(fmt.Sprintf("data.sets.%d (%s): ", i, set.Path), set.Trajectories, set.Samples); err != nil {
			return err
		}
		if !(set.StepFactor >= 0 && set.StepFactor <= 1 && set.BatchFactor >= 0 && set.BatchFactor <= 1) {
			return fmt.Errorf("train: data.sets.%d (%s): step_downsample_factor %v and batch_downsample_factor %v; expected above 0 and at most 1", i, set.Path, set.StepFactor, set.BatchFactor)
		}
		if set.History < 0 || set.Batch < 0 || set.Stride < 0 {
			return fmt.Errorf("train: data.sets.%d (%s): history %d, batch %d and stride %d can not be negative", i, set.Path, set.History, set.Batch, set.Stride)
		}
		if batch := or(set.Batch, d.Batch); batch%c.Devices != 0 {
			return fmt.Errorf("train: data.sets.%d (%s): a batch of %d samples on %d devices; expected a multiple of the devices", i, set.Path, batch, c.Devices)
		}
		if _, err := set.ParsedTransforms(); err != nil {
			return fmt.Errorf("train: data.sets.%d (%s): %w", i, set.Path, err)
		}
	}
	return nil
}

// checkParts checks what a configuration restricts at a place.
func checkParts(place string, trajectories, samples well.Part) error {
	if err := trajectories.Check(); err != nil {
		return fmt.Errorf("train: %srestrict_num_trajectories is %w", place, err)
	}
	if err := samples.Check(); err != nil {
		return fmt.Errorf("train: %srestrict_num_samples is %w", place, err)
	}
	return nil
}

// ParsedTransforms reads the field transforms' names.
func (s SetConfig) ParsedTransforms() (map[string]sample.Transform, error) {
	parsed := map[string]sample.Transform{}
	for name, text := range s.Transforms {
		t, err := sample.ParseTransform(text)
		if err != nil {
			return nil, fmt.Errorf("field %s: %w", name, err)
		}
		parsed[name] = t
	}
	return parsed, nil
}
