package bench

import (
	"context"
	"testing"

	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/model"
)

func TestBenchReportsTheKeysOfThePeer(t *testing.T) {
	e, err := engine.Open("")
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	config := model.Config{Hidden: 16, Inner: 4, Heads: 2, Blocks: 1, States: model.ReleasedStates, Dimensions: []int{2, 3}, Causal: true}
	for _, training := range []bool{false, true} {
		r, err := Run(context.Background(), e, Settings{Config: config, Frames: 2, Size: []int{16, 16}, Tokens: 8, Train: training, Runs: 2}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if r.Median <= 0 || r.Min > r.Median || len(r.Times) != 2 || r.Parameters != config.Count() || r.Rate <= 0 {
			t.Errorf("train %v: %+v", training, r)
		}
		if want := map[bool]string{false: "forward", true: "train_step"}[training]; r.What != want {
			t.Errorf("what = %q, want %q", r.What, want)
		}
	}
	r, err := Run(context.Background(), e, Settings{Config: config, Frames: 2, Size: []int{16, 16}, Tokens: 8, Rollout: 3, Runs: 1}, nil)
	if err != nil || r.What != "rollout" || r.Rate <= 0 {
		t.Errorf("rollout: %+v, %v", r, err)
	}
	if _, err := Run(context.Background(), e, Settings{Config: config, Frames: 2, Size: []int{17, 16}, Runs: 1}, nil); err == nil {
		t.Error("a size that no stride fits was accepted")
	}
}
