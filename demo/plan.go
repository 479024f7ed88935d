package demo

import (
	"path/filepath"

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
}

// plan is a whole demo.
type plan struct {
	parts  []part
	splits []float64 // shares of train, valid and test
	config train.Config
	steps  int // of a rollout
	bar    bool
}

// The bar: how good the network must be, relative to persistence.
const (
	oneStepBar = 0.5 // one-step VRMSE, at most
	rolloutBar = 1.0 // VRMSE averaged over the rollout, below
)

// fullPlan reaches the bar with room to spare in two minutes on two cores, and in four on slow ones. What it chooses, and
// why:
//
//   - waves: rings of sound that cross a jump of density, and sound above a staircase. Both are cheap to simulate and
//     smooth enough for coarse tokens; shocks and thin shear layers take the same network several times as many steps.
//   - steps between which rings move by one to three cells (two frames) and phases by an eighth of a radian (one frame):
//     local, and yet persistence is poor.
//   - 8 tokens along each axis instead of 16: a sample costs about a quarter, and in so short a training the number of
//     samples counts for more than what a token resolves.
//   - a learning rate of 2e-3 (at 5e-3 the loss stays where it began for a hundred steps), and squared gradients averaged
//     over 50 steps: the usual 1000 are more than there are.
//   - 500 steps of 4 samples; validation is below the bar after 300.
func fullPlan() plan {
	c := train.DefaultConfig()
	c.Model.Vocabulary, c.Model.Tokens = "data", 8
	c.Data.History, c.Data.Batch, c.Data.Rotation = 4, 4, sample.NoRotation
	c.Optimizer.Beta2 = 0.98
	c.Schedule = train.Schedule{Rate: 2e-3, Epochs: 10, EpochSteps: 50, Warmup: 1, WarmupFactor: 0.1, Cooldown: 3, Continuous: true}
	c.Validation = train.ValidationConfig{Every: 2, Batches: 2, Split: "valid", MaxRolloutSteps: 1}
	c.Checkpoint.Every = 0
	return plan{
		parts: []part{
			{scenario: "acoustic_scattering_discontinuous", grid: []int{64, 64}, frames: 61, stride: 2, trajectories: 40},
			{scenario: "helmholtz_staircase", grid: []int{128, 32}, frames: 50, stride: 1, trajectories: 40},
		},
		splits: []float64{0.75, 0.1, 0.15}, config: c, steps: 20, bar: true,
	}
}

// quickPlan shows that everything works, in a fraction of the time; it trains too little to judge.
func quickPlan() plan {
	p := fullPlan()
	for i := range p.parts {
		p.parts[i].trajectories = 4
		p.parts[i].frames = 1 + p.parts[i].stride*(p.config.Data.History+9)
	}
	p.splits = []float64{0.5, 0.25, 0.25}
	p.config.Schedule.Epochs, p.config.Schedule.EpochSteps, p.config.Schedule.Cooldown = 4, 5, 1
	p.config.Validation.Batches = 1
	p.steps, p.bar = 8, false
	return p
}

// simulation is the plan of one part's data.
func (p plan) simulation(i int, o Options) (sim.Plan, error) {
	scenario, err := sim.Find(p.parts[i].scenario)
	if err != nil {
		return sim.Plan{}, err
	}
	return sim.Plan{
		Scenario: scenario, Out: o.dataFolder(), Grid: p.parts[i].grid, Frames: p.parts[i].frames,
		Trajectories: p.parts[i].trajectories, Seed: o.Seed, Splits: p.splits, Workers: o.Workers,
	}, nil
}

// training is the configuration of the training run.
func (p plan) training(o Options) train.Config {
	c := p.config
	c.Seed, c.Engine, c.Out = o.Seed, o.Engine, o.runFolder()
	for _, part := range p.parts {
		c.Data.Sets = append(c.Data.Sets, train.SetConfig{Path: filepath.Join(o.dataFolder(), part.scenario), Stride: part.stride})
	}
	return c
}
