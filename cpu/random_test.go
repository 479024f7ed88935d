package cpu_test

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/gobackend"
	"github.com/gomlx/compute/shapes"
	"github.com/gowalrus/walrus/cpu"
	"github.com/gowalrus/walrus/cpu/kernel"
)

var (
	graphSeed  = flag.Uint64("graph-seed", 0, "seed of the random graphs (0: from the clock)")
	graphCount = flag.Int("graphs", 300, "number of random graphs")
	graphAll   = flag.Bool("graph-all", false, "make every value of a random graph a result, to find the first that is wrong")
)

// grower builds a random graph of float32 values through the interface that every backend has. The same seed builds the
// same graph on any backend.
type grower struct {
	f      compute.Function
	rng    *rand.Rand
	values []compute.Value
	log    []string
}

func (g *grower) shape(v compute.Value) []int {
	s, err := g.f.Shape(v)
	if err != nil {
		panic(err)
	}
	return s.Dimensions
}

func (g *grower) pick() compute.Value {
	if g.rng.IntN(3) > 0 { // deep graphs rather than wide ones
		return g.values[len(g.values)-1-g.rng.IntN(min(4, len(g.values)))]
	}
	return g.values[g.rng.IntN(len(g.values))]
}

func (g *grower) add(what string, v compute.Value, err error) compute.Value {
	if err != nil {
		panic(fmt.Errorf("%s: %w (graph so far: %v)", what, err, g.log))
	}
	g.log = append(g.log, fmt.Sprintf("%s%v", what, g.shape(v)))
	g.values = append(g.values, v)
	return v
}

// tamed keeps values in a range where float32 compares well.
func (g *grower) tamed(v compute.Value) compute.Value {
	y, err := g.f.Tanh(v)
	return g.add("tanh", y, err)
}

// grow appends one random operation.
func (g *grower) grow() {
	x := g.pick()
	dims := g.shape(x)
	rank := len(dims)
	f, rng := g.f, g.rng
	switch rng.IntN(16) {
	case 0, 1:
		ops := []func(compute.Value) (compute.Value, error){f.Neg, f.Abs, f.Tanh, f.Logistic} // well-conditioned everywhere
		i := rng.IntN(len(ops))
		y, err := ops[i](x)
		g.add(fmt.Sprint("unary", i), y, err)
	case 2, 3:
		other := g.matching(dims)
		ops := []func(a, b compute.Value) (compute.Value, error){f.Add, f.Sub, f.Mul, f.Max, f.Min}
		i := rng.IntN(len(ops))
		if rng.IntN(2) == 0 {
			x, other = other, x
		}
		y, err := ops[i](x, other)
		g.add(fmt.Sprint("binary", i), y, err)
	case 4:
		y, err := f.Transpose(x, rng.Perm(rank)...)
		g.add("transpose", y, err)
	case 5:
		y, err := f.Reshape(x, g.factors(dims)...)
		g.add("reshape", y, err)
	case 6:
		starts, limits, steps := make([]int, rank), make([]int, rank), make([]int, rank)
		for i, d := range dims {
			starts[i] = rng.IntN(d)
			limits[i] = starts[i] + 1 + rng.IntN(d-starts[i])
			steps[i] = 1 + rng.IntN(2)
		}
		y, err := f.Slice(x, starts, limits, steps)
		g.add("slice", y, err)
	case 7:
		var axes []int
		for axis := range rank {
			if rng.IntN(2) == 0 {
				axes = append(axes, axis)
			}
		}
		if len(axes) == 0 {
			return
		}
		y, err := f.Reverse(x, axes...)
		g.add("reverse", y, err)
	case 8:
		if rank == 0 {
			return
		}
		y, err := f.Concatenate(rng.IntN(rank), x, x, g.sameShape(dims))
		g.add("concatenate", y, err)
	case 9:
		pads := make([]compute.PadAxis, rank)
		for i := range pads {
			pads[i] = compute.PadAxis{Start: rng.IntN(3), End: rng.IntN(3), Interior: rng.IntN(2)}
		}
		zero, _ := f.Constant([]float32{0})
		y, err := f.Pad(x, zero, pads...)
		g.add("pad", y, err)
	case 10, 11:
		g.reduce(x, dims)
	case 12, 13:
		g.dot(x, dims)
	case 14:
		g.normalise(x, dims)
	case 15:
		g.sumOfPads(x, dims)
	}
}

// matching returns a value that broadcasts against dims: a scalar, one with extents of 1, or one of the same shape.
func (g *grower) matching(dims []int) compute.Value {
	small := make([]int, len(dims))
	for i, d := range dims {
		small[i] = d
		if g.rng.IntN(3) == 0 {
			small[i] = 1
		}
	}
	if g.rng.IntN(5) == 0 {
		small = nil
	}
	return g.sameShape(small)
}

