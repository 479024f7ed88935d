package field

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestComponentsAreRowMajor(t *testing.T) {
	axes := []string{"x", "y"}
	for _, c := range []struct {
		field Field
		want  []string
	}{
		{Field{"pressure", Scalar}, []string{"pressure"}},
		{Field{"velocity", Vector}, []string{"velocity_x", "velocity_y"}},
		{Field{"D", Tensor}, []string{"D_xx", "D_xy", "D_yx", "D_yy"}},
	} {
		if diff := cmp.Diff(c.want, c.field.Components(axes)); diff != "" {
			t.Errorf("%v: (-want +got)\n%s", c.field, diff)
		}
		if got := c.field.Rank.Components(2); got != len(c.want) {
			t.Errorf("%v: %d components, want %d", c.field, got, len(c.want))
		}
	}
}

func TestBoundaryNamesRoundTrip(t *testing.T) {
	for _, b := range []Boundary{Wall, Open, Periodic} {
		if got, err := ParseBoundary(b.String()); err != nil || got != b {
			t.Errorf("ParseBoundary(%q) = %v, %v", b.String(), got, err)
		}
	}
	if _, err := ParseBoundary("sticky"); err == nil {
		t.Error("an unknown boundary was accepted")
	}
}

func TestFirstNonFinite(t *testing.T) {
	a := NewArray(2, 2)
	if got := a.FirstNonFinite(); got != -1 {
		t.Errorf("all finite: got index %d", got)
	}
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		a.Data[3] = float32(bad)
		if got := a.FirstNonFinite(); got != 3 {
			t.Errorf("%v at 3: got index %d", bad, got)
		}
	}
}
