package checkpoint

import (
	"fmt"
	pathpkg "path"
	"slices"
	"strings"
)

// What the keys of an extended_config.yaml may say. A key is read (settings, DataSetInfo), or it may have the values for which
// the network, the data and the training here do what the release does (supported), or it does not touch the numbers (ignored).
// Any other key is an error: a later release may have given it a meaning that changes them.
//
// In the paths * stands for one name, or for a part of one, and .** for a key with everything below it.

// supported lists the keys with the values that are implemented. Of a Python class only its own name counts, since modules move.
var supported = []struct {
	key    string
	values []string
}{
	// The network.
	{"model._target_", []string{"IsotropicModel"}},
	{"model.norm_layer._target_", []string{"RMSGroupNorm"}},
	{"model.max_d", []string{"3"}},
	{"model.static_axes", []string{"true"}},
	{"model.weight_tied_axes", []string{"false"}},
	{"model.override_dimensionality", []string{"0"}},
	{"model.use_periodic_fixed_jitter", []string{"true"}},
	{"model.processor._target_", []string{"SpaceTimeSplitBlock"}},
	{"model.processor.space_mixing._target_", []string{"FullAttention"}},
	{"model.processor.space_mixing.mlp_dim", []string{"null"}}, // four times hidden_dim
	{"model.processor.time_mixing._target_", []string{"AxialTimeAttention"}},
	{"model.processor.time_mixing.bias_type", []string{"rel"}},
	{"model.processor.channel_mixing._target_", []string{"Identity"}},
	{"model.encoder._target_", []string{"SpaceBagAdaptiveDVstrideEncoder"}},
	{"model.encoder.activation._target_", []string{"SiLU"}},
	{"model.encoder.learned_pad", []string{"true"}},
	{"model.encoder.base_kernel_size2d", []string{"[[8 4] [8 4]]"}},
	{"model.encoder.base_kernel_size3d", []string{"[[8 4] [8 4] [8 4]]"}},
	{"model.encoder.kernel_scales_seq", []string{"[[2 2] [4 2] [4 4] [8 4]]"}},
	{"model.encoder.variable_downsample", []string{"true"}},
	{"model.encoder.variable_deterministic_ds", []string{"true"}},
	{"model.decoder._target_", []string{"AdaptiveDVstrideDecoder"}},
	{"model.decoder.activation._target_", []string{"SiLU"}},
	{"model.decoder.learned_pad", []string{"true"}},
	{"model.decoder.base_kernel_size2d", []string{"[[8 4] [8 4]]"}},
	{"model.decoder.base_kernel_size3d", []string{"[[8 4] [8 4] [8 4]]"}},

	// From the data to the network and back.
	{"data.module_parameters._target_", []string{"MixedWellDataModule"}},
	{"data.transform.train._target_", []string{"RandomRotation90"}},
	{"trainer._target_", []string{"Trainer"}},
	{"trainer.formatter._target_", []string{"get_class", "ChannelsFirstWithTimeFormatter"}},
	{"trainer.formatter.path", []string{"ChannelsFirstWithTimeFormatter"}},
	{"trainer.enable_amp", []string{"false"}},
	{"trainer.validation_epsilon", []string{"1e-05", "1e-5"}}, // of the scores

	// The training.
	{"trainer.minimum_context", []string{"1"}},
	{"optimizer._target_", []string{"AdamW"}},
	{"optimizer.betas", []string{"[0.9 0.999]"}},
	{"optimizer.amsgrad", []string{"false"}},
	{"optimizer.maximize", []string{"false"}},
	{"lr_scheduler._target_", []string{"InverseSqrtLinearWarmupSqrtCooldown", "InverseSqrtLinearRamps"}},
	{"trainer.lr_scheduler_per_step", []string{"false", "true"}},
}

// ignored lists the keys that do not touch a model's numbers.
var ignored = []struct {
	why  string
	keys []string
}{
	{"the released norm does not use its groups (spec 2.3)", []string{"model.groups", "model.encoder.groups", "model.decoder.groups"}},
	{"no layer uses them", []string{"model.projection_dim", "model.encoder.base_kernel_size1d", "model.decoder.base_kernel_size1d"}},
	{"the weights tell", []string{
		"finetuning_mods.learnable_rope", "finetuning_mods.rope_per_axis",
		"finetuning_mods.ape", "finetuning_mods.use_ape", "finetuning_mods.add_ape", "finetuning_mods.learnable_ape", "finetuning_mods.ape_shape.**",
	}},
	{"the cool-down does not use it (spec 4)", []string{"lr_scheduler.cooldown_lr_factor"}},
	{"how many windows of a set the released training drew", []string{
		"data.module_parameters.restrict_num_trajectories", "data.module_parameters.restrict_num_samples", "data.module_parameters.recycle_datasets",
		dataSets + ".*.restrict_num_trajectories", dataSets + ".*.restrict_num_samples",
	}},
	{"what the released trainer scores and when; walrus eval has its own flags", []string{
		"trainer.val_frequency", "trainer.rollout_val_frequency", "trainer.short_validation_length", "trainer.max_rollout_steps",
		"trainer.num_time_intervals", "trainer.skip_spectral_metrics", "trainer.validation_*.**", "trainer.*_validation",
		"data.module_parameters.max_rollout_steps", "data.module_parameters.start_rollout_valid_output_at_t", "validation_mode",
	}},
	{"logging", []string{"trainer.gradient_log_level", "trainer.log_*", "trainer.wandb_*", "logger.**", "logging.**", "wandb.**", "data.wandb_data_name", "tags.**", "notes"}},
	{"half precision, which enable_amp turns on", []string{"trainer.amp_type", "trainer.amp_dtype"}},
	{"speed of the optimizer", []string{"optimizer.fused", "optimizer.foreach", "optimizer.capturable"}},
	{"where files lie, and which weights a training began with", []string{
		"data.well_base_path", "experiment_dir", "experiment_name", "output_dir", "paths.**", "checkpoint.**", "auto_resume", "folder_override",
		"checkpoint_override", "config_override", "finetune", "frozen_components.**",
	}},
	{"the machines", []string{
		"data_workers", "data.module_parameters.data_workers", "data.module_parameters.num_workers", "data.module_parameters.world_size", "data.module_parameters.rank",
		"automatic_setup", "distribution.**", "server.**", "slurm.**", "submitit.**", "launcher.**", "hydra.**", "seed", "debug", "profile",
	}},
}

