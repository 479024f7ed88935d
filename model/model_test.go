package model

import (
	"context"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/frame"
)

// run compiles a graph on the default engine and runs it once.
func run(t *testing.T, build func(in []*Node) []*Node, arrays ...field.Array) []field.Array {
	t.Helper()
	e, err := engine.Open("")
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	var inputs []engine.Input
	var values []*engine.Value
	for _, a := range arrays {
		v, err := e.Upload(a)
		if err != nil {
			t.Fatal(err)
		}
		values = append(values, v)
		inputs = append(inputs, engine.Input{Name: string(rune('a' + len(inputs))), Shape: a.Shape})
	}
	p, err := e.Compile(t.Name(), inputs, build)
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.Run(context.Background(), values, nil)
	if err != nil {
		t.Fatal(err)
	}
	var results []field.Array
	for _, v := range out {
		a, err := v.Array()
		if err != nil {
			t.Fatal(err)
		}
		results = append(results, a)
	}
	return results
}

func random(seed uint64, shape ...int) field.Array {
	r := rand.New(rand.NewPCG(seed, 0))
	a := field.NewArray(shape...)
	for i := range a.Data {
		a.Data[i] = float32(r.NormFloat64())
	}
	return a
}

func worst(a, b field.Array) float64 {
	if len(a.Data) != len(b.Data) {
		return math.Inf(1)
	}
	w := 0.0
	for i, v := range a.Data {
		w = max(w, math.Abs(float64(v-b.Data[i])))
	}
	return w
}

// plainConvolve is the definition: x (X, Y, Z, C), w (out, kx, ky, kz, C).
func plainConvolve(x, w field.Array, stride [3]int) field.Array {
	var size [3]int
	for i := range size {
		size[i] = (x.Shape[i]-w.Shape[1+i])/stride[i] + 1
	}
	channels := x.Shape[3]
	y := field.NewArray(size[0], size[1], size[2], w.Shape[0])
	forPatches(size, stride, w.Shape[1:4], x.Shape, func(out, in, kernel int) {
		for o := range w.Shape[0] {
			for c := range channels {
				y.Data[out*w.Shape[0]+o] += x.Data[in*channels+c] * w.Data[(o*w.Shape[1]*w.Shape[2]*w.Shape[3]+kernel)*channels+c]
			}
		}
	})
	return y
}

// forPatches visits every pair of a place of the kernel and a point under it by flat indices.
func forPatches(places, stride [3]int, kernel, points []int, visit func(place, point, k int)) {
	for i := range places[0] {
		for j := range places[1] {
			for k := range places[2] {
				for a := range kernel[0] {
					for b := range kernel[1] {
						for c := range kernel[2] {
							visit((i*places[1]+j)*places[2]+k,
								((i*stride[0]+a)*points[1]+j*stride[1]+b)*points[2]+k*stride[2]+c,
								(a*kernel[1]+b)*kernel[2]+c)
						}
					}
				}
			}
		}
	}
}

func TestConvolutionMatchesItsDefinition(t *testing.T) {
	for _, c := range []struct {
		points, kernel, stride [3]int
	}{
		{[3]int{20, 17, 1}, [3]int{8, 8, 1}, [3]int{3, 2, 1}},
		{[3]int{9, 6, 7}, [3]int{4, 4, 4}, [3]int{1, 2, 3}},
		{[3]int{5, 1, 9}, [3]int{4, 1, 4}, [3]int{1, 1, 4}},
	} {
		x := random(1, c.points[0], c.points[1], c.points[2], 3)
		w := random(2, 5, c.kernel[0], c.kernel[1], c.kernel[2], 3)
		want := plainConvolve(x, w, c.stride)
		batch, _ := x.Reshape(append([]int{1}, x.Shape...)...)
		got := run(t, func(in []*Node) []*Node { return []*Node{(&Net{}).convolve(in[0], in[1], c.stride)} }, batch, w)[0]
		if e := worst(got, want); e > 1e-4 {
			t.Errorf("points %v, kernel %v, stride %v: off by %v", c.points, c.kernel, c.stride, e)
		}
	}
}

// A transposed convolution is the transpose of the convolution: <conv(x), y> = <x, transposed(y)>.
func TestTransposedConvolutionIsTheTranspose(t *testing.T) {
	walls := field.Both(field.Wall)
	for _, stride := range [][3]int{{1, 1, 1}, {2, 3, 1}, {4, 6, 1}, {8, 5, 1}} {
		g, err := frame.NewGeometry([]int{32, 32}, []field.Sides{walls, walls}, frame.Options{})
		if err != nil {
			t.Fatal(err)
		}
		n := &Net{Geometry: g}
		y := random(3, 1, 4, 3, 1, 5)
		w := random(4, 5, 8, 8, 1, 2)
		got := run(t, func(in []*Node) []*Node { return []*Node{n.convolveTransposed(in[0], in[1], stride)} }, y, w)[0]
		x := random(5, got.Shape[1], got.Shape[2], 1, 2)
		forward := plainConvolve(x, w, stride)
		var left, right float64
		for i, v := range forward.Data {
			left += float64(v) * float64(y.Data[i])
		}
		for i, v := range got.Data {
			right += float64(v) * float64(x.Data[i])
		}
		if math.Abs(left-right) > 1e-3*(1+math.Abs(left)) {
			t.Errorf("stride %v: <conv(x), y> = %v, <x, transposed(y)> = %v", stride, left, right)
		}
	}
}

