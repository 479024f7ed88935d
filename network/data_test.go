package network

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gowalrus/walrus/field"
)

// Two samples of two frames of three points, with a constant field before the mask: only the second point of the first
// sample and the third of the second lie under it.
func TestHiddenAreThePaddingAndWhatLiesUnderTheMask(t *testing.T) {
	constants := field.NewArray(2, 3, 2)
	copy(constants.Data, []float32{7, 0, 7, 1, 7, 0 /* next sample */, 7, 0, 7, 0, 7, 0.5})
	for _, c := range []struct {
		name string
		data Data
		want func(sample, point, channel int) bool
	}{
		{"nothing", Data{Fields: []int{3, 4, 5, 6}, Constants: 2, Mask: -1}, func(int, int, int) bool { return false }},
		{"padding", Data{Fields: []int{3, 4, 5, 6}, Constants: 2, Mask: -1, Padding: []bool{false, true}},
			func(_, _, channel int) bool { return channel == 1 }},
		{"both", Data{Fields: []int{3, 4, 5, 6}, Constants: 2, Mask: 1, Padding: []bool{true, false}},
			func(sample, point, channel int) bool { return channel == 0 || point == sample+1 }},
	} {
		y, want := field.NewArray(2, 2, 3, 2), field.NewArray(2, 2, 3, 2)
		for i := range y.Data {
			y.Data[i] = float32(i + 1)
			if sample, point, channel := i/12, i/2%3, i%2; !c.want(sample, point, channel) {
				want.Data[i] = y.Data[i]
			}
		}
		c.data.Hide(y, constants)
		if diff := cmp.Diff(want, y); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}
