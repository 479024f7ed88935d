package physics_test

import (
	"fmt"
	"log"
	"math"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/physics"
)

// A rollout that rings: power that the history did not have piles up at the scale of the grid. No truth is needed to see it.
func ExampleWatch() {
	density := field.Field{Name: "density"}
	points := make([]float64, 32)
	for i := range points {
		points[i] = float64(i)
	}
	d := physics.Domain{
		Quantities: []physics.Quantity{{Field: density, Channels: []int{0}}},
		Grid:       "cartesian", Axes: []string{"x", "y"}, Coordinates: [][]float64{points, points[:8]},
		Boundaries: []field.Sides{field.Both(field.Periodic), field.Both(field.Periodic)},
	}
	history := field.NewArray(2, 32, 8, 1) // (frames, x, y, channels)
	copy(history.Index(0).Data, wave(1, 0).Data)
	copy(history.Index(1).Data, wave(1.1, 0).Data)
	watch, err := physics.NewWatch(d, []string{"density"}, []int{0}, history)
	if err != nil {
		log.Fatal(err)
	}
	for step, ripple := range []float64{0, 0.02, 0.8} {
		for _, w := range watch.Look(step+1, wave(1, ripple)) {
			fmt.Println(w.Step, w.Field, w.Kind)
		}
	}
	// Output:
	// 3 density grid scale
}

// wave is a smooth wave with a ripple from point to point.
func wave(amplitude, ripple float64) field.Array {
	a := field.NewArray(32, 8, 1)
	for i := range a.Data {
		x := float64(i / 8)
		a.Data[i] = float32(5 + amplitude*math.Cos(2*math.Pi*x/16) + ripple*math.Cos(math.Pi*x))
	}
	return a
}
