package cpu_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/dtypes/bfloat16"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/compute/support/backendtest"
	"github.com/gowalrus/walrus/cpu"
)

// TestComplianceSuite runs GoMLX's own tests for every operation the backend declares.
func TestComplianceSuite(t *testing.T) {
	b := cpu.New(cpu.Options{Threads: 2})
	defer b.Finalize()
	backendtest.RunAll(t, b, nil)
}

func TestParseOptions(t *testing.T) {
	for config, want := range map[string]cpu.Options{
		"threads=3":                {Threads: 3},
		"threads=2,precision=bf16": {Threads: 2, Precision: cpu.BFloat16},
		"threads=1, profile":       {Threads: 1, Profile: true},
		"devices=4,threads=1":      {Threads: 1, Devices: 4},
		"threads=1,round":          {Threads: 1, Round: true},
	} {
		t.Setenv("WALRUS_CPU_PROFILE", "")
		if got, err := cpu.ParseOptions(config); err != nil || got != want {
			t.Errorf("ParseOptions(%q) = %+v, %v; expected %+v", config, got, err, want)
		}
	}
	for _, config := range []string{"threads=-1", "devices=0", "threads=x", "level=mmx", "precision=int8", "speed=high", "=3"} {
		if got, err := cpu.ParseOptions(config); err == nil {
			t.Errorf("ParseOptions(%q) = %+v; expected an error", config, got)
		}
	}
}

// compile builds a computation of float32 parameters, except those whose type is given.
func compile(t *testing.T, b *cpu.Backend, params []shapes.Shape, build func(f compute.Function, p []compute.Value) (compute.Value, error)) *cpu.Executable {
	t.Helper()
	builder := b.Builder(t.Name())
	f := builder.Main()
	values := make([]compute.Value, len(params))
	for i, shape := range params {
		v, err := f.Parameter(string(rune('a'+i)), shape, nil)
		if err != nil {
			t.Fatal(err)
		}
		values[i] = v
	}
	y, err := build(f, values)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Return([]compute.Value{y}, nil); err != nil {
		t.Fatal(err)
	}
	e, err := builder.Compile()
	if err != nil {
		t.Fatal(err)
	}
	return e.(*cpu.Executable)
}

func upload(t *testing.T, b *cpu.Backend, flat any, shape shapes.Shape) compute.Buffer {
	t.Helper()
	buffer, err := b.BufferFromFlatData(0, flat, shape)
	if err != nil {
		t.Fatal(err)
	}
	return buffer
}

// execute returns the only result as float32.
func execute(t *testing.T, e *cpu.Executable, donate []bool, inputs ...compute.Buffer) []float32 {
	t.Helper()
	out, err := e.Execute(inputs, donate, 0)
	if err != nil {
		t.Fatal(err)
	}
	flat, err := out[0].Data()
	if err != nil {
		t.Fatal(err)
	}
	return flat.([]float32)
}

