package train

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/frame"
	"github.com/gowalrus/walrus/model"
	"github.com/gowalrus/walrus/network"
	"github.com/gowalrus/walrus/sample"
)

// smallNetwork is a fresh network on the default engine and a description of 16 x 16 data with a mask.
func smallNetwork(t *testing.T, dropPath float64) (*network.Network, network.Data) {
	t.Helper()
	return smallNetworkOn(t, engine.Default, engine.Float32, dropPath)
}

// smallNetworkOn is the same on an engine by its configuration, with a precision.
func smallNetworkOn(t *testing.T, config string, precision engine.Precision, dropPath float64) (*network.Network, network.Data) {
	t.Helper()
	e, err := engine.OpenPrecision(config, precision)
	if err != nil {
		t.Fatal(err)
	}
	c := model.Config{Hidden: 16, Inner: 4, Heads: 2, Blocks: 2, States: 8, Dimensions: []int{2, 3}, Causal: true, Jitter: true, DropPath: dropPath}
	n, err := network.New(e, c, network.Fresh(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close(); e.Close() })
	g, err := frame.NewGeometry([]int{16, 16}, []field.Sides{field.Both(field.Periodic), field.Both(field.Wall)}, frame.Options{Tokens: 8})
	if err != nil {
		t.Fatal(err)
	}
	return n, network.Data{Geometry: g, Fields: []int{3, 4, 5}, Constants: 1, Padding: []bool{false, true}, Mask: 0}
}

// randomExample has a padding channel of zeros and a mask over a quarter of the domain.
func randomExample(seed uint64, d network.Data, samples int) Example {
	random := rand.New(rand.NewPCG(seed, 0))
	e := Example{Data: d, Input: field.NewArray(samples, 3, 16, 16, 2), Output: field.NewArray(samples, 1, 16, 16, 2),
		Constant: field.NewArray(samples, 16, 16, 1), Rolls: d.Geometry.Draw(random, 2)}
	for _, a := range []field.Array{e.Input, e.Output} {
		for i := 0; i < len(a.Data); i += 2 {
			a.Data[i] = float32(random.NormFloat64())
		}
	}
	for i := range e.Constant.Data {
		if i%256 < 64 {
			e.Constant.Data[i] = 1
		}
	}
	return e
}

// cubeExample is random 3-D data of 8 x 8 x 8 points.
func cubeExample(t *testing.T, seed uint64, samples int) Example {
	t.Helper()
	g, err := frame.NewGeometry([]int{8, 8, 8}, []field.Sides{field.Both(field.Periodic), field.Both(field.Wall), field.Both(field.Open)}, frame.Options{Tokens: 4})
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(seed, 0))
	e := Example{Data: network.Data{Geometry: g, Fields: []int{3, 4}, Mask: -1}, Input: field.NewArray(samples, 3, 8, 8, 8, 2), Output: field.NewArray(samples, 1, 8, 8, 8, 2),
		Rolls: g.Draw(random, 2)}
	for _, a := range []field.Array{e.Input, e.Output} {
		for i := range a.Data {
			a.Data[i] = float32(random.NormFloat64())
		}
	}
	return e
}

// half returns one sample of an example.
func half(e Example, b int) Example {
	one := func(a field.Array) field.Array {
		return field.Array{Shape: append([]int{1}, a.Shape[1:]...), Data: a.Index(b).Data}
	}
	e.Input, e.Output, e.Constant = one(e.Input), one(e.Output), one(e.Constant)
	return e
}

func TestAccumulatedGradientsEqualThoseOfOneBatch(t *testing.T) {
	n, d := smallNetwork(t, 0)
	s, err := NewStepper(n, ReleasedOptimizer(), 0)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	whole := randomExample(1, d, 2)
	loss, want, err := s.Gradients(ctx, []Example{whole})
	if err != nil {
		t.Fatal(err)
	}
	parts, got, err := s.Gradients(ctx, []Example{half(whole, 0), half(whole, 1)})
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(loss-parts) > 1e-4*loss {
		t.Errorf("loss %v of the batch, %v of its halves", loss, parts)
	}
	for i, w := range s.Trained(2) {
		a, _ := want[i].Array()
		b, _ := got[i].Array()
		var largest, worst float64
		for j := range a.Data {
			largest, worst = max(largest, math.Abs(float64(a.Data[j]))), max(worst, math.Abs(float64(a.Data[j]-b.Data[j])))
		}
		if worst > 1e-4*largest+1e-6 {
			t.Errorf("%s: gradients of up to %v differ by %v", w.Name, largest, worst)
		}
	}
}

