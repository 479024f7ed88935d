package baseline_test

import (
	"fmt"

	"github.com/gowalrus/walrus/baseline"
)

// The FNO of The Well's benchmark for 2-D data, four frames of four fields in and one frame out, made as wide as a budget allows.
func ExampleConfig_Fit() {
	published := baseline.Benchmark(baseline.FNO, 2, 16, 4)
	small, err := published.Fit(3e6)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("width %d has %.1fe6 parameters, width %d has %.1fe6\n", published.Width, float64(published.Count())/1e6, small.Width, float64(small.Count())/1e6)
	// Output:
	// width 128 has 19.0e6 parameters, width 51 has 3.0e6
}
