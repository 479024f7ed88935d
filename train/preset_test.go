package train

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/gowalrus/walrus/checkpoint"
	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/internal/released"
	"github.com/gowalrus/walrus/sample"
	"github.com/gowalrus/walrus/score"
	"github.com/gowalrus/walrus/well"
)

func TestEveryKeyHasAMeaning(t *testing.T) {
	var walk func(v reflect.Type, at string)
	walk = func(v reflect.Type, at string) {
		for i := range v.NumField() {
			f := v.Field(i)
			name := key(f)
			if name == "" {
				continue
			}
			if text := meaning(v, f); len(text) < 10 {
				t.Errorf("%s%s: meaning %q", at, name, text)
			}
			if f.Type.Kind() == reflect.Struct {
				walk(f.Type, at+name+".")
			}
		}
	}
	walk(reflect.TypeFor[Config](), "")
	walk(reflect.TypeFor[SetConfig](), "data.sets.")
}

// What is printed is a configuration: read again it is the same, and it names every key.
func TestPrintedKeysAreAConfiguration(t *testing.T) {
	for _, preset := range append(Presets(), "") {
		overrides := []string{"data.sets=[{path: data/supernova_explosion_128}, {path: b, stride: 2}]", "optimizer.groups=released", "model.jitter=false"}
		var text strings.Builder
		if err := WriteKeys(&text, preset, nil, overrides); err != nil {
			t.Fatal(err)
		}
		got, err := ParseConfig([]byte(text.String()), nil)
		if err != nil {
			t.Fatalf("%s: %v\n%s", preset, err, text.String())
		}
		want, err := ParsePreset(preset, nil, overrides)
		if err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +printed): %s", preset, diff)
		}
		for _, line := range []string{"\n  clip: 10", "\n  preset: ", "\n# The keys of", "\n  # largest norm"} {
			if !strings.Contains(strings.ReplaceAll(text.String(), "\n  # The keys", "\n# The keys"), line) {
				t.Errorf("%s: the text lacks %q", preset, line)
			}
		}
	}
}

func TestMisspeltKeysNameTheNearest(t *testing.T) {
	for text, want := range map[string]string{
		"schedul: {epochs: 3}":                      "schedul is no key (did you mean schedule?)",
		"schedule: {epoch: 3}":                      "schedule.epoch is no key (did you mean epochs?)",
		"warmup_epochs: 3":                          "warmup_epochs is no key (did you mean schedule.warmup_epochs?)",
		"data: {sets: [{path: a}, {pth: b}]}":       "data.sets.1.pth is no key (did you mean path?)",
		"data: {known_sets: {a: {histroy: 3}}}":     "data.known_sets.a.histroy is no key (did you mean history?)",
		"preset: fintuning":                         "did you mean finetuning?",
		"preset: finetuning\nschedule: {epohcs: 1}": "did you mean epochs?",
	} {
		if _, err := ParseConfig([]byte(text), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one that says %q", text, err, want)
		}
	}
	if _, err := ParsePreset("pretraining", []byte("preset: finetuning"), nil); err == nil {
		t.Error("two presets were accepted")
	}
}

func TestPresetsReachEveryDataSet(t *testing.T) {
	c, err := ParsePreset("", []byte(`
preset: pretraining
data:
  set_defaults: {stride: 2, field_transforms: {density: sqrt}}
  sets: [{path: /data/supernova_explosion_128/}, {path: b, stride: 1, field_transforms: {pressure: log10}}]
schedule:
`), []string{"data.sets.1.batch=7", "data.known_sets.b={history: 3}", "data.history=5"})
	if err != nil {
		t.Fatal(err)
	}
	want := []SetConfig{
		{Path: "/data/supernova_explosion_128/", Stride: 2, Transforms: map[string]string{"density": "log10", "temperature": "log10"}},
		{Path: "b", Stride: 1, Batch: 7, History: 3, Transforms: map[string]string{"density": "sqrt", "pressure": "log10"}},
	}
	if diff := gocmp.Diff(want, c.Data.Sets); diff != "" {
		t.Errorf("(-want +got) %s", diff)
	}
	if c.Data.SetDefaults != nil || c.Data.KnownSets != nil || c.Data.History != 5 || c.Schedule.Epochs != 201 || c.Model.Preset != "walrus" {
		t.Errorf("the preset did not hold elsewhere: %+v", c)
	}
}

