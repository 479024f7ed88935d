package demo

import (
	"fmt"

	"github.com/gowalrus/walrus/checkpoint"
	"github.com/gowalrus/walrus/sample"
	"github.com/gowalrus/walrus/sim"
	"github.com/gowalrus/walrus/train"
)

// part is one scenario of the demo.
type part struct {
	scenario     string
	grid         []int
	frames       int // of a trajectory
	stride       int // frames of the simulation between two steps of the network
	trajectories int // in all splits together
	splits       []float64
}

// side is one of the two trainings that are compared.
type side struct{ name, folder string }

// The sides: the same size, data, steps, order of samples and schedule; where the weights begin differs, and what follows from it.
const (
	fineTuned = iota
	fresh
)

var sides = [2]side{fineTuned: {"walrus-nano, fine-tuned", "fine-tuned"}, fresh: {"a fresh network of its size", "fresh"}}

// plan is a whole demo.
type plan struct {
	weights       string // pretrained, as checkpoint.Open names them
	known, unseen part
	like          map[string]string // of the unseen fields that the weights do not know, the known ones that they begin like
	config        train.Config
	steps         int // of a rollout
	bar           bool
}

// The bars.
const (
	oneStepBar  = 0.5 // one-step VRMSE on the known scenario, at most this share of persistence's
	transferBar = 0.9 // one-step VRMSE of the fine-tuned network, at most this share of the fresh one's; over 20 steps none wins after so few steps
)

// fullPlan takes three minutes on two cores. What it chooses, and why:
//
//   - a known scenario whose rollout is worth a look: rings of sound that cross a jump of density. Two frames a step, between
//     which rings move by one to three cells: persistence is poor there. Weights/README.md says how the carried weights were
//     made: with simulations of another seed, so that the trajectories here are new to them.
//   - as unseen physics Rayleigh-Bénard convection: walls, buoyancy and a gravity that no data of the pretraining has.
//   - of its fields buoyancy is new to the weights; the flow carries it along like the tracer that they know.
//   - 120 steps of 4 windows: what a user would try first on data of their own. The rate is the fresh network's best of four (docs/experiments.md); the
//     pretrained one's encoder and decoder have four times as much, as its weights advise.
//   - the squared error and squared gradients averaged over 50 steps (docs/experiments.md), on both sides.
func fullPlan() plan {
	c := train.DefaultConfig()
	c.Loss = train.SquaredLoss
	c.Data.Batch, c.Data.Rotation, c.Data.MinStride, c.Data.MaxStride = 4, sample.NoRotation, 1, 1
	c.Optimizer.Beta2 = 0.98
	c.Schedule = train.Schedule{Rate: 1e-3, Epochs: 6, EpochSteps: 20, Warmup: 1, WarmupFactor: 0.1, Cooldown: 2, Continuous: true}
	c.Validation = train.ValidationConfig{Every: 1, Batches: 1, Windows: 24, Split: "valid", MaxRolloutSteps: 1}
	c.Checkpoint.Every, c.Checkpoint.Best = 0, false
	return plan{
		weights: "nano",
		known:   part{scenario: "acoustic_scattering_discontinuous", grid: []int{64, 64}, frames: 61, stride: 2, trajectories: 8, splits: []float64{0, 0, 1}},
		unseen:  part{scenario: "rayleigh_benard", grid: []int{64, 64}, frames: 61, stride: 1, trajectories: 16, splits: []float64{0.68, 0.13, 0.19}},
		like:    map[string]string{"buoyancy": "tracer"},
		config:  c, steps: 20, bar: true,
	}
}

// quickPlan shows that everything works, in a fraction of the time; it trains too little to judge.
func quickPlan() plan {
	p := fullPlan()
	p.known.trajectories, p.known.frames = 1, 1+2*(p.config.Data.History+9)
	p.unseen.trajectories, p.unseen.frames, p.unseen.splits = 4, 1+p.config.Data.History+9, []float64{0.5, 0.25, 0.25}
	p.config.Schedule.Epochs, p.config.Schedule.EpochSteps, p.config.Schedule.Cooldown = 3, 3, 1
	p.config.Validation.Windows = 2
	p.steps, p.bar = 8, false
	return p
}

// simulation is the plan of one part's data.
func (p part) simulation(o Options) (sim.Plan, error) {
	scenario, err := sim.Find(p.scenario)
	if err != nil {
		return sim.Plan{}, err
	}
	return sim.Plan{
		Scenario: scenario, Out: o.dataFolder(), Grid: p.grid, Frames: p.frames,
		Trajectories: p.trajectories, Seed: o.Seed, Splits: p.splits, Workers: o.Workers,
	}, nil
}

// training is the configuration of one side.
func (p plan) training(o Options, s side) (train.Config, error) {
	c := p.config
	c.Seed, c.Engine, c.Out = o.Seed, o.Engine, o.runOf(s)
	c.Data.Sets = []train.SetConfig{{Path: o.dataOf(p.unseen), Stride: p.unseen.stride}}
	if s == sides[fineTuned] {
		c.Finetune.From, c.Finetune.Like = p.weights, p.like
		return c, nil
	}
	w, err := checkpoint.ReadConfigOf(p.weights, "")
	if err != nil {
		return c, fmt.Errorf("weights %s: %w", p.weights, err)
	}
	c.Model.Hidden, c.Model.Intermediate, c.Model.Heads, c.Model.Blocks = w.Hidden, w.Inner, w.Heads, w.Blocks
	c.Model.Vocabulary, c.Model.Tokens = "data", 8 // as the weights'
	return c, nil
}
