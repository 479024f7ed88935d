package train

import (
	"context"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gowalrus/walrus/checkpoint"
	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/internal/released"
	"github.com/gowalrus/walrus/model"
	"github.com/gowalrus/walrus/network"
)

// trainedNames are the weights that the optimizer changes in a network.
func trainedNames(c model.Config) []string {
	var names []string
	for _, w := range c.Weights() {
		if !w.Buffer {
			names = append(names, w.Name)
		}
	}
	return names
}

// fineTunedGolden is the architecture of the golden network with what fine-tuning adds.
func fineTunedGolden(t *testing.T) model.Config {
	t.Helper()
	saved, err := checkpoint.ReadConfig(filepath.Join(released.Golden(t), "extended_config.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	c := network.ConfigOf(saved)
	c.AxisFrequencies, c.Position = true, [3]int{2, 2, 1}
	return c
}

func TestReleasedGroupsHoldTheReleasedWeights(t *testing.T) {
	type group struct {
		Name    string
		Tensors int
		Rate    float64 `json:"lr"`
		Decay   float64 `json:"weight_decay"`
	}
	var golden struct {
		One struct {
			Groups []group
			All    int `json:"all_trainable_tensors_of_the_tiny_model"`
		} `json:"optimizer_adam"`
		Grouped struct {
			Groups []group
			None   []string    `json:"trainable_tensors_in_no_group"`
			Rates  [][]float64 `json:"lr_by_group_fine_tuning_schedule_epoch_from_1"`
		} `json:"optimizer_adam_grouped"`
		Schedules []goldenSchedule
	}
	released.Read(t, "optimization.json", &golden)

	c := fineTunedGolden(t)
	plain := c
	plain.AxisFrequencies, plain.Position = false, [3]int{}
	if got := len(trainedNames(plain)); got != golden.One.All || len(golden.One.Groups) != 1 || golden.One.Groups[0].Tensors != got {
		t.Errorf("%d trained weights, want %d in one group", got, golden.One.All)
	}

	o := ReleasedOptimizer()
	o.Groups = ReleasedGroups()
	var schedule Schedule
	for _, g := range golden.Schedules {
		if strings.HasPrefix(g.Name, "fine-tuning script") {
			schedule = g.schedule(t)
		}
	}
	o.FullRate = schedule.Rate
	names := trainedNames(c)
	held := map[string]int{}
	for _, name := range names {
		group := "rest"
		for i, g := range golden.Grouped.Groups {
			if name == g.Name || strings.HasPrefix(name, g.Name+".") {
				group = g.Name
				if at := o.Groups.of(name); at != i {
					t.Errorf("%s is in group %d, want %d (%s)", name, at, i, g.Name)
				}
				if rate, decay := o.of(name, schedule.Rate); rate != g.Rate || decay != g.Decay {
					t.Errorf("%s: rate %v, decay %v; want %v and %v", name, rate, decay, g.Rate, g.Decay)
				}
			}
		}
		held[group]++
	}
	for _, g := range golden.Grouped.Groups {
		if held[g.Name] != g.Tensors {
			t.Errorf("group %s holds %d weights, want %d", g.Name, held[g.Name], g.Tensors)
		}
	}
	if held["rest"] != len(golden.Grouped.None) {
		t.Errorf("the rest holds %d weights, want %q", held["rest"], golden.Grouped.None)
	}
	for _, name := range golden.Grouped.None { // the release leaves them untrained
		if rate, decay := o.of(name, schedule.Rate); o.Groups.of(name) != len(o.Groups) || rate != schedule.Rate || decay != o.WeightDecay {
			t.Errorf("%s: group %d, rate %v, decay %v; want the rest's", name, o.Groups.of(name), rate, decay)
		}
	}
	for _, row := range golden.Grouped.Rates {
		for i, want := range row[1:] {
			name := strings.ReplaceAll(o.Groups[i].Match[0], "*", "0.weight")
			if got, _ := o.of(name, schedule.At(int(row[0])-1)); math.Abs(got-want) > 1e-6*want {
				t.Errorf("epoch %v, %s: rate %v, want %v", row[0], name, got, want)
			}
		}
	}
	if len(golden.Grouped.Rates) == 0 {
		t.Error("no rates by group")
	}
	if err := o.Groups.checkNames(names); err != nil {
		t.Error(err)
	}
}

func TestGradientsAreClippedAsReleased(t *testing.T) {
	var golden struct {
		Clipping []struct {
			Gradients []released.Number
			Clip      float64         `json:"clip_gradient"`
			Norm      released.Number `json:"total_norm"`
			Clipped   []released.Number
		}
	}
	released.Read(t, "optimization.json", &golden)
	e, err := engine.Open("")
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	near := func(got float32, want released.Number) bool {
		w := float64(want)
		return float64(got) == w || math.IsNaN(w) && math.IsNaN(float64(got)) || math.Abs(float64(got)-w) <= 1e-6*math.Abs(w)
	}
	for _, c := range golden.Clipping {
		n := len(c.Gradients)
		// Without a memory the first moment is the clipped gradient.
		u, err := compileUpdate(e, []model.Weight{{Name: "w", Shape: []int{n}}}, Optimizer{Clip: c.Clip, Epsilon: 1})
		if err != nil {
			t.Fatal(err)
		}
		gradient := field.NewArray(n)
		for i, g := range c.Gradients {
			gradient.Data[i] = float32(g)
		}
		inputs, err := network.Upload(e, field.Array{Shape: []int{1, settings}, Data: []float32{0, 1, 1}}, gradient, field.NewArray(n), field.NewArray(n), field.NewArray(n))
		if err != nil {
			t.Fatal(err)
		}
		out, err := u.program.Run(context.Background(), inputs, make([]bool, len(inputs)))
		if err != nil {
			t.Fatal(err)
		}
		norm, err := scalars(out[0])
		if err != nil {
			t.Fatal(err)
		}
		clipped, err := out[2].Array()
		if err != nil {
			t.Fatal(err)
		}
		if !near(float32(norm[0]), c.Norm) {
			t.Errorf("%v: norm %v, want %v", c.Gradients, norm[0], c.Norm)
		}
		for i, want := range c.Clipped {
			if !near(clipped.Data[i], want) {
				t.Errorf("%v clipped to %v: %v, want %v", c.Gradients, c.Clip, clipped.Data, c.Clipped)
				break
			}
		}
		network.Free(inputs)
		network.Free(out)
		u.program.Close()
	}
	if len(golden.Clipping) == 0 {
		t.Error("no cases")
	}
}

// One step of three groups: frozen, without decay, and the rest; every weight against AdamW by hand.
func TestGroupsStepAtTheirOwnRates(t *testing.T) {
	n, d := smallNetwork(t, 0)
	o := ReleasedOptimizer()
	zero, slow := 0.0, 1e-4
	o.Groups = Groups{{Match: []string{"embed.*"}, LearningRate: &zero}, {Match: []string{"blocks.*.bias", "blocks.1.*"}, LearningRate: &slow, WeightDecay: &zero}}
	o.WeightDecay, o.FullRate, o.Epsilon = 0.5, 1e-2, 1e-3
	s, err := NewStepper(n, o, 0)
	if err != nil {
		t.Fatal(err)
	}
	e := randomExample(5, d, 1)
	_, gradients, err := s.Gradients(context.Background(), []Example{e})
	if err != nil {
		t.Fatal(err)
	}
	defer network.Free(gradients)
	before := map[string]field.Array{}
	for _, w := range s.Trained(2) {
		if before[w.Name], err = n.Host(w.Name); err != nil {
			t.Fatal(err)
		}
	}
	const share = 0.5
	outcome, err := s.Step(context.Background(), []Example{e}, share*o.FullRate)
	if err != nil {
		t.Fatal(err)
	}
	clip := math.Min(1, o.Clip/(outcome.GradientNorm+1e-6))
	held := [3]int{}
	for i, w := range s.Trained(2) {
		g, err := gradients[i].Array()
		if err != nil {
			t.Fatal(err)
		}
		after, err := n.Host(w.Name)
		if err != nil {
			t.Fatal(err)
		}
		rate, decay, group := share*1e-2, 0.5, 2
		switch {
		case strings.HasPrefix(w.Name, "embed."):
			rate, group = 0, 0
		case strings.HasPrefix(w.Name, "blocks.1.") || strings.HasPrefix(w.Name, "blocks.") && strings.HasSuffix(w.Name, ".bias"):
			rate, decay, group = share*1e-4, 0, 1
		}
		held[group]++
		for j, x := range before[w.Name].Data {
			step := float64(g.Data[j]) * clip
			want := float64(x)*(1-rate*decay) - rate*step/(math.Abs(step)+o.Epsilon)
			if math.Abs(float64(after.Data[j])-want) > 2e-3*rate+1e-6*math.Abs(want) {
				t.Errorf("%s[%d] went from %v to %v, want %v", w.Name, j, x, after.Data[j], want)
				break
			}
		}
	}
	for i, count := range held {
		if count == 0 {
			t.Errorf("group %d holds nothing", i)
		}
	}
}

func TestGroupsWithoutMeaningAreRefused(t *testing.T) {
	for override, want := range map[string]string{
		"optimizer.groups=[{learning_rate: 1}]":                       "matches nothing",
		"optimizer.groups=[{match: ['embed.[']}]":                     "no pattern",
		"optimizer.groups=[{match: [ape], learning_rate: -1}]":        "learning_rate is -1",
		"optimizer.groups=[{match: [ape], weight_decay: .inf}]":       "weight_decay",
		"optimizer.groups=[{match: [ape], rate: 1}]":                  "rate",
		"optimizer.groups=grouped":                                    "released",
		"optimizer.groups=[{match: [embed.*]}, {match: [embed.2.*]}]": "optimizer.groups.1",
		"optimizer.groups=[{match: [encoder.*]}]":                     "holds no weight",
	} {
		c, err := ParseConfig([]byte(sampleConfig), []string{override})
		if err == nil {
			err = c.Check()
		}
		if err == nil {
			err = c.Optimizer.Groups.checkNames(trainedNames(fineTunedGolden(t)))
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one that says %q", override, err, want)
		}
	}
	c, err := ParseConfig([]byte(sampleConfig), []string{"optimizer.groups=released"})
	if err != nil || len(c.Optimizer.Groups) != len(ReleasedGroups()) {
		t.Errorf("released groups: %+v, %v", c.Optimizer.Groups, err)
	}
}
