package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gowalrus/walrus/report"
	"github.com/gowalrus/walrus/rollout"
	"github.com/gowalrus/walrus/score"
	"github.com/gowalrus/walrus/surrogate"
)

const contextName = "context"

// histories are the numbers of frames that are compared, each with networks of its own.
var histories = []int{1, 2, 4, 6}

const contextSteps = 100

// earliest is the first frame that is predicted, whatever the history: all are scored on the same frames.
const earliest = 6

func inContext() experiment {
	return experiment{
		name: contextName, question: "Does a longer history tell a network coefficients that it is not told?",
		run: runContext, draw: drawContext,
	}
}

// contextArms are sound in a medium that is a given field, and in one that the network has to find out about: each trajectory has its own,
// and those that are scored were not among the trained ones.
func contextArms() []arm {
	return []arm{
		{"given", "{path: %q}"},
		{"hidden", "{path: %q, field_transforms: {density: zeros_like, speed_of_sound: zeros_like}}"},
	}
}

func runContext(ctx context.Context, l *lab) error {
	for seed := range uint64(l.seeds) {
		for _, a := range contextArms() {
			for _, history := range histories {
				if !l.wants(a.name) {
					continue
				}
				if err := l.context(ctx, a, history, seed+1); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// context trains and scores a network with a history.
func (l *lab) context(ctx context.Context, a arm, history int, seed uint64) error {
	path := filepath.Join(l.data, sound)
	m := row{key: key{experiment: contextName, arm: a.name, dataSet: sound, at: float64(history), seed: seed, rate: smallRate, split: testSplit, metric: "vrmse"}}
	return l.once(m.key, func() ([]row, error) {
		folder := l.folder(contextName, a.name, history, seed)
		if err := l.train(ctx, run{folder: folder, yaml: l.contextYAML(a, history, seed), steps: l.steps(contextSteps)}, nil); err != nil {
			return nil, err
		}
		err := l.model(last(folder), surrogate.Options{}, func(model *surrogate.Model) error {
			r, seconds, err := judge(ctx, model, path, nil, rollout.Evaluation{Protocol: oneStep(48), Earliest: earliest})
			if err != nil {
				return err
			}
			m.seconds = seconds
			m.value, m.persistence, err = overall(r.Scores(), score.OneStepName)
			return err
		})
		if err != nil {
			return nil, err
		}
		return []row{m}, os.RemoveAll(folder)
	})
}

// contextYAML is the configuration of an arm.
func (l *lab) contextYAML(a arm, history int, seed uint64) string {
	set := fmt.Sprintf(a.yaml, filepath.Join(l.data, sound))
	return settings(smallModel, fmt.Sprintf("history: %d, sets: [%s]", history, set), seed, small(2), notScored)
}

// drawContext draws the error against the history, given the medium and not.
func drawContext(l *lab) error {
	return l.plotArms(contextName, "medium ", contextArms(), histories, report.LineSpec{Title: sound, XLabel: "frames of history", WholeX: true})
}
