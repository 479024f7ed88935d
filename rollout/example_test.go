package rollout_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/rollout"
	"github.com/gowalrus/walrus/sim"
	"github.com/gowalrus/walrus/surrogate"
	"github.com/gowalrus/walrus/well"
)

// Predicting a trajectory from a Go program: open a model with all that it was made with, open data, read the first frames,
// roll out. Here the weights are the golden ones, of a very small network, and the data is simulated.
func Example() {
	ctx := context.Background()
	folder, err := os.MkdirTemp("", "rollout")
	check(err)
	defer os.RemoveAll(folder)
	scenario, err := sim.Find("shear_flow")
	check(err)
	check(sim.Generate(ctx, sim.Plan{
		Scenario: scenario, Out: folder, Grid: []int{32, 32}, Frames: 10, Trajectories: 3, Splits: []float64{0.4, 0.3, 0.3}, Seed: 1,
	}))

	e, err := engine.Open(engine.Default)
	check(err)
	defer e.Close()
	model, err := surrogate.Open(e, "../selftest/testdata/golden/weights.safetensors", surrogate.Options{Tokens: 8}) // coarse and fast
	check(err)
	defer model.Close()
	data, err := model.OpenData(filepath.Join(folder, scenario.Name), "test", well.Options{})
	check(err)
	defer data.Close()
	setting, err := model.For(data)
	check(err)
	c, err := rollout.ReadCase(ctx, data, setting, rollout.Piece{Steps: 3})
	check(err)
	result, err := c.Predict(ctx, rollout.Options{Seed: 7})
	check(err)
	fmt.Println(c.Start.Names, "history", c.Start.History.Shape, "prediction", result.Prediction.Shape)
	check(c.Write(filepath.Join(folder, "prediction.hdf5"), data, result))
	// Output: [tracer pressure velocity_x velocity_y velocity_z] history [1 6 32 32 5] prediction [1 3 32 32 5]
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
