package rollout

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/frame"
	"github.com/gowalrus/walrus/network"
)

// recurrence predicts x[n+1] = 2 x[n] - x[n-1] + push x (the sum of the jitter): exact for a straight line in time,
// and random exactly where the rolls are.
type recurrence struct {
	push  float64
	limit float64 // values beyond it become infinite in channel 1
}

func (r recurrence) Next(_ context.Context, d network.Data, x, _ field.Array, rolls frame.Rolls) (field.Array, frame.Scales, error) {
	frames := x.Shape[1]
	out := field.NewArray(append([]int{x.Shape[0]}, x.Shape[2:]...)...)
	shift := float64(rolls.Jitter[0] + rolls.Jitter[1])
	for b := range x.Shape[0] {
		now, before, to := x.Index(b).Index(frames-1).Data, x.Index(b).Index(frames-2).Data, out.Index(b).Data
		for i := range to {
			v := 2*float64(now[i]) - float64(before[i]) + r.push*shift
			if r.limit > 0 && i%2 == 1 && v > r.limit {
				v = math.Inf(1)
			}
			to[i] = float32(v)
		}
	}
	return out, frame.Scales{}, nil
}

func lineStart(t *testing.T) Start {
	t.Helper()
	geometry, err := frame.NewGeometry([]int{64, 64}, []field.Sides{field.Both(field.Periodic), field.Both(field.Periodic)}, frame.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := Start{Data: network.Data{Geometry: geometry, Fields: []int{3, 4}, Mask: -1}, Names: []string{"pressure", "tracer"}, History: field.NewArray(2, 3, 64, 64, 2)}
	points := 64 * 64 * 2
	for i := range s.History.Data {
		s.History.Data[i] = float32(i/points%3) + float32(i/points/3)*10 // time, plus 10 for the second sample
	}
	return s
}

func TestRolloutFeedsPredictionsBack(t *testing.T) {
	result, err := Run(context.Background(), recurrence{}, lineStart(t), Options{Steps: 5})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{2, 5, 64, 64, 2}, result.Prediction.Shape); diff != "" {
		t.Fatal(diff)
	}
	for b := range 2 {
		for step := range 5 {
			for i, v := range result.Prediction.Index(b).Index(step).Data {
				if want := float32(3 + step + 10*b); v != want {
					t.Fatalf("sample %d, step %d, value %d: %v, want %v", b, step, i, v, want)
				}
			}
		}
	}
	if result.Members != 1 || len(result.Spread.Data) != 0 {
		t.Errorf("%d members with a spread of %d values; want 1 and none", result.Members, len(result.Spread.Data))
	}
}

func TestSeedFixesTheDrawsAndMembersDiffer(t *testing.T) {
	run := func(o Options) Result {
		t.Helper()
		o.Steps, o.Blocks = 4, 3
		result, err := Run(context.Background(), recurrence{push: 0.01}, lineStart(t), o)
		if err != nil {
			t.Fatal(err)
		}
		return result
	}
	one := run(Options{Jitter: true, Seed: 1})
	if !cmp.Equal(one, run(Options{Jitter: true, Seed: 1})) {
		t.Error("the same seed gave two predictions")
	}
	if cmp.Equal(one, run(Options{Jitter: true, Seed: 2})) {
		t.Error("two seeds gave the same prediction")
	}
	if !cmp.Equal(run(Options{Seed: 1}), run(Options{Seed: 2, Ensemble: 4})) {
		t.Error("without jitter the seed changed the prediction")
	}
	// Mean and spread against the members drawn one by one: member k of an ensemble has the stream of its number.
	const members = 5
	all := run(Options{Jitter: true, Seed: 1, Ensemble: members})
	if all.Members != members {
		t.Fatalf("%d members, want %d", all.Members, members)
	}
	start := lineStart(t)
	last := len(all.Prediction.Data) - 1
	var values []float64
	for m := range members {
		window, o := start.History, Options{Jitter: true, Seed: 1, Blocks: 3}
		for step := range 4 {
			next, err := o.step(context.Background(), recurrence{push: 0.01}, start, window, uint64(m)*memberDraws+uint64(step))
			if err != nil {
				t.Fatal(err)
			}
			window = network.Advance(window, next)
		}
		values = append(values, float64(window.Data[len(window.Data)-1]))
	}
	mean, variance := 0.0, 0.0
	for _, v := range values {
		mean += v / members
	}
	for _, v := range values {
		variance += (v - mean) * (v - mean) / (members - 1)
	}
	if got := float64(all.Prediction.Data[last]); math.Abs(got-mean) > 1e-5 {
		t.Errorf("mean %v, want %v", got, mean)
	}
	if got := float64(all.Spread.Data[last]); math.Abs(got-math.Sqrt(variance)) > 1e-5 || got == 0 {
		t.Errorf("spread %v, want %v", got, math.Sqrt(variance))
	}
}

