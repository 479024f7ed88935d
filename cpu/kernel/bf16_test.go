package kernel

import (
	"encoding/binary"
	"math"
	"slices"
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

func TestPairsOfRowsAreTheirRoundedValues(t *testing.T) {
	eachLevel(t, func(t *testing.T, s *Set) {
		r := random(t)
		for n := range 120 {
			low, high := guarded[float32](t, n, n%2 == 0), guarded[float32](t, n, n%3 == 0)
			for i := range n {
				low[i], high[i] = math.Float32frombits(r.Uint32()), float32(r.NormFloat64())
				if r.IntN(4) == 0 { // halfway between two bfloat16 values, or nearly
					low[i] = math.Float32frombits(r.Uint32()&^0xffff | 0x8000 + uint32(r.IntN(3)) - 1)
				}
				if r.IntN(2) == 0 {
					low[i], high[i] = high[i], low[i]
				}
			}
			pairs := guarded[uint32](t, n, n%5 > 0)
			s.pairRows(pairs, low, high)
			for i, got := range pairs {
				if want := uint32(ToBF16(low[i])) | uint32(ToBF16(high[i]))<<16; got != want {
					t.Fatalf("%d pairs: (%08x, %08x) gives %08x, expected %08x", n, math.Float32bits(low[i]), math.Float32bits(high[i]), got, want)
				}
			}
		}
	})
}

func FuzzPairRows(f *testing.F) {
	f.Add(binary.LittleEndian.AppendUint32(nil, 0x7f800001), uint8(8))
	f.Add([]byte{0, 0x80, 0x81, 0x3f, 0xff, 0xff, 0x7f, 0x7f, 0, 0, 0x80, 0xff}, uint8(19))
	f.Fuzz(func(t *testing.T, data []byte, n uint8) {
		if len(data) < 4 {
			return
		}
		low, high := make([]float32, n), make([]float32, n)
		for i := range low {
			at := func(k int) float32 {
				k = k * 4 % (len(data) - 3)
				return math.Float32frombits(binary.LittleEndian.Uint32(data[k:]))
			}
			low[i], high[i] = at(2*i), at(2*i+1)
		}
		got, want := make([]uint32, n), make([]uint32, n)
		Best().pairRows(got, low, high)
		pairRowsPlain(want, low, high)
		if !slices.Equal(got, want) {
			t.Errorf("rows %08x and %08x: %08x, expected %08x", low, high, got, want)
		}
	})
}