func TestWhatIsHiddenDoesNotCount(t *testing.T) {
	n, d := smallNetwork(t, 0)
	s, err := NewStepper(n, ReleasedOptimizer(), 0)
	if err != nil {
		t.Fatal(err)
	}
	e := randomExample(2, d, 1)
	loss := func() float64 {
		l, values, err := s.Gradients(context.Background(), []Example{e})
		if err != nil {
			t.Fatal(err)
		}
		network.Free(values)
		return l
	}
	before := loss()
	e.Output.Data[0] += 100 // under the mask
	if after := loss(); after != before {
		t.Errorf("a target under the mask changed the loss from %v to %v", before, after)
	}
	e.Output.Data[2*200] += 100 // outside
	if after := loss(); after == before {
		t.Error("a target outside the mask did not change the loss")
	}
}

func TestTargetsAreChangesLessTheirMeanInUnitsOfTheirScale(t *testing.T) {
	_, d := smallNetwork(t, 0)
	d.Scales = []sample.Scale{{Value: 2, Delta: 4, Mean: 1, DeltaMean: 3}, {Value: 1, Delta: 1}, {Value: 1, Delta: 1}}
	e := randomExample(3, d, 1)
	o, err := NewObjective(e, 3)
	if err != nil {
		t.Fatal(err)
	}
	const point = 200 // outside the mask
	now, next := e.Input.Index(0).Index(2).Data[2*point], e.Output.Index(0).Index(0).Data[2*point]
	if got, want := o.Increment.Index(0).Index(2).Data[2*point], (next-now-3)/4; got != want {
		t.Errorf("target %v for a change of %v, want %v", got, next-now, want)
	}
	if got, want := o.X.Index(0).Index(2).Data[3*point], (now-1)/2; got != want {
		t.Errorf("input %v for the value %v, want %v", got, now, want)
	}
}

func TestStepsLowerTheLossAndLeaveTheOtherEncoderAlone(t *testing.T) {
	n, d := smallNetwork(t, 0.2)
	s, err := NewStepper(n, ReleasedOptimizer(), 1)
	if err != nil {
		t.Fatal(err)
	}
	other, err := n.Host("embed.3.proj2.weight")
	if err != nil {
		t.Fatal(err)
	}
	e := randomExample(3, d, 1)
	var first, last float64
	for i := range 30 {
		e.Keep = DrawKeep(n.Config, rand.New(rand.NewPCG(uint64(i), 1)), 1, 3)
		out, err := s.Step(context.Background(), []Example{e}, 3e-3)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = out.Loss
		}
		last = out.Loss
	}
	if last > 0.8*first {
		t.Errorf("30 steps on one example: loss %v, %v at the start", last, first)
	}
	after, _ := n.Host("embed.3.proj2.weight")
	for i := range after.Data {
		if after.Data[i] != other.Data[i] {
			t.Fatal("training on 2-D data changed the 3-D encoder")
		}
	}
	if got := s.Moments("embed.3.proj2.weight").Steps; got != 0 {
		t.Errorf("the 3-D encoder counts %d steps", got)
	}
	if got := s.Moments("encoder_dummy").Steps; got != 30 {
		t.Errorf("encoder_dummy counts %d steps, want 30", got)
	}
}

