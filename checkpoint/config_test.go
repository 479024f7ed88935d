package checkpoint

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// checkRoundTrip writes a configuration and reads it back.
func checkRoundTrip(t *testing.T, c Config) {
	t.Helper()
	text, err := c.YAML()
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseConfig(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if diff := cmp.Diff(c, again, cmpopts.IgnoreUnexported(Config{})); diff != "" {
		t.Errorf("(-written +read)\n%s", diff)
	}
	second, err := again.YAML()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(text), string(second)); diff != "" {
		t.Errorf("text changes when written again (-first +second)\n%s", diff)
	}
}

func releasedForTest(t *testing.T) Config {
	t.Helper()
	c, err := ReleasedConfig()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestReleasedConfigurationHasThePublishedSize(t *testing.T) {
	c := releasedForTest(t)
	if c.States() != 67 || c.HeadDim() != 88 {
		t.Errorf("%d columns, %d channels a head; want 67 and 88", c.States(), c.HeadDim())
	}
	if c.Hidden != 1408 || c.Inner != 352 || c.Blocks != 40 || c.Training.GradientAccumulation != 4 {
		t.Errorf("read %+v", c)
	}
}

func TestConfigurationsRoundTrip(t *testing.T) {
	changed := releasedForTest(t)
	changed.Name, changed.Hidden, changed.Heads, changed.Inner, changed.Blocks = "small: a test", 96, 4, 24, 2
	changed.Dimensions, changed.JitterPatches, changed.DropPath = []int{2}, false, 0
	changed.Fields = map[string]int{"closed_boundary": 0, "open_boundary": 1, "bias_correction": 2, "y": 3, "null": 4, "no": 5}
	changed.Advice = Advice{NewColumns: PreservingColumns, EndsRate: 4}
	changed.Training.LearningRate, changed.Training.Epsilon, changed.Training.RotationProbability = 1e-7, 3e-12, 0.25
	fresh := changed
	fresh.document = nil
	for name, c := range map[string]Config{"released": releasedForTest(t), "changed": changed, "without a file behind it": fresh} {
		t.Run(name, func(t *testing.T) { checkRoundTrip(t, c) })
	}
}

// minimal is the smallest configuration that is read.
const minimal = `model:
  hidden_dim: 64
  intermediate_dim: 16
  processor_blocks: 3
  processor:
    space_mixing:
      num_heads: 4
data:
  field_index_map_override: {closed_boundary: 0, open_boundary: 1, bias_correction: 2, pressure: 3}
`

func TestMissingSettingsHaveReleasedValues(t *testing.T) {
	c, err := ParseConfig([]byte(minimal))
	if err != nil {
		t.Fatal(err)
	}
	if c.Hidden != 64 || !c.CausalInTime || c.Training.LearningRate != 2e-4 || c.Training.MaxStride != 5 {
		t.Errorf("read %+v", c)
	}
	if c.Training.RotationProbability != 0 {
		t.Errorf("rotation probability %g without an augmentation, want 0", c.Training.RotationProbability)
	}
	checkRoundTrip(t, c)
}

func TestBadConfigurationsAreErrorsThatNameTheSetting(t *testing.T) {
	for name, c := range map[string]struct{ old, new, want string }{
		"no size":              {"  hidden_dim: 64\n", "", "model.hidden_dim is missing"},
		"text for a number":    {"hidden_dim: 64", "hidden_dim: many", "model.hidden_dim: found \"many\"; expected a whole number"},
		"fraction for a whole": {"hidden_dim: 64", "hidden_dim: 64.5", "expected a whole number"},
		"huge":                 {"hidden_dim: 64", "hidden_dim: 99999999999999999999", "model.hidden_dim"},
		"large":                {"hidden_dim: 64", "hidden_dim: 4000000", "model.hidden_dim: found 4000000"},
		"negative":             {"processor_blocks: 3", "processor_blocks: -3", "model.processor_blocks: found -3"},
		"not a multiple":       {"num_heads: 4", "num_heads: 5", "not a multiple of num_heads 5"},
		"no heads":             {"num_heads: 4", "num_heads: 0", "num_heads: found 0"},
		"odd heads":            {"hidden_dim: 64", "hidden_dim: 36", "9 channels a head"},
		"reserved column":      {"open_boundary: 1", "open_boundary: 5", "open_boundary must have the index 1"},
		"far column":           {"pressure: 3", "pressure: 300000000", "\"pressure\""},
		"no fields":            {", pressure: 3", "", "no physical field"},
		"list for a mapping":   {"{closed_boundary: 0, open_boundary: 1, bias_correction: 2, pressure: 3}", "[1, 2]", "expected a mapping"},
		"not a mapping":        {minimal, "- 1\n- 2\n", "configuration"},
		"empty":                {minimal, "", "no YAML mapping"},
		"same key twice":       {"hidden_dim: 64", "hidden_dim: 64\n  hidden_dim: 65", "hidden_dim"},
		"dimensions":           {"  hidden_dim", "  include_d: [1, 4]\n  hidden_dim", "model.include_d: found [1 4]"},
		"drop path":            {"  hidden_dim", "  drop_path: 1.0\n  hidden_dim", "model.drop_path: found 1"},
		"drop path nan":        {"  hidden_dim", "  drop_path: .nan\n  hidden_dim", "model.drop_path"},
		"other heads in time":  {"    space_mixing:", "    time_mixing: {num_heads: 8}\n    space_mixing:", "time_mixing.num_heads: found 8; expected 4"},
		"stride":               {"data:\n", "data:\n  module_parameters: {min_dt_stride: 7}\n", "max_dt_stride: found 5; expected 7"},
		"prediction":           {minimal, minimal + "trainer: {prediction_type: guess}\n", "prediction_type"},
		"loss":                 {minimal, minimal + "trainer: {loss_fn: {_target_: the_well.benchmark.metrics.VRMSE}}\n", "loss_fn"},
		"advised columns":      {minimal, minimal + "walrus_go: {fine_tuning: {new_columns: any}}\n", "walrus_go.fine_tuning.new_columns"},
		"advised rate":         {minimal, minimal + "walrus_go: {fine_tuning: {ends_rate: -2}}\n", "walrus_go.fine_tuning.ends_rate: found"},
		"advice of more":       {minimal, minimal + "walrus_go: {fine_tuning: {blocks_rate: 1}}\n", "blocks_rate"},
		"alias":                {"hidden_dim: 64", "hidden_dim: &a 64\n  x: *a", "line 2"},
		"tag":                  {"hidden_dim: 64", "hidden_dim: !!python/object:os.system 64", "line 2"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseConfig([]byte(strings.Replace(minimal, c.old, c.new, 1)))
			if err == nil {
				t.Fatal("was accepted")
			}
			if !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %q; want one line with %q", err, c.want)
			}
		})
	}
}

