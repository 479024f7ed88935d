package significance_test

import (
	"fmt"
	"log"

	"github.com/gowalrus/walrus/significance"
)

// Two models on the same eight trajectories: is the difference more than chance?
func ExampleOptions_Paired() {
	var mine, other [][]float64 // one score or several for each trajectory
	for i := range 8 {
		hard := float64(i) / 10
		mine = append(mine, []float64{0.2 + hard})
		other = append(other, []float64{0.3 + 1.1*hard})
	}
	a, err := significance.NewSample(mine)
	if err != nil {
		log.Fatal(err)
	}
	b, err := significance.NewSample(other)
	if err != nil {
		log.Fatal(err)
	}
	d, err := significance.Default().Paired(a, b)
	fmt.Printf("%.2f, between %.2f and %.2f: p < 0.05 is %v (%v)\n", d.Value, d.Interval.Low, d.Interval.High, d.P < 0.05, err)
	fmt.Println(significance.Holm([]float64{0.01, 0.04, 0.03}))
	// Output:
	// -0.13, between -0.16 and -0.11: p < 0.05 is true (<nil>)
	// [0.03 0.06 0.06]
}
