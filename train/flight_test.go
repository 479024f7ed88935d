package train

import (
	"context"
	"errors"
	"testing"
)

// Whoever saves or scores while steps are handed over ahead must see the weights of the state, not those of a step later.
func TestLookingAheadSavesAndScoresTheSameWeights(t *testing.T) {
	type sight struct {
		doing  string
		step   int
		weight float64
	}
	weights := map[int]float64{} // after each step of the last run
	run := func(ahead bool, interrupt int) (seen []sight, most int) {
		network, asked := &line{weight: 3}, 0
		loop := testLoop(network, new(recorded))
		loop.LookAhead = ahead
		loop.Clock = func(bool) bool { asked++; return asked%4 >= 2 } // before a checkpoint it is asked twice
		loop.Save = func(_ context.Context, s State, _ []string) error {
			seen = append(seen, sight{"save", s.Step, network.weight})
			return nil
		}
		ctx, stop := context.WithCancel(context.Background())
		defer stop()
		step := 0
		loop.Validate = func(context.Context, Task, bool) ([]Score, error) {
			seen = append(seen, sight{"score", step, network.weight})
			return nil, nil
		}
		loop.Progress = func(p Progress) {
			step, weights[p.Step] = p.Step, network.weight
			most = max(most, network.steps-p.Step)
			if p.Step == interrupt {
				stop()
			}
		}
		if _, err := loop.Run(ctx, State{}); err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		return seen, most
	}
	want, none := run(false, 0)
	after8 := weights[8]
	got, one := run(true, 0)
	if none != 0 || one != 1 {
		t.Errorf("at most %d steps are ahead, and %d without looking ahead; want 1 and 0", one, none)
	}
	if len(want) < 10 || len(got) != len(want) {
		t.Fatalf("%d times the weights are used, without looking ahead %d", len(got), len(want))
	}
	for i, w := range want {
		if got[i] != w {
			t.Errorf("%+v; without looking ahead %+v", got[i], w)
		}
	}
	// Ctrl-C when step 7 is done: step 8 is on its way, and is what is saved.
	got, _ = run(true, 7)
	if want := (sight{"save", 8, after8}); len(got) == 0 || got[len(got)-1] != want {
		t.Errorf("after an interruption %+v; want %+v at the end", got, want)
	}
}