// goldenFinetuning is finetuning.json.
type goldenFinetuning struct {
	Common struct {
		Different map[string]struct {
			Pretraining any
			Finetuning  any `json:"fine-tuning"`
		} `json:"different_keys"`
		Same map[string]any `json:"same_in_both_but_worth_checking"`
	}
	Models map[string]struct {
		File     *string `json:"shipped_data_file"`
		Note     *string
		Rotates  bool           `json:"has_rotation_transform"`
		Settings map[string]int `json:"module_parameters"`
		Sets     map[string]struct {
			Statistics string            `json:"normalization_path"`
			Transforms map[string]string `json:"field_transforms"`
		} `json:"well_dataset_info"`
	} `json:"per_model"`
}

// exampleModel is what the released fine-tuning script is written for: keys that all data files have like this one's are set by
// the script.
const exampleModel = "(example script) euler_multi_quadrants_openBC"

// presetOf is the preset of a model of finetuning.json.
func presetOf(model string) string {
	_, name, marked := strings.Cut(model, ") ")
	if !marked {
		name = strings.TrimPrefix(model, "walrus_ft_")
	}
	return name
}

// releasedNames are our settings under the released names, for the keys that have an equal.
func releasedNames(c Config) map[string]any {
	turns := any("(absent)")
	if c.Data.Rotation == sample.SpaceRotation {
		turns = "the_well.data.augmentation.RandomRotation90"
	}
	share := any("(absent)")
	if c.Data.Rotation == sample.SpaceRotation {
		share = 1 - c.Data.Unturned
	}
	first := any("(absent)")
	if c.Validation.First != score.FromTheStart {
		first = c.Validation.First
	}
	epsilon := any("(absent)")
	if c.Data.NormalizationEpsilon != 0 {
		epsilon = c.Data.NormalizationEpsilon
	}
	learned := any("(absent)")
	if c.Finetune.AxisFrequencies {
		learned = true
	}
	jitter := c.Model.JitterOn()
	return map[string]any{
		"data.module_parameters.max_dt_stride":                   c.Data.MaxStride,
		"data.module_parameters.start_rollout_valid_output_at_t": first,
		"data.module_parameters.batch_size":                      c.Data.Batch,
		"data.module_parameters.n_steps_input":                   c.Data.History,
		"data.module_parameters.max_samples":                     c.Schedule.EpochBatches,
		"data.transform.train._target_":                          turns,
		"data.transform.train.p":                                 share,
		"finetune":                                               c.Finetune.From != "",
		"finetuning_mods.learnable_rope":                         learned,
		"finetuning_mods.rope_per_axis":                          learned,
		"lr_scheduler.warmup_epochs":                             c.Schedule.Warmup,
		"lr_scheduler.warmup_lr_factor":                          c.Schedule.WarmupFactor,
		"model.drop_path":                                        c.Model.DropPath,
		"model.input_field_drop":                                 c.Model.FieldDrop,
		"model.jitter_patches":                                   jitter,
		"optimizer.lr":                                           c.Schedule.Rate,
		"optimizer.eps":                                          c.Optimizer.Epsilon,
		"optimizer.weight_decay":                                 c.Optimizer.WeightDecay,
		"checkpoint.checkpoint_frequency":                        c.Checkpoint.Every,
		"checkpoint.save_best":                                   c.Checkpoint.Best,
		"trainer.epsilon":                                        epsilon,
		"trainer.clip_gradient":                                  c.Optimizer.Clip,
		"trainer.loss_multiplier":                                float64(lossScale),
		"trainer.lr_scheduler_per_step":                          c.Schedule.EveryStep,
		"trainer.max_rollout_steps":                              c.Validation.MaxRolloutSteps,
		"trainer.short_validation_length":                        c.Validation.Batches,
		"trainer.grad_acc_steps":                                 c.Data.Accumulation,
		"trainer.max_epoch":                                      c.Schedule.Epochs,
		"trainer.val_frequency":                                  c.Validation.Every,
		"trainer.rollout_val_frequency":                          c.Validation.RolloutEvery,
		"trainer.revin._target_":                                 c.Data.Normalization.Class(),
	}
}

// elsewhere are keys of the machine, of what is reported, and of what has no second value in ours.
var elsewhere = []string{
	"checkpoint.coalesced_checkpoint_path", "config_override", "distribution.", "finetuning_mods", "trainer.validation_suite", "checkpoint.align_fields",
	"checkpoint.load_chkpt_after_finetuning_expansion", "model.causal_in_time", "model.use_periodic_fixed_jitter", "optimizer._target_",
	"trainer.enable_amp", "trainer.prediction_type",
}

