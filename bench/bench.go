package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sort"
	"time"

	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/frame"
	"github.com/gowalrus/walrus/internal/resident"
	"github.com/gowalrus/walrus/model"
	"github.com/gowalrus/walrus/network"
	"github.com/gowalrus/walrus/rollout"
	"github.com/gowalrus/walrus/train"
)

// Settings say what is timed.
type Settings struct {
	Config model.Config
	// Model is a baseline to time instead, of The Well's size or of about so many Parameters (package baseline); empty for Walrus.
	Model      string
	Parameters float64

	Frames    int
	Size      []int // points along each axis
	Tokens    int   // along each axis; 0 for the released count
	Train     bool  // a training step instead of a forward pass
	Rollout   int   // steps of a rollout instead of a forward pass; 0 for none
	Recompute int   // every n-th block in the backward pass
	Runs      int
	Warmup    int
	LoRA      model.LoRA // a step trains only this, and all other weights are frozen
}

// Result is one measurement. The first five entries are the peer's.
type Result struct {
	What          string    `json:"what"` // "forward", "train_step" or "rollout"
	Median        float64   `json:"median_s"`
	Min           float64   `json:"min_s"`
	PeakRSS       float64   `json:"peak_rss_gib"`
	Parameters    int       `json:"parameters"`
	Engine        string    `json:"engine"`
	Rate          float64   `json:"gflops"`        // 1e9 operations of matrix products a second; 0 for a baseline, whose operations are not counted
	Peak          float64   `json:"peak_gflops"`   // measured on the same machine in the same run; 0 if unknown
	Share         float64   `json:"share_of_peak"` // Rate / Peak
	Planned       float64   `json:"planned_gib"`   // memory known before the run, beside weights; 0 if the engine can not tell
	Times         []float64 `json:"times_s"`
	CompileSecond float64   `json:"first_run_s"` // compilation and the first run
	Compile       float64   `json:"compile_s"`   // building and compiling the programs, part of the first run
	Precision     string    `json:"precision"`   // of the matrix products
	Device        float64   `json:"device_s"`    // of a step when steps follow one another without a wait; 0 where the engine computes on the host
	Host          float64   `json:"host_s"`      // what the median is longer: reading results, handing over programs
	Tokens        int       `json:"tokens"`      // along each axis
	Devices       int       `json:"devices"`     // that took part, each with one sample; rates are those of all together
}

