package train

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gomlx/compute/dtypes"
	"github.com/gowalrus/walrus/checkpoint"
	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/model"
	"github.com/gowalrus/walrus/surrogate"
)

// partialRuns are fine-tunings that leave weights as they are, over a field that the weights do not know.
var partialRuns = map[string]FinetuneConfig{
	"LoRA":                   {LoRA: LoRAConfig{Rank: 3}},
	"LoRA with more trained": {LoRA: LoRAConfig{Rank: 2, Alpha: 5, Targets: Targets{attentionTarget}, Also: []string{"embed.*", "*.norm1.weight"}}, AxisFrequencies: true, Like: map[string]string{"height": "pressure"}, EndsRate: 3},
	"frozen blocks":          {Freeze: []string{"blocks.*"}, NewColumns: checkpoint.PreservingColumns},
	"frozen encoder":         {Freeze: []string{"encoder.*", "blocks.0.*"}, Columns: map[string]int{"height": 3}},
}

// alwaysRun is the one of them that has most: LoRA, a whole encoder, columns and frequencies of their own. The others take
// WALRUS_LONG=1.
const alwaysRun = "LoRA with more trained"

// resumed stops a run after so many steps and goes on from its folder, until the end.
func resumed(t *testing.T, c Config, stops ...int) checkpoint.State {
	t.Helper()
	train(t, c, false, stops[0])
	for _, until := range append(stops[1:], 0) {
		again, err := ReadRunConfig(c.Out)
		if err != nil {
			t.Fatal(err)
		}
		train(t, again, true, until)
	}
	state, err := checkpoint.LoadRun(c.Out)
	if err != nil {
		t.Fatal(err)
	}
	return state
}

// A run that trains a part, stopped twice, leaves the same bytes as one that is not; what it saves is what it trains, and opens
// by its name like any run.
func TestPartialRunsResumeAsIfNeverStopped(t *testing.T) {
	second := smallFinetune(t, FinetuneConfig{})
	from := second.Finetune.From
	e, err := engine.Open("")
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	for name, f := range partialRuns {
		if name != alwaysRun && os.Getenv("WALRUS_LONG") == "" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			whole := second
			whole.Finetune, whole.Finetune.From = f, from
			whole.Out = filepath.Join(t.TempDir(), "whole")
			cut := whole
			cut.Out += "-cut"
			train(t, whole, false, 0)
			want, err := checkpoint.LoadRun(whole.Out)
			if err != nil {
				t.Fatal(err)
			}
			got := resumed(t, cut, 1, 3)
			if diff := cmp.Diff(want.Parameters, got.Parameters); diff != "" || len(got.Parameters) == 0 {
				t.Errorf("weights or moments differ: %.2000s", diff)
			}
			if diff := cmp.Diff(stripClock(t, whole.Out), stripClock(t, cut.Out)); diff != "" {
				t.Errorf("the logs differ: %s", diff)
			}
			m, err := surrogate.Open(e, filepath.Join(cut.Out, "best"), surrogate.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			checkSaved(t, m, got)
		})
	}
}

// checkSaved compares what a run of a part has saved with the whole that it opens as.
func checkSaved(t *testing.T, m *surrogate.Model, state checkpoint.State) {
	t.Helper()
	low := map[string]bool{}
	for _, l := range state.Part.LowRank {
		low[l.Weight] = true
	}
	base, err := checkpoint.Open(state.Part.Base.File)
	if err != nil {
		t.Fatal(err)
	}
	defer base.Close()
	own := map[string]bool{}
	for _, p := range state.Parameters {
		own[p.Name] = true
		if p.Updates == 0 && !strings.Contains(p.Name, "bed.3.") { // there is no 3-D data
			t.Errorf("%s is saved and was never trained", p.Name)
		}
	}
	frozen := 0
	for _, w := range m.Network.Config.Weights() {
		if strings.Contains(w.Name, "lora") || strings.Contains(w.Name, "added") {
			t.Errorf("a model that is opened has %s", w.Name)
		}
		before, known := base.Tensor(w.Name)
		if own[w.Name] || low[w.Name] || !known || !slices.Equal(before.Shape, w.Shape) {
			continue
		}
		frozen++
		a, err := before.Array()
		if err != nil {
			t.Fatal(err)
		}
		if b, err := m.Network.Host(w.Name); err != nil || !slices.Equal(a.Data, b.Data) {
			t.Errorf("%s was to stay as it was (%v)", w.Name, err)
		}
	}
	if frozen == 0 {
		t.Error("nothing is frozen")
	}
}

func TestPartsRefuseAnotherBase(t *testing.T) {
	second := smallFinetune(t, partialRuns["LoRA"])
	second.Schedule.Epochs, second.Schedule.Warmup, second.Schedule.Cooldown = 1, 0, 0
	train(t, second, false, 1)
	from := second.Finetune.From
	state, err := checkpoint.LoadRun(second.Out)
	if err != nil {
		t.Fatal(err)
	}
	file := state.Part.Base.File
	elsewhere := filepath.Join(t.TempDir(), "moved")
	if err := os.Rename(from, elsewhere); err != nil {
		t.Fatal(err)
	}
	if _, err := checkpoint.Open(second.Out); err == nil || !strings.Contains(err.Error(), from) || !strings.Contains(err.Error(), "is not there") || !strings.Contains(err.Error(), "--base") {
		t.Errorf("the base is gone: error %v", err)
	}
	moved, err := ReadRunConfig(second.Out, "finetune.from="+elsewhere)
	if err != nil {
		t.Fatal(err)
	}
	train(t, moved, true, 0)
	if c, err := checkpoint.Open(second.Out); err != nil {
		t.Errorf("the run has been told where its base is: %v", err)
	} else {
		c.Close()
	}
	// Other weights in the same place.
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		t.Fatal(err)
	}
	whole, err := checkpoint.Open(elsewhere)
	if err != nil {
		t.Fatal(err)
	}
	defer whole.Close()
	other := slices.Clone(whole.Tensors())
	values, err := other[0].Array()
	if err != nil {
		t.Fatal(err)
	}
	values.Data[0]++
	if other[0], err = checkpoint.NewTensor(other[0].Name, other[0].Shape, values.Data); err != nil {
		t.Fatal(err)
	}
	if err := checkpoint.Write(file, other, nil); err != nil {
		t.Fatal(err)
	}
	c, err := checkpoint.OpenOn(second.Out, elsewhere)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	if _, err = checkpoint.OpenOn(second.Out, file); err == nil || !strings.Contains(err.Error(), file+" holds other weights") {
		t.Errorf("another base: error %v", err)
	}
}