func TestPresetsAreTheReleasedConfigurations(t *testing.T) {
	var golden goldenFinetuning
	released.Read(t, "finetuning.json", &golden)
	open := func(name string) Config {
		t.Helper()
		c, err := ParsePreset(name, nil, []string{"data.sets=[{path: some}]"})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		return c
	}
	compared := 0
	compare := func(name, key string, got map[string]any, want any) {
		ours, known := got[key]
		if !known {
			if !slices.ContainsFunc(elsewhere, func(prefix string) bool {
				return key == prefix || strings.HasSuffix(prefix, ".") && strings.HasPrefix(key, prefix)
			}) {
				t.Errorf("%s: nobody answers for %s", name, key)
			}
			return
		}
		compared++
		a, isNumber := number64(ours)
		b, wantsNumber := number64(want)
		if isNumber && wantsNumber && math.Abs(a-b) <= 1e-12*math.Abs(b) || !isNumber && reflect.DeepEqual(ours, want) {
			return
		}
		t.Errorf("%s: %s is %v, want %v", name, key, ours, want)
	}
	pretraining, finetuning := releasedNames(open("pretraining")), releasedNames(open("finetuning"))
	for key, values := range golden.Common.Different {
		compare("pretraining", key, pretraining, values.Pretraining)
		compare("finetuning", key, finetuning, values.Finetuning)
	}
	for key, value := range golden.Common.Same {
		compare("pretraining", key, pretraining, value)
		compare("finetuning", key, finetuning, value)
	}
	example := golden.Models[exampleModel].Settings
	for model, m := range golden.Models {
		name := presetOf(model)
		c := open(name)
		set := c.Data.Sets[0]
		// A data file's own settings hold where they are not those of the example's, in whose place the script sets others.
		for key, ours := range map[string]int{"batch_size": c.Data.Batch, "n_steps_input": c.Data.History, "min_dt_stride": c.Data.MinStride, "max_dt_stride": c.Data.MaxStride} {
			want := map[string]int{"batch_size": 2, "n_steps_input": 6, "min_dt_stride": 1, "max_dt_stride": 1}[key]
			if common, isNumber := number64(golden.Common.Same["data.module_parameters."+key]); isNumber {
				want = int(common)
			}
			if m.Settings != nil && m.Settings[key] != example[key] {
				want = m.Settings[key]
			}
			if ours != want {
				t.Errorf("%s: %s is %d, want %d", name, key, ours, want)
			}
		}
		if m.Settings != nil && m.Settings["max_samples"] != c.Schedule.EpochBatches {
			t.Errorf("%s: %d batches an epoch, want %d", name, c.Schedule.EpochBatches, m.Settings["max_samples"])
		}
		if got := c.Data.Rotation == sample.SpaceRotation; got != m.Rotates {
			t.Errorf("%s: rotation %s, want turned %v", name, c.Data.Rotation, m.Rotates)
		}
		if set.StepFactor != 1 || set.BatchFactor != 1 {
			t.Errorf("%s: factors %v and %v, want 1", name, set.StepFactor, set.BatchFactor)
		}
		for _, s := range m.Sets {
			transforms := map[string]string{}
			for field, transform := range s.Transforms {
				transforms[field] = strings.TrimPrefix(transform, "torch.")
			}
			if len(transforms)+len(set.Transforms) > 0 && !reflect.DeepEqual(transforms, set.Transforms) || set.Statistics != s.Statistics {
				t.Errorf("%s: transforms %v, statistics %q; want %v and %q", name, set.Transforms, set.Statistics, transforms, s.Statistics)
			}
		}
		about, err := AboutPreset(name)
		if err != nil {
			t.Error(err)
		}
		if m.File == nil && !strings.Contains(strings.Join(about, " "), "no data file") {
			t.Errorf("%s does not say that the release has no data file for it: %q", name, about)
		}
		for key, values := range golden.Common.Different { // all else is as in all fine-tuning
			if !strings.HasPrefix(key, "data.") {
				compare(name, key, releasedNames(c), values.Finetuning)
			}
		}
		first, _ := number64(golden.Common.Different["data.module_parameters.start_rollout_valid_output_at_t"].Finetuning)
		if earliest := (c.Data.History + 1) * c.Data.MinStride; c.Validation.First != max(int(first), earliest) { // the released check
			t.Errorf("%s: rollouts from frame %d, want %v or %d if that is later", name, c.Validation.First, first, earliest)
		}
	}
	if compared < 100 {
		t.Errorf("only %d values compared", compared)
	}
}

// number64 is a number of JSON or of a configuration.
func number64(v any) (float64, bool) {
	r := reflect.ValueOf(v)
	switch {
	case r.CanFloat():
		return r.Float(), true
	case r.CanInt():
		return float64(r.Int()), true
	}
	return 0, false
}