func normal(rng *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

// TestBFloat16WeightsStayNarrow checks that weights converted in the graph give the product of the rounded weights, and
// that no float32 copy of them is planned.
func TestBFloat16WeightsStayNarrow(t *testing.T) {
	b := cpu.New(cpu.Options{Threads: 2, Precision: cpu.BFloat16})
	defer b.Finalize()
	if b.WeightDType() != dtypes.BFloat16 {
		t.Fatalf("weights are wanted as %s; expected bfloat16", b.WeightDType())
	}
	const rows, in, out = 40, 300, 500
	rng := rand.New(rand.NewPCG(1, 2))
	x, w := normal(rng, rows*in), normal(rng, out*in)
	narrow := bfloat16.FromFloat32s(w...)
	weights := shapes.Make(dtypes.BFloat16, out, in, 1)
	e := compile(t, b, []shapes.Shape{shapes.Make(dtypes.Float32, rows, in), weights},
		func(f compute.Function, p []compute.Value) (compute.Value, error) {
			wide, err := f.ConvertDType(p[1], dtypes.Float32)
			if err != nil {
				return nil, err
			}
			if wide, err = f.Reshape(wide, out, in); err != nil {
				return nil, err
			}
			return f.DotGeneral(p[0], []int{1}, nil, wide, []int{1}, nil, compute.DotGeneralConfig{})
		})
	if arena := e.Memory().Arena; arena >= 4*out*in {
		t.Errorf("%d bytes of intermediate values planned; a widened copy of the weights would need %d", arena, 4*out*in)
	}
	got := execute(t, e, nil, upload(t, b, x, shapes.Make(dtypes.Float32, rows, in)), upload(t, b, narrow, weights))
	for i := range rows {
		for j := range out {
			want := 0.0
			for k := range in {
				want += float64(x[i*in+k]) * narrow[j*in+k].Float64()
			}
			// The other factor may be rounded to bfloat16 as well: 2^-9 relative, added up at random over 300 terms.
			if diff := math.Abs(float64(got[i*out+j]) - want); diff > 0.3 {
				t.Fatalf("element %d,%d is %g; expected %g", i, j, got[i*out+j], want)
			}
		}
	}
}

// TestDonatedParametersAreUpdatedInPlace checks that an update of donated parameters needs no memory beside them.
func TestDonatedParametersAreUpdatedInPlace(t *testing.T) {
	b := cpu.New(cpu.Options{Threads: 2})
	defer b.Finalize()
	const n = 100000
	shape := shapes.Make(dtypes.Float32, n)
	e := compile(t, b, []shapes.Shape{shape, shape}, func(f compute.Function, p []compute.Value) (compute.Value, error) {
		product, err := f.Mul(p[0], p[1])
		if err != nil {
			return nil, err
		}
		return f.Sub(p[0], product)
	})
	if m := e.Memory(); m.Arena != 0 || m.Donable != 4*n {
		t.Errorf("planned %+v; expected no arena and %d bytes of results in donated inputs", m, 4*n)
	}
	rng := rand.New(rand.NewPCG(3, 4))
	x, y := normal(rng, n), normal(rng, n)
	first := upload(t, b, x, shape)
	memory, _ := first.Data()
	got := execute(t, e, []bool{true, false}, first, upload(t, b, y, shape))
	if &got[0] != &memory.([]float32)[0] {
		t.Error("the result is not in the memory of the donated input")
	}
	for i := range x {
		if want := x[i] - x[i]*y[i]; math.Abs(float64(got[i]-want)) > 1e-6*(1+math.Abs(float64(want))) {
			t.Fatalf("element %d is %g; expected %g", i, got[i], want)
		}
	}
	if _, err := first.Data(); err == nil {
		t.Error("a donated buffer can still be read")
	}
}

// TestExecutionStopsWhenCancelled checks that a done context ends an execution with its error.
func TestExecutionStopsWhenCancelled(t *testing.T) {
	b := cpu.New(cpu.Options{Threads: 1})
	defer b.Finalize()
	shape := shapes.Make(dtypes.Float32, 4)
	e := compile(t, b, []shapes.Shape{shape}, func(f compute.Function, p []compute.Value) (compute.Value, error) { return f.Neg(p[0]) })
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := e.ExecuteContext(ctx, []compute.Buffer{upload(t, b, make([]float32, 4), shape)}, nil, 0)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("execution of a cancelled context gave %v; expected %v", err, context.Canceled)
	}
}

// TestChainsNeedNoIntermediateMemory checks that a layer norm and a softmax along rows become one loop.
func TestChainsNeedNoIntermediateMemory(t *testing.T) {
	b := cpu.New(cpu.Options{Threads: 2})
	defer b.Finalize()
	const rows, columns = 500, 64
	shape := shapes.Make(dtypes.Float32, rows, columns)
	e := compile(t, b, []shapes.Shape{shape}, func(f compute.Function, p []compute.Value) (compute.Value, error) {
		normalised, err := f.FusedLayerNorm(p[0], []int{1}, 1e-5, nil, nil)
		if err != nil {
			return nil, err
		}
		return f.FusedSoftmax(normalised, 1)
	})
	if m := e.Memory(); m.Arena != 0 {
		t.Errorf("%d bytes planned for a layer norm and a softmax over rows; expected one loop without any", m.Arena)
	}
	x := normal(rand.New(rand.NewPCG(5, 6)), rows*columns)
	got := execute(t, e, nil, upload(t, b, x, shape))
	for r := range rows {
		sum := 0.0
		for _, v := range got[r*columns : (r+1)*columns] {
			sum += float64(v)
		}
		if math.Abs(sum-1) > 1e-5 {
			t.Fatalf("row %d of a softmax sums to %g", r, sum)
		}
	}
}
