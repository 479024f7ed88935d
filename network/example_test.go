package network_test

import (
	"context"
	"fmt"
	"log"

	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/frame"
	"github.com/gowalrus/walrus/model"
	"github.com/gowalrus/walrus/network"
)

// One frame ahead with fresh weights: three frames of a field on 16 x 16 points, whose column of the vocabulary is 3.
func ExampleNetwork_Next() {
	e, err := engine.Open(engine.Default)
	check(err)
	defer e.Close()
	n, err := network.New(e, model.Config{Hidden: 16, Inner: 4, Heads: 2, Blocks: 1, States: 4, Dimensions: []int{2}, Causal: true}, network.Fresh(1))
	check(err)
	defer n.Close()
	g, err := frame.NewGeometry([]int{16, 16}, []field.Sides{field.Both(field.Periodic), field.Both(field.Periodic)}, frame.Options{Tokens: 4})
	check(err)
	history := field.NewArray(1, 3, 16, 16, 1) // (samples, frames, x, y, channels)
	for i := range history.Data {
		history.Data[i] = float32(i % 16)
	}
	next, _, err := n.Next(context.Background(), network.Data{Geometry: g, Fields: []int{3}, Mask: -1}, history, field.Array{}, frame.Rolls{})
	check(err)
	fmt.Println(next.Shape, "finite", next.FirstNonFinite() < 0)
	// Output:
	// [1 16 16 1] finite true
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
