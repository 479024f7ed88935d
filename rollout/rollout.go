package rollout

import (
	"context"
	"fmt"
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

// Result is a prediction: the mean over the ensemble and, with two members or more, their standard deviation.
type Result struct {
	Prediction field.Array // (batch, steps, *grid, variable channels)
	Spread     field.Array // the same shape; empty for a single member
	Members    int
}

// NonFiniteError says where a rollout stopped making numbers.
type NonFiniteError struct {
	Step   int // counted from 1
	Field  string
	Member int // counted from 1
}

func (e *NonFiniteError) Error() string {
	return fmt.Sprintf("rollout: step %d: %s is not finite any more (member %d); the frames before it are kept; try fewer steps or an ensemble with jitter",
		e.Step, e.Field, e.Member)
}

// Run predicts. If a member becomes non-finite at a step, the result holds the steps before it and the error is a
// *NonFiniteError. If ctx ends, the error is the context's and the result holds the members that were complete, or the steps
// that the first had got to. On any other error the result is empty.
func Run(ctx context.Context, p Predictor, s Start, o Options) (Result, error) {
	if o.Steps < 1 {
		return Result{}, fmt.Errorf("rollout: %d steps; expected at least 1", o.Steps)
	}
	var moments moments
	var stopped error
	steps := o.Steps
	for member := range o.Members() {
		prediction, err := runMember(ctx, p, s, o, member, steps)
		broken, isBroken := err.(*NonFiniteError)
		switch {
		case isBroken:
			stopped, steps = broken, broken.Step-1
		case err != nil && ctx.Err() == nil:
			return Result{}, err
		case err != nil:
			stopped = fmt.Errorf("rollout: stopped at step %d of member %d: %w", len(prediction)+1, member+1, ctx.Err())
			if member > 0 { // an ensemble of whole members
				return moments.over(s, steps), stopped
			}
			moments.add(prediction, len(prediction))
			return moments.over(s, len(prediction)), stopped
		}
		moments.add(prediction, steps)
	}
	return moments.over(s, steps), stopped
}

// over is the result of the members so far for so many steps.
func (m *moments) over(s Start, steps int) Result {
	r := Result{Members: m.count}
	if steps > 0 {
		shape := slices.Clone(s.History.Shape)
		shape[1] = steps
		r.Prediction, r.Spread = m.result(shape)
	}
	return r
}

// memberDraws is the distance between the random streams of two members: more steps than any rollout has, times stepDraws.
const memberDraws = 1 << 32

// stepDraws is the distance between the random streams of two draws of one step: more steps than any rollout has.
const stepDraws = 1 << 24

// runMember draws one rollout; each predicted frame is (batch, *grid, channels). On an error the frames before it are
// returned too.
func runMember(ctx context.Context, p Predictor, s Start, o Options, member, steps int) ([]field.Array, error) {
	window, all := s.History, s.Constants
	var predicted []field.Array
	for step := range steps {
		var err error
		if s.Constants, err = s.Data.Given(all, step, window.Shape[1]+1); s.Data.Moving && err != nil {
			return predicted, fmt.Errorf("rollout: step %d: %w", step+1, err)
		}
		next, err := o.step(ctx, p, s, window, uint64(member)*memberDraws+uint64(step))
		if err != nil {
			return predicted, fmt.Errorf("rollout: step %d: %w", step+1, err)
		}
		if i := next.FirstNonFinite(); i >= 0 {
			return predicted, &NonFiniteError{Step: step + 1, Field: s.Names[i%len(s.Names)], Member: member + 1}
		}
		predicted = append(predicted, next)
		window = network.Advance(window, next)
		if o.Progress != nil {
			o.Progress()
		}
	}
	return predicted, nil
}

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
		all.add([]field.Array{next}, 1)
	}
	shape := append([]int{s.History.Shape[0], 1}, s.History.Shape[2:]...)
	mean, _ := all.result(shape)
	mean.Shape = append(shape[:1:1], shape[2:]...)
	return mean, nil
}

// moments gathers mean and variance over members, step by step (Welford's update, in float64).
type moments struct {
	count     int
	mean, sum [][]float64 // one slice a step; sum of squared deviations
}

// add takes a member's first steps frames in; what earlier members had beyond them goes.
func (m *moments) add(frames []field.Array, steps int) {
	if m.count == 0 {
		m.mean, m.sum = make([][]float64, steps), make([][]float64, steps)
		for i := range steps {
			m.mean[i] = make([]float64, len(frames[i].Data))
			m.sum[i] = make([]float64, len(frames[i].Data))
		}
	}
	m.count++
	m.mean, m.sum = m.mean[:steps], m.sum[:steps]
	for i := range steps {
		for j, v := range frames[i].Data {
			delta := float64(v) - m.mean[i][j]
			m.mean[i][j] += delta / float64(m.count)
			m.sum[i][j] += delta * (float64(v) - m.mean[i][j])
		}
	}
}

// result gives mean and unbiased standard deviation as arrays (batch, steps, ...).
func (m *moments) result(shape []int) (mean, spread field.Array) {
	mean = field.NewArray(shape...)
	if m.count > 1 {
		spread = field.NewArray(shape...)
	}
	batch, steps := shape[0], shape[1]
	part := len(mean.Data) / batch / steps
	for b := range batch {
		for i := range steps {
			to := (b*steps + i) * part
			for j := range part {
				mean.Data[to+j] = float32(m.mean[i][b*part+j])
				if m.count > 1 {
					spread.Data[to+j] = float32(math.Sqrt(m.sum[i][b*part+j] / float64(m.count-1)))
				}
			}
		}
	}
	return mean, spread
}
