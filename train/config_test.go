package train

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const sampleConfig = `
seed: 7
model: {preset: small, drop_path: 0.05}
data:
  history: 4
  sets:
    - path: data/a
    - path: data/b
      field_transforms: {density: torch.log10}
schedule: {epochs: 30, warmup_epochs: 3}
`

func TestConfigKeepsDefaultsOfWhatIsNotSaid(t *testing.T) {
	c, err := ParseConfig([]byte(sampleConfig), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := DefaultConfig()
	want.Seed = 7
	want.Model.Preset, want.Model.DropPath = "small", 0.05
	want.Data.History = 4
	want.Data.Sets = []SetConfig{{Path: "data/a"}, {Path: "data/b", Transforms: map[string]string{"density": "torch.log10"}}}
	want.Schedule.Epochs, want.Schedule.Warmup = 30, 3
	if diff := cmp.Diff(want, c); diff != "" {
		t.Error(diff)
	}
	if err = c.Check(); err != nil {
		t.Error(err)
	}
	for _, nothing := range []string{"", "\n", "# only a remark\n"} {
		empty, err := ParseConfig([]byte(nothing), nil)
		if err != nil {
			t.Errorf("%q: %v", nothing, err)
		}
		if diff := cmp.Diff(DefaultConfig(), empty); diff != "" {
			t.Errorf("%q is not all defaults: %s", nothing, diff)
		}
		set, err := ParseConfig([]byte(nothing), []string{"schedule.epochs=3", "data.sets=[{path: data/a}]"})
		if err != nil || set.Schedule.Epochs != 3 || len(set.Data.Sets) != 1 {
			t.Errorf("overrides of %q gave %+v, %v", nothing, set, err)
		}
	}
}

func TestOverridesReachMapsAndLists(t *testing.T) {
	c, err := ParseConfig([]byte(sampleConfig), []string{
		"seed=9", "data.sets.1.path=data/c", "optimizer.clip=1.5", "data.rotation=none", "model.jitter=false", "data.sets.0={path: data/d, batch: 3}",
	})
	if err != nil {
		t.Fatal(err)
	}
	if c.Seed != 9 || c.Data.Sets[1].Path != "data/c" || c.Optimizer.Clip != 1.5 || c.Data.Rotation != "none" || c.Model.JitterOn() || c.Data.Sets[0].Batch != 3 {
		t.Errorf("overrides were not all applied: %+v", c)
	}
	if c.Data.History != 4 || c.Optimizer.Epsilon != 1e-10 {
		t.Errorf("an override changed its neighbours: history %d, epsilon %v", c.Data.History, c.Optimizer.Epsilon)
	}
}

func TestConfigErrorsNameWhatIsWrong(t *testing.T) {
	for _, c := range []struct {
		text, override, want string
	}{
		{"schedul: {epochs: 3}", "", "schedul"},
		{"schedule: {epoch: 3}", "", "epoch"},
		{"seed: many", "", "seed"},
		{"seed: 1", "seed", "key=value"},
		{"seed: 1", "model.hiden=3", "hiden"},
		{"data: {sets: [{path: a}]}", "data.sets.4.path=b", "4"},
		{"seed: 1", "seed.x=2", "plain value"},
		{"a: [", "", "configuration"},
	} {
		var overrides []string
		if c.override != "" {
			overrides = []string{c.override}
		}
		_, err := ParseConfig([]byte(c.text), overrides)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q with %q: error %v, want one that says %q", c.text, c.override, err, c.want)
		}
	}
}

func TestCheckRefusesWhatCanNotWork(t *testing.T) {
	for override, want := range map[string]string{
		"data.sets=[]":                           "data.sets",
		"data.history=0":                         "history",
		"data.max_stride=0":                      "strides",
		"data.accumulation=0":                    "accumulation",
		"optimizer.clip=.nan":                    "clip",
		"model.vocabulary=mine":                  "vocabulary",
		"checkpoint.minutes=0":                   "minutes",
		"data.sets.0.path=''":                    "no path",
		"data.sets.0.batch=-1":                   "negative",
		"schedule.epochs=0":                      "epochs",
		"data.sets.0.field_transforms={a: cube}": "cube",
		"data.unturned=1.5":                      "unturned",
		"data.normalization=global":              "samplewise_mean_std",
		"data.normalization_epsilon=-1":          "normalization_epsilon",
	} {
		c, err := ParseConfig([]byte(sampleConfig), []string{override})
		if err != nil {
			t.Errorf("%s: %v", override, err)
			continue
		}
		if err = c.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one that says %q", override, err, want)
		}
	}
}

func FuzzParseConfig(f *testing.F) {
	f.Add(sampleConfig, "seed=1")
	f.Add("data: {sets: [1, {}]}", "data.sets.0.path=b")
	f.Fuzz(func(t *testing.T, text, override string) {
		c, err := ParseConfig([]byte(text), []string{override})
		if err == nil {
			_ = c.Check()
		}
	})
}

func TestOverridesAloneMakeAConfiguration(t *testing.T) {
	for _, nothing := range []string{"", "# only a remark\n"} {
		c, err := ParseConfig([]byte(nothing), []string{"data.sets=[{path: data/a}]", "seed=9"})
		if err != nil || len(c.Data.Sets) != 1 || c.Data.Sets[0].Path != "data/a" || c.Seed != 9 {
			t.Errorf("%q with overrides: %+v, %v", nothing, c.Data.Sets, err)
		}
		if _, err = ParseConfig([]byte(nothing), []string{"a.b=1"}); err == nil || !strings.Contains(err.Error(), "a.b=1") {
			t.Errorf("unknown key: error %v does not name it", err)
		}
	}
}
