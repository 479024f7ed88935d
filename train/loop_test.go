package train

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/sample"
)

// numbers is a source of batches whose values depend on the batch's number only.
type numbers struct{}

func (numbers) Batch(_ context.Context, n uint64) (*sample.Batch, error) {
	b := &sample.Batch{DataSet: "numbers", Input: field.NewArray(2, 3)}
	random := sample.Random(3, n)
	for i := range b.Input.Data {
		b.Input.Data[i] = random.Float32()
	}
	return b, nil
}

// line is a network of one weight with momentum, whose every step depends on the weight, the momentum, the batch, the
// random draw and the rate: any of them out of place changes all later numbers.
type line struct {
	weight, momentum float64
	at               func(step int) error // called before step n of this network, counted from 1
	steps            int
}

func (l *line) Step(ctx context.Context, draws []Draw, rate float64) (Outcome, error) {
	l.steps++
	if l.at != nil {
		if err := l.at(l.steps); err != nil {
			return Outcome{}, err
		}
	}
	if err := ctx.Err(); err != nil {
		return Outcome{}, err
	}
	var gradient float64
	for _, d := range draws {
		for _, v := range d.Batch.Input.Data {
			gradient += (l.weight - float64(v) + 0.1*d.Random.Float64()) / float64(len(draws))
		}
	}
	loss := gradient * gradient
	l.momentum = 0.9*l.momentum + gradient
	l.weight -= rate * l.momentum
	return Outcome{Loss: loss, GradientNorm: math.Abs(gradient)}, nil
}

// recorded is everything that a run leaves behind.
type recorded struct {
	Rows   []Row
	Scores []Score
	Saved  []int
}

func testLoop(network *line, into *recorded) *Loop {
	return &Loop{
		Network: network, Batches: numbers{}, Seed: 11, Accumulation: 2, Prefetch: 2, LogEvery: 4, ValidEvery: 2,
		Schedule: Schedule{Rate: 0.01, Epochs: 6, EpochSteps: 5, Warmup: 1, WarmupFactor: 0.1, Cooldown: 2, Continuous: true},
		Save: func(_ context.Context, s State, _ []string) error {
			into.Saved = append(into.Saved, s.Step)
			return nil
		},
		Validate: func(context.Context, Task, bool) ([]Score, error) {
			return []Score{{DataSet: "numbers", VRMSE: network.weight}}, nil
		},
		Log: func(r Row) error {
			r.Seconds = 0 // the only entry that a clock makes
			into.Rows = append(into.Rows, r)
			return nil
		},
		Scored: func(_ State, scores []Score) error { into.Scores = append(into.Scores, scores...); return nil },
	}
}

func TestResumeEqualsNeverStopping(t *testing.T) {
	var want recorded
	whole := &line{weight: 3}
	end, err := testLoop(whole, &want).Run(context.Background(), State{})
	if err != nil {
		t.Fatal(err)
	}
	if end.Step != 30 || end.Samples != 120 || len(want.Rows) != 8 || len(want.Scores) != 3 {
		t.Fatalf("state %+v with %d rows and %d scores; want 30 steps, 120 samples, 8 rows, 3 scores", end, len(want.Rows), len(want.Scores))
	}
	for _, cut := range []int{1, 4, 10, 17, 30} {
		for _, ahead := range []bool{false, true} {
			testCut(t, cut, ahead, whole, want)
		}
	}
}

// testCut interrupts a run in the middle of a step and goes on.
func testCut(t *testing.T, cut int, ahead bool, whole *line, want recorded) {
	t.Helper()
	var got recorded
	ctx, stop := context.WithCancel(context.Background())
	first := &line{weight: 3, at: func(n int) error {
		if n == cut {
			stop() // arrives in the middle of step cut, which then must count as not done
		}
		return nil
	}}
	loop := testLoop(first, &got)
	loop.LookAhead = ahead
	state, err := loop.Run(ctx, State{})
	if !errors.Is(err, context.Canceled) || state.Step != cut-1 {
		t.Fatalf("cut in step %d: stopped after %d with %v", cut, state.Step, err)
	}
	if diff := cmp.Diff([]int{cut - 1}, got.Saved); diff != "" {
		t.Fatalf("cut in step %d: saved at the wrong steps: %s", cut, diff)
	}
	second := &line{weight: first.weight, momentum: first.momentum}
	loop = testLoop(second, &got)
	loop.LookAhead = ahead
	if _, err = loop.Run(context.Background(), state); err != nil {
		t.Fatal(err)
	}
	got.Saved, want.Saved = nil, nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("cut in step %d: the logs differ: %s", cut, diff)
	}
	if second.weight != whole.weight || second.momentum != whole.momentum {
		t.Errorf("cut in step %d: weight %v and momentum %v, want %v and %v", cut, second.weight, second.momentum, whole.weight, whole.momentum)
	}
}