// Recomputing blocks in the backward pass changes memory and time, not numbers.
func TestRecomputationGivesTheSameGradients(t *testing.T) {
	n, d := smallNetwork(t, 0)
	e := randomExample(4, d, 1)
	var losses []float64
	for _, recompute := range []int{0, 1, 2} {
		s, err := NewStepper(n, ReleasedOptimizer(), recompute)
		if err != nil {
			t.Fatal(err)
		}
		loss, values, err := s.Gradients(context.Background(), []Example{e})
		if err != nil {
			t.Fatal(err)
		}
		sum := loss
		for _, v := range values {
			a, _ := v.Array()
			for _, g := range a.Data {
				sum += math.Abs(float64(g))
			}
		}
		losses = append(losses, sum)
		network.Free(values)
	}
	for i, v := range losses {
		if math.Abs(v-losses[0]) > 1e-5*losses[0] {
			t.Errorf("variant %d: loss and gradients add up to %v, %v without recomputation", i, v, losses[0])
		}
	}
}

func TestDropPathSharesTimeDrawsAndKeepsTheMean(t *testing.T) {
	c := model.Config{Blocks: 5, DropPath: 0.5}
	const samples, frames = 3, 4
	random := rand.New(rand.NewPCG(5, 5))
	var sum, count float64
	for range 400 {
		keep := DrawKeep(c, random, samples, frames)
		if len(keep) != 5*2*samples*frames {
			t.Fatalf("%d factors", len(keep))
		}
		last := keep[4*2*samples*frames:]
		for i := range frames {
			if last[i] != last[frames+i] || last[i] != last[2*frames+i] {
				t.Fatalf("time mixing: frame %d differs between samples: %v", i, last[:samples*frames])
			}
		}
		for _, v := range keep[:2*samples*frames] {
			if v != 1 {
				t.Fatalf("the first block has factor %v", v)
			}
		}
		for _, v := range last {
			sum, count = sum+float64(v), count+1
		}
	}
	if mean := sum / count; math.Abs(mean-1) > 0.05 {
		t.Errorf("mean factor %v, want 1", mean)
	}
	if DrawKeep(model.Config{Blocks: 2}, random, 1, 1) != nil {
		t.Error("factors without drop path")
	}
}

func TestFieldsAreDroppedAtTheirRateAndKeepTheirMean(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const channels, draws, drop = 4, 4000, 1.0 // each field with probability 1/4
	var sum float64
	dropped := 0
	for range draws {
		for _, f := range DrawFields(drop, random, 2, channels) {
			sum += float64(f)
			if f == 0 {
				dropped++
			}
		}
	}
	count := float64(draws * 2 * channels)
	if rate := float64(dropped) / count; math.Abs(rate-0.25) > 0.01 {
		t.Errorf("%.3f of the fields were dropped, want 0.25", rate)
	}
	if mean := sum / count; math.Abs(mean-1) > 0.02 {
		t.Errorf("the factors' mean is %.3f, want 1", mean)
	}
	if DrawFields(0, random, 2, channels) != nil {
		t.Error("factors without a drop")
	}
	o := Objective{X: field.Array{Shape: []int{2, 1, 2, 2}, Data: []float32{1, 2, 3, 4, 5, 6, 7, 8}}}
	o.dropFields([]float32{0, 2, 1, 0})
	if diff := cmp.Diff([]float32{0, 4, 0, 8, 5, 0, 7, 0}, o.X.Data); diff != "" {
		t.Error(diff)
	}
}

