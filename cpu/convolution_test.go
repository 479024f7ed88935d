package cpu_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"

	"github.com/gowalrus/walrus/cpu"
)

// convolutionCase is a convolution as a network has it, forward or as one of its gradients.
type convolutionCase struct {
	name          string
	input, kernel []int
	axes          compute.ConvolveAxesConfig
	strides       []int
	paddings      [][2]int
	dilations     []int // of the kernel
	channelGroups int
	batchGroups   int
}

// randomConvolutions are cases of random sizes on the given number of axes.
func randomConvolutions(r *rand.Rand, axes int) []convolutionCase {
	some := func(n int) []int {
		list := make([]int, axes)
		for i := range list {
			list[i] = n + r.IntN(4)
		}
		return list
	}
	spatial := func(first int) []int {
		list := make([]int, axes)
		for i := range list {
			list[i] = first + i
		}
		return list
	}
	join := func(first int, points []int, rest ...int) []int {
		list := append([]int{}, points...)
		if first > 0 {
			list = append([]int{first}, list...)
		}
		return append(list, rest...)
	}
	samples, in, out, taps, points := 1+r.IntN(3), 1+r.IntN(40), 1+r.IntN(20), some(1), some(5)
	less := make([]int, axes)
	for i := range less {
		less[i] = points[i] - taps[i] + 1
	}
	last := axes + 1
	forward := compute.ConvolveAxesConfig{InputBatch: 0, InputSpatial: spatial(1), InputChannels: last,
		KernelSpatial: spatial(0), KernelInputChannels: axes, KernelOutputChannels: last,
		OutputBatch: 0, OutputSpatial: spatial(1), OutputChannels: last}
	gradient := compute.ConvolveAxesConfig{InputBatch: last, InputSpatial: spatial(1), InputChannels: 0,
		KernelSpatial: spatial(1), KernelInputChannels: 0, KernelOutputChannels: last,
		OutputBatch: axes, OutputSpatial: spatial(0), OutputChannels: last}
	pads, none := make([][2]int, axes), make([][2]int, axes)
	for i, n := range taps {
		pads[i] = [2]int{(n - 1) / 2, n / 2}
	}
	return []convolutionCase{
		{"padded", join(samples, points, in), join(0, taps, in, out), forward, nil, pads, nil, 1, 1},
		{"gradient of the padded kernel", join(samples, points, in), join(samples, points, out), gradient, nil, pads, nil, 1, 1},
		{"gradient of the kernel", join(samples, points, in), join(samples, less, out), gradient, nil, none, nil, 1, 1},
		{"depthwise", join(samples, points, in), join(0, taps, 1, in), forward, nil, none, nil, in, 1},
		{"gradient of the depthwise kernel", join(samples, points, in), join(samples, less, in), gradient, nil, none, nil, 1, in},
	}
}

// Products, rows and tasks of float32 are compared with the plain loops, which are what float64 is computed with.
func TestConvolutionsAreTheirDefinition(t *testing.T) {
	b := cpu.New(cpu.Options{Threads: 2})
	defer b.Finalize()
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	for round := range 12 {
		for _, c := range randomConvolutions(r, 1+round%3) {
			t.Run(fmt.Sprintf("%s %v %v", c.name, c.input, c.kernel), func(t *testing.T) {
				x, w := normal(r, volume(c.input)), normal(r, volume(c.kernel))
				got := c.run(t, b, dtypes.Float32, x, w)
				want := c.run(t, b, dtypes.Float64, x, w)
				scale := math.Sqrt(float64(len(w)))
				for i := range want {
					if d := math.Abs(float64(got[i] - want[i])); !(d <= 1e-5*scale) {
						t.Fatalf("seed %d: element %d is %g; the definition gives %g", seed, i, got[i], want[i])
					}
				}
			})
		}
	}
}

func volume(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}

// run computes the case in a type, with the result in float32.
func (c convolutionCase) run(t *testing.T, b *cpu.Backend, dtype dtypes.DType, x, w []float32) []float32 {
	t.Helper()
	shapeX, shapeW := shapes.Make(dtypes.Float32, c.input...), shapes.Make(dtypes.Float32, c.kernel...)
	e := compile(t, b, []shapes.Shape{shapeX, shapeW}, func(f compute.Function, p []compute.Value) (compute.Value, error) {
		var operands [2]compute.Value
		for i := range operands {
			var err error
			if operands[i], err = f.ConvertDType(p[i], dtype); err != nil {
				return nil, err
			}
		}
		y, err := f.ConvGeneral(operands[0], operands[1], c.axes, c.strides, c.paddings, nil, c.dilations, c.channelGroups, c.batchGroups)
		if err != nil {
			return nil, err
		}
		return f.ConvertDType(y, dtypes.Float32)
	})
	return execute(t, e, nil, upload(t, b, x, shapeX), upload(t, b, w, shapeW))
}
