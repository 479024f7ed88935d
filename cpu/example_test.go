package cpu_test

import (
	"fmt"

	"github.com/gomlx/gomlx/core/graph"

	"github.com/gowalrus/walrus/cpu"
)

// The backend behind any graph of GoMLX, without the rest of this program.
func ExampleNew() {
	backend := cpu.New(cpu.Options{Threads: 1})
	defer backend.Finalize()
	sum, err := graph.NewExec(backend, func(x *graph.Node) *graph.Node { return graph.ReduceAllSum(graph.Square(x)) })
	if err != nil {
		fmt.Println(err)
		return
	}
	result, err := sum.Call1([]float32{1, 2, 3})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(result.Value())
	// Output:
	// 14
}