// hydraKeys are those by which the released program makes objects of a configuration; they may stand anywhere.
var hydraKeys = []string{"_partial_", "_recursive_", "_convert_"}

// keyRule is a key of the tables above: which values it may have, nil for any.
type keyRule struct {
	path   []string
	below  bool // with everything below it
	values []string
}

// keyRules are the tables above with what is read, taken apart.
func keyRules() []keyRule {
	var c Config
	var rules []keyRule
	add := func(key string, values []string) {
		key, below := strings.CutSuffix(key, ".**")
		rules = append(rules, keyRule{strings.Split(key, "."), below, values})
	}
	for _, s := range c.settings() {
		add(s.path, nil)
	}
	for _, s := range new(Baseline).settings() {
		add(s.path, nil)
	}
	add("data.field_index_map_override.*", nil)
	add(timeHeads, nil)
	var info DataSetInfo
	add(dataSets, nil)
	add(dataSets+".*", nil)
	for _, s := range info.released() {
		add(dataSets+".*."+s.key+".**", nil)
	}
	add(dataSets+".*."+historyFactor, nil)
	add(dataSets+".*."+batchFactor, nil)
	add(ownSection+".data_sets.*", nil)
	for _, s := range info.ours() {
		add(ownSection+".data_sets.*."+s.key+".**", nil)
	}
	for _, s := range supported {
		add(s.key, s.values)
	}
	for _, group := range ignored {
		for _, key := range group.keys {
			add(key, nil)
		}
	}
	return rules
}

// covers says whether the rule is about a path, and whether it is about keys below it.
func (r keyRule) covers(path []string) (exactly, deeper bool) {
	for i, name := range path {
		if i == len(r.path) {
			return r.below, false
		}
		if fits, err := pathpkg.Match(r.path[i], name); r.path[i] != "*" && (!fits || err != nil) {
			return false, false
		}
	}
	return len(path) == len(r.path), len(path) < len(r.path)
}

// maxListed is how many wrong keys an error names.
const maxListed = 10

// checkKeys reports all keys that are not known, and all values that are not implemented.
func checkKeys(doc document) error {
	rules := keyRules()
	var wrong []string
	var walk func(path []string, value any)
	walk = func(path []string, value any) {
		if slices.Contains(hydraKeys, path[len(path)-1]) {
			return
		}
		known, section := false, false
		for _, r := range rules {
			exactly, deeper := r.covers(path)
			section = section || deeper
			if !exactly || known {
				continue
			}
			known = true
			if found := spelled(value); r.values != nil && !slices.Contains(r.values, found) && !slices.Contains(r.values, className(found)) {
				wrong = append(wrong, fmt.Sprintf("%s: found %s; supported: %s", printablePath(path), shortened(found), strings.Join(r.values, ", ")))
			}
		}
		inner, isMapping := value.(document)
		switch {
		case known && !(isMapping && section): // everything below is known too
		case section && (isMapping || value == nil):
			for _, item := range inner {
				walk(append(slices.Clone(path), fmt.Sprint(item.Key)), item.Value)
			}
		case section:
			wrong = append(wrong, fmt.Sprintf("%s: found %s; expected a mapping with settings", printablePath(path), shortened(spelled(value))))
		default:
			wrong = append(wrong, fmt.Sprintf("%s: not a key of the release of 2025-11-20, and what it means is not known here", printablePath(path)))
		}
	}
	for _, item := range doc {
		walk([]string{fmt.Sprint(item.Key)}, item.Value)
	}
	if len(wrong) == 0 {
		return nil
	}
	if more := len(wrong) - maxListed; more > 0 {
		wrong = append(wrong[:maxListed], fmt.Sprintf("and %d more", more))
	}
	return fmt.Errorf("%s (what does not change predictions may be taken out of the file)", strings.Join(wrong, "; "))
}

// spelled is a value as the table of supported values writes it.
func spelled(value any) string {
	if value == nil {
		return "null"
	}
	return fmt.Sprint(value)
}

// className is the part of a Python path behind the last dot.
func className(path string) string { return path[strings.LastIndex(path, ".")+1:] }

// printablePath joins names that may come from anywhere.
func printablePath(path []string) string {
	names := slices.Clone(path)
	for i, name := range names {
		if strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != "" || len(name) > 80 {
			names[i] = printable(name)
		}
	}
	return strings.Join(names, ".")
}

// shortened is a value as an error shows it: bare where that is harmless.
func shortened(value string) string {
	if quoted := fmt.Sprintf("%q", value); quoted != `"`+value+`"` || len(value) > 80 {
		return printable(value)
	}
	return value
}