// Ctrl-C while the network is scored: the step before it is saved, and scored when the run goes on.
func TestInterruptedScoringIsMadeUpFor(t *testing.T) {
	var want recorded
	if _, err := testLoop(&line{weight: 3}, &want).Run(context.Background(), State{}); err != nil {
		t.Fatal(err)
	}
	for _, cut := range []int{1, 2, 3} { // the last one is at the end of the run
		var got recorded
		ctx, stop := context.WithCancel(context.Background())
		network := &line{weight: 3}
		loop := testLoop(network, &got)
		validate, calls := loop.Validate, 0
		loop.Validate = func(ctx context.Context, t Task, full bool) ([]Score, error) {
			if calls++; calls == cut {
				stop()
				return nil, ctx.Err()
			}
			return validate(ctx, t, full)
		}
		state, err := loop.Run(ctx, State{})
		if !errors.Is(err, context.Canceled) || state.Step != 10*cut {
			t.Fatalf("cut in scoring %d: stopped after step %d with %v", cut, state.Step, err)
		}
		if diff := cmp.Diff([]int{10 * cut}, got.Saved); diff != "" {
			t.Fatalf("cut in scoring %d: saved at the wrong steps: %s", cut, diff)
		}
		if _, err = testLoop(network, &got).Run(context.Background(), state); err != nil {
			t.Fatal(err)
		}
		got.Saved, want.Saved = nil, nil
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("cut in scoring %d: the logs differ: %s", cut, diff)
		}
	}
}

func TestCheckpointsFollowTheClockAndTheEnd(t *testing.T) {
	var got recorded
	loop := testLoop(&line{}, &got)
	loop.SaveEvery = time.Nanosecond
	if _, err := loop.Run(context.Background(), State{}); err != nil {
		t.Fatal(err)
	}
	if len(got.Saved) != 30 {
		t.Errorf("%d checkpoints with a period of a nanosecond, want one a step", len(got.Saved))
	}
	got = recorded{}
	loop.SaveEvery = time.Hour
	if _, err := loop.Run(context.Background(), State{}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{30}, got.Saved); diff != "" {
		t.Error(diff)
	}
}

// exploding reports a loss that is not finite at its third step.
type exploding struct {
	steps int
	at    func() // called in that step
}

func (e *exploding) Step(context.Context, []Draw, float64) (Outcome, error) {
	e.steps++
	if e.steps == 3 {
		e.at()
		return Outcome{Loss: math.NaN()}, nil
	}
	return Outcome{Loss: 1}, nil
}

func TestLossThatIsNotFiniteStopsTheRunUnsaved(t *testing.T) {
	for _, ahead := range []bool{false, true} {
		for _, stopped := range []bool{false, true} {
			var got recorded
			ctx, stop := context.WithCancel(context.Background())
			loop := testLoop(&line{}, &got)
			loop.Network, loop.LookAhead = &exploding{at: func() {
				if stopped {
					stop()
				}
			}}, ahead
			state, err := loop.Run(ctx, State{})
			stop()
			if err == nil || !strings.Contains(err.Error(), "step 3") || !strings.Contains(err.Error(), "learning_rate") {
				t.Errorf("looking ahead %v, interrupted %v: error %v, want one that names step 3 and the way out", ahead, stopped, err)
			}
			if state.Step != 2 || len(got.Saved) != 0 {
				t.Errorf("looking ahead %v, interrupted %v: stopped at step %d with checkpoints %v; want 2 and none", ahead, stopped, state.Step, got.Saved)
			}
		}
	}
}

func TestFailuresOfSavingAndScoringAreReported(t *testing.T) {
	broken := errors.New("disk full")
	for name, change := range map[string]func(*Loop){
		"checkpoint": func(l *Loop) { l.Save = func(context.Context, State, []string) error { return broken } },
		"validation": func(l *Loop) { l.Validate = func(context.Context, Task, bool) ([]Score, error) { return nil, broken } },
		"log":        func(l *Loop) { l.Log = func(Row) error { return broken } },
	} {
		loop := testLoop(&line{}, new(recorded))
		change(loop)
		if _, err := loop.Run(context.Background(), State{}); !errors.Is(err, broken) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestLogIsTakenUpAtItsStep(t *testing.T) {
	path := filepath.Join(t.TempDir(), LogFile)
	write := func(from, to int) {
		t.Helper()
		log, err := OpenLog(path, from)
		if err != nil {
			t.Fatal(err)
		}
		for step := from + 1; step <= to; step++ {
			if err = log.Row(Row{Step: step, Loss: 1.0 / float64(step)}); err != nil {
				t.Fatal(err)
			}
		}
		if err = log.Close(); err != nil {
			t.Fatal(err)
		}
	}
	read := func() string {
		t.Helper()
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	write(0, 6)
	want := read()
	rows, err := ReadLog(filepath.Dir(path))
	if err != nil || len(rows) != 6 || rows[2].Step != 3 || rows[2].Loss != 1.0/3 {
		t.Errorf("read back %+v, %v", rows, err)
	}
	// A crash after step 6 with a checkpoint at 4, in the middle of a row.
	if err := os.WriteFile(path, []byte(want+"7,0.5,2"), 0o666); err != nil {
		t.Fatal(err)
	}
	write(4, 6)
	if diff := cmp.Diff(want, read()); diff != "" {
		t.Error(diff)
	}
	write(0, 6)
	if diff := cmp.Diff(want, read()); diff != "" {
		t.Errorf("a fresh run kept rows of the old one: %s", diff)
	}
}
