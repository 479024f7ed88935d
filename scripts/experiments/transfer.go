package main

import (
	"cmp"
	"context"
	"fmt"
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

// side is a beginning that is compared, with the ways to train from it. Of these it has the one with the rate that is best on split valid,
// for each data set and number of steps.
type side struct {
	name string
	ways []way
}

// way is an arm with the rates that are tried.
type way struct {
	arm
	// blocks is the share of the rate that the space-time blocks learn with; encoder and decoder have the whole.
	blocks float64
	rates  []float64
}

// blocksShare is that of the ways in which the blocks learn slower. What they know is of all physics, and what encoder and decoder know is of fields.
const blocksShare = 0.25

// likes say of the fields that the pretrained weights do not know which known ones they are like: what the flow carries along is a tracer.
var likes = map[string]string{"rayleigh_benard": "buoyancy: tracer", "sloshing": "water_fraction: tracer"}

// sides on a data set are of the same size and tokens, and differ in where the weights begin. A fresh network and a pretrained one have the
// same ways to choose from.
func (l *lab) sides(dataSet string) []side {
	like := ""
	if pair := likes[dataSet]; pair != "" {
		like = ", like: {" + pair + "}"
	}
	both := func(name, yaml string) side {
		return side{name, []way{
			{arm{name, yaml}, 1, []float64{5e-4, 1e-3, 2e-3, 4e-3}},
			{arm{name + "-blocks", yaml}, blocksShare, []float64{1e-3, 2e-3, 4e-3, 8e-3}}, // for pretrained weights as with finetune.ends_rate: 4
		}}
	}
	lora := l.pretrained(like + ", lora: {rank: 8, alpha: 16, targets: all}")
	return []side{
		both("scratch", l.fresh()),
		both("whole", l.pretrained(like+", ends_rate: 1")), // whatever the weights advise
		{"lora", []way{{arm{"lora", lora}, 1, []float64{1e-3, 2e-3, 4e-3}}}},
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
		run: runTransfer, rows: transferRows, draw: drawTransfer,
	}
}

// unseen are the data sets that walrus-nano never saw.
func (l *lab) unseen() []string {
	return []string{filepath.Join(l.foreign, "gas"), filepath.Join(l.data, "rayleigh_benard"), filepath.Join(l.foreign, "sloshing")}
}

func runTransfer(ctx context.Context, l *lab) error {
	for _, data := range l.unseen() {
		name := filepath.Base(data)
		for _, s := range l.sides(name) {
			for _, w := range s.ways {
				if !l.wantsPair(name, w.name) {
					continue
				}
				for _, rate := range w.rates {
					if len(l.rates) > 0 && !slices.Contains(l.rates, rate) {
						continue
					}
					if err := l.transfer(ctx, data, w, rate, tuningSeed, tunedSteps); err != nil {
						return err
					}
				}
			}
			if !l.wantsPair(name, s.name) {
				continue
			}
			for seed := range uint64(l.seeds) {
				for _, t := range l.tunedRuns(name, s) {
					steps := t.last
					if seed >= uint64(l.long) {
						steps = min(steps, shortSteps)
					}
					if err := l.transfer(ctx, data, t.way, t.rate, seed+1, steps); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}

// transfer trains in one way with one rate and seed and scores it at every number of steps up to last.
func (l *lab) transfer(ctx context.Context, data string, w way, rate float64, seed uint64, last int) error {
	m := row{key: key{experiment: transferName, arm: w.name, dataSet: filepath.Base(data), at: float64(last), seed: seed, rate: rate, split: testSplit, metric: "vrmse"}}
	return l.once(m.key, func() ([]row, error) {
		steps := transferSteps[:slices.Index(transferSteps, last)+1]
		return l.scored(ctx, run{folder: l.folder(transferName, m.dataSet, w.name, rate, seed), yaml: w.yamlOf(data, rate, seed), steps: steps}, m)
	})
}

// yamlOf is the configuration of a run.
func (w way) yamlOf(data string, rate float64, seed uint64) string {
	const validation = "{every: 100000, windows: 48, full_at_end: false, test: true}"
	p := pace{rate: rate, warmup: 1, blocks: w.blocks * rate}
	return settings(w.yaml, "sets: "+sets(data), seed, p, validation)
}

// tuned is the way and the rate with the smallest error on split valid after a number of steps, or after tunedSteps of them.
func (l *lab) tuned(dataSet string, s side, step int) (way, float64, bool) {
	wayOf := func(m row) int { return slices.IndexFunc(s.ways, func(w way) bool { return w.name == m.arm }) }
	found := l.results.where(func(m row) bool {
		return m.experiment == transferName && m.dataSet == dataSet && wayOf(m) >= 0 && m.seed == tuningSeed && m.split == "valid" && m.at == float64(min(step, tunedSteps)) && !math.IsNaN(m.value)
	})
	if len(found) == 0 {
		return way{}, 0, false
	}
	best := slices.MinFunc(found, func(a, b row) int { return cmp.Compare(a.value, b.value) })
	return s.ways[wayOf(best)], best.rate, true
}

// tunedRun is a way with a rate that is best at one of the numbers of steps, and the last of these.
type tunedRun struct {
	way
	rate float64
	last int
}

func (l *lab) tunedRuns(dataSet string, s side) []tunedRun {
	var list []tunedRun
	for _, step := range transferSteps {
		w, rate, found := l.tuned(dataSet, s, step)
		if !found {
			continue
		}
		if i := slices.IndexFunc(list, func(t tunedRun) bool { return t.name == w.name && t.rate == rate }); i >= 0 {
			list[i].last = step
			continue
		}
		list = append(list, tunedRun{w, rate, step})
	}
	return list
}

// transferRows are those of the results that are compared, under the names of the sides: of each number of steps the runs with the way and the rate that are best there.
func transferRows(l *lab) []row {
	var list []row
	for _, path := range l.unseen() {
		data := filepath.Base(path)
		for _, s := range l.sides(data) {
			for _, step := range transferSteps {
				w, rate, _ := l.tuned(data, s, step)
				found := l.results.where(func(m row) bool {
					return m.experiment == transferName && m.dataSet == data && m.arm == w.name && m.seed != tuningSeed && m.rate == rate && m.split == testSplit && m.at == float64(step)
				})
				for _, m := range found {
					m.arm = s.name
					list = append(list, m)
				}
			}
		}
	}
	return list
}

// drawTransfer draws one picture a data set: the error on split test over the steps, each side with its tuned rate.
func drawTransfer(l *lab) error {
	rows := transferRows(l)
	for _, path := range l.unseen() {
		data := filepath.Base(path)
		var lines []report.Series
		var persistence float64
		for _, side := range l.sides(data) {
			s := report.Series{Name: sideNames[side.name]}
			for _, step := range transferSteps {
				at := slices.DeleteFunc(slices.Clone(rows), func(m row) bool { return m.dataSet != data || m.arm != side.name || m.at != float64(step) })
				s = extend(s, float64(step), at, &persistence)
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

// sideNames are the sides in the legend.
var sideNames = map[string]string{"scratch": "fresh network", "whole": "walrus-nano, all weights", "lora": "walrus-nano, LoRA"}
