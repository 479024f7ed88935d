package bench

import (
	"context"
	"fmt"
	"math"
	"time"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/field"
)

// FindPeakRate is PeakRate with matrices large enough to fill the device and small enough to be quick: their extent doubles
// from small until a chain of products takes a noticeable time.
func FindPeakRate(ctx context.Context, e *engine.Engine, precision engine.Precision) (float64, error) {
	const small, large, enough = 256, 8192, 20e-3 // seconds
	for size := small; ; size *= 2 {
		rate, err := PeakRate(ctx, e, precision, size)
		if err != nil || size == large || chainOperations(size)/(rate*1e9) >= enough {
			return rate, err
		}
	}
}

// peakChain is the number of products that one run does.
const peakChain = 16

// chainOperations counts the floating-point operations of a run.
func chainOperations(size int) float64 { return 2 * peakChain * math.Pow(float64(size), 3) }

// PeakRate measures the rate of large square matrix products with operands of a precision, in 1e9 operations a second: what
// a network can at most reach. size is the matrices' extent; the best of three runs of a chain of products counts.
func PeakRate(ctx context.Context, e *engine.Engine, precision engine.Precision, size int) (float64, error) {
	const runs = 3
	shape := []int{size, size}
	p, err := e.Compile("peak", []engine.Input{{Name: "a", Shape: shape}}, func(in []*Node) []*Node {
		a := ConvertDType(in[0], precision.Operands())
		x := a
		for range peakChain { // each needs the one before, so that none can be left out
			x = Dot(x, a).Product()
		}
		return []*Node{ReduceAllSum(ConvertDType(x, in[0].DType()))}
	})
	if err != nil {
		return 0, err
	}
	defer p.Close()
	a := field.NewArray(shape...)
	for i := range size {
		a.Data[i*size+i] = 1 // the identity: the products neither grow nor vanish
	}
	value, err := e.Upload(a)
	if err != nil {
		return 0, err
	}
	defer value.Free()
	var best float64
	for range runs + 1 { // the first warms up
		began := time.Now()
		out, err := p.Run(ctx, []*engine.Value{value}, nil)
		if err != nil {
			return 0, err
		}
		sum, err := out[0].Array() // waits for the device
		took := time.Since(began).Seconds()
		out[0].Free()
		if err != nil {
			return 0, err
		}
		if sum.Data[0] != float32(size) {
			return 0, fmt.Errorf("bench: powers of the identity of extent %d sum to %v", size, sum.Data[0])
		}
		best = max(best, chainOperations(size)/took/1e9)
	}
	return best, nil
}
