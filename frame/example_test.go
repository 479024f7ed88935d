package frame_test

import (
	"fmt"
	"log"
	"math/rand/v2"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/frame"
)

// From physical fields to what the network sees and back: a grid that is periodic along x and has walls along y, moved by a random jitter. Padding and
// flags are the frame's, and what comes back is the field itself.
func ExampleGeometry() {
	g, err := frame.NewGeometry([]int{64, 64}, []field.Sides{field.Both(field.Periodic), field.Both(field.Wall)}, frame.Options{Tokens: 8})
	if err != nil {
		log.Fatal(err)
	}
	x := field.NewArray(1, 64, 64, 1, 1) // (B*T, x, y, z, channels)
	for i := range x.Data {
		x.Data[i] = float32(i)
	}
	rolls := g.Draw(rand.New(rand.NewPCG(1, 2)), 4)
	seen, err := g.Apply(x, rolls)
	if err != nil {
		log.Fatal(err)
	}
	back, err := g.Restore(field.Array{Shape: append(seen.Shape[:4:4], 1), Data: first(seen)}, rolls)
	if err != nil {
		log.Fatal(err)
	}
	same := true
	for i, v := range back.Data {
		same = same && v == x.Data[i]
	}
	fmt.Println("tokens", g.Tokens(), "padded", g.Padded(), "seen", seen.Shape, "comes back", same)
	// Output:
	// tokens [8 9 1] padded [76 84 1] seen [1 76 84 1 4] comes back true
}

// first is the first channel: the others are the flags of the boundaries.
func first(a field.Array) []float32 {
	channels := a.Axis(-1)
	var values []float32
	for i := 0; i < len(a.Data); i += channels {
		values = append(values, a.Data[i])
	}
	return values
}

// An axis that no stride fits is an error that names the sizes that do.
func ExampleNewGeometry() {
	_, err := frame.NewGeometry([]int{128, 202}, []field.Sides{field.Both(field.Periodic), field.Both(field.Wall)}, frame.Options{})
	fmt.Println(err)
	// Output:
	// frame: axis y has 202 points, which no stride cuts into 32 tokens; nearest sizes 192 and 224; use --pad auto (which continues the data to 256 points) or --resample 128x192 (pad, resample in the configuration of a training run)
}
