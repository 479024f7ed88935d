package spectral

import (
	"context"
	"math"
	"math/cmplx"
	"testing"
)

// Above a flat hard wall the exact field is that of the source and its image, (i/4) H0(omega r) each.
func TestPointSourceAboveAFlatWallMatchesGreensFunction(t *testing.T) {
	for _, omega := range []float64{0.06283032, 0.99856671, 2.5110908} {
		const sourceX, sourceY = 0.1, 0.3
		w := newWaveField([]int{128, 32}, func(float64) float64 { return -0.25 })
		u, err := w.solve(context.Background(), omega, sourceX, sourceY)
		if err != nil {
			t.Fatal(err)
		}
		var failure, size float64
		mask := w.mask()
		for i, got := range u {
			x, y := stairLeft+w.hx*(float64(i/w.ny)+0.5), stairBottom+w.hy*(float64(i%w.ny)+0.5)
			distance := math.Hypot(x-sourceX, y-sourceY)
			if mask[i] > 0 || distance < 0.4 {
				continue
			}
			image := math.Hypot(x-sourceX, y+0.5+sourceY)
			want := complex(0, 0.25) * (hankel(omega*distance) + hankel(omega*image))
			failure += math.Pow(cmplx.Abs(got-want), 2)
			size += math.Pow(cmplx.Abs(want), 2)
		}
		if relative := math.Sqrt(failure / size); relative > 0.015 {
			t.Errorf("omega = %v: relative error %.4f, allowed 0.015", omega, relative)
		}
	}
}

// hankel is the outgoing Hankel function of order 0.
func hankel(x float64) complex128 { return complex(math.J0(x), math.Y0(x)) }

// The staircase is symmetric about x = 0: a source there gives a symmetric field, with nothing inside the wall.
func TestStaircaseFieldIsSymmetric(t *testing.T) {
	w := newWaveField([]int{64, 16}, staircase)
	u, err := w.solve(context.Background(), 2.3, 0, 0.2)
	if err != nil {
		t.Fatal(err)
	}
	mask := w.mask()
	for i := range w.nx {
		for j := range w.ny {
			a, b := u[i*w.ny+j], u[(w.nx-1-i)*w.ny+j]
			if cmplx.Abs(a-b) > 1e-10 {
				t.Fatalf("cell (%d, %d): %v, mirrored %v", i, j, a, b)
			}
			if solid := mask[i*w.ny+j] > 0; solid != (a == 0) {
				t.Fatalf("cell (%d, %d): field %v, mask %v", i, j, a, mask[i*w.ny+j])
			}
		}
	}
}

// Nothing is lost in the fluid: the power that the source gives, Im(u at the source) / 2 per omega, crosses every line
// above it, where it is measured, plus what leaves to the sides.
func TestSourcePowerLeavesTheDomain(t *testing.T) {
	const omega = 2.0
	w := newWaveField([]int{128, 32}, staircase)
	const sourceX, sourceY = 0.0625, 0.5625 // the centre of a cell
	u, err := w.solve(context.Background(), omega, sourceX, sourceY)
	if err != nil {
		t.Fatal(err)
	}
	at := func(i, j int) complex128 { return u[i*w.ny+j] }
	source := imag(at(int((sourceX-stairLeft)/w.hx), int((sourceY-stairBottom)/w.hy)))
	const left, right, top = 20, 107, 24
	flux := func(a, b complex128, open, ratio float64) float64 { return imag(cmplx.Conj(a)*b) * open * ratio }
	out := 0.0
	for i := left; i <= right; i++ {
		out += flux(at(i, top), at(i, top+1), 1, w.hx/w.hy)
	}
	for j := range top + 1 {
		openRight := w.openX[(right+absorbingCells)*w.rows+j]
		openLeft := w.openX[(left-1+absorbingCells)*w.rows+j]
		out += flux(at(right, j), at(right+1, j), openRight, w.hy/w.hx) + flux(at(left, j), at(left-1, j), openLeft, w.hy/w.hx)
	}
	if math.Abs(out-source) > 1e-9*source {
		t.Errorf("power %v leaves, the source gives %v", out, source)
	}
}

// On a grid whose cells hide the source's place under the stairs there is a wave all the same.
func TestASourceHiddenByACoarseGridStillSounds(t *testing.T) {
	const low = 0.07 // above the surface, a fraction of a cell
	for _, grid := range [][]int{{16, 64}, {32, 32}, {64, 64}} {
		w := newWaveField(grid, staircase)
		for _, x := range []float64{-0.5, 0, 0.2, 0.5} {
			u := make([]complex128, w.columns*w.rows)
			w.placeSource(u, x, staircase(x)+low)
			var total complex128
			for at, v := range u {
				if v != 0 && w.volume[at] < 0.5-1e-9 {
					t.Errorf("grid %v, source at x = %v: a part of it lies in the wall", grid, x)
				}
				total += v
			}
			if cmplx.Abs(total+1) > 1e-12 {
				t.Errorf("grid %v, source at x = %v: it adds up to %v, want -1", grid, x, total)
			}
		}
	}
}
