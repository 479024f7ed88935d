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

const tokensName = "tokens"

// tokenCounts are the tokens along each axis that are compared, on 64 x 64 points: strides (4, 2), (2, 2) and (2, 1).
var tokenCounts = []int{8, 16, 32}

const tokenSteps = 100

func tokens() experiment {
	return experiment{
		name: tokensName, question: "Do one set of weights serve few tokens and many, where they were trained with random numbers of them, and where not?",
		run: runTokens, draw: drawTokens,
	}
}

// tokenArms are the numbers of tokens that networks are trained with: one of each, and all of them at random.
func tokenArms() []arm {
	list := []arm{{"random", "tokens: [8, 16, 32]"}}
	for _, n := range tokenCounts {
		list = append(list, arm{fmt.Sprintf("always %d", n), fmt.Sprintf("tokens: %d", n)})
	}
	return list
}

func runTokens(ctx context.Context, l *lab) error {
	for seed := range uint64(l.seeds) {
		for _, a := range tokenArms() {
			if !l.wants(a.name) {
				continue
			}
			if err := l.tokens(ctx, a, seed+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// tokens trains a network and scores it with each number of tokens.
func (l *lab) tokens(ctx context.Context, a arm, seed uint64) error {
	path := filepath.Join(l.data, l.one)
	m := row{key: key{experiment: tokensName, arm: a.name, dataSet: l.one, at: float64(tokenCounts[len(tokenCounts)-1]), seed: seed, rate: smallRate, split: testSplit, metric: "vrmse"}}
	return l.once(m.key, func() ([]row, error) {
		folder := l.folder(tokensName, l.one, a.name, seed)
		if err := l.train(ctx, run{folder: folder, yaml: l.tokenYAML(a, seed), steps: l.steps(tokenSteps)}, nil); err != nil {
			return nil, err
		}
		var measured []row
		for _, n := range tokenCounts {
			err := l.model(last(folder), surrogate.Options{Tokens: n}, func(model *surrogate.Model) error {
				r, seconds, err := judge(ctx, model, path, nil, rollout.Evaluation{Protocol: oneStep(32)})
				if err != nil {
					return err
				}
				m.at, m.seconds = float64(n), seconds
				m.value, m.persistence, err = overall(r.Scores(), score.OneStepName)
				measured = append(measured, m)
				return err
			})
			if err != nil {
				return nil, err
			}
		}
		return measured, os.RemoveAll(folder)
	})
}

// tokenYAML is the configuration of an arm.
func (l *lab) tokenYAML(a arm, seed uint64) string {
	const model = "model: {hidden: 64, intermediate: 16, heads: 4, blocks: 2, vocabulary: data}"
	return settings(model, "history: 2, "+a.yaml+", sets: "+sets(filepath.Join(l.data, l.one)), seed, small(2), notScored)
}

// drawTokens draws the error against the tokens when predicting: a curve for each way to train.
func drawTokens(l *lab) error {
	return l.plotArms(tokensName, "trained: ", tokenArms(), tokenCounts, report.LineSpec{Title: l.one, XLabel: "tokens along each axis when predicting", LogX: true})
}
