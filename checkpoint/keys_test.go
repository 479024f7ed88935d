package checkpoint

import (
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/gowalrus/walrus/internal/released"
)

// Every value that is not implemented must be refused by the name of its key, with what was found and what is supported.
func TestOtherValuesOfSupportedKeysAreRefusedByName(t *testing.T) {
	others := map[string]any{
		"model.encoder.activation._target_": "torch.nn.GELU", "model.decoder.activation._target_": "torch.nn.GELU",
		"model.norm_layer._target_":                    "torch.nn.GroupNorm",
		"model.processor.space_mixing._target_":        "walrus.models.spatial_blocks.axial_attention.AxialAttention",
		"model.processor.space_mixing.mlp_dim":         uint64(5632),
		"model.processor.time_mixing.bias_type":        "alibi",
		"model.processor.channel_mixing._target_":      "walrus.models.channel_blocks.mlp.ChannelMLP",
		"model.encoder.kernel_scales_seq":              []any{[]any{uint64(2), uint64(2)}},
		"model.use_periodic_fixed_jitter":              false,
		"trainer.lr_scheduler_per_step":                "sometimes",
		"trainer.enable_amp":                           true,
		"lr_scheduler._target_":                        "torch.optim.lr_scheduler.CosineAnnealingLR",
		"trainer.formatter._target_":                   "walrus.data.ChannelsLast",
		"data.module_parameters._target_":              "the_well.data.WellDataModule",
		"model.processor.time_mixing._target_":         "FullTimeAttention",
		"data.transform.train._target_":                "the_well.data.augmentation.RandomAxisFlip",
		"optimizer._target_":                           "torch.optim.SGD",
		"model.encoder.base_kernel_size2d":             []any{[]any{uint64(4), uint64(4)}, []any{uint64(4), uint64(4)}},
		"model.override_dimensionality":                uint64(3),
		"model.weight_tied_axes":                       true,
		"model.processor._target_":                     "walrus.models.spatiotemporal_blocks.Joint",
		"model.encoder._target_":                       "walrus.models.encoders.SpaceBagEncoder",
		"model.decoder._target_":                       "walrus.models.decoders.Decoder",
		"optimizer.betas":                              []any{0.9, 0.95},
		"data.module_parameters.well_dataset_info.s.x": "y",
	}
	for _, s := range supported {
		other, known := others[s.key]
		if !known {
			other = "something else"
		}
		checkRefused(t, s.key, other, "found "+shortened(spelled(other))+"; supported: "+strings.Join(s.values, ", "))
		delete(others, s.key)
	}
	for key, value := range others {
		checkRefused(t, key, value, "not a key of the release")
	}
}

func TestKeysOfALaterReleaseAreRefusedByName(t *testing.T) {
	for _, key := range []string{
		"model.rope_base", "model.encoder.activation.slope", "trainer.ema", "colour", "finetuning_mods.lora", "optimizer.decoupled", "walrus_go.speed",
		"walrus_go.data_sets.s.speed", "data.module_parameters.resolution", "data.transform.train.scale", "model.processor.space_mixing.window",
	} {
		checkRefused(t, key, uint64(3), "not a key of the release")
	}
	checkRefused(t, "model.encoder", uint64(3), "found 3; expected a mapping")
	_, err := configFrom(parse(t, minimal+"colour: {of: {water: blue}}\nsize: 3\n"), releasedForTest(t).asDefaults())
	if err == nil || !strings.Contains(err.Error(), "colour: ") || !strings.Contains(err.Error(), "size: ") {
		t.Errorf("error %v; want one that names colour and size", err)
	}
}

// checkRefused sets a key of the released configuration.
func checkRefused(t *testing.T, key string, value any, want string) {
	t.Helper()
	doc := replaced(parse(t, string(releasedText)), key, value)
	if _, err := configFrom(doc, Config{}); err == nil || !strings.Contains(err.Error(), key+": "+want) || strings.Contains(err.Error(), "\n") {
		t.Errorf("%s = %v: error %v; want one line with %q", key, value, err, want)
	}
}

