package sim_test

import (
	"context"
	"fmt"
	"log"

	"github.com/gowalrus/walrus/sim"
	"github.com/gowalrus/walrus/sim/scenario"
)

// Frames of a scenario for a program of one's own: Run hands them out one by one. Generate writes them as a data set of The Well instead.
func ExampleFind() {
	s, err := sim.Find("gray_scott_reaction_diffusion")
	if err != nil {
		log.Fatal(err)
	}
	c := scenario.Case{Grid: []int{32, 32}, Frames: 2, Seed: 1, Workers: 1, Parameters: map[string]float64{}}
	for _, p := range s.Parameters {
		c.Parameters[p.Name] = p.Low
		if len(p.Values) > 0 {
			c.Parameters[p.Name] = p.Values[0]
		}
	}
	err = s.Run(context.Background(), c, func(f scenario.Frame) error {
		fmt.Printf("t = %g: %d values of A\n", f.Time, len(f.Values["A"]))
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// t = 0: 1024 values of A
	// t = 20: 1024 values of A
}
