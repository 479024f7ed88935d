package ranks_test

import (
	"fmt"

	"github.com/gowalrus/walrus/ranks"
)

// Three ranks in one program add up what each has: code that runs under MPI is tried, and tested, like this.
func ExampleTogether() {
	sums := make([]float32, 3)
	errs := ranks.Together(3, ranks.DefaultSilence, func(g *ranks.Group) error {
		own := []float32{float32(g.Rank() + 1)}
		if err := g.AllReduce(own, ranks.Float32); err != nil {
			return err
		}
		sums[g.Rank()] = own[0]
		return nil
	})
	fmt.Println(sums, errs)
	// Output:
	// [6 6 6] [<nil> <nil> <nil>]
}
