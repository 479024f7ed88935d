package train

import (
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gowalrus/walrus/checkpoint"
	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/frame"
	"github.com/gowalrus/walrus/sample"
	"github.com/gowalrus/walrus/surrogate"
	"github.com/gowalrus/walrus/well"
)

func TestTokensAreANumberOrAList(t *testing.T) {
	for text, want := range map[string]Tokens{"8": {8}, "[8, 16]": {8, 16}, "[]": nil, "null": nil, "0": nil} {
		c, err := ParseConfig([]byte("data: {tokens: "+text+", sets: [{path: d, tokens: "+text+"}]}"), nil)
		if err != nil || !slices.Equal(c.Data.Tokens, want) || !slices.Equal(c.Data.Sets[0].Tokens, want) {
			t.Errorf("%s: %v and %v (%v), want %v", text, c.Data.Tokens, c.Data.Sets, err, want)
		}
	}
	for text, part := range map[string]string{
		"data: {tokens: many}":                             "number of tokens",
		"data: {tokens: [8, 0]}":                           "at least 1",
		"data: {tokens: [8, 8]}":                           "twice",
		"{data: {tokens: [8, 16]}, model: {tokens: 32}}":   "none of data.tokens",
		"{data: {tokens: 8}, model: {tokens: 16}}":         "none of data.tokens",
		"data: {sets: [{path: d, tokens: [-1]}]}":          "data.sets.0",
		"data: {sets: [{path: d, pad: mirror}]}":           "pad is \"mirror\"",
		"{data: {sets: [{path: d}]}, model: {tokens: -1}}": "model.tokens",
	} {
		c, err := ParseConfig([]byte(text), nil)
		if err == nil {
			if len(c.Data.Sets) == 0 {
				c.Data.Sets = []SetConfig{{Path: "d"}}
			}
			err = c.Check()
		}
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%s: error %v; want one with %q", text, err, part)
		}
	}
	same, _ := ParseConfig([]byte("data: {tokens: 16}"), nil)
	other, _ := ParseConfig([]byte("model: {tokens: 16}"), nil)
	if diff := cmp.Diff(same.Frame(), other.Frame()); diff != "" {
		t.Errorf("data.tokens: 16 is not model.tokens: 16: %s", diff)
	}
}

// All numbers that fit come, about equally often, and the draws of jitter do not change where there is only one.
func TestBatchesDrawTheirTokens(t *testing.T) {
	b := &sample.Batch{Input: field.NewArray(1, 1, 64, 64, 1)}
	o := frame.Options{Choices: []int{8, 16, 32}}
	counts := map[int]int{}
	for n := range uint64(600) {
		drawn := drawLayout(b, o, sample.Random(1, n))
		if again := drawLayout(b, o, sample.Random(1, n)); again.Tokens != drawn.Tokens {
			t.Fatalf("draw %d is %d tokens, and again %d", n, drawn.Tokens, again.Tokens)
		}
		counts[drawn.Tokens]++
	}
	for _, tokens := range o.Choices {
		if n := counts[tokens]; n < 150 || n > 250 {
			t.Errorf("%d tokens were drawn %d times of 600", tokens, n)
		}
	}
	b.Tokens = []int{16} // of its data set
	random := rand.New(rand.NewPCG(1, 2))
	if drawn := drawLayout(b, o, random); !slices.Equal(drawn.Choices, []int{16}) || random.Uint64() != rand.New(rand.NewPCG(1, 2)).Uint64() {
		t.Errorf("a data set with 16 tokens gets %+v, or something was drawn", drawn)
	}
}

// One set of weights, several numbers of tokens, of which one needs the data to be continued (16 points to 18): a run that is stopped leaves the same bytes as one that is not, and the model
// remembers what it was trained with.
func TestAResumedRunDrawsTheSameTokens(t *testing.T) {
	data := writeWavesAndTides(t)
	small := func(name string) Config {
		c := smallRun(t, data, filepath.Join(t.TempDir(), name))
		c.Model.Tokens, c.Data.Tokens, c.Data.Rotation = 0, Tokens{4, 6}, sample.NoRotation
		c.Data.Sets[0].Pad = frame.PadAuto
		c.Data.Sets[1].Tokens = Tokens{4}
		c.Schedule.Epochs = 2
		c.Schedule.Warmup, c.Schedule.Cooldown = 0, 0
		return c
	}
	whole, cut := small("whole"), small("cut")
	train(t, whole, false, 0)
	train(t, cut, false, 1)
	resumed, err := ReadRunConfig(cut.Out)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(cut, resumed); diff != "" {
		t.Fatalf("the run's configuration changed on disk: %s", diff)
	}
	train(t, resumed, true, 0)
	want, err := checkpoint.LoadRun(whole.Out)
	if err != nil {
		t.Fatal(err)
	}
	got, err := checkpoint.LoadRun(cut.Out)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range want.Parameters {
		if !cmp.Equal(p, got.Parameters[i]) {
			t.Errorf("%s or its moments differ", p.Name)
		}
	}
	if c := got.Config; c.Tokens != 0 || !slices.Equal(c.TokenChoices, []int{4, 6}) {
		t.Errorf("the model has %d tokens, trained with %v", c.Tokens, c.TokenChoices)
	}
	for set, want := range map[string]map[int]int{"waves": {0: 6, 4: 4}, "tides": {0: 4, 16: 16}} {
		d, err := well.OpenDataset(filepath.Join(data, set), "valid", well.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		for asked, tokens := range want {
			m, err := surrogate.New(nil, got.Config, surrogate.Options{Tokens: asked})
			if err != nil {
				t.Fatal(err)
			}
			s, err := m.For(d)
			if err != nil {
				t.Fatal(err)
			}
			g, err := frame.NewGeometry(d.Sizes(), nil, s.Frame)
			if err != nil || g.Axes[0].Tokens != tokens {
				t.Errorf("%s, %d tokens asked for: %v (%v), want %d", set, asked, g, err, tokens)
			}
		}
	}
}

// A position embedding has one grid of tokens.
func TestPositionEmbeddingRefusesSeveralNumbersOfTokens(t *testing.T) {
	c := smallFinetune(t, FinetuneConfig{PositionEmbedding: true})
	c.Data.Sets, c.Data.Rotation = c.Data.Sets[:1], sample.NoRotation
	c.Model.Tokens, c.Data.Tokens = 0, Tokens{8, 16}
	r, err := Open(c, false, Observer{})
	if err == nil {
		r.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "one grid of tokens") {
		t.Errorf("error %v", err)
	}
}
