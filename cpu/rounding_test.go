package cpu_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/dtypes/bfloat16"
	"github.com/gomlx/compute/shapes"
	"github.com/gowalrus/walrus/cpu"
	"github.com/gowalrus/walrus/cpu/kernel"
)

// roundingCase builds the same product of float32 and of rounded operands, which are rearranged after they are rounded.
type roundingCase struct {
	name   string
	shapes [3]shapes.Shape
	build  func(f *rounder, p []compute.Value) compute.Value
}

// rounder adds operations to a graph and keeps the first error; between is what lies between its conversions.
type rounder struct {
	compute.Function
	between dtypes.DType
	err     error
}

func (r *rounder) do(v compute.Value, err error) compute.Value {
	if r.err == nil {
		r.err = err
	}
	return v
}

func (r *rounder) to(t dtypes.DType, v compute.Value) compute.Value {
	return r.do(r.ConvertDType(v, t))
}

const roundingTokens, roundingHeads, roundingDim = 40, 2, 24

var roundingCases = []roundingCase{
	{"product", [3]shapes.Shape{shapes.Make(dtypes.Float32, 48, 70), shapes.Make(dtypes.Float32, 50, 70), shapes.Make(dtypes.Float32, 1)},
		func(r *rounder, p []compute.Value) compute.Value {
			x := r.do(r.Slice(r.to(r.between, p[0]), []int{0, 3}, []int{48, 67}, []int{1, 1}))
			w := r.do(r.Transpose(r.do(r.Slice(r.to(r.between, p[1]), []int{0, 5}, []int{50, 69}, []int{1, 1})), 1, 0))
			y := r.do(r.DotGeneral(x, []int{1}, nil, w, []int{0}, nil, compute.DotGeneralConfig{}))
			return r.to(dtypes.Float32, r.do(r.Reshape(y, 16, 3, 50)))
		}},
	{"attention", [3]shapes.Shape{shapes.Make(dtypes.Float32, 2, roundingTokens, roundingHeads, roundingDim),
		shapes.Make(dtypes.Float32, 2, roundingTokens, roundingHeads, roundingDim), shapes.Make(dtypes.Float32, 2, roundingTokens, roundingHeads, roundingDim)},
		func(r *rounder, p []compute.Value) compute.Value {
			q, k, v := r.to(r.between, p[0]), r.to(r.between, p[1]), r.to(r.between, p[2])
			y, state, err := r.FusedScaledDotProductAttention(q, k, v, compute.AttentionAxesLayoutBSHD, nil)
			r.do(y, err)
			if err != nil {
				return nil
			}
			dq, dk, dv, err := r.FusedScaledDotProductAttentionVJP(q, k, v, compute.AttentionAxesLayoutBSHD, nil, y, state, q)
			r.do(dq, err)
			sum := r.to(dtypes.Float32, y)
			for _, g := range []compute.Value{dq, dk, dv} {
				if r.err == nil {
					sum = r.do(r.Add(sum, r.to(dtypes.Float32, g)))
				}
			}
			return sum
		}},
}

// run computes the case on kernels with a type between the conversions, and returns the memory that was planned.
func (c *roundingCase) run(t *testing.T, kernels *kernel.Set, between dtypes.DType, round bool) ([]float32, int) {
	t.Helper()
	b := cpu.New(cpu.Options{Threads: 2, Kernels: kernels, Round: round})
	defer b.Finalize()
	e := compile(t, b, c.shapes[:], func(f compute.Function, p []compute.Value) (compute.Value, error) {
		r := &rounder{Function: f, between: between}
		y := c.build(r, p)
		return y, r.err
	})
	rng := rand.New(rand.NewPCG(5, 6))
	var inputs []compute.Buffer
	for _, s := range c.shapes {
		inputs = append(inputs, upload(t, b, normal(rng, s.Size()), s))
	}
	return execute(t, e, nil, inputs...), e.Memory().Arena
}

func TestProductsDecideAboutTheRoundingAroundThem(t *testing.T) {
	plain, err := kernel.For(kernel.Plain) // multiplies nothing faster when it is rounded
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range roundingCases {
		want, memory := c.run(t, plain, dtypes.Float32, false)
		if got, planned := c.run(t, plain, dtypes.BFloat16, false); !slices.Equal(got, want) || planned != memory {
			t.Errorf("%s: where rounding gains nothing, bfloat16 is not the float32 program: %d bytes planned, %d in float32", c.name, planned, memory)
		}
		for _, kernels := range []*kernel.Set{plain, kernel.Best()} {
			got, planned := c.run(t, kernels, dtypes.BFloat16, true)
			var off, size float64
			for i, v := range want {
				off += math.Pow(float64(got[i]-v), 2)
				size += float64(v) * float64(v)
			}
			// A rounded factor is off by at most 2^-9, evenly spread, so that its mean square is a third of that squared.
			if off = math.Sqrt(off / size); !(off > 0x1p-12 && off < 0x1p-7) || planned != memory {
				t.Errorf("%s on %v: rounded results are off by %.3g of their norm; %d bytes planned, %d in float32", c.name, kernels.Level(), off, planned, memory)
			}
		}
	}
}

// A graph that rounds for its own sake gets what it asks for.
func TestRoundingBetweenOtherOperationsIsCarriedOut(t *testing.T) {
	b := cpu.New(cpu.Options{Threads: 1})
	defer b.Finalize()
	shape := shapes.Make(dtypes.Float32, 37, 40)
	e := compile(t, b, []shapes.Shape{shape}, func(f compute.Function, p []compute.Value) (compute.Value, error) {
		r := &rounder{Function: f}
		low := r.to(dtypes.Float32, r.do(r.Transpose(r.to(dtypes.BFloat16, p[0]), 1, 0)))
		return r.do(r.Sub(r.do(r.Transpose(p[0], 1, 0)), low)), r.err
	})
	x := normal(rand.New(rand.NewPCG(1, 1)), shape.Size())
	got := execute(t, e, nil, upload(t, b, x, shape))
	for i := range 40 {
		for j := range 37 {
			v := x[j*40+i]
			if want := v - bfloat16.FromFloat32(v).Float32(); got[i*37+j] != want {
				t.Fatalf("%g less its rounded value is %g; expected %g", v, got[i*37+j], want)
			}
		}
	}
}
