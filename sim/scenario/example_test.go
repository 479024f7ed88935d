package scenario_test

import (
	"context"
	"fmt"
	"math"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/sim/scenario"
)

// A scenario of one's own: what it is called and has, and a function that hands out frames. A sim.Plan with it writes a data set.
func ExampleScenario() {
	decay := scenario.Scenario{
		Name: "decay", Axes: []string{"x"}, Fields: []scenario.Field{{Field: field.Field{Name: "tracer"}}},
		Parameters: []scenario.Parameter{{Name: "rate", Low: 0.1, High: 2}},
		Run: func(ctx context.Context, c scenario.Case, emit func(scenario.Frame) error) error {
			values := make([]float32, c.Grid[0])
			for frame := range c.Frames {
				t := 0.5 * float64(frame)
				for i := range values {
					values[i] = float32(float64(i) * math.Exp(-c.Parameters["rate"]*t))
				}
				if err := emit(scenario.Frame{Time: t, Values: map[string][]float32{"tracer": values}}); err != nil {
					return err
				}
			}
			return ctx.Err()
		},
	}
	c := scenario.Case{Grid: []int{3}, Frames: 3, Parameters: map[string]float64{"rate": 1}}
	err := decay.Run(context.Background(), c, func(f scenario.Frame) error {
		fmt.Printf("t = %.1f: %.3f\n", f.Time, f.Values["tracer"])
		return nil
	})
	fmt.Println(err)
	// Output:
	// t = 0.0: [0.000 1.000 2.000]
	// t = 0.5: [0.000 0.607 1.213]
	// t = 1.0: [0.000 0.368 0.736]
	// <nil>
}
