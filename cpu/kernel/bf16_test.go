package kernel

import (
	"math"
	"testing"
)

func TestBF16RoundsToNearestEven(t *testing.T) {
	for _, c := range []struct {
		in   uint32
		want BF16
	}{
		{0x3f800000, 0x3f80}, {0x3f808000, 0x3f80}, {0x3f818000, 0x3f82}, {0x3f808001, 0x3f81}, {0xbf818000, 0xbf82},
		{0x7f7fffff, 0x7f80}, {0x7f800000, 0x7f80}, {0x7f800001, 0x7fc0}, {0xffffffff, 0xffff}, {0x80000000, 0x8000}, {0x00000001, 0},
	} {
		if got := ToBF16(math.Float32frombits(c.in)); got != c.want {
			t.Errorf("ToBF16(%08x) = %04x, expected %04x", c.in, got, c.want)
		}
	}
}

func TestBF16ConversionsOfEveryLength(t *testing.T) {
	eachLevel(t, func(t *testing.T, s *Set) {
		r := random(t)
		for n := range 120 {
			x := guarded[float32](t, n, n%2 == 0)
			for i := range x {
				x[i] = math.Float32frombits(r.Uint32())
			}
			half, back := guarded[BF16](t, n, n%2 == 0), guarded[float32](t, n, n%2 == 0)
			s.ToBF16(half, x)
			s.FromBF16(back, half)
			for i := range x {
				if want := ToBF16(x[i]); half[i] != want {
					t.Fatalf("%d values: ToBF16(%08x) = %04x, expected %04x", n, math.Float32bits(x[i]), half[i], want)
				}
				if got := math.Float32bits(back[i]); got != uint32(half[i])<<16 {
					t.Fatalf("%d values: %04x widens to %08x", n, half[i], got)
				}
			}
		}
	})
}
