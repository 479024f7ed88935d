package kernel

import (
	"math"
	"slices"
	"testing"
)

func TestCorrelationsAreSumsOfShiftedRows(t *testing.T) {
	eachLevel(t, func(t *testing.T, s *Set) {
		r := random(t)
		for range 100 {
			c := Correlation{Channels: 1 + r.IntN(40), Outer: 1 + r.IntN(20), Inner: 1 + r.IntN(12)}
			c.Stride = c.Channels + r.IntN(3)
			room := func(rows int) int { return (rows-1)*c.Stride + c.Channels }
			const canary = 7
			c.Dst = append(normals(t, r, room(c.Outer)), canary)
			c.X, c.W = normals(t, r, room(c.Outer+c.Inner-1)), normals(t, r, room(c.Inner))
			want := c
			want.Dst = slices.Clone(c.Dst)
			correlatePlain(&want.Dst[0], &want.X[0], &want.W[0], c.Stride, c.Channels, c.Outer, c.Inner)
			if err := s.Correlate(c); err != nil {
				t.Fatal(err)
			}
			for i := range c.Dst {
				if d := math.Abs(float64(c.Dst[i] - want.Dst[i])); !(d <= 1e-5*float64(c.Inner)) {
					t.Fatalf("%d channels %d apart, %d rows of %d: element %d is %g; the definition gives %g", c.Channels, c.Stride, c.Outer, c.Inner, i, c.Dst[i], want.Dst[i])
				}
			}
		}
	})
}

func TestCorrelationsStayWithinTheirSlices(t *testing.T) {
	c := Correlation{Dst: make([]float32, 4), X: make([]float32, 5), W: make([]float32, 4), Stride: 2, Channels: 2, Outer: 2, Inner: 2}
	if err := Best().Correlate(c); err == nil {
		t.Error("a correlation beyond its input was computed")
	}
}
