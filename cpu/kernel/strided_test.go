package kernel

import (
	"math"
	"testing"
)

func TestCopyStridedMovesEveryElement(t *testing.T) {
	pool := NewPool(2)
	defer pool.Close()
	eachLevel(t, func(t *testing.T, s *Set) {
		r := random(t)
		for range 200 {
			rank := 1 + r.IntN(5)
			shape, perm := make([]int, rank), r.Perm(rank)
			for i := range shape {
				shape[i] = 1 + r.IntN(max(2, 200>>(2*rank-2)+6))
			}
			// The destination is dense in order of axes, the source dense in permuted order; one axis may repeat.
			dstStrides, srcStrides := make([]int, rank), make([]int, rank)
			n, m := 1, 1
			for i := rank - 1; i >= 0; i-- {
				dstStrides[i] = n
				n *= shape[i]
			}
			for _, i := range perm {
				if r.IntN(8) == 0 {
					continue
				}
				srcStrides[i] = m
				m *= shape[i]
			}
			src, dst := normals(t, r, m), normals(t, r, n)
			if err := CopyStrided(s, pool, shape, dst, dstStrides, src, srcStrides); err != nil {
				t.Fatal(err)
			}
			for i := range dst {
				from, rest := 0, i
				for x := rank - 1; x >= 0; x-- {
					from += rest % shape[x] * srcStrides[x]
					rest /= shape[x]
				}
				if math.Float32bits(dst[i]) != math.Float32bits(src[from]) {
					t.Fatalf("shape %v source strides %v: element %d is %g, expected %g", shape, srcStrides, i, dst[i], src[from])
				}
			}
		}
	})
}

func TestCopyStridedMovesOtherTypes(t *testing.T) {
	pool := NewPool(1)
	src, dst := []bool{true, false, true, true, false, false}, make([]bool, 6)
	if err := CopyStrided(Best(), pool, []int{3, 2}, dst, []int{2, 1}, src, []int{1, 3}); err != nil {
		t.Fatal(err)
	}
	if want := [6]bool{true, true, false, false, true, false}; [6]bool(dst) != want {
		t.Errorf("transposed %v, expected %v", dst, want)
	}
}

func TestCopyStridedSplitsLongRuns(t *testing.T) {
	pool := NewPool(2)
	defer pool.Close()
	n := 100003
	src, dst := normals(t, random(t), 2*n), guarded[float32](t, n, true)
	if err := CopyStrided(Best(), pool, []int{n}, dst, []int{1}, src, []int{2}); err != nil {
		t.Fatal(err)
	}
	for i, v := range dst {
		if v != src[2*i] {
			t.Fatalf("element %d is %g, expected %g", i, v, src[2*i])
		}
	}
}

func TestCopyStridedRejectsWhatDoesNotFit(t *testing.T) {
	pool, x := NewPool(1), make([]float32, 6)
	for name, call := range map[string]func() error{
		"short source":    func() error { return CopyStrided(Best(), pool, []int{3, 2}, x, []int{2, 1}, x[:5], []int{2, 1}) },
		"negative stride": func() error { return CopyStrided(Best(), pool, []int{6}, x, []int{1}, x, []int{-1}) },
		"missing stride":  func() error { return CopyStrided(Best(), pool, []int{6}, x, nil, x, []int{1}) },
	} {
		if call() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestTransposeKeepsEveryBit(t *testing.T) {
	eachLevel(t, func(t *testing.T, s *Set) {
		r := random(t)
		for range 300 {
			rows, cols := 1+r.IntN(70), 1+r.IntN(70)
			if r.IntN(9) == 0 {
				cols += 500
			}
			srcStride, dstStride := cols+r.IntN(3), rows+r.IntN(3)
			src := normals(t, r, (rows-1)*srcStride+cols)
			dst := normals(t, r, (cols-1)*dstStride+rows)
			want := append([]float32(nil), dst...)
			transposePlain(want, dstStride, src, srcStride, rows, cols)
			s.Transpose(dst, dstStride, src, srcStride, rows, cols)
			sameBits(t, describe("transpose", rows, cols), dst, want)
		}
	})
}
