package train

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/gowalrus/walrus/checkpoint"
)

func TestEncoderAndDecoderLearnAtARateOfTheirOwn(t *testing.T) {
	c := DefaultConfig()
	slow, decay := 1e-5, 0.5
	c.Schedule.Rate, c.Finetune.EndsRate = 1e-3, 4
	c.Optimizer.Groups = Groups{{Match: []string{"embed.2.*"}, LearningRate: &slow, WeightDecay: &decay}}
	o := c.optimizer()
	if len(c.Optimizer.Groups) != 1 {
		t.Errorf("the configuration's own groups became %v", c.Optimizer.Groups)
	}
	for name, want := range map[string]float64{
		"embed.2.proj1.weight": 0.5e-5, // a group of the configuration comes first
		"embed.3.proj1.weight": 2e-3, "debed.2.proj2.weight": 2e-3,
		"blocks.0.space_mixing.fused_ff_qkv.weight": 0.5e-3, "encoder_dummy": 0.5e-3,
	} {
		if rate, _ := o.of(name, 0.5e-3); rate != want {
			t.Errorf("%s learns with %v half-way; want %v", name, rate, want)
		}
	}
	for _, k := range []float64{0, 1} {
		c.Finetune.EndsRate = k
		if n := len(c.optimizer().Groups); n != 1 {
			t.Errorf("ends_rate %v: %d groups", k, n)
		}
	}
}

// What the weights advise is taken where the configuration says nothing, is written down, and is handed on with the weights of the run.
func TestFineTuningFollowsTheAdviceOfTheWeights(t *testing.T) {
	c := smallFinetune(t, FinetuneConfig{})
	advised, err := checkpoint.ReadConfigOf(c.Finetune.From, "")
	if err != nil {
		t.Fatal(err)
	}
	advice := checkpoint.Advice{NewColumns: checkpoint.PreservingColumns, EndsRate: 4}
	advised.Advice = advice
	path, err := checkpoint.FindConfig(c.Finetune.From)
	if err != nil {
		t.Fatal(err)
	}
	if err = advised.Write(path); err != nil {
		t.Fatal(err)
	}
	groups := Groups{{Match: []string{"blocks.*"}, WeightDecay: new(float64)}}
	for name, x := range map[string]struct {
		says   FinetuneConfig
		groups Groups
		want   checkpoint.Advice
	}{
		"nothing":                  {FinetuneConfig{}, nil, advice},
		"one rate for all":         {FinetuneConfig{EndsRate: 1}, nil, checkpoint.Advice{NewColumns: checkpoint.PreservingColumns, EndsRate: 1}},
		"columns as released":      {FinetuneConfig{NewColumns: checkpoint.ReleasedColumns}, nil, checkpoint.Advice{NewColumns: checkpoint.ReleasedColumns, EndsRate: 4}},
		"groups":                   {FinetuneConfig{}, groups, checkpoint.Advice{NewColumns: checkpoint.PreservingColumns}},
		"LoRA":                     {FinetuneConfig{LoRA: LoRAConfig{Rank: 2}}, nil, checkpoint.Advice{NewColumns: checkpoint.PreservingColumns}},
		"frozen blocks":            {FinetuneConfig{Freeze: []string{"blocks.*"}}, nil, checkpoint.Advice{NewColumns: checkpoint.PreservingColumns}},
		"LoRA with a rate of ends": {FinetuneConfig{LoRA: LoRAConfig{Rank: 2}, EndsRate: 2}, nil, checkpoint.Advice{NewColumns: checkpoint.PreservingColumns, EndsRate: 2}},
	} {
		says := c
		says.Finetune, says.Optimizer.Groups = x.says, x.groups
		says.Finetune.From = c.Finetune.From
		got, err := says.inherit()
		if f := got.Finetune; err != nil || (checkpoint.Advice{NewColumns: f.NewColumns, EndsRate: f.EndsRate}) != x.want {
			t.Errorf("a configuration that says %s: %+v, %v; want %+v", name, f, err, x.want)
		}
	}

	c.Schedule.Epochs, c.Schedule.EpochSteps, c.Schedule.Warmup, c.Schedule.Cooldown = 1, 1, 0, 0
	train(t, c, false, -1)
	run, err := ReadRunConfig(c.Out)
	if err != nil {
		t.Fatal(err)
	}
	saved, err := checkpoint.ReadConfigOf(filepath.Join(c.Out, "last"), "")
	if err != nil || saved.Advice != advice || run.Finetune.EndsRate != 4 || run.Finetune.NewColumns != checkpoint.PreservingColumns {
		t.Errorf("the run wrote down %+v and advises %+v, %v; want %+v in both", run.Finetune, saved.Advice, err, advice)
	}
}

func TestARateOfTheEndsThatMeansNothingIsRefused(t *testing.T) {
	for _, x := range []struct{ overrides, want string }{
		{"finetune.from=nano finetune.ends_rate=-1", "ends_rate is -1"},
		{"finetune.from=nano finetune.ends_rate=.nan", "ends_rate is NaN"},
		{"finetune.from=nano finetune.ends_rate=1e9", "to 1000"},
		{"finetune.ends_rate=4", "finetune.from"},
		{"finetune.from=nano finetune.ends_rate=4 model.kind=fno", "a baseline"},
	} {
		c, err := ParseConfig([]byte("data: {sets: [{path: data/waves}]}"), strings.Fields(x.overrides))
		if err == nil {
			err = c.Check()
		}
		if err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: %v; expected an error with %q", x.overrides, err, x.want)
		}
	}
}
