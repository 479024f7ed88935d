package bench

import (
	"context"
	"fmt"
	"time"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/field"
)

// PeakRate measures the rate of large square matrix products with operands of a precision, in 1e9 operations a second: what
// a network can at most reach. size is the matrices' extent; the best of three runs of a chain of products counts.
func PeakRate(ctx context.Context, e *engine.Engine, precision engine.Precision, size int) (float64, error) {
	const chain, runs = 16, 3
	shape := []int{size, size}
	p, err := e.Compile("peak", []engine.Input{{Name: "a", Shape: shape}}, func(in []*Node) []*Node {
		a := ConvertDType(in[0], precision.Operands())
		x := a
		for range chain { // each needs the one before, so that none can be left out
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
		best = max(best, 2*chain*float64(size)*float64(size)*float64(size)/took/1e9)
	}
	return best, nil
}