// testNet is a small causal network on periodic data.
func testNet(t *testing.T, sides ...field.Sides) (*Net, []field.Array, []string) {
	t.Helper()
	c := Config{Hidden: 32, Inner: 8, Heads: 2, Blocks: 2, States: 6, Dimensions: []int{2}, Causal: true, Jitter: true}
	g, err := frame.NewGeometry([]int{16, 16}, sides, frame.Options{Tokens: 8})
	if err != nil {
		t.Fatal(err)
	}
	var weights []field.Array
	var names []string
	for _, w := range c.GraphWeights(2) {
		a := field.NewArray(w.Shape...)
		w.Initialise(a.Data, 7)
		if strings.Contains(w.Name, "_out.weight") || strings.Contains(w.Name, "output_head.weight") {
			a = random(8, w.Shape...) // a fresh network hardly mixes: give the branches weight
			for i := range a.Data {
				a.Data[i] *= 0.2
			}
		}
		weights, names = append(weights, a), append(names, w.Name)
	}
	return &Net{Config: c, Geometry: g, Samples: 1, Frames: 3}, weights, names
}

// forward runs a network on x (T, X, Y, C) with the given rolls and restores the result.
func forward(t *testing.T, n *Net, weights []field.Array, names []string, x field.Array, rolls frame.Rolls) field.Array {
	t.Helper()
	framed, err := n.Geometry.Apply(x, rolls)
	if err != nil {
		t.Fatal(err)
	}
	encode, decode, err := n.Columns([]int{3, 5})
	if err != nil {
		t.Fatal(err)
	}
	arrays := append([]field.Array{framed, encode, decode}, positions(n, rolls)...)
	y := run(t, func(in []*Node) []*Node {
		return []*Node{n.Forward(NewScope(byName(names, in[6:])), Inputs{X: in[0], Columns: in[1], Outputs: in[2], Positions: [3]*Node(in[3:6])})}
	}, append(arrays, weights...)...)[0]
	back, err := n.Geometry.Restore(y, rolls)
	if err != nil {
		t.Fatal(err)
	}
	return back
}

func TestCausalNetworkIgnoresTheFuture(t *testing.T) {
	n, weights, names := testNet(t, field.Both(field.Periodic), field.Both(field.Wall))
	x := random(1, 3, 16, 16, 2)
	before := forward(t, n, weights, names, x, frame.Rolls{})
	changed := x.Clone()
	for i := range changed.Index(2).Data {
		changed.Index(2).Data[i] += 1
	}
	after := forward(t, n, weights, names, changed, frame.Rolls{})
	for f := range 2 {
		if e := worst(before.Index(f), after.Index(f)); e > 1e-6 {
			t.Errorf("frame %d changed by %v with the last frame of the input", f, e)
		}
	}
	if e := worst(before.Index(2), after.Index(2)); e < 1e-3 {
		t.Errorf("the last frame changed by %v only: the test can not tell", e)
	}
}

func TestLastOnlyEqualsTheLastOfAllFrames(t *testing.T) {
	n, weights, names := testNet(t, field.Both(field.Wall), field.Both(field.Open))
	x := random(2, 3, 16, 16, 2)
	all := forward(t, n, weights, names, x, frame.Rolls{})
	n.LastOnly = true
	last := forward(t, n, weights, names, x, frame.Rolls{})
	if e := worst(all.Index(2), last.Index(0)); e > 1e-5 {
		t.Errorf("off by %v", e)
	}
}

// A block on rolled tokens equals the same block on unrolled tokens with its coordinates rolled back (spec 6.2).
func TestRollingCoordinatesEqualsRollingTokens(t *testing.T) {
	n, weights, names := testNet(t, field.Both(field.Periodic), field.Both(field.Periodic))
	x := random(3, 3, 8, 8, n.Hidden)
	const by = 3
	rolled := block(t, n, weights, names, rollFirst(x, by), frame.Rolls{})
	coordinates := block(t, n, weights, names, x, frame.Rolls{Blocks: [][3]int{{by}}})
	if e := worst(rolled, rollFirst(coordinates, by)); e > 1e-4 {
		t.Errorf("off by %v", e)
	}
	if e := worst(rolled, rollFirst(block(t, n, weights, names, x, frame.Rolls{}), by)); e < 1e-3 {
		t.Errorf("without the roll off by %v only: the test can not tell", e)
	}
}

// block runs the first block on tokens x (T, 8, 8, hidden).
func block(t *testing.T, n *Net, weights []field.Array, names []string, x field.Array, rolls frame.Rolls) field.Array {
	t.Helper()
	flat, err := x.Reshape(3, 64, n.Hidden)
	if err != nil {
		t.Fatal(err)
	}
	y := run(t, func(in []*Node) []*Node {
		return []*Node{n.block(NewScope(byName(names, in[4:])).In("blocks").In("0"), in[0], Inputs{Positions: [3]*Node(in[1:4])}, 0)}
	}, append(append([]field.Array{flat}, positions(n, rolls)...), weights...)...)[0]
	y.Shape = x.Shape
	return y
}

