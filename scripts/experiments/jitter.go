package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/gowalrus/walrus/metric"
	"github.com/gowalrus/walrus/report"
	"github.com/gowalrus/walrus/rollout"
	"github.com/gowalrus/walrus/score"
	"github.com/gowalrus/walrus/surrogate"
)

const jitterName = "jitter"

const jitterSteps = 200

// Names of data sets that more than one experiment has.
const (
	sound = "acoustic_scattering_discontinuous"
	gas   = "euler_multi_quadrants_periodicBC"
)

// jitterSets are the scenarios that are rolled out, of only two kinds of physics: a small network learns four in so few steps no
// better than persistence.
var jitterSets = []string{sound, "acoustic_scattering_inclusions", gas, "euler_multi_quadrants_openBC"}

// jitterTrajectories are rolled out of each scenario, and jitterAt the steps whose scores are kept, of 54.
const jitterTrajectories = 3

var jitterAt = []int{1, 2, 3, 5, 8, 12, 20, 30, 40, 54}

func jitter() experiment {
	return experiment{
		name: jitterName, question: "Are rollouts better with random jitter of the patches, in training and when predicting?",
		run: runJitter, draw: drawJitter,
	}
}

// pairing is whether there is jitter in training and when predicting.
type pairing struct{ trained, used bool }

func (p pairing) String() string {
	with := map[bool]string{true: "with", false: "without"}
	return fmt.Sprintf("trained %s, used %s", with[p.trained], with[p.used])
}