// sameShape returns a value of exactly these dimensions: one of the graph if there is one, else a constant.
func (g *grower) sameShape(dims []int) compute.Value {
	if g.rng.IntN(4) > 0 {
		for _, v := range g.values {
			if fmt.Sprint(g.shape(v)) == fmt.Sprint(dims) && g.rng.IntN(2) == 0 {
				return v
			}
		}
	}
	n := 1
	for _, d := range dims {
		n *= d
	}
	flat := make([]float32, n)
	for i := range flat {
		flat[i] = float32(g.rng.NormFloat64())
	}
	v, err := g.f.Constant(flat, dims...)
	if err != nil {
		panic(err)
	}
	return v
}

// factors returns other dimensions of the same size.
func (g *grower) factors(dims []int) []int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	var out []int
	for n > 1 && len(out) < 4 {
		d := 1 + g.rng.IntN(n)
		for n%d != 0 {
			d--
		}
		out = append(out, d)
		n /= d
	}
	return append(out, n)
}

func (g *grower) reduce(x compute.Value, dims []int) {
	var axes []int
	for axis := range dims {
		if g.rng.IntN(2) == 0 {
			axes = append(axes, axis)
		}
	}
	ops := []func(compute.Value, ...int) (compute.Value, error){g.f.ReduceSum, g.f.ReduceMax, g.f.ReduceMin}
	i := g.rng.IntN(len(ops))
	y, err := ops[i](x, axes...)
	y = g.add(fmt.Sprint("reduce", i, axes), y, err)
	if i == 0 {
		g.tamed(y)
	}
}

// dot contracts the last axis with a matrix, or two values over random axes.
func (g *grower) dot(x compute.Value, dims []int) {
	if len(dims) == 0 {
		return
	}
	axis := g.rng.IntN(len(dims))
	other := []int{1 + g.rng.IntN(9), dims[axis]}
	contract := 1
	if g.rng.IntN(2) == 0 {
		other[0], other[1] = other[1], other[0]
		contract = 0
	}
	var batchX, batchY []int
	if len(dims) > 1 && g.rng.IntN(3) == 0 {
		batchX = []int{(axis + 1) % len(dims)}
		other = append(other, dims[batchX[0]])
		batchY = []int{2}
	}
	y, err := g.f.DotGeneral(x, []int{axis}, batchX, g.sameShape(other), []int{contract}, batchY, compute.DotGeneralConfig{})
	y = g.add("dot", y, err)
	if g.rng.IntN(2) == 0 {
		sum, err := g.f.Add(y, g.matching(g.shape(y)))
		y = g.add("add", sum, err)
	}
	g.tamed(y)
}

// normalise subtracts the mean over the last axis and divides by the spread, as norms do.
func (g *grower) normalise(x compute.Value, dims []int) {
	if len(dims) == 0 {
		return
	}
	last := len(dims) - 1
	kept := append(append([]int{}, dims[:last]...), 1)
	sum, err := g.f.ReduceMax(x, last)
	sum = g.add("row max", sum, err)
	sum, err = g.f.Reshape(sum, kept...)
	sum = g.add("keep", sum, err)
	y, err := g.f.Sub(x, sum)
	y = g.add("centre", y, err)
	square, err := g.f.Mul(y, y)
	square = g.add("square", square, err)
	square, err = g.f.ReduceSum(square, last)
	square = g.add("row sum", square, err)
	square, err = g.f.Reshape(square, kept...)
	square = g.add("keep", square, err)
	one, _ := g.f.Constant([]float32{1})
	square, err = g.f.Add(square, one)
	square = g.add("plus one", square, err)
	y, err = g.f.Div(y, square)
	g.add("divide", y, err)
}

// sumOfPads is what gradients of slices of one tensor look like.
func (g *grower) sumOfPads(x compute.Value, dims []int) {
	if len(dims) == 0 {
		return
	}
	axis := g.rng.IntN(len(dims))
	zero, _ := g.f.Constant([]float32{0})
	gap := g.rng.IntN(2)
	var sum compute.Value
	for i := range 3 {
		pads := make([]compute.PadAxis, len(dims))
		pads[axis].Start = i * (dims[axis] + gap)
		pads[axis].End = (2 - i) * (dims[axis] + gap)
		y, err := g.f.Pad(x, zero, pads...)
		y = g.add("pad", y, err)
		if sum == nil {
			sum = y
			continue
		}
		s, err := g.f.Add(sum, y)
		sum = g.add("sum", s, err)
	}
}

