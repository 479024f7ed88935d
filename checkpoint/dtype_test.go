package checkpoint

import (
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Every half is a float32 that rounds back to it, and what lies between two rounds to the nearer, or to the even one.
func TestHalvesAreTheNearestNumbers(t *testing.T) {
	for _, c := range []struct {
		name   string
		narrow func(float32) uint16
		widen  func(uint16) float32
		last   uint16 // the largest finite number
	}{
		{"float16", float32ToHalf, halfToFloat32, 0x7bff},
		{"bfloat16", float32ToBFloat, func(h uint16) float32 { return math.Float32frombits(uint32(h) << 16) }, 0x7f7f},
	} {
		for h := range uint16(math.MaxUint16) {
			x := c.widen(h)
			back := c.narrow(x)
			if x != x {
				if y := c.widen(back); y == y {
					t.Fatalf("%s: %#04x, not a number, became %g", c.name, h, y)
				}
				continue
			}
			if back != h {
				t.Fatalf("%s: %#04x is %g, which rounds to %#04x", c.name, h, x, back)
			}
			if h&0x7fff >= c.last {
				continue
			}
			middle := float32((float64(x) + float64(c.widen(h+1))) / 2) // exact: a float32 has more bits
			even := h + h&1
			below, above := h, h+1 // by size
			for _, want := range []struct {
				x float32
				h uint16
			}{
				{middle, even},
				{math.Nextafter32(middle, x), below},
				{math.Nextafter32(middle, c.widen(h+1)), above},
			} {
				if got := c.narrow(want.x); got != want.h {
					t.Fatalf("%s: %g between %g and %g rounds to %#04x, want %#04x", c.name, want.x, x, c.widen(h+1), got, want.h)
				}
			}
		}
	}
}

func TestWeightsOfHalfTheSizeKeepVectorsAndRoundTheRest(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	values := make([]float32, 3*chunkBytes/4+1) // several chunks, an odd number of halves
	for i := range values {
		values[i] = float32(random.NormFloat64() * math.Exp(2*random.NormFloat64()))
	}
	vector := []float32{402.1, 1e-9, 1e9}
	tensors := []Tensor{tensor(t, "matrix", []int{1, len(values)}, values...), tensor(t, "vector", []int{3}, vector...)}
	for _, c := range []struct {
		d    DType
		bits int // of the fraction
	}{{Float16, 10}, {BFloat16, 7}} {
		path := filepath.Join(t.TempDir(), "x.safetensors")
		if err := WriteWith(path, tensors, WriteOptions{DType: c.d}); err != nil {
			t.Fatal(err)
		}
		read := open(t, path)
		got, _ := read.Tensor("vector")
		if a, err := got.Array(); err != nil || got.DType != Float32 || !slices.Equal(a.Data, vector) {
			t.Errorf("%v: the vector is %v %v, %v", c.d, got.DType, a.Data, err)
		}
		got, _ = read.Tensor("matrix")
		a, err := got.Array()
		if err != nil || got.DType != c.d {
			t.Fatalf("%v: type %v, %v", c.d, got.DType, err)
		}
		for i, x := range values {
			step := math.Ldexp(math.Abs(float64(x)), -c.bits-1)
			if c.d == Float16 {
				step = max(step, 0x1p-25) // half of the spacing of subnormal numbers
			}
			if d := math.Abs(float64(a.Data[i]) - float64(x)); d > step {
				t.Fatalf("%v: value %d, %g, is stored as %g", c.d, i, x, a.Data[i])
			}
		}
	}
}

func TestWhatAHalfCanNotHoldIsAnError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.safetensors")
	err := WriteWith(path, []Tensor{tensor(t, "big", []int{1, 2}, 1, 65520)}, WriteOptions{DType: Float16})
	if err == nil || !strings.Contains(err.Error(), `"big": value 65520 is beyond the range of F16`) {
		t.Errorf("error %v", err)
	}
	if err = WriteWith(path, nil, WriteOptions{DType: Int8}); err == nil || !strings.Contains(err.Error(), "bfloat16, float16, float32") {
		t.Errorf("error %v", err)
	}
	if _, err = ParseDType("fp8"); err == nil {
		t.Error("fp8 is a type")
	}
}
