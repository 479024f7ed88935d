package rollout

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/frame"
	"github.com/gowalrus/walrus/network"
	"github.com/gowalrus/walrus/sample"
	"github.com/gowalrus/walrus/surrogate"
)

// Predictor predicts the frame after a window, in physical units; *network.Network is one.
type Predictor = surrogate.Predictor

// Start is where a rollout begins.
type Start struct {
	Data      network.Data
	Names     []string    // of the variable channels
	History   field.Array // (batch, frames, *grid, variable channels)
	Constants field.Array // (batch, *grid, constant channels), or (batch, frames, ...) from the first of the history on where a mask moves; empty for none
}

// mask is that of one trajectory in frames counted from the first of the history, (count, *grid, 1), where it moves.
func (s Start) mask(first, count int) field.Array {
	all := s.Constants.Index(0)
	channels := all.Axis(-1)
	shape := slices.Clone(all.Shape)
	shape[0], shape[len(shape)-1] = count, 1
	out := field.NewArray(shape...)
	points := len(out.Data) / max(1, count)
	for i := range out.Data {
		out.Data[i] = all.Data[(first*points+i)*channels+s.Data.Mask]
	}
	return out
}

// startOf begins at a batch's input.
func startOf(b *sample.Batch, data network.Data) Start {
	return Start{Data: data, Names: b.Names[:data.Variable()], History: b.Input, Constants: b.Constant}
}

// Options say how far and how often a rollout is drawn.
type Options struct {
	Steps    int
	Ensemble int // whole rollouts that are drawn and averaged; 0 counts as 1. Without jitter all would be the same, and one is drawn
	// StepEnsemble are the draws of the network whose outputs are averaged at every step, before the window moves on; likewise.
	StepEnsemble int
	Jitter       bool   // random patch jitter and token rolls, as the released model always has
	Blocks       int    // of the network, for the rolls
	Seed         uint64 // fixes every random draw
	Progress     func() // called after each step of each member; may be nil
}

// Members is the number of rollouts that are drawn.
func (o Options) Members() int { return o.draws(o.Ensemble) }

func (o Options) draws(n int) int {
	if !o.Jitter {
		return 1
	}
	return max(1, n)
}

// Calls is how often the network is asked for one step of all members.
func (o Options) Calls() int { return o.Members() * o.draws(o.StepEnsemble) }

// Result is a whole prediction: the mean over the ensemble and, with two members or more, their standard deviation.
type Result struct {
	Prediction field.Array // (batch, steps, *grid, variable channels)
	Spread     field.Array // the same shape; empty for a single member
	Members    int
}

// NonFiniteError says where a rollout stopped making numbers.
type NonFiniteError struct {
	Step   int    `json:"step"` // counted from 1
	Field  string `json:"field"`
	Member int    `json:"member"` // counted from 1
}

func (e *NonFiniteError) Error() string {
	return fmt.Sprintf("rollout: step %d: %s is not finite any more (member %d); the frames before it are kept; try fewer steps or an ensemble with jitter",
		e.Step, e.Field, e.Member)
}

// Frame is one predicted step: the mean over the ensemble and, with two members or more, their standard deviation.
type Frame struct {
	Mean   field.Array // (batch, *grid, variable channels)
	Spread field.Array // the same shape; empty for a single member
}

// Frames predicts, one step at a time: the members of an ensemble go side by side, each over its own predictions, and no frame stays. If a member
// becomes non-finite at a step, the frames before it were given and the last error is a *NonFiniteError; if ctx ends, it is the
// context's. Any error ends the stream.
func Frames(ctx context.Context, p Predictor, s Start, o Options) iter.Seq2[Frame, error] {
	return func(yield func(Frame, error) bool) {
		if o.Steps < 1 {
			yield(Frame{}, fmt.Errorf("rollout: %d steps; expected at least 1", o.Steps))
			return
		}
		windows := slices.Repeat([]field.Array{s.History}, o.Members())
		for step := range o.Steps {
			frame, err := o.advance(ctx, p, s, windows, step)
			if err != nil && ctx.Err() != nil {
				err = fmt.Errorf("rollout: stopped at step %d: %w", step+1, ctx.Err())
			}
			if !yield(frame, err) || err != nil {
				return
			}
		}
	}
}

