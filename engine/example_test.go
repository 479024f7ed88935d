package engine_test

import (
	"context"
	"fmt"
	"log"

	"github.com/gomlx/gomlx/core/graph"

	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/field"
)

// A program is compiled once for its shapes and runs on values that stay on the device. What GoMLX would panic about is an error.
func Example() {
	e, err := engine.Open(engine.Default)
	if err != nil {
		log.Fatal(err)
	}
	defer e.Close()
	double, err := e.Compile("double", []engine.Input{{Name: "x", Shape: []int{2, 2}}}, func(in []*graph.Node) []*graph.Node {
		return []*graph.Node{graph.MulScalar(in[0], 2)}
	})
	if err != nil {
		log.Fatal(err)
	}
	defer double.Close()
	x, err := e.Upload(field.Array{Shape: []int{2, 2}, Data: []float32{1, 2, 3, 4}})
	if err != nil {
		log.Fatal(err)
	}
	defer x.Free()
	results, err := double.Run(context.Background(), []*engine.Value{x}, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer results[0].Free()
	y, err := results[0].Array()
	fmt.Println(y.Shape, y.Data, err)
	// Output:
	// [2 2] [2 4 6 8] <nil>
}
