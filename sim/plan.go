package sim

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/gowalrus/walrus/sim/scenario"
)

// Plan says what to simulate. The zero value of every field but Scenario and Out means its default.
type Plan struct {
	Scenario     scenario.Scenario
	Out          string             // base folder: files go to Out/NAME/data/{train,valid,test}
	Grid         []int              // points along each axis; default: the scenario's small grid
	Frames       int                // frames of a trajectory, the initial state included; default: the scenario's
	Trajectories int                // in all splits together; default 8
	Seed         uint64             // fixes every random choice
	Splits       []float64          // shares of train, valid and test; default 0.8, 0.1, 0.1
	Parameters   map[string]float64 // fixes parameters that would vary between trajectories
	Workers      int                // goroutines; default 1. The files do not depend on it

	// Progress is told how many of the plan's frames are done; it may be called from several goroutines at once.
	// Frames that were found on disk count as done.
	Progress func(done, total int)

	// Sharing divides the trajectories among processes that all generate the same plan; nil for one alone.
	Sharing *Sharing
}

// Sharing divides trajectories: process i of n simulates trajectories i, i+n, i+2n, ... The first process writes what belongs to all.
type Sharing struct {
	Process, Processes int
	// Meet waits for the others and returns the same error on all of them if one has any.
	Meet func(own error) error
}

// first says whether this process writes what belongs to all.
func (s *Sharing) first() bool { return s == nil || s.Process == 0 }

// mine says whether this process simulates a trajectory.
func (s *Sharing) mine(i int) bool { return s == nil || i%s.Processes == s.Process }

// meet waits for the others.
func (s *Sharing) meet(own error) error {
	if s == nil {
		return own
	}
	return s.Meet(own)
}

// splitNames are the folders of a data set, in the order of Plan.Splits.
var splitNames = [...]string{"train", "valid", "test"}

// limits of a plan, far beyond what a machine can do and far below what overflows.
const (
	mostPoints       = 1 << 32
	mostFrames       = 1 << 20
	mostTrajectories = 1 << 20
)

// Check reports what can not be simulated, without simulating anything.
func (p Plan) Check() error {
	_, err := p.complete()
	return err
}

// complete fills in defaults and reports what can not be simulated.
func (p Plan) complete() (Plan, error) {
	s := p.Scenario
	fail := func(format string, args ...any) (Plan, error) {
		return p, fmt.Errorf("sim: %s: %w", s.Name, fmt.Errorf(format, args...))
	}
	if s.Run == nil || s.Domain == nil || len(s.LeastGrid) != len(s.Axes) {
		return fail("the plan has no complete scenario")
	}
	if p.Out == "" {
		return fail("the plan has no output folder")
	}
	if p.Grid == nil {
		p.Grid = s.DefaultGrid
	}
	if p.Frames == 0 {
		p.Frames = s.DefaultFrames
	}
	if p.Trajectories == 0 {
		p.Trajectories = 8
	}
	if p.Splits == nil {
		p.Splits = []float64{0.8, 0.1, 0.1}
	}
	p.Workers = max(1, p.Workers)
	if len(p.Grid) != len(s.Axes) {
		return fail("a grid of %d axes (%v); the scenario has the %d axes %s", len(p.Grid), p.Grid, len(s.Axes), strings.Join(s.Axes, ", "))
	}
	points := 1.0
	for i, n := range p.Grid {
		if least := s.LeastGrid[i]; n < least {
			return fail("%d points along axis %s; at least %d are needed to show the problem", n, s.Axes[i], least)
		}
		points *= float64(n)
	}
	switch {
	case points > mostPoints:
		return fail("a grid of %.3g points; the most is %d", points, mostPoints)
	case p.Frames < 1 || p.Frames > mostFrames:
		return fail("%d frames; expected 1 to %d", p.Frames, mostFrames)
	case p.Trajectories < 1 || p.Trajectories > mostTrajectories:
		return fail("%d trajectories; expected 1 to %d", p.Trajectories, mostTrajectories)
	}
	if s.CheckGrid != nil {
		if err := s.CheckGrid(p.Grid); err != nil {
			return fail("%w", err)
		}
	}
	if err := checkSplits(p.Splits); err != nil {
		return fail("%w", err)
	}
	for name := range p.Parameters {
		if !slices.ContainsFunc(s.Parameters, func(q scenario.Parameter) bool { return q.Name == name }) {
			return fail("no parameter %q; expected %s", name, parameterNames(s))
		}
	}
	return p, nil
}