// kind is a small data set of the kind that a preset is for.
type kind struct {
	axes   []string
	grid   string // type
	fields []field.Field
	set    string // keys of its entry in data.sets
}

var (
	flat  = []string{"x", "y"}
	solid = []string{"x", "y", "z"}
	gas   = []field.Field{{Name: "density"}, {Name: "pressure"}, {Name: "velocity", Rank: field.Vector}}
	hot   = append([]field.Field{{Name: "temperature"}}, gas...)
)

var kinds = map[string]kind{
	"pretraining":                  {axes: flat, fields: gas},
	"finetuning":                   {axes: flat, fields: gas},
	"bubbleML_poolBoil":            {axes: flat, fields: append([]field.Field{{Name: "dfun"}}, hot...)},
	"CE-RM":                        {axes: flat, fields: gas},
	"pdearena_ins":                 {axes: flat, fields: []field.Field{{Name: "tracer"}, {Name: "velocity", Rank: field.Vector}}},
	"post_neutron_star_merger":     {axes: []string{"log_r", "theta", "phi"}, grid: "spherical", fields: append([]field.Field{{Name: "entropy"}, {Name: "internal_energy"}, {Name: "electron_fraction"}}, hot...), set: "resample: [8, 8, 8]"},
	"convective_envelope_rsg":      {axes: []string{"r", "theta", "phi"}, grid: "spherical", fields: append([]field.Field{{Name: "energy"}}, gas...)},
	"CNS3D_128_Rand":               {axes: solid, fields: gas},
	"CNS3D_64_Turb":                {axes: solid, fields: gas},
	"flowbench_skelenton":          {axes: flat, fields: []field.Field{{Name: "pressure"}, {Name: "velocity", Rank: field.Vector}}},
	"euler_multi_quadrants_openBC": {axes: flat, fields: []field.Field{{Name: "density"}, {Name: "energy"}, {Name: "pressure"}, {Name: "momentum", Rank: field.Vector}}},
	"supernova_explosion_128":      {axes: solid, fields: hot},
	"turbulence_gravity_cooling":   {axes: solid, fields: hot},
	"turbulent_radiative_layer_3D": {axes: solid, fields: gas},
}

// points along each axis and frames of the small data sets.
const kindFrames = 26

func (k kind) points() int {
	if len(k.axes) == 2 {
		return 16
	}
	return 8
}

