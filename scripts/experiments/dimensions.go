package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/gowalrus/walrus/report"
)

const dimensionsName = "dimensions"

func dimensions() experiment {
	return experiment{
		name: dimensionsName, question: "Is one network for 2-D and 3-D data as good as one for each?",
		run: runDimensions, draw: drawDimensions,
	}
}

// kinds are the data sets of two and of three dimensions.
var kinds = map[string][]string{
	"2-D": {gas, sound},
	"3-D": {"MHD_64", "turbulence_gravity_cooling"},
}

// mixture is data to learn from, and the steps at which a network is scored. A mixture of two kinds needs twice the steps to have seen as
// much of each.
type mixture struct {
	name  string
	kinds []string
	steps []int
}

func mixtures() []mixture {
	return []mixture{
		{"2-D alone", []string{"2-D"}, []int{100}},
		{"3-D alone", []string{"3-D"}, []int{100}},
		{"together", []string{"2-D", "3-D"}, []int{100, 200}},
	}
}

func runDimensions(ctx context.Context, l *lab) error {
	for seed := range uint64(l.seeds) {
		for _, x := range mixtures() {
			if !l.wants(x.name) {
				continue
			}
			if err := l.dimensions(ctx, x, seed+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// yaml lists the data sets of a mixture, 4 tokens along each axis in 3-D.
func (x mixture) yaml(data string) string {
	var list []string
	for _, kind := range x.kinds {
		for _, name := range kinds[kind] {
			entry := fmt.Sprintf("path: %q", filepath.Join(data, name))
			if kind == "3-D" {
				entry += ", tokens: 4"
			}
			list = append(list, "{"+entry+"}")
		}
	}
	return "[" + strings.Join(list, ", ") + "]"
}

// last is the last data set of a mixture.
func (x mixture) last() string {
	list := kinds[x.kinds[len(x.kinds)-1]]
	return list[len(list)-1]
}

func (l *lab) dimensions(ctx context.Context, x mixture, seed uint64) error {
	steps := l.steps(x.steps...)
	m := row{key: key{experiment: dimensionsName, arm: x.name, dataSet: x.last(), at: float64(steps[len(steps)-1]), seed: seed, rate: smallRate, split: testSplit, metric: "vrmse"}}
	return l.once(m.key, func() ([]row, error) {
		each := m
		each.dataSet = ""
		return l.scored(ctx, run{folder: l.folder(dimensionsName, x.name, seed), yaml: l.mixtureYAML(x, seed), steps: steps}, each)
	})
}

// mixtureYAML is the configuration of a mixture.
func (l *lab) mixtureYAML(x mixture, seed uint64) string {
	return settings(smallModel, "history: 4, sets: "+x.yaml(l.data), seed, small(0), scoredOnTest)
}

// drawDimensions draws the error against the steps, a curve for each data set alone and together in the same colour.
func drawDimensions(l *lab) error {
	var lines []report.Series
	color := 0
	for _, kind := range []string{"2-D", "3-D"} {
		for _, name := range kinds[kind] {
			color++
			for _, arm := range []string{kind + " alone", "together"} {
				s := report.Series{Name: name + ", " + arm, Dashed: arm == "together", Color: color}
				for _, step := range []int{100, 200} {
					rows := l.results.where(func(m row) bool {
						return m.experiment == dimensionsName && m.arm == arm && m.dataSet == name && m.at == float64(step)
					})
					for i := range rows {
						rows[i].value = ratio(rows[i].value, rows[i].persistence)
					}
					s = extend(s, float64(step), rows, nil)
				}
				lines = appendDrawn(lines, s)
			}
		}
	}
	if len(lines) == 0 {
		return nil
	}
	return l.plot(dimensionsName, report.LineSpec{
		Title: "2-D and 3-D, alone and together", XLabel: "optimizer steps", YLabel: "VRMSE / persistence", Series: lines, LogX: true,
		Level: 1, LevelName: "persistence",
	})
}