func parameterNames(s scenario.Scenario) string {
	names := make([]string, len(s.Parameters))
	for i, q := range s.Parameters {
		names[i] = q.Name
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// checkSplits wants shares of train, valid and test that add up to 1.
func checkSplits(shares []float64) error {
	sum := 0.0
	for _, v := range shares {
		if !(v >= 0) {
			return fmt.Errorf("a split's share of %v; expected shares of 0 or more", v)
		}
		sum += v
	}
	if len(shares) != len(splitNames) || math.Abs(sum-1) > 1e-6 {
		return fmt.Errorf("splits %v; expected the shares of %s, with sum 1", shares, strings.Join(splitNames[:], ", "))
	}
	return nil
}

// splitCounts divides the trajectories by largest remainders, so that the counts add up.
func splitCounts(trajectories int, shares []float64) []int {
	counts := make([]int, len(shares))
	rest := make([]float64, len(shares))
	left := trajectories
	for i, share := range shares {
		exact := share * float64(trajectories)
		counts[i] = min(left, int(exact+1e-9))
		rest[i] = exact - float64(counts[i])
		left -= counts[i]
	}
	for ; left > 0; left-- {
		most := 0
		for i := range rest {
			if rest[i] > rest[most]+1e-9 {
				most = i
			}
		}
		counts[most]++
		rest[most]--
	}
	return counts
}

// trajectory is one file to write.
type trajectory struct {
	split      string
	index      int // within the split
	seed       uint64
	parameters map[string]float64
}

// trajectories lists the plan's files. Each has its own seed, from the plan's seed, the scenario, the split and the
// index: asking for more trajectories later keeps those that are there.
func (p Plan) trajectories() []trajectory {
	var all []trajectory
	for i, count := range splitCounts(p.Trajectories, p.Splits) {
		for index := range count {
			t := trajectory{split: splitNames[i], index: index, parameters: map[string]float64{}}
			t.seed = deriveSeed(p.Seed, p.Scenario.Name, t.split, index)
			rng := rand.New(rand.NewPCG(t.seed, 0))
			drawn := map[string]float64{}
			for _, q := range p.Scenario.Parameters {
				r := rng.Float64()
				if q.Follows != "" {
					r = drawn[q.Follows]
				}
				drawn[q.Name] = r
				t.parameters[q.Name] = draw(r, q)
			}
			for name, v := range p.Parameters {
				t.parameters[name] = v
			}
			all = append(all, t)
		}
	}
	return all
}

// draw chooses a parameter's value from r in [0, 1). A parameter takes one such draw, whatever its kind.
func draw(r float64, q scenario.Parameter) float64 {
	if n := len(q.Values); n > 0 {
		return q.Values[min(n-1, int(r*float64(n)))]
	}
	return q.Low + r*(q.High-q.Low)
}

// deriveSeed hashes what identifies a trajectory.
func deriveSeed(seed uint64, name, split string, index int) uint64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d/%s/%s/%d", seed, name, split, index)
	return h.Sum64()
}

// file is the trajectory's file name: the scenario, the parameters that vary, the index.
func (t trajectory) file(s scenario.Scenario) string {
	var b strings.Builder
	b.WriteString(s.Name)
	for _, q := range s.Parameters {
		if len(q.Values) != 1 {
			fmt.Fprintf(&b, "_%s_%s", q.Name, strconv.FormatFloat(t.parameters[q.Name], 'g', 4, 64))
		}
	}
	fmt.Fprintf(&b, "_%04d.hdf5", t.index)
	return b.String()
}