func parse(t *testing.T, text string) document {
	t.Helper()
	doc, err := parseDocument([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestReleasedConfigurationFilesAreRead(t *testing.T) {
	for _, path := range []string{
		filepath.Join(released.Folder(t), "model67", "extended_config.yaml"), filepath.Join(released.Golden(t), "extended_config.yaml"),
	} {
		c, err := ReadConfig(path)
		if err != nil {
			t.Error(err)
			continue
		}
		checkRoundTrip(t, c)
		if len(c.DataSets) == 0 {
			t.Errorf("%s: no data sets", path)
		}
	}
}

// The vocabulary of model67 is the released one: columns 50 and 51 are the angles of the magnetic field.
func TestReleasedVocabularyIsThatOfTheReleasedModel(t *testing.T) {
	c, err := ReadConfig(filepath.Join(released.Folder(t), "model67", "extended_config.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	ours := releasedForTest(t)
	for name, column := range c.Fields {
		if ours.Fields[name] != column {
			t.Errorf("%s has column %d; ours %d", name, column, ours.Fields[name])
		}
	}
	if ours.Fields["magnetic_field_theta"] != 50 || ours.Fields["magnetic_field_phi"] != 51 {
		t.Errorf("columns %v", ours.Fields)
	}
}

// What the released fine-tuning script and the data files of the fine-tuned models set must be understood.
func TestFineTuningConfigurationsAreRead(t *testing.T) {
	var file struct {
		Common struct {
			Different map[string]map[string]any `json:"different_keys"`
			Same      map[string]any            `json:"same_in_both_but_worth_checking"`
		} `json:"common"`
		PerModel map[string]struct {
			Parameters map[string]any            `json:"module_parameters"`
			Sets       map[string]map[string]any `json:"well_dataset_info"`
		} `json:"per_model"`
	}
	released.Read(t, "finetuning.json", &file)
	common := parse(t, string(releasedText))
	set := func(doc document, key string, value any) document {
		if value == "(absent)" {
			return doc
		}
		return replaced(doc, key, asYAML(value))
	}
	for key, value := range file.Common.Same {
		common = set(common, key, value)
	}
	for key, value := range file.Common.Different {
		common = set(common, key, value["fine-tuning"])
	}
	for name, m := range file.PerModel {
		doc := common
		for key, value := range m.Parameters {
			doc = set(doc, "data.module_parameters."+key, value)
		}
		for key, value := range m.Sets {
			doc = set(doc, dataSets+"."+key, any(value))
		}
		c, err := configFrom(doc, releasedForTest(t).asDefaults())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if c.Training.NormalizationEpsilon != 1e-8 || !strings.HasSuffix(c.Training.Normalization, "GlobalRevNormalization") || c.Training.WarmupEpochs != 20 {
			t.Errorf("%s: read %+v", name, c.Training)
		}
		for key, want := range m.Sets {
			info, found := c.DataSet(key)
			if path, _ := want["normalization_path"].(string); !found || info.NormalizationPath != path || fmt.Sprint(info.InputSteps) != fmt.Sprint(m.Parameters["n_steps_input"]) {
				t.Errorf("%s: %s: read %+v, want %v", name, key, info, want)
			}
		}
	}
}

// asYAML is a value of a JSON file as the YAML parser gives it.
func asYAML(value any) any {
	switch v := value.(type) {
	case float64:
		if v == math.Trunc(v) {
			return uint64(v)
		}
	case map[string]any:
		doc := document{}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			doc = append(doc, yaml.MapItem{Key: key, Value: asYAML(v[key])})
		}
		return doc
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = asYAML(v[i])
		}
		return list
	}
	return value
}

// No key may stand in two tables.
func TestTablesOfKeysDoNotContradict(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range keyRules() {
		key := strings.Join(r.path, ".")
		if seen[key] {
			t.Errorf("%s is in two tables", key)
		}
		seen[key] = true
	}
	if !slices.ContainsFunc(keyRules(), func(r keyRule) bool { return r.below }) {
		t.Error("no rule for a whole section")
	}
}

func TestIgnoredKeysAreKept(t *testing.T) {
	c, err := ParseConfig([]byte(minimal + "logger: {wandb: true, of: {water: blue}}\nhydra: 3\n"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := c.YAML()
	if err != nil || !strings.Contains(string(text), "water: blue") {
		t.Errorf("written (%v):\n%s", err, text)
	}
}