// advance predicts a step of all members and moves their windows on.
func (o Options) advance(ctx context.Context, p Predictor, s Start, windows []field.Array, step int) (Frame, error) {
	var all moments
	if given := s.Constants; s.Data.Moving { // the mask of these frames
		var err error
		if s.Constants, err = s.Data.Given(given, step, s.History.Shape[1]+1); err != nil {
			return Frame{}, fmt.Errorf("rollout: step %d: %w", step+1, err)
		}
	}
	for member, window := range windows {
		next, err := o.step(ctx, p, s, window, uint64(member)*memberDraws+uint64(step))
		if err != nil {
			return Frame{}, fmt.Errorf("rollout: step %d: %w", step+1, err)
		}
		if i := next.FirstNonFinite(); i >= 0 {
			return Frame{}, &NonFiniteError{Step: step + 1, Field: s.Names[i%len(s.Names)], Member: member + 1}
		}
		windows[member] = network.Advance(window, next)
		if o.Progress != nil {
			o.Progress()
		}
		if len(windows) == 1 {
			return Frame{Mean: next}, nil
		}
		all.add(next)
	}
	return all.frame(), nil
}

// Run predicts as Frames does and keeps everything. If a member becomes non-finite at a step or ctx ends, the result holds the steps
// before it beside the error. On any other error the result is empty.
func Run(ctx context.Context, p Predictor, s Start, o Options) (Result, error) {
	var mean, spread []field.Array
	var stopped error
	for f, err := range Frames(ctx, p, s, o) {
		if err != nil {
			if broken := (*NonFiniteError)(nil); !errors.As(err, &broken) && ctx.Err() == nil {
				return Result{}, err
			}
			stopped = err
			break
		}
		mean = append(mean, f.Mean)
		if len(f.Spread.Data) > 0 {
			spread = append(spread, f.Spread)
		}
	}
	return Result{Prediction: stacked(mean), Spread: stacked(spread), Members: o.Members()}, stopped
}

// stacked joins frames (batch, ...) to one array (batch, steps, ...); none give the zero Array.
func stacked(frames []field.Array) field.Array {
	if len(frames) == 0 {
		return field.Array{}
	}
	shape := slices.Insert(slices.Clone(frames[0].Shape), 1, len(frames))
	out := field.NewArray(shape...)
	for b := range shape[0] {
		for step, f := range frames {
			copy(out.Index(b).Index(step).Data, f.Index(b).Data)
		}
	}
	return out
}

// memberDraws is the distance between the random streams of two members: more steps than any rollout has, times stepDraws.
const memberDraws = 1 << 32

// stepDraws is the distance between the random streams of two draws of one step: more steps than any rollout has.
const stepDraws = 1 << 24

// step predicts the frame after a window, the mean over the step ensemble. The network's outputs are averaged as the frames that they stand for:
// all start from the same last frame and the same scales, so that both means are the same.
func (o Options) step(ctx context.Context, p Predictor, s Start, window field.Array, stream uint64) (field.Array, error) {
	var all moments
	draws := o.draws(o.StepEnsemble)
	for draw := range draws {
		var rolls frame.Rolls
		if o.Jitter {
			rolls = s.Data.Geometry.Draw(sample.Random(o.Seed, stream+uint64(draw)*stepDraws), o.Blocks)
		}
		next, _, err := p.Next(ctx, s.Data, window, s.Constants, rolls)
		if err != nil || draws == 1 {
			return next, err
		}
		all.add(next)
	}
	return all.frame().Mean, nil
}

// moments gathers mean and variance of a frame over draws (Welford's update, in float64).
type moments struct {
	count     int
	shape     []int
	mean, sum []float64 // sum of squared deviations
}

// add takes a draw in.
func (m *moments) add(frame field.Array) {
	if m.count == 0 {
		m.shape, m.mean, m.sum = frame.Shape, make([]float64, len(frame.Data)), make([]float64, len(frame.Data))
	}
	m.count++
	for i, v := range frame.Data {
		delta := float64(v) - m.mean[i]
		m.mean[i] += delta / float64(m.count)
		m.sum[i] += delta * (float64(v) - m.mean[i])
	}
}

// frame gives mean and unbiased standard deviation.
func (m *moments) frame() Frame {
	f := Frame{Mean: field.NewArray(m.shape...)}
	if m.count > 1 {
		f.Spread = field.NewArray(m.shape...)
	}
	for i, v := range m.mean {
		f.Mean.Data[i] = float32(v)
		if m.count > 1 {
			f.Spread.Data[i] = float32(math.Sqrt(m.sum[i] / float64(m.count-1)))
		}
	}
	return f
}
