package rollout_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/model"
	"github.com/gowalrus/walrus/network"
	"github.com/gowalrus/walrus/rollout"
	"github.com/gowalrus/walrus/sample"
	"github.com/gowalrus/walrus/sim"
	"github.com/gowalrus/walrus/well"
)

// Predicting a trajectory from a Go program: open an engine, put weights on it, read the first frames, roll out. Here the data
// is simulated and the weights are random; network.Load reads those of a file or a training run.
func Example() {
	ctx := context.Background()
	folder, err := os.MkdirTemp("", "rollout")
	check(err)
	defer os.RemoveAll(folder)
	scenario, err := sim.Find("gray_scott_reaction_diffusion")
	check(err)
	check(sim.Generate(ctx, sim.Plan{
		Scenario: scenario, Out: folder, Grid: []int{32, 32}, Frames: 8, Trajectories: 3, Splits: []float64{0.4, 0.3, 0.3}, Seed: 1,
	}))

	e, err := engine.Open(engine.Default)
	check(err)
	defer e.Close()
	config, err := model.Preset("nano")
	check(err)
	vocabulary := sample.ReleasedVocabulary()
	config.States = vocabulary.Size()
	weights, err := network.New(e, config, network.Fresh(1))
	check(err)
	defer weights.Close()

	data, err := well.OpenDataset(filepath.Join(folder, scenario.Name), "test", well.Options{})
	check(err)
	defer data.Close()
	m := rollout.Model{Predictor: weights, Vocabulary: vocabulary, Blocks: config.Blocks}
	m.Frame.Tokens = 8 // along each axis: coarse and fast
	c, err := rollout.ReadCase(ctx, data, m, rollout.Piece{Stride: 1, History: 4, Steps: 3})
	check(err)
	result, err := rollout.Run(ctx, m.Predictor, c.Start, rollout.Options{Steps: 3, Jitter: true, Blocks: m.Blocks, Seed: 7})
	check(err)
	fmt.Println(c.Start.Names, "history", c.Start.History.Shape, "prediction", result.Prediction.Shape)
	check(c.Write(filepath.Join(folder, "prediction.hdf5"), data, result))
	// Output: [A B] history [1 4 32 32 2] prediction [1 3 32 32 2]
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