// A step of 2-D and 3-D batches: what both use gets the sum of the gradients, the encoders get those of their own batches, and
// the mean is over all batches (spec 4).
func TestAStepMixesNumbersOfAxes(t *testing.T) {
	n, flat := smallNetwork(t, 0)
	s, err := NewStepper(n, ReleasedOptimizer(), 0)
	if err != nil {
		t.Fatal(err)
	}
	space := cubeExample(t, 8, 1)
	one, two := randomExample(1, flat, 1), randomExample(2, flat, 1)
	gradients := func(examples ...Example) (float64, map[string][]float32) {
		loss, values, err := s.Gradients(context.Background(), examples)
		if err != nil {
			t.Fatal(err)
		}
		defer network.Free(values)
		var dimensions []int
		for _, e := range examples {
			dimensions = append(dimensions, e.Data.Geometry.Dimensions())
		}
		list := s.Trained(dimensions...)
		if len(list) != len(values) {
			t.Fatalf("%d gradients of %d weights", len(values), len(list))
		}
		flat := map[string][]float32{}
		for i, w := range list {
			a, err := values[i].Array()
			if err != nil {
				t.Fatal(err)
			}
			flat[w.Name] = a.Data
		}
		return loss, flat
	}
	var parts []map[string][]float32
	var mean float64
	for _, e := range []Example{one, space, two} {
		loss, part := gradients(e)
		mean += loss / 3
		parts = append(parts, part)
	}
	for _, order := range [][]Example{{one, space, two}, {space, one, two}, {one, two, space}} {
		loss, got := gradients(order...)
		if math.Abs(loss-mean) > 1e-5*mean {
			t.Errorf("loss %v, want %v", loss, mean)
		}
		if _, both := got["embed.2.proj1.weight"]; !both || got["embed.3.proj1.weight"] == nil {
			t.Fatal("an encoder has no gradient")
		}
		for name, sum := range got {
			var largest, worst float64
			for i, v := range sum {
				var want float64
				for _, part := range parts {
					if p := part[name]; p != nil {
						want += float64(p[i]) / 3
					}
				}
				largest, worst = max(largest, math.Abs(want)), max(worst, math.Abs(float64(v)-want))
			}
			if worst > 1e-4*largest+1e-6 {
				t.Errorf("%s: gradients of up to %v are off by %v", name, largest, worst)
			}
		}
	}
	// The norm and the update are those of all weights together; a step of one kind leaves the other's encoder alone.
	for _, examples := range [][]Example{{one, space}, {two}} {
		_, all := gradients(examples...)
		var square float64
		for _, g := range all {
			for _, v := range g {
				square += float64(v) * float64(v)
			}
		}
		outcome, err := s.Step(context.Background(), examples, 1e-3)
		if err != nil {
			t.Fatal(err)
		}
		if norm := math.Sqrt(square); math.Abs(outcome.GradientNorm-norm) > 1e-4*norm {
			t.Errorf("norm %v, want %v", outcome.GradientNorm, norm)
		}
	}
	for name, want := range map[string]int{"embed.2.proj1.weight": 2, "embed.3.proj1.weight": 1, "encoder_dummy": 2} {
		if got := s.Moments(name).Steps; got != want {
			t.Errorf("%s counts %d steps, want %d", name, got, want)
		}
	}
}

// Where a body moves, the loss counts a change by the mask of the frame that it leads to: a point that is uncovered counts with
// its whole value, one that is covered does not.
func TestALossCountsWhatAMovingBodyUncovers(t *testing.T) {
	_, d := smallNetwork(t, 0)
	d.Moving = true
	e := randomExample(4, d, 1)
	e.Rolls = frame.Rolls{}
	e.Constant = field.NewArray(1, 4, 16, 16, 1) // three frames of history, one ahead
	for i, at := range []int{0, 1, 2, 2} {       // a point that moves, and rests in the end
		e.Constant.Data[256*i+at] = 1
		if i < 3 {
			e.Input.Data[2*(256*i+at)] = 0 // as sample hides it
		}
	}
	o, err := NewObjective(e, 3)
	if err != nil {
		t.Fatal(err)
	}
	weight, err := d.Geometry.Restore(o.Weight, e.Rolls) // (frames, 16, 16, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		change, point int
		want          float32
	}{{1, 1, 1}, {1, 2, 0}, {1, 0, 1}, {2, 2, 0}, {2, 1, 1}} { // changes to the frames 2 and 3
		if got := weight.Index(c.change).Data[c.point]; got != c.want {
			t.Errorf("change %d, point %d: weight %v, want %v", c.change, c.point, got, c.want)
		}
	}
	next := e.Input.Index(0).Index(2).Data[2*1]
	if got, want := o.Increment.Index(0).Index(1).Data[2*1], next/o.Scales.Delta[0][0]; got != want {
		t.Errorf("the uncovered point changes by %v, want all of its value %v", got, want)
	}
	e.Constant.Shape[1], e.Constant.Data = 3, e.Constant.Data[:3*256]
	if _, err := NewObjective(e, 3); err == nil {
		t.Error("a mask that is not known in the frame ahead was accepted")
	}
}
