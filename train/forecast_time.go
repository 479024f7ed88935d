package train

import (
	"context"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/sample"
)

// TimeForecast is what a run will take, in seconds, from a few steps of each shape. Validation and saving come on top.
type TimeForecast struct {
	Step    float64 `json:"step"`    // mean over the data sets that were timed, which are equally likely
	Least   float64 `json:"least"`   // of the fastest shape
	Most    float64 `json:"most"`    // of the slowest
	Read    float64 `json:"read"`    // to read the batches of a step, which goes on beside the step before
	Compile float64 `json:"compile"` // once
	Total   float64 `json:"total"`   // of the whole run
}

const (
	timedSteps  = 3                // of each shape, after one that compiles
	timedAtMost = 20 * time.Second // for the steps of one shape
	// drawsPerShape bounds how many batches are read in search of one of each shape.
	drawsPerShape = 20
)

// measure makes a few steps of each shape on weights in memory and times them.
func (f *Forecast) measure(ctx context.Context, r *Run, names []string, position [3]int) (err error) {
	c := r.config
	if len(r.data.entries) == 0 {
		f.Untimed = "no data set is there"
		return nil
	}
	if free := freeMemory(); !engine.IsXLA(c.Engine) && free > 0 && f.MemoryTotal > free {
		f.Untimed = fmt.Sprintf("a step takes %.1f GiB, and this machine has %.1f GiB left", gib(f.MemoryTotal), gib(free))
		return nil
	}
	if r.engine, err = openEngine(c, r.ranks, r.observer); err != nil {
		return err
	}
	network, saved, err := newNetwork(r.engine, c, names, position)
	if err != nil {
		return err
	}
	r.saved = saved
	if r.stepper, err = NewStepper(network, c.optimizer(), c.Model.Recompute); err != nil {
		network.Close()
		return err
	}
	vocabulary, err := sample.NewVocabulary(saved.Fields)
	if err != nil {
		return err
	}
	if err = r.openLoop(vocabulary); err != nil {
		return err
	}
	draws, read, err := f.draw(ctx, r)
	if err != nil {
		return err
	}
	return f.timeShapes(ctx, r, draws, read)
}

// draw reads batches, as the run would draw them, until there is one of each shape, and says how long one takes on average.
// They come by their shapes' keys and numbers.
func (f *Forecast) draw(ctx context.Context, r *Run) (numbers map[string]uint64, read float64, err error) {
	numbers = map[string]uint64{}
	wanted := map[string]bool{}
	for _, s := range f.Data {
		for _, shape := range s.Shapes {
			wanted[shape.key] = true
		}
	}
	var spent time.Duration
	n := uint64(0)
	for missing := len(wanted); missing > 0 && n < uint64(drawsPerShape*len(wanted)); n++ {
		began := time.Now()
		batch, err := r.loop.Batches.Batch(ctx, n)
		if err != nil {
			return nil, 0, err
		}
		spent += time.Since(began)
		key, err := r.keyOf(r.drawOf(batch, n))
		if err != nil {
			return nil, 0, err
		}
		if _, known := numbers[key]; !known {
			numbers[key] = n
			if wanted[key] {
				missing--
			}
		}
	}
	return numbers, spent.Seconds() / float64(n), nil
}

// drawOf is a batch with the generator that the run would have for it, which the number of tokens is drawn from too.
func (r *Run) drawOf(batch *sample.Batch, number uint64) Draw {
	return Draw{batch, r.loop.random(0, int(number))}
}

// keyOf tells the shapes of a batch apart, as network.Feed.Key does.
func (r *Run) keyOf(d Draw) (string, error) {
	examples, err := r.loop.Network.(stepNetwork).examples([]Draw{d})
	if err != nil {
		return "", err
	}
	feed, err := r.stepper.feed(examples[0])
	return feed.Key(), err
}

// timeShapes times steps of each shape of which a batch was drawn.
func (f *Forecast) timeShapes(ctx context.Context, r *Run, numbers map[string]uint64, read float64) error {
	seconds := map[string]float64{}
	t := TimeForecast{Least: math.Inf(1), Read: read * float64(r.loop.accumulation())}
	var sum float64
	sets := 0
	for i := range f.Data {
		ofSet, timed := 0.0, 0
		for k := range f.Data[i].Shapes {
			shape := &f.Data[i].Shapes[k]
			number, drawn := numbers[shape.key]
			if !drawn {
				continue
			}
			if seconds[shape.key] == 0 {
				took, err := r.timeStep(ctx, number)
				if err != nil {
					return err
				}
				seconds[shape.key] = took
			}
			shape.Seconds = seconds[shape.key]
			shape.plan.Planned = r.stepper.planned(shape.key)
			shape.Memory = shape.plan.Total()
			t.Least, t.Most = min(t.Least, shape.Seconds), max(t.Most, shape.Seconds)
			ofSet += shape.Seconds
			timed++
		}
		if timed > 0 {
			sum += ofSet / float64(timed)
			sets++
		}
	}
	f.largest()
	if sets == 0 {
		f.Untimed = "no batch of the shapes was drawn"
		return nil
	}
	t.Step = sum / float64(sets)
	t.Compile = r.engine.CompileTime().Seconds()
	t.Total = t.Compile + float64(f.Steps)*max(t.Step, t.Read)
	f.Time = &t
	return nil
}

// timeStep is the median time of a few steps of batches like the one of a number.
func (r *Run) timeStep(ctx context.Context, number uint64) (float64, error) {
	batch, err := r.loop.Batches.Batch(ctx, number)
	if err != nil {
		return 0, err
	}
	var times []float64
	deadline := time.Now().Add(timedAtMost)
	for i := range 1 + timedSteps {
		draws := make([]Draw, r.loop.accumulation())
		for k := range draws {
			draws[k] = r.drawOf(batch, number)
		}
		began := time.Now()
		if _, err := r.loop.Network.Step(ctx, draws, r.loop.Schedule.At(0)); err != nil {
			return 0, err
		}
		took := time.Since(began).Seconds()
		if i > 0 { // the first one compiles
			times = append(times, took)
		}
		if time.Now().After(deadline) && len(times) > 0 {
			break
		}
	}
	slices.Sort(times)
	return times[len(times)/2], nil
}

// planned is the engine's own plan for the programs of a shape; 0 where it has none.
func (s *Stepper) planned(key string) (peak int64) {
	for _, accumulate := range []bool{false, true} {
		if p := s.gradients[fmt.Sprint(key, accumulate)]; p != nil {
			peak = max(peak, p.program.PeakBytes())
		}
	}
	if p := s.steps[key]; p != nil {
		peak = max(peak, p.program.PeakBytes())
	}
	return peak
}

// freeMemory is what the system says that programs can still have, in bytes; 0 where it does not say.
func freeMemory() int64 {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[0] != "MemAvailable:" {
			continue
		}
		if kib, err := strconv.ParseInt(fields[1], 10, 64); err == nil {
			return kib << 10
		}
	}
	return 0
}

func gib(bytes int64) float64 { return float64(bytes) / (1 << 30) }
