package well

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// Every kind of bit pattern, at every place of a block and of what is left over.
func TestOnlyValuesThatAreNoNumbersAreReplaced(t *testing.T) {
	numbers := []uint32{0, 1, 0x7fffff, 0x800000, 0x3f800000, 0x7f7fffff, 0x7f800000} // up to infinity
	others := []uint32{0x7f800001, 0x7fc00000, 0x7fffffff}
	rng := rand.New(rand.NewPCG(1, 2))
	for n := range 4 * nanBlock {
		for range 20 {
			values := make([]float32, n)
			for i := range values {
				kinds := numbers
				if rng.IntN(nanBlock) == 0 {
					kinds = others
				}
				values[i] = math.Float32frombits(kinds[rng.IntN(len(kinds))] | rng.Uint32()&(1<<31))
			}
			plain := slices.Clone(values)
			want, got := replaceEachNaN(plain), replaceNaN(values)
			wantValues(t, "values", values, plain)
			if got != want {
				t.Fatalf("%d values: %d replaced, want %d", n, got, want)
			}
		}
	}
}