// WithTokens are the settings with each number of tokens, checked; none stands for the released number alone.
func (s Settings) WithTokens(tokens []int) ([]Settings, error) {
	if len(tokens) == 0 {
		tokens = []int{0}
	}
	all := make([]Settings, len(tokens))
	for i, n := range tokens {
		if n < 0 || n == 0 && len(tokens) > 1 {
			return nil, fmt.Errorf("bench: --tokens %d; expected numbers above 0", n)
		}
		all[i] = s
		all[i].Tokens = n
		if err := all[i].Check(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// RunAll measures one after another, and the peak of the device that their rates are seen beside. progress is called after each run.
func RunAll(ctx context.Context, e *engine.Engine, all []Settings, progress func(s Settings, done, total int)) ([]Result, error) {
	var results []Result
	for _, s := range all {
		result, err := Run(ctx, e, s, func(done, total int) { progress(s, done, total) })
		if err != nil {
			return nil, err
		}
		results = append(results, result)
	}
	peak := e.PeakRate()
	if engine.IsXLA(e.String()) {
		var err error
		if peak, err = FindPeakRate(ctx, e, engine.BFloat16); err != nil {
			return nil, err
		}
		peak *= float64(results[0].Devices)
	}
	for i := range results {
		if results[i].Peak = peak; peak > 0 {
			results[i].Share = results[i].Rate / peak
		}
	}
	return results, nil
}

// fields are the columns of the peer's four fields.
var fields = []int{3, 4, 5, 28}

// Run measures. progress is called after each run; it may be nil.
func Run(ctx context.Context, e *engine.Engine, s Settings, progress func(done, total int)) (Result, error) {
	g, err := s.geometry()
	if err != nil {
		return Result{}, err
	}
	n, parameters, err := s.create(e)
	if err != nil {
		return Result{}, err
	}
	defer n.Close()
	d := network.Data{Geometry: g, Fields: fields, Mask: -1}
	random := rand.New(rand.NewPCG(0, 0))
	samples := 1
	if s.Train {
		samples = e.Devices()
	}
	x := normal(random, append(append([]int{samples, s.Frames}, s.Size...), len(fields)))
	result := Result{What: "forward", Devices: samples, Parameters: parameters, Engine: e.String(), Precision: e.Precision().String(),
		Tokens: g.Axes[0].Tokens} // of the periodic axis: those with ends may have one more
	before := e.CompileTime()
	planned := n.PeakBytes
	last := func() error { return nil }
	run := func() error {
		_, err := n.Forward(ctx, d, x, frame.Rolls{}, false)
		return err
	}
	if s.Rollout > 0 {
		result.What = "rollout"
		run = func() error {
			_, err := rollout.Run(ctx, n, rollout.Start{Data: d, History: x}, rollout.Options{Steps: s.Rollout})
			return err
		}
	}
	if s.Train {
		result.What = "train_step"
		stepper, err := train.NewStepper(n, train.ReleasedOptimizer(), s.Recompute)
		if err != nil {
			return Result{}, err
		}
		next := normal(random, append(append([]int{samples, 1}, s.Size...), len(fields)))
		planned = stepper.PeakBytes
		row := &steps{stepper: stepper, example: train.Example{Data: d, Input: x, Output: next}}
		defer row.close()
		run = func() error { return row.next(ctx) }
		if engine.IsXLA(e.String()) {
			last = func() error { return row.row(ctx, s.Runs, &result) }
		}
	}
	if err := result.measure(s, run, progress); err != nil {
		return Result{}, err
	}
	if err := last(); err != nil {
		return Result{}, err
	}
	if s.Model == "" {
		net := s.net(g)
		operations, again := net.Operations(len(fields))
		if s.Train {
			factor := 3.0 // forward, gradients of what goes in, gradients of weights
			if s.LoRA.On() {
				factor = 2 // frozen weights have no gradient; the small matrices' products are few
			}
			operations = factor*operations + again
		}
		operations *= float64(max(1, s.Rollout))
		result.Rate = float64(samples) * operations / result.Median / 1e9
	}
	result.Planned = float64(planned()) / (1 << 30)
	result.Compile = (e.CompileTime() - before).Seconds()
	result.PeakRSS = float64(resident.Peak()) / (1 << 30)
	return result, nil
}

// Check reports a size that can not be cut into the tokens.
func (s Settings) Check() error {
	_, err := s.geometry()
	return err
}

// geometry is that of the peer's data.
func (s Settings) geometry() (*frame.Geometry, error) {
	sides := make([]field.Sides, len(s.Size))
	for i := range sides {
		sides[i] = field.Both(field.Wall)
	}
	sides[0] = field.Both(field.Periodic)
	return frame.NewGeometry(s.Size, sides, frame.Options{Tokens: s.Tokens, Whole: s.Model != ""})
}

// config is the architecture that is timed.
func (s Settings) config() model.Config {
	c := s.Config
	if !s.Train || !s.LoRA.On() {
		return c
	}
	c.Frozen = map[string]bool{}
	for _, w := range c.Weights() {
		c.Frozen[w.Name] = !w.Buffer
	}
	c.LoRA = s.LoRA
	return c
}

// net is the network that is timed.
func (s Settings) net(g *frame.Geometry) model.Net {
	return model.Net{Config: s.config(), Geometry: g, Samples: 1, Frames: s.Frames, Recompute: s.Recompute, LastOnly: s.Rollout > 0}
}

// measure times the warm-up and the runs.
func (r *Result) measure(s Settings, run func() error, progress func(done, total int)) error {
	if s.Runs < 1 || s.Warmup < 0 {
		return fmt.Errorf("bench: %d runs after %d for warm-up; expected at least 1 and 0", s.Runs, s.Warmup)
	}
	for i := range s.Warmup + s.Runs {
		start := time.Now()
		if err := run(); err != nil {
			return err
		}
		took := time.Since(start).Seconds()
		if i == 0 {
			r.CompileSecond = took
		}
		if i >= s.Warmup {
			r.Times = append(r.Times, took)
		}
		if progress != nil {
			progress(i+1, s.Warmup+s.Runs)
		}
	}
	sorted := append([]float64(nil), r.Times...)
	sort.Float64s(sorted)
	r.Min, r.Median = sorted[0], sorted[len(sorted)/2]
	return nil
}

func normal(random *rand.Rand, shape []int) field.Array {
	a := field.NewArray(shape...)
	for i := range a.Data {
		a.Data[i] = float32(random.NormFloat64())
	}
	return a
}