// write writes a data set of waves of positive numbers, train and valid, with the statistics that a preset asks for.
func (k kind) write(t *testing.T, folder string, set SetConfig, stride int) {
	t.Helper()
	n, dims := k.points(), len(k.axes)
	for split, trajectories := range map[string]int{"train": 2, "valid": 1, "test": 1} {
		h := well.Header{DatasetName: filepath.Base(folder), GridType: cmp.Or(k.grid, "cartesian"), Trajectories: trajectories}
		for f := range kindFrames {
			h.Time = append(h.Time, float32(f))
		}
		sides := make([]field.Sides, dims)
		for i, name := range k.axes {
			axis := well.Axis{Name: name}
			for p := range n {
				axis.Coordinates = append(axis.Coordinates, float32(p+1)/float32(n+1))
			}
			h.Axes = append(h.Axes, axis)
			sides[i] = field.Both(field.Open)
		}
		h.Boundaries = well.BoundaryGroups(h.Axes, sides)
		for _, q := range k.fields {
			h.Fields = append(h.Fields, well.FieldInfo{Field: q, TimeVarying: true, SampleVarying: true})
		}
		path := filepath.Join(folder, "data", split, "waves.hdf5")
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		w, err := well.Create(path, h)
		if err != nil {
			t.Fatal(err)
		}
		for trajectory := range trajectories {
			for i, q := range k.fields {
				for frame := range kindFrames {
					values := make([]float32, q.Rank.Components(dims)*field.Volume(slices.Repeat([]int{n}, dims)))
					for p := range values {
						values[p] = float32(2 + math.Sin(0.3*float64(frame)+0.7*float64(p)+float64(i+3*trajectory)))
					}
					if err := w.WriteFrame(trajectory, frame, q.Name, values); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	d, err := well.OpenDataset(folder, "train", well.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	transforms, err := set.ParsedTransforms()
	if err != nil {
		t.Fatal(err)
	}
	o := well.StatsOptions{Stride: stride, Transforms: map[string]well.Transform{}}
	for name, transform := range transforms {
		if slices.ContainsFunc(k.fields, func(f field.Field) bool { return f.Name == name }) {
			o.Transforms[name] = transform
		}
	}
	stats, err := well.ComputeStats(context.Background(), d, o, nil)
	if err == nil {
		err = well.WriteStats(d.StatsPath(set.Statistics), stats)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Each preset trains on a set of its kind: a nano network made by the pretraining preset, then every fine-tuning from it. In the
// ordinary suite a few of them, for two steps.
func TestEveryPresetTrains(t *testing.T) {
	folder := t.TempDir()
	long := os.Getenv("WALRUS_LONG") != ""
	presets, batches := []string{"post_neutron_star_merger", "convective_envelope_rsg", "CE-RM"}, 2
	if long {
		presets, batches = slices.DeleteFunc(Presets(), func(name string) bool { return name == "pretraining" || name == "the_well" }), 10
	}
	small := []string{"model.tokens=4", "log_every=1", "schedule.epochs=2", fmt.Sprintf("schedule.batches_per_epoch=%d", batches), "schedule.warmup_epochs=1",
		"schedule.cooldown_epochs=1", "validation.batches=1", "validation.every=1", "validation.rollout_every=1", "validation.full_at_end=false", "validation.max_rollout_steps=2"}
	run := func(preset string, more ...string) Config {
		t.Helper()
		k, known := kinds[preset]
		if !known {
			t.Fatalf("no data for preset %s", preset)
		}
		data := filepath.Join(folder, "data", cmp.Or(strings.TrimPrefix(preset, "pre"), preset))
		overrides := append([]string{fmt.Sprintf("data.sets=[{path: %s, %s}]", data, k.set), "out=" + filepath.Join(folder, preset)}, append(small, more...)...)
		c, err := ParsePreset(preset, nil, overrides)
		if err != nil {
			t.Fatalf("%s: %v", preset, err)
		}
		k.write(t, data, c.Data.Sets[0], c.Data.MinStride)
		steps := 0
		r, err := Open(c, false, Observer{Progress: func(Progress) { steps++ }})
		if err != nil {
			t.Fatalf("%s: %v", preset, err)
		}
		if err = r.Train(context.Background()); err != nil {
			t.Fatalf("%s: %v", preset, err)
		}
		if err = r.Close(); err != nil {
			t.Fatal(err)
		}
		if want := c.schedule().Steps(); steps != want || want < 2 {
			t.Errorf("%s: %d steps, want %d", preset, steps, want)
		}
		rows, err := readRows(filepath.Join(c.Out, ValidationFile), validationHeader, math.MaxInt)
		if err != nil || len(rows) != 6 { // twice, and the test
			t.Errorf("%s: %d rows of scores, %v", preset, len(rows), err)
		}
		return c
	}
	base := run("pretraining", "model.preset=nano", "model.hidden=16", "model.intermediate=4", "model.heads=2", "model.blocks=1", "data.accumulation=2")
	for _, preset := range presets {
		c := run(preset, "finetune.from="+filepath.Join(base.Out, bestName))
		state, err := checkpoint.LoadRun(c.Out)
		if err != nil {
			t.Fatal(err)
		}
		info, _ := state.Config.DataSet(filepath.Base(c.Data.Sets[0].Path))
		if info.InputSteps != c.Data.History || info.MinStride != c.Data.MinStride || info.NormalizationPath != c.Data.Sets[0].Statistics ||
			len(info.Transforms) != len(c.Data.Sets[0].Transforms) || state.Config.Training.Normalization != sample.DataSetWide.Class() {
			t.Errorf("%s: the model's configuration says %+v, %s", preset, info, state.Config.Training.Normalization)
		}
	}
}

// What is said later of the length of an epoch wins over what a preset says of it in other words.
func TestStepsOfAnEpochReplaceThePresetsBatches(t *testing.T) {
	for name, c := range map[string]struct {
		text      string
		overrides []string
		steps     int
	}{
		"override":                {"", []string{"schedule.steps_per_epoch=7"}, 7},
		"file":                    {"schedule: {steps_per_epoch: 7}", nil, 7},
		"preset alone":            {"", nil, 2000},
		"both in one place":       {"schedule: {steps_per_epoch: 7, batches_per_epoch: 12}", nil, 12},
		"batches after the steps": {"schedule: {steps_per_epoch: 7}", []string{"schedule.batches_per_epoch=30"}, 30},
	} {
		config, err := ParsePreset("finetuning", []byte(c.text), c.overrides)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := config.schedule().EpochSteps; got != c.steps {
			t.Errorf("%s: %d steps in an epoch, want %d", name, got, c.steps)
		}
	}
}