func TestHostileYAMLIsRefusedQuickly(t *testing.T) {
	bomb := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c <= 'z'; c++ {
		bomb += string(c) + ": &" + string(c) + " [" + strings.Repeat("*"+string(c-1)+",", 9) + "]\n"
	}
	deep := &strings.Builder{}
	for i := range 500 {
		deep.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	for name, text := range map[string]string{
		"alias bomb":        bomb,
		"nested lists":      "a: " + strings.Repeat("[", 100_000),
		"nested mappings":   "a: " + strings.Repeat("{a: ", 50_000),
		"nested sequences":  strings.Repeat("- ", 100_000),
		"nested keys":       strings.Repeat("? ", 100_000),
		"deep indentation":  deep.String(),
		"large":             strings.Repeat("a", maxConfigBytes+1),
		"many quotes":       strings.Repeat("'", 100_000),
		"many document end": strings.Repeat("---\n", 50_000),
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			if _, err := ParseConfig([]byte(text)); err == nil {
				t.Error("was accepted")
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

func TestFindConfigPrefersTheFileOfTheSameName(t *testing.T) {
	dir := t.TempDir()
	weights := filepath.Join(dir, "tiny.safetensors")
	for _, c := range []struct{ add, want string }{
		{"tiny.safetensors", ""}, {"extended_config.yaml", "extended_config.yaml"}, {"config.yaml", "config.yaml"}, {"tiny.yaml", "tiny.yaml"},
	} {
		if err := os.WriteFile(filepath.Join(dir, c.add), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := FindConfig(weights)
		if c.want == "" {
			if err == nil || !strings.Contains(err.Error(), "tiny.yaml or config.yaml or extended_config.yaml") {
				t.Errorf("without any: %q, %v", got, err)
			}
		} else if filepath.Base(got) != c.want || err != nil {
			t.Errorf("after adding %s: found %q, %v", c.add, got, err)
		}
	}
}
