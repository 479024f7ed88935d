package model_test

import (
	"fmt"

	"github.com/gowalrus/walrus/model"
)

// The released architecture, weight by weight: names are those of the released state dict.
func ExamplePreset() {
	c, err := model.Preset("walrus")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d blocks of width %d, %.3fe9 parameters\n", c.Blocks, c.Hidden, float64(c.Count())/1e9)
	for _, w := range c.Weights() {
		if w.Name == "blocks.0.space_mixing.fused_ff_qkv.weight" {
			fmt.Println(w.Name, w.Shape)
		}
	}
	// Output:
	// 40 blocks of width 1408, 1.286e9 parameters
	// blocks.0.space_mixing.fused_ff_qkv.weight [9856 1408]
}