// positions are the coordinates of each axis as (blocks, tokens).
func positions(n *Net, rolls frame.Rolls) (arrays []field.Array) {
	for i, tokens := range n.Geometry.Tokens() {
		a := field.NewArray(n.Blocks, tokens)
		for b, row := range n.Geometry.Positions(rolls, n.Blocks) {
			copy(a.Data[b*tokens:], row[i])
		}
		arrays = append(arrays, a)
	}
	return arrays
}

func byName(names []string, in []*Node) map[string]*Node {
	nodes := map[string]*Node{}
	for i, name := range names {
		nodes[name] = in[i]
	}
	return nodes
}

// rollFirst moves the content of the first spatial axis of (T, X, ...) to higher indices.
func rollFirst(x field.Array, by int) field.Array {
	out := field.NewArray(x.Shape...)
	for f := range x.Shape[0] {
		from, to := x.Index(f), out.Index(f)
		for i := range from.Shape[0] {
			copy(to.Index((i+by)%from.Shape[0]).Data, from.Index(i).Data)
		}
	}
	return out
}

func TestBucketsFollowTheScheme(t *testing.T) {
	causal := &Net{Config: Config{Causal: true}}
	for lag, want := range map[int]int{0: 0, 15: 15, 16: 16, 19: 19, 20: 21, 27: 28, 28: 28, 31: 31, 32: 31, 64: 31, -3: 0} {
		if got := causal.bucket(lag); got != want {
			t.Errorf("causal, %d frames back: bucket %d, want %d", lag, got, want)
		}
	}
	both := &Net{}
	for lag, want := range map[int]int{0: 0, 7: 7, 9: 8, 11: 9, -1: 17, -8: 24, -9: 24, -10: 25} {
		if got := both.bucket(lag); got != want {
			t.Errorf("both directions, %d frames back: bucket %d, want %d", lag, got, want)
		}
	}
}

func TestPresetsHaveThePublishedSizes(t *testing.T) {
	for name, want := range map[string]float64{"walrus": 1.286e9, "half": 6.4e8} {
		c, err := Preset(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := float64(c.Count()); math.Abs(got/want-1) > 0.01 {
			t.Errorf("%s: %.4g parameters, published %.4g", name, got, want)
		}
	}
	if c, _ := Preset("walrus"); len(c.Weights()) != 857 {
		t.Errorf("walrus: %d tensors, the released file has 857", len(c.Weights()))
	}
	for _, name := range PresetNames() {
		if c, err := Preset(name); err != nil || c.Validate() != nil {
			t.Errorf("%s: %v, %v", name, err, c.Validate())
		}
	}
}

func TestInitialisationFollowsItsLaws(t *testing.T) {
	c, _ := Preset("tiny")
	for _, w := range c.Weights() {
		a := field.NewArray(w.Shape...)
		w.Initialise(a.Data, 3)
		var sum, squares, largest float64
		for _, v := range a.Data {
			sum, squares, largest = sum+float64(v), squares+float64(v)*float64(v), max(largest, math.Abs(float64(v)))
		}
		n := float64(len(a.Data))
		if w.law.kind == uniform {
			if largest > w.law.width || n > 1000 && math.Abs(math.Sqrt(squares/n)*math.Sqrt(3)/w.law.width-1) > 0.05 {
				t.Errorf("%s: largest %v, deviation %v; uniform within %v", w.Name, largest, math.Sqrt(squares/n), w.law.width)
			}
		}
		if again := field.NewArray(w.Shape...); w.law.kind == uniform {
			w.Initialise(again.Data, 3)
			if worst(a, again) != 0 {
				t.Errorf("%s: the same seed gives other values", w.Name)
			}
		}
	}
}

func TestColumnsRefuseWhatTheVocabularyLacks(t *testing.T) {
	c := Config{States: 6}
	for _, indices := range [][]int{nil, {2}, {6}, {3, 3}, {-1}} {
		if _, _, err := c.Columns(indices); err == nil {
			t.Errorf("columns %v were accepted", indices)
		}
	}
}

func TestValidateNamesTheSetting(t *testing.T) {
	good, _ := Preset("tiny")
	for name, spoil := range map[string]func(*Config){
		"hidden": func(c *Config) { c.Hidden = -1 }, "heads": func(c *Config) { c.Heads = 5 },
		"width": func(c *Config) { c.Heads = 64 }, "columns": func(c *Config) { c.States = 3 },
		"drop path": func(c *Config) { c.DropPath = math.NaN() }, "dimensions": func(c *Config) { c.Dimensions = []int{1} },
		"position": func(c *Config) { c.Position = [3]int{1, -1, 1} }, "blocks": func(c *Config) { c.Blocks = 1 << 30 },
	} {
		c := good
		spoil(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}