func TestPatternsThatMatchNothingNameTheNearest(t *testing.T) {
	second := smallFinetune(t, FinetuneConfig{})
	for _, c := range []struct {
		f    FinetuneConfig
		want string
	}{
		{FinetuneConfig{Freeze: []string{"blocks.*", "blcoks.1.*"}}, `"blcoks.1.*" matches no weight; the nearest pattern that does is "blocks.1.*"`},
		{FinetuneConfig{Freeze: []string{"embeds.*"}}, `"embed.*"`},
		{FinetuneConfig{Freeze: []string{"blocks.0.space_mixing.ff_outt.weight"}}, `"blocks.0.space_mixing.ff_out.weight"`},
		{FinetuneConfig{LoRA: LoRAConfig{Rank: 1, Also: []string{"debeds.*"}}}, `finetune.lora.also: "debeds.*" matches no weight; the nearest pattern that does is "debed.*"`},
		{FinetuneConfig{Freeze: []string{"*"}}, "leaves nothing to train"},
	} {
		c.f.From, second.Finetune = second.Finetune.From, c.f
		second.Finetune.From = c.f.From
		second.Data.Sets = second.Data.Sets[:1] // no new fields
		second.Out += "x"
		r, err := Open(second, false, Observer{})
		if err == nil {
			r.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: error %v; want one with %s", c.f, err, c.want)
		}
	}
}

func TestFreezingThatCanNotWorkIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"finetune: {freeze: [blocks.*]}":                                 "name them with finetune.from",
		"finetune: {lora: {rank: 4}}":                                    "name them with finetune.from",
		"finetune: {from: x, lora: {rank: 4}, freeze: [blocks.*]}":       "leave out finetune.freeze",
		"finetune: {from: x, lora: {rank: 4, targets: atention}}":        "did you mean attention?",
		"finetune: {from: x, lora: {rank: -1}}":                          "rank -1",
		"finetune: {from: x, lora: {alpha: 4}}":                          "no rank",
		"finetune: {from: x, freeze: ['[']}":                             "no pattern",
		"finetune: {from: x, lora: {rank: 4, targets: [all, attentio]}}": "did you mean attention?",
	} {
		c, err := ParseConfig([]byte(text+"\ndata: {sets: [{path: d}]}\n"), nil)
		if err == nil {
			err = c.Check()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v; want one with %q", text, err, want)
		}
	}
	for text, want := range map[string]model.LoRA{
		"{rank: 4}":                                     {Rank: 4, Alpha: 8, Attention: true, FeedForward: true},
		"{rank: 4, alpha: 1, targets: all}":             {Rank: 4, Alpha: 1, Attention: true, FeedForward: true},
		"{rank: 4, targets: attention}":                 {Rank: 4, Alpha: 8, Attention: true},
		"{rank: 4, targets: [feed-forward]}":            {Rank: 4, Alpha: 8, FeedForward: true},
		"{rank: 4, targets: [attention, feed-forward]}": {Rank: 4, Alpha: 8, Attention: true, FeedForward: true},
	} {
		c, err := ParseConfig([]byte("finetune: {from: x, lora: "+text+"}\n"), nil)
		if got := c.Finetune.LoRA.Model(); err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", text, got, err, want)
		}
	}
}

// Of a step with LoRA the engine plans neither gradients nor moments of frozen weights, and less to keep for the backward pass.
func TestOnlyTrainedWeightsTakeMemoryInAStep(t *testing.T) {
	e, err := engine.Open("")
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	feed := planFeed(t, dtypes.Float32, 0)
	all, err := PlanStep(e, feed, true)
	if err != nil {
		t.Fatal(err)
	}
	c := feed.Net.Config
	c.Frozen = map[string]bool{}
	for _, w := range c.Weights() {
		c.Frozen[w.Name] = true
	}
	c.LoRA = model.LoRA{Rank: 4, Alpha: 8, Attention: true, FeedForward: true}
	feed.Net.Config = c
	part, err := PlanStep(e, feed, true)
	if err != nil {
		t.Fatal(err)
	}
	trained := 4 * int64(c.CountTrained())
	if part.Gradients != trained || part.Moments != 2*trained || part.Weights != all.Weights+trained {
		t.Errorf("gradients %d, moments %d, weights %d bytes; %d are trained of %d", part.Gradients, part.Moments, part.Weights, trained, all.Weights)
	}
	if part.Moments*10 > all.Moments || part.Planned > all.Planned*11/10 {
		t.Errorf("moments %d, planned %d; without LoRA %d and %d", part.Moments, part.Planned, all.Moments, all.Planned)
	}
	t.Logf("planned %.1f MiB with LoRA, %.1f without", mib(part.Planned), mib(all.Planned))
}
