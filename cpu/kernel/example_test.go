package kernel_test

import (
	"fmt"

	"github.com/gowalrus/walrus/cpu/kernel"
)

// A product of matrices with a bias and an activation in one pass, by the widest kernels of this processor. Results do not depend on the pool.
func ExampleSet_Gemm() {
	pool := kernel.NewPool(1)
	defer pool.Close()
	c := make([]float32, 4)
	err := kernel.Best().Gemm(pool, &kernel.Gemm{
		M: 2, N: 2, K: 3,
		A:    kernel.RowMajor([]float32{1, 2, 3, 4, 5, 6}, 3),
		B:    kernel.ColMajor([]float32{1, 0, 1, 0, 1, 0}, 3), // its columns follow each other
		C:    kernel.RowMajor(c, 2),
		Bias: []float32{10, 20},
	})
	fmt.Println(c, err)
	// Output:
	// [14 22 20 25] <nil>
}
