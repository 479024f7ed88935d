package frame

import (
	"slices"
	"testing"

	"github.com/gowalrus/walrus/field"
)

// What fits follows from the grid alone: released strides first, and no cube of 32 tokens unasked.
func TestTokensThatFitAGrid(t *testing.T) {
	for _, c := range []struct {
		choices, size, want []int
	}{
		{[]int{8, 16, 32}, []int{64, 64}, []int{8, 16, 32}},
		{[]int{8, 16, 32}, []int{64, 1, 64}, []int{8, 16, 32}}, // 2-D data that was turned in space
		{[]int{8, 16, 32}, []int{512, 512}, []int{16, 32}},     // 64 points a token: too many
		{[]int{8, 16, 32}, []int{48, 48}, []int{16}},           // 6 points with 8 tokens: no released strides
		{[]int{8, 32}, []int{48, 48}, []int{8}},                // but better than none
		{[]int{8, 16, 32}, []int{64, 48}, []int{16}},           // both axes count
		{[]int{8, 16, 32}, []int{50, 64}, nil},                 // 50 = 2 x 25
		{[]int{8, 16, 32}, []int{32, 32, 32}, []int{8, 16}},    // 3-D: at most the released 16
		{[]int{32, 64}, []int{64, 64, 64}, []int{32, 64}},      // unless there are no others
		{[]int{32}, []int{50, 50}, []int{32}},                  // a single one is judged by NewGeometry
		{[]int{32, 8, 16}, []int{64, 64}, []int{32, 8, 16}},    // in their order
	} {
		if got := (Options{Choices: c.choices}).Fitting(c.size); !slices.Equal(got, c.want) {
			t.Errorf("%v on %v points: %v fit, want %v", c.choices, c.size, got, c.want)
		}
	}
}

func TestAGeometryTakesTheLargestChoiceThatFits(t *testing.T) {
	for _, c := range []struct {
		o    Options
		size []int
		want int
	}{
		{Options{Choices: []int{8, 16, 32}}, []int{64, 64}, 32},
		{Options{Choices: []int{8, 16, 32}, Tokens: 8}, []int{64, 64}, 8},
		{Options{Choices: []int{8, 16, 32}, Tokens: 32}, []int{32, 32, 32}, 16},
		{Options{Choices: []int{8, 16, 32}}, []int{48, 48}, 16},
		{Options{Choices: []int{8}, Tokens: 32}, []int{64, 64}, 8},
	} {
		sides := make([]field.Sides, len(c.size))
		for i := range sides {
			sides[i] = field.Both(field.Periodic)
		}
		g, err := NewGeometry(c.size, sides, c.o)
		if err != nil || g.Axes[0].Tokens != c.want {
			t.Errorf("%+v on %v: %v (%v), want %d tokens", c.o, c.size, g, err, c.want)
		}
	}
	if _, err := NewGeometry([]int{50, 64}, nil, Options{Choices: []int{8, 16, 32}}); err == nil {
		t.Error("a grid that none of the choices fits was accepted")
	}
}
