package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"

	"github.com/gowalrus/walrus/report"
)

// transferName is the experiment's name in the table.
const transferName = "transfer"

// transferSteps are the numbers of steps that are compared.
var transferSteps = []int{10, 30, 100, 200, 300, 600, 1000}

// tunedSteps is how far the runs go that the rates are chosen by: what is longer takes the rate that is best there.
const tunedSteps = 100

// shortSteps is how far seeds go that are not to go all the way (--long).
const shortSteps = 300

// tuningSeed is of the runs that the rates are chosen by; the runs that are compared have the seeds from 1 on.
const tuningSeed = 101

// arm is one side of a comparison: the same data, steps and everything else but its configuration.
type arm struct{ name, yaml string }

// transferArm is an arm with a rate of its own.
type transferArm struct {
	arm
	// rates that its own is chosen from, for each data set and number of steps, by the score on split valid
	rates []float64
	steps []int // that it is scored after
}

// likes say of the fields that the pretrained weights do not know which known ones they are like: what the flow carries along is a tracer.
var likes = map[string]string{"rayleigh_benard": "buoyancy: tracer", "sloshing": "water_fraction: tracer"}

// arms on a data set are of the same size and tokens, and differ in where the weights begin.
func (l *lab) arms(dataSet string) []transferArm {
	like := ""
	if pair := likes[dataSet]; pair != "" {
		like = ", like: {" + pair + "}"
	}
	return []transferArm{
		{arm{"scratch", l.fresh()}, []float64{5e-4, 1e-3, 2e-3, 4e-3}, transferSteps},
		{arm{"whole", l.pretrained(like)}, []float64{5e-4, 1e-3, 2e-3, 4e-3}, transferSteps},
		{arm{"lora", l.pretrained(like + ", lora: {rank: 8, alpha: 16, targets: all}")}, []float64{1e-3, 2e-3, 4e-3}, transferSteps[:slices.Index(transferSteps, shortSteps)+1]},
	}
}

// fresh is YAML of a network of the size of the pretrained weights.
func (l *lab) fresh() string {
	w := l.weights
	return fmt.Sprintf("model: {hidden: %d, intermediate: %d, heads: %d, blocks: %d, vocabulary: data, tokens: %d}", w.Hidden, w.Inner, w.Heads, w.Blocks, w.Tokens)
}

// pretrained is YAML of one that begins from them, with more of the section finetune.
func (l *lab) pretrained(more string) string {
	return fmt.Sprintf("finetune: {from: %q, new_columns: preserving%s}\nmodel: {tokens: %d}", l.from, more, l.weights.Tokens)
}

func transfer() experiment {
	return experiment{
		name: transferName, question: "Does a pretrained model learn physics that it never saw faster than a fresh one?",
		run: runTransfer, draw: drawTransfer,
	}
}

// unseen are the data sets that walrus-nano never saw.
func (l *lab) unseen() []string {
	return []string{filepath.Join(l.foreign, "gas"), filepath.Join(l.data, "rayleigh_benard"), filepath.Join(l.foreign, "sloshing")}
}

func runTransfer(ctx context.Context, l *lab) error {
	for _, data := range l.unseen() {
		name := filepath.Base(data)
		for _, a := range l.arms(name) {
			if !l.wantsPair(name, a.name) {
				continue
			}
			for _, rate := range a.rates {
				if len(l.rates) > 0 && !slices.Contains(l.rates, rate) {
					continue
				}
				if err := l.transfer(ctx, data, a.arm, rate, tuningSeed, tunedSteps); err != nil {
					return err
				}
			}
			for seed := range uint64(l.seeds) {
				last := l.tunedRates(name, a)
				for _, rate := range slices.Sorted(maps.Keys(last)) {
					steps := last[rate]
					if seed >= uint64(l.long) {
						steps = min(steps, shortSteps)
					}
					if err := l.transfer(ctx, data, a.arm, rate, seed+1, steps); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}

// transfer trains one arm with one rate and seed and scores it at every number of steps up to last.
func (l *lab) transfer(ctx context.Context, data string, a arm, rate float64, seed uint64, last int) error {
	m := row{key: key{experiment: transferName, arm: a.name, dataSet: filepath.Base(data), at: float64(last), seed: seed, rate: rate, split: testSplit, metric: "vrmse"}}
	return l.once(m.key, func() ([]row, error) {
		const validation = "{every: 100000, windows: 48, full_at_end: false, test: true}"
		text := settings(a.yaml, "sets: "+sets(data), seed, pace{rate, 1, 0}, validation)
		steps := transferSteps[:slices.Index(transferSteps, last)+1]
		return l.scored(ctx, run{folder: l.folder(transferName, m.dataSet, a.name, rate, seed), yaml: text, steps: steps}, m)
	})
}

// tuned is the rate with the smallest error on split valid after a number of steps, or after tunedSteps of them.
func (l *lab) tuned(dataSet, arm string, step int) float64 {
	found := l.results.where(func(m row) bool {
		return m.experiment == transferName && m.dataSet == dataSet && m.arm == arm && m.seed == tuningSeed && m.split == "valid" && m.at == float64(min(step, tunedSteps)) && !math.IsNaN(m.value)
	})
	if len(found) == 0 {
		return 0
	}
	return slices.MinFunc(found, func(a, b row) int { return cmp.Compare(a.value, b.value) }).rate
}

// tunedRates are the rates that are best at one of the numbers of steps, each with the last of these.
func (l *lab) tunedRates(dataSet string, a transferArm) map[float64]int {
	last := map[float64]int{}
	for _, step := range a.steps {
		if rate := l.tuned(dataSet, a.name, step); rate > 0 {
			last[rate] = step
		}
	}
	return last
}

// drawTransfer draws one picture a data set: the error on split test over the steps, each arm with its tuned rate.
func drawTransfer(l *lab) error {
	for _, path := range l.unseen() {
		data := filepath.Base(path)
		var lines []report.Series
		var persistence float64
		for _, a := range l.arms(data) {
			s := report.Series{Name: armNames[a.name]}
			for _, step := range a.steps {
				rate := l.tuned(data, a.name, step)
				s = extend(s, float64(step), l.results.where(func(m row) bool {
					return m.experiment == transferName && m.dataSet == data && m.arm == a.name && m.seed != tuningSeed && m.rate == rate && m.split == testSplit && m.at == float64(step)
				}), &persistence)
			}
			lines = appendDrawn(lines, s)
		}
		if len(lines) == 0 {
			continue
		}
		err := l.plot(transferName+"-"+data, report.LineSpec{
			Title: data, XLabel: "optimizer steps", YLabel: "VRMSE one step ahead", Series: lines, LogX: true, LogY: true,
			Level: persistence, LevelName: "persistence",
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// armNames are the arms in the legend.
var armNames = map[string]string{"scratch": "fresh network", "whole": "walrus-nano, all weights", "lora": "walrus-nano, LoRA"}
