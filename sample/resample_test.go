package sample

import (
	"math"
	"testing"

	"github.com/gowalrus/walrus/field"
)

func TestResampleKeepsSmoothFields(t *testing.T) {
	sides := []field.Sides{field.Both(field.Periodic), field.Both(field.Wall)}
	wave := func(n, m int) field.Array {
		a := field.NewArray(1, n, m, 2)
		for i := range n {
			for j := range m {
				x, y := (float64(i)+0.5)/float64(n), (float64(j)+0.5)/float64(m)
				a.Data[(i*m+j)*2] = float32(math.Sin(2*math.Pi*x) + y)
				a.Data[(i*m+j)*2+1] = 7
			}
		}
		return a
	}
	for _, to := range [][]int{{96, 64}, {50, 20}, {48, 32}, {47, 99}} {
		got, want := Resample(wave(48, 32), 1, to, sides), wave(to[0], to[1])
		worst := 0.0
		for i, v := range got.Data {
			worst = max(worst, math.Abs(float64(v-want.Data[i])))
		}
		// Linear interpolation: (2 pi / 48)^2 / 8 of the wave, and half a cell of y at a wall.
		if bound := 0.0022 + 0.5/32; worst > bound {
			t.Errorf("48x32 to %v: error %v, expected at most %v", to, worst, bound)
		}
	}
}