func runJitter(ctx context.Context, l *lab) error {
	for seed := range uint64(l.seeds) {
		for _, trained := range []bool{true, false} {
			if !l.wants(fmt.Sprintf("trained=%t", trained)) {
				continue
			}
			if err := l.jitter(ctx, trained, seed+1); err != nil {
				return err
			}
		}
		if !l.wants(pretrained) {
			continue
		}
		for _, used := range []bool{true, false} {
			if !used && seed > 0 { // nothing is drawn
				continue
			}
			arm := pretrainedArm(used)
			err := l.once(jitterKey(arm, jitterSets[len(jitterSets)-1], seed+1), func() (measured []row, err error) {
				err = l.model(l.from, surrogate.Options{}, func(m *surrogate.Model) error {
					measured, err = l.roll(ctx, m, arm, used, seed+1)
					return err
				})
				return measured, err
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// pretrained is the model that was trained for long, with jitter: only how it is used differs.
const pretrained = "walrus-nano"

func pretrainedArm(used bool) string {
	if used {
		return pretrained + ", used with"
	}
	return pretrained + ", used without"
}

// jitter trains a network on all scenarios and rolls it out with and without jitter.
func (l *lab) jitter(ctx context.Context, trained bool, seed uint64) error {
	lastArm := pairing{trained, true}.String()
	return l.once(jitterKey(lastArm, jitterSets[len(jitterSets)-1], seed), func() ([]row, error) {
		folder := l.folder(jitterName, trained, seed)
		if err := l.train(ctx, run{folder: folder, yaml: l.jitterYAML(trained, seed), steps: l.steps(jitterSteps)}, nil); err != nil {
			return nil, err
		}
		var measured []row
		err := l.model(last(folder), surrogate.Options{}, func(m *surrogate.Model) error {
			for _, used := range []bool{false, true} {
				rows, err := l.roll(ctx, m, pairing{trained, used}.String(), used, seed)
				if err != nil {
					return err
				}
				measured = append(measured, rows...)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		return measured, os.RemoveAll(folder)
	})
}

// jitterYAML is the configuration of a network that is trained with jitter or without.
func (l *lab) jitterYAML(trained bool, seed uint64) string {
	var paths []string
	for _, name := range jitterSets {
		paths = append(paths, filepath.Join(l.data, name))
	}
	model := fmt.Sprintf("model: {hidden: 64, intermediate: 16, heads: 4, blocks: 2, vocabulary: data, tokens: 8, jitter: %t}", trained)
	return settings(model, "history: 3, sets: "+sets(paths...), seed, small(4), notScored)
}

// jitterKey is of the number by which a rollout is known to be measured: the mean over all its steps.
func jitterKey(arm, dataSet string, seed uint64) key {
	return key{experiment: jitterName, arm: arm, dataSet: dataSet, at: float64(jitterAt[len(jitterAt)-1]), seed: seed, rate: smallRate, split: testSplit, metric: "vrmse"}
}

// roll rolls a model out on all scenarios, from the same frame whatever its history.
func (l *lab) roll(ctx context.Context, m *surrogate.Model, arm string, used bool, seed uint64) ([]row, error) {
	var measured []row
	for _, name := range jitterSets {
		p := score.DefaultProtocol()
		p.First, p.Windows, p.RolloutsOnly, p.Sample, p.Steps = score.FromTheStart, []score.Window{score.WholeRollout}, true, jitterTrajectories, l.atMost(jitterAt[len(jitterAt)-1])
		r, seconds, err := judge(ctx, m, filepath.Join(l.data, name), func(s *surrogate.Setting) {
			s.Jitter = used
			if used { // also by weights that were trained without: with the room that jitter needs at ends
				s.Frame.NoJitterPadding, m.Network.Config.Jitter = false, true
			}
		}, rollout.Evaluation{Protocol: p, Earliest: earliest, Options: rollout.Options{Seed: seed}})
		if err != nil {
			return nil, err
		}
		curve := r.Curves()[0]
		n := row{key: jitterKey(arm, name, seed), seconds: seconds}
		for _, at := range jitterAt {
			if at > len(curve.Score) {
				break
			}
			n.metric, n.at, n.value, n.persistence = "vrmse at step", float64(at), curve.Score[at-1], curve.Baseline[at-1]
			measured = append(measured, n)
		}
		n.key = jitterKey(arm, name, seed)
		if n.value, n.persistence, err = wholeRollout(r.Scores()); err != nil {
			return nil, err
		}
		measured = append(measured, n)
	}
	return measured, nil
}

// wholeRollout is overall for the only window there is.
func wholeRollout(scores []score.Score) (value, persistence float64, err error) {
	if len(scores) == 0 {
		return 0, 0, fmt.Errorf("no score of a rollout")
	}
	return overall(scores, scores[0].Window)
}

// changes are the ratios of an arm to another, for each data set and seed. An arm without random draws has one row for all seeds.
func changes(rows []row, arm, to, measure string, at float64) []float64 {
	var list []float64
	for _, a := range rows {
		if a.arm != arm || a.metric != measure || a.at != at {
			continue
		}
		candidates := slices.DeleteFunc(slices.Clone(rows), func(b row) bool {
			return b.arm != to || b.metric != measure || b.at != at || b.dataSet != a.dataSet
		})
		i := slices.IndexFunc(candidates, func(b row) bool { return b.seed == a.seed })
		if i < 0 && len(candidates) == 1 {
			i = 0
		}
		if i >= 0 {
			list = append(list, ratio(a.value, candidates[i].value))
		}
	}
	return list
}

// comparison is a curve of the plot: an arm relative to another.
type comparison struct{ name, arm, to string }

func comparisons() []comparison {
	neither := pairing{false, false}.String()
	return []comparison{
		{"trained and used with", pairing{true, true}.String(), neither},
		{"trained with, used without", pairing{true, false}.String(), neither},
		{"trained without, used with", pairing{false, true}.String(), neither},
		{"walrus-nano, used with (to without)", pretrainedArm(true), pretrainedArm(false)},
	}
}

// drawJitter draws the median change of the error against the step of the rollout.
func drawJitter(l *lab) error {
	rows := l.results.where(func(m row) bool { return m.experiment == jitterName })
	var lines []report.Series
	for _, c := range comparisons() {
		s := report.Series{Name: c.name}
		for _, at := range jitterAt {
			list := changes(rows, c.arm, c.to, "vrmse at step", float64(at))
			if len(list) == 0 {
				continue
			}
			s.X, s.Y = append(s.X, float64(at)), append(s.Y, metric.Median(list))
			s.Low, s.High = append(s.Low, metric.Quantile(list, 0.25)), append(s.High, metric.Quantile(list, 0.75))
		}
		lines = appendDrawn(lines, s)
		if list := changes(rows, c.arm, c.to, "vrmse", float64(jitterAt[len(jitterAt)-1])); len(list) > 0 {
			fmt.Printf("%s: median change of the error over the whole rollout %+.0f %%, quartiles %+.0f and %+.0f %%, %d pairs\n", c.name,
				percent(metric.Median(list)), percent(metric.Quantile(list, 0.25)), percent(metric.Quantile(list, 0.75)), len(list))
		}
	}
	if len(lines) == 0 {
		return nil
	}
	return l.plot(jitterName, report.LineSpec{
		Title: "rollouts on four scenarios", XLabel: "rollout step", YLabel: "VRMSE, relative to without jitter", Series: lines, LogX: true, LogY: true,
		Level: 1, LevelName: "no difference",
	})
}

// percent is a ratio as a change.
func percent(r float64) float64 {
	if math.IsInf(r, 1) {
		return r
	}
	return 100 * (r - 1)
}