// build returns the results of a random graph of three inputs, and a description.
func build(b compute.Backend, seed uint64) (compute.Executable, []string, error) {
	builder := b.Builder("random")
	g := &grower{f: builder.Main(), rng: rand.New(rand.NewPCG(seed, 7))}
	for i, dims := range inputDims {
		v, err := g.f.Parameter(fmt.Sprint("x", i), shapes.Make(dtypes.Float32, dims...), nil)
		g.add("input", v, err)
	}
	for range 3 + g.rng.IntN(20) {
		g.grow()
		if dims := g.shape(g.values[len(g.values)-1]); (view{dims}).size() > 20000 {
			g.values = g.values[:len(g.values)-1]
		}
	}
	var outputs []compute.Value
	for range 3 {
		outputs = append(outputs, g.values[len(g.values)-1-g.rng.IntN(min(6, len(g.values)))])
	}
	if *graphAll {
		outputs = g.values
	}
	if err := g.f.Return(outputs, nil); err != nil {
		return nil, g.log, err
	}
	e, err := builder.Compile()
	return e, g.log, err
}

// view counts elements.
type view struct{ dims []int }

func (v view) size() int {
	n := 1
	for _, d := range v.dims {
		n *= d
	}
	return n
}

var inputDims = [][]int{{4, 6, 8}, {2, 3, 32}, {24, 5}}

// runGraph executes a graph on inputs made from the seed.
func runGraph(b compute.Backend, e compute.Executable, seed uint64, donate []bool) ([][]float32, error) {
	rng := rand.New(rand.NewPCG(seed, 9))
	var inputs []compute.Buffer
	for _, dims := range inputDims {
		flat := make([]float32, view{dims}.size())
		for i := range flat {
			flat[i] = float32(rng.NormFloat64())
		}
		buffer, err := b.BufferFromFlatData(0, flat, shapes.Make(dtypes.Float32, dims...))
		if err != nil {
			return nil, err
		}
		inputs = append(inputs, buffer)
	}
	outputs, err := e.Execute(inputs, donate, 0)
	if err != nil {
		return nil, err
	}
	var all [][]float32
	for _, out := range outputs {
		shape, err := out.Shape()
		if err != nil {
			return nil, err
		}
		flat := make([]float32, shape.Size())
		if err := out.ToFlatData(flat); err != nil {
			return nil, err
		}
		all = append(all, flat)
	}
	return all, nil
}

// TestRandomGraphsAgreeWithGoMLX compares random graphs with GoMLX's own backend, and with themselves on one thread, where
// every bit must agree although one of the two runs may overwrite its inputs. The best instructions of the machine run
// all of the graphs, the others some.
func TestRandomGraphsAgreeWithGoMLX(t *testing.T) {
	base := *graphSeed
	if base == 0 {
		base = uint64(time.Now().UnixNano())
	}
	for _, level := range kernel.Supported() {
		t.Run(level.String(), func(t *testing.T) {
			kernels, err := kernel.For(level)
			if err != nil {
				t.Fatal(err)
			}
			count := *graphCount
			if level != kernel.Detect() {
				count = (count + 9) / 10
			}
			if *graphSeed != 0 {
				count = 1
			}
			compareRandomGraphs(t, kernels, base, count)
		})
	}
}

// compareRandomGraphs runs graphs of seeds from base on.
func compareRandomGraphs(t *testing.T, kernels *kernel.Set, base uint64, count int) {
	reference, err := gobackend.New("ops_sequential")
	if err != nil {
		t.Fatal(err)
	}
	several, single := cpu.New(cpu.Options{Threads: 3, Kernels: kernels}), cpu.New(cpu.Options{Threads: 1, Kernels: kernels})
	several.RecomputeAlways()
	single.RecomputeAlways()
	defer several.Finalize()
	defer single.Finalize()
	for i := range count {
		seed := base + uint64(i)
		var results [3][][]float32
		var log []string
		for k, b := range []compute.Backend{reference, several, single} {
			e, steps, err := build(b, seed)
			log = steps
			if err == nil {
				results[k], err = runGraph(b, e, seed, [][]bool{nil, {true, true, true}, nil}[k])
			}
			if err != nil {
				t.Fatalf("-graph-seed=%d: backend %s: %v\ngraph: %v", seed, b.Name(), err, steps)
			}
		}
		for out := range results[0] {
			for at, want := range results[0][out] {
				got, alone := results[1][out][at], results[2][out][at]
				if math.Float32bits(got) != math.Float32bits(alone) {
					t.Fatalf("-graph-seed=%d: result %d element %d is %v on 3 threads and %v on 1\ngraph: %v", seed, out, at, got, alone, log)
				}
				if diff := math.Abs(float64(got - want)); diff > 1e-3*(1+math.Abs(float64(want))) {
					t.Fatalf("-graph-seed=%d: result %d element %d is %v; GoMLX has %v\ngraph: %v", seed, out, at, got, want, log)
				}
			}
		}
	}
}
