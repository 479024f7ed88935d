package main

import (
	"context"
	"path/filepath"

	"github.com/gowalrus/walrus/metric"
	"github.com/gowalrus/walrus/report"
)

const scaleName = "scale"

func scale() experiment {
	return experiment{
		name: scaleName, question: "What is more compute worth to a small, a middle and a large network?",
		run: runScale, draw: drawScale,
	}
}

// scaleSteps are the numbers of steps that are scored.
var scaleSteps = []int{30, 100}

// sizes are the networks, with heads of 16 in all of them.
func sizes() []arm {
	return []arm{
		{"small", "model: {hidden: 32, intermediate: 8, heads: 2, blocks: 2, vocabulary: data, tokens: 8}"},
		{"middle", "model: {hidden: 64, intermediate: 16, heads: 4, blocks: 3, vocabulary: data, tokens: 8}"},
		{"large", "model: {hidden: 128, intermediate: 32, heads: 8, blocks: 4, vocabulary: data, tokens: 8}"},
	}
}

func runScale(ctx context.Context, l *lab) error {
	for _, a := range sizes() {
		if !l.wants(a.name) {
			continue
		}
		for seed := range uint64(l.seeds) {
			if err := l.scale(ctx, a, seed+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// scale trains a network of one size, all with the same rate.
func (l *lab) scale(ctx context.Context, a arm, seed uint64) error {
	steps := l.steps(scaleSteps...)
	m := row{key: key{experiment: scaleName, arm: a.name, dataSet: l.one, at: float64(steps[len(steps)-1]), seed: seed, rate: smallRate, split: testSplit, metric: "vrmse"}}
	return l.once(m.key, func() ([]row, error) {
		return l.scored(ctx, run{folder: l.folder(scaleName, l.one, a.name, seed), yaml: l.scaleYAML(a, seed), steps: steps}, m)
	})
}

// scaleYAML is the configuration of a size.
func (l *lab) scaleYAML(a arm, seed uint64) string {
	return settings(a.yaml, "history: 3, sets: "+sets(filepath.Join(l.data, l.one)), seed, small(0), scoredOnTest)
}

// drawScale draws the error against the processor time of training, a curve for each size.
func drawScale(l *lab) error {
	var lines []report.Series
	var persistence float64
	for _, a := range sizes() {
		s := report.Series{Name: a.name}
		for _, step := range scaleSteps {
			rows := l.results.where(func(m row) bool {
				return m.experiment == scaleName && m.dataSet == l.one && m.arm == a.name && m.split == testSplit && m.at == float64(step)
			})
			var seconds []float64
			for _, m := range rows {
				seconds = append(seconds, m.seconds)
			}
			s = extend(s, metric.Median(seconds), rows, &persistence)
		}
		lines = appendDrawn(lines, s)
	}
	if len(lines) == 0 {
		return nil
	}
	return l.plot(onSet(scaleName, l.one), report.LineSpec{
		Title: l.one, XLabel: "processor seconds of training", YLabel: "VRMSE one step ahead", Series: lines, LogX: true, LogY: true,
		Level: persistence, LevelName: "persistence",
	})
}
