package baseline

import "testing"

// What The Well's own classes count (the_well 1.2.0, neuraloperator 0.3.0; scripts/golden-baseline.py prints them).
func TestPresetsHaveTheParametersOfTheBenchmark(t *testing.T) {
	for _, test := range []struct {
		kind                Kind
		dimensions, in, out int
		want                int
	}{
		{FNO, 2, 44, 11, 19020683}, {UNet, 2, 44, 11, 17479595}, {CNextUNet, 2, 44, 11, 18588581},
		{FNO, 3, 28, 7, 302131079}, {UNet, 3, 28, 7, 50830951}, {CNextUNet, 3, 28, 7, 22315405},
	} {
		c := Benchmark(test.kind, test.dimensions, test.in, test.out)
		if err := c.Validate(); err != nil {
			t.Error(err)
		}
		if got := c.Count(); got != test.want {
			t.Errorf("%s in %d-D with %d and %d channels has %d parameters; The Well's has %d", test.kind, test.dimensions, test.in, test.out, got, test.want)
		}
	}
}
