package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gowalrus/walrus/rollout"
	"github.com/gowalrus/walrus/score"
	"github.com/gowalrus/walrus/surrogate"
)

// networksName is the experiment's name in the table.
const networksName = "networks"

// networksRate is the learning rate of all arms: that of FNO and U-Nets in The Well's benchmark.
const networksRate = 1e-3

// networksTrajectories are rolled out of each data set, from the same frame.
const networksTrajectories = 8

// rolloutWindows are the steps of a rollout whose scores are kept beside one step ahead.
var rolloutWindows = []score.Window{{First: 1, Last: 20}, {First: 21, Last: 60}}

func networks() experiment {
	return experiment{
		name: networksName, question: "What is each kind of network worth after the same training time on data that none of them knows?",
		run: runNetworks, draw: func(*lab) error { return nil }, // its table says more
	}
}

// networkArm is an arm, and how many tokens along each axis it has in 3-D; 0 for a network without.
type networkArm struct {
	arm
	tokens int
}

// volumetric is the data set in 3-D, of 16 points along each axis, on which walrus-nano has learned with so many tokens.
const (
	volumetric       = "rayleigh_taylor_instability"
	volumetricTokens = 4
)

// networkArms are walrus-nano and the baselines with as many weights.
func (l *lab) networkArms() []networkArm {
	return []networkArm{
		{arm{"walrus-nano fine-tuned", l.pretrained("")}, volumetricTokens},
		{arm{"walrus fresh", l.fresh()}, volumetricTokens},
		{arm{"cnextunet", "model: {kind: cnextunet, parameters: 4.3e6, vocabulary: data}"}, 0},
		{arm{"unet", "model: {kind: unet, parameters: 4.3e6, vocabulary: data}"}, 0},
		{arm{"fno", "model: {kind: fno, parameters: 4.3e6, vocabulary: data}"}, 0},
	}
}

// networkSets are two in 2-D between walls of another solver, one in 2-D that is periodic along an axis, and one in 3-D; walrus-nano saw none.
func (l *lab) networkSets() []string {
	return append(l.unseen(), filepath.Join(l.data, volumetric))
}

func runNetworks(ctx context.Context, l *lab) error {
	for seed := range uint64(l.seeds) {
		for _, data := range l.networkSets() {
			for _, a := range l.networkArms() {
				if !l.wantsPair(filepath.Base(data), a.name) {
					continue
				}
				if err := l.network(ctx, data, a, seed+1); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// network trains one arm for l.seconds of processor time and scores it.
func (l *lab) network(ctx context.Context, data string, a networkArm, seed uint64) error {
	m := row{key: key{experiment: networksName, arm: a.name, dataSet: filepath.Base(data), seed: seed, rate: networksRate, split: testSplit}}
	done := m.key
	done.metric, done.at = networksMetric(score.OneStepName), l.seconds
	return l.once(done, func() ([]row, error) {
		steps, err := l.affordable(ctx, data, a, seed)
		if err != nil {
			return nil, err
		}
		folder := l.folder(networksName, m.dataSet, a.name, seed)
		err = l.train(ctx, run{folder: folder, yaml: networkYAML(a, data, seed, steps/perEpoch/4), steps: []int{steps}}, nil)
		if err != nil {
			return nil, err
		}
		var measured []row
		err = l.model(last(folder), surrogate.Options{}, func(model *surrogate.Model) error {
			p := score.DefaultProtocol()
			p.First, p.Windows, p.Sample, p.Steps = score.FromTheStart, rolloutWindows, networksTrajectories, l.atMost(rolloutWindows[1].Last)
			r, seconds, err := judge(ctx, model, data, nil, rollout.Evaluation{Protocol: p, Earliest: earliest, Options: rollout.Options{Seed: seed}})
			if err != nil {
				return err
			}
			scores := r.Scores()
			for _, s := range scores {
				if s.Metric != "VRMSE" || s.Field != score.AllFields {
					continue
				}
				n := m
				n.metric, n.at, n.value, n.persistence, n.seconds = networksMetric(s.Window), l.seconds, s.Model.Median, s.Persistence.Median, seconds
				measured = append(measured, n)
			}
			n := m
			n.metric, n.at, n.value = "steps", l.seconds, float64(steps)
			measured = append(measured, n)
			return nil
		})
		if err != nil {
			return nil, err
		}
		return measured, os.RemoveAll(folder)
	})
}

// networksMetric names the VRMSE of a window.
func networksMetric(window string) string { return "vrmse " + window }

// affordable is how many steps an arm can make in the time that all have: a few steps are timed for it.
func (l *lab) affordable(ctx context.Context, data string, a networkArm, seed uint64) (int, error) {
	folder := l.folder(networksName, "timed", filepath.Base(data), a.name, seed)
	defer os.RemoveAll(folder)
	var one float64
	r := run{folder: folder, yaml: networkYAML(a, data, seed, 0), steps: []int{perEpoch}, timed: func(step float64) { one = step }}
	if err := l.train(ctx, r, nil); err != nil {
		return 0, err
	}
	return l.atMost(max(perEpoch, int(l.seconds/one)/perEpoch*perEpoch)), nil
}

// networkYAML is the configuration of an arm: the same for all but the network.
func networkYAML(a networkArm, data string, seed uint64, cooldown int) string {
	text := "sets: " + sets(data)
	if filepath.Base(data) == volumetric && a.tokens > 0 {
		text = fmt.Sprintf("sets: [{path: %q, tokens: %d}]", data, a.tokens)
	}
	return settings(a.yaml, text, seed, pace{rate: networksRate, warmup: 1, cooldown: cooldown}, notScored)
}