func TestNonFiniteStopsAndKeepsWhatItHad(t *testing.T) {
	result, err := Run(context.Background(), recurrence{limit: 14.5}, lineStart(t), Options{Steps: 9})
	var stopped *NonFiniteError
	if !errors.As(err, &stopped) || stopped.Step != 3 || stopped.Field != "tracer" {
		t.Fatalf("error %v, want one about tracer at step 3", err)
	}
	if !strings.Contains(err.Error(), "tracer") || result.Prediction.Shape[1] != 2 {
		t.Errorf("message %q with %d steps kept, want 2", err, result.Prediction.Shape[1])
	}
	if i := result.Prediction.FirstNonFinite(); i >= 0 {
		t.Errorf("value %d of what was kept is not finite", i)
	}
	result, err = Run(context.Background(), recurrence{limit: 0.5}, lineStart(t), Options{Steps: 9})
	if !errors.As(err, &stopped) || stopped.Step != 1 || len(result.Prediction.Data) != 0 {
		t.Errorf("stopped with %v and %d values, want step 1 and none", err, len(result.Prediction.Data))
	}
}

func TestCancelledRolloutStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Run(ctx, cancelled{}, lineStart(t), Options{Steps: 2}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

type cancelled struct{}

func (cancelled) Next(ctx context.Context, _ network.Data, _, _ field.Array, _ frame.Rolls) (field.Array, frame.Scales, error) {
	return field.Array{}, frame.Scales{}, ctx.Err()
}

func TestCancelledRolloutKeepsWhatItHad(t *testing.T) {
	for _, c := range []struct{ ensemble, calls, steps int }{{1, 3, 3}, {3, 7, 2}, {3, 12, 4}} { // members go side by side
		ctx, cancel := context.WithCancel(context.Background())
		calls := 0
		interrupted := Options{Steps: 5, Ensemble: c.ensemble, Jitter: true, Seed: 1, Progress: func() {
			if calls++; calls == c.calls {
				cancel()
			}
		}}
		result, err := Run(ctx, cancellable{recurrence{push: 0.1}}, lineStart(t), interrupted)
		if !errors.Is(err, context.Canceled) || len(result.Prediction.Shape) == 0 {
			t.Fatalf("error %v, prediction %v", err, result.Prediction.Shape)
		}
		whole, err := Run(context.Background(), recurrence{push: 0.1}, lineStart(t), Options{Steps: c.steps, Ensemble: c.ensemble, Jitter: true, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(whole, result); diff != "" {
			t.Errorf("after %d steps of %d members: %s", c.calls, c.ensemble, diff)
		}
	}
}

// cancellable is a predictor that heeds the context, as a network does.
type cancellable struct{ recurrence }

func (c cancellable) Next(ctx context.Context, d network.Data, x, constants field.Array, rolls frame.Rolls) (field.Array, frame.Scales, error) {
	if err := ctx.Err(); err != nil {
		return field.Array{}, frame.Scales{}, err
	}
	return c.recurrence.Next(ctx, d, x, constants, rolls)
}
